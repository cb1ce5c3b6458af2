//! The program: the command line, and what each command does.

use std::io::{self, Write as _};
use std::process::ExitCode;

use nbu_exporter::app::{App, RunError, reader};
use nbu_exporter::cli::{self, Command, RunArgs, interruptible, on_runtime, printed, until_signalled};
use nbu_exporter::{ServiceManager, schema, signal};

fn main() -> ExitCode {
    if cli::is_kill(std::env::args_os().next().as_deref()) {
        return cli::kill(std::env::args().skip(1), &mut io::stdout());
    }
    // Before any thread exists: a signal that comes now waits for its handler instead of killing the process.
    let blocked = signal::block().map_err(RunError::from);
    let command = match cli::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    blocked.and_then(|()| execute(command)).unwrap_or_else(|error| cli::failed(&error, false))
}

fn execute(command: Command) -> Result<ExitCode, RunError> {
    if !command.runs_exporter() {
        signal::release()?;
    }
    let out = &mut io::stdout();
    match command {
        Command::Run(args) => {
            let service = ServiceManager::take()?;
            on_runtime(run(*args, service))
        }
        #[cfg(feature = "demo")]
        Command::Demo(args) => on_runtime(cli::demo(args)),
        #[cfg(feature = "demo")]
        Command::Simulate(args) => on_runtime(cli::simulate(args)),
        Command::Reload(args) => on_runtime(interruptible(cli::ask_for_reload(&args, out))),
        Command::Status(args) => on_runtime(interruptible(cli::show_status(&args, out))),
        Command::Healthcheck(args) => on_runtime(interruptible(cli::check_health(&args, out))),
        Command::CheckConfig(args) => {
            Ok(cli::check_config(&args, &reader(&args.file, args.web_config()), out)?)
        }
        Command::Doctor(args) => on_runtime(interruptible(cli::examine(&args, &reader(&args.config, None)))),
        Command::ListMetrics(args) => printed(cli::list_metrics(&args, out)),
        Command::Schema => printed(writeln!(out, "{:#}", schema())),
    }
}

/// Collects and serves until a signal ends it: [`App::start`] joins the parts.
async fn run(args: RunArgs, service: ServiceManager) -> Result<ExitCode, RunError> {
    let options = args.options();
    until_signalled(args.log_overrides(), args.shutdown_delay(), service, async |process| {
        // Boxed: these futures are large ones.
        let app = Box::pin(App::start(options?, process)).await?;
        Box::pin(app.serve()).await
    })
    .await
}
