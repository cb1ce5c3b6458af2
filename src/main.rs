//! The program: the command line, and what each command does.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use nbu_exporter::app::{self, App};
use nbu_exporter::cli::{self, Command, CommandLine, RunArgs};
use nbu_exporter::shutdown::Shutdown;
use nbu_exporter::source::signal;
use nbu_exporter::{config, simulator};

fn main() -> ExitCode {
    // Before any thread exists: a signal that comes now waits for its handler instead of killing us.
    signal::block();
    let command = CommandLine::parse().into_command();
    let outcome = match command {
        Command::Run(args) => on_runtime(run(args)),
        Command::CheckConfig(args) => {
            cli::check_config(&args, app::reader(&args.file), &mut io::stdout()).map_err(Into::into)
        }
        Command::Demo(args) => on_runtime(cli::demo(args)),
        Command::Simulate(args) => on_runtime(simulate(args)),
        Command::ListMetrics(args) => {
            cli::list_metrics(&args, &mut io::stdout()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Command::Reload(args) => {
            on_runtime(async move { Ok(cli::ask_for_reload(&args, &mut io::stdout()).await?) })
        }
        Command::Schema => {
            writeln!(io::stdout(), "{:#}", config::schema()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
    };
    outcome.unwrap_or_else(|error| app::failed(&error))
}
