//! The program: the command line, and what each command does.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use nbu_exporter::app::{App, Options, RunError, reader};
use nbu_exporter::cli::{self, Command, RunArgs};
use nbu_exporter::config;
use nbu_exporter::exposition::{BuildInfo, Registry};
use nbu_exporter::shutdown::{Aborted, Pace, Shutdown, Termination};
use nbu_exporter::source::signal::{self, Hangups};
use nbu_exporter::telemetry::{self, LogControl, Overrides};

/// Kubernetes kills after 30 s by default; whatever hangs must not use them up.
const DRAIN_DEADLINE: Duration = Duration::from_secs(20);
#[cfg(feature = "demo")]
const AT_ONCE: Pace = Pace { delay: Duration::ZERO, deadline: DRAIN_DEADLINE };
/// A blocked file system must not hold up the end.
const BLOCKED_THREADS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    if cli::is_kill(std::env::args_os().next().as_deref()) {
        return cli::kill(std::env::args().skip(1), &mut io::stdout());
    }
    // Before any thread exists: a signal that comes now waits for its handler instead of killing us.
    let blocked = signal::block().map_err(RunError::from);
    let command = match cli::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    blocked.and_then(|()| obey(command)).unwrap_or_else(|error| cli::failed(&error, false))
}

fn obey(command: Command) -> Result<ExitCode, RunError> {
    if !command.runs_exporter() {
        signal::release()?;
    }
    match command {
        Command::Run(args) => on_runtime(run(*args)),
        #[cfg(feature = "demo")]
        Command::Demo(args) => on_runtime(demo(args)),
        #[cfg(feature = "demo")]
        Command::Simulate(args) => on_runtime(simulate(args)),
        Command::Reload(args) => on_runtime(interruptible(cli::ask_for_reload(&args, &mut io::stdout()))),
        Command::Healthcheck(args) => on_runtime(interruptible(cli::check_health(&args, &mut io::stdout()))),
        Command::CheckConfig(args) => Ok(cli::check_config(&args, &reader(&args.file), &mut io::stdout())?),
        Command::Doctor(args) => on_runtime(interruptible(cli::examine(&args, &reader(&args.config)))),
        Command::ListMetrics(args) => done(cli::list_metrics(&args, &mut io::stdout())),
        Command::Schema => done(writeln!(io::stdout(), "{:#}", config::schema())),
    }
}

/// Collects and serves until a signal ends it.
async fn run(args: RunArgs) -> Result<ExitCode, RunError> {
    let options = args.options();
    let pace = Pace { delay: args.shutdown_delay(), deadline: DRAIN_DEADLINE };
    let work = async |start: Start| start.app(options?).await?.serve().await;
    until_signalled(args.log_overrides(), pace, work).await
}

/// The exporter on two simulated sites.
#[cfg(feature = "demo")]
async fn demo(args: cli::DemoArgs) -> Result<ExitCode, RunError> {
    until_signalled(Overrides::default(), AT_ONCE, async |start: Start| {
        cli::demo(args, async |options| start.app(options).await).await
    })
    .await
}

/// A simulated NetBackup alone.
#[cfg(feature = "demo")]
async fn simulate(args: nbu_exporter_simulator::Args) -> Result<ExitCode, RunError> {
    let shutdown = Shutdown::install()?;
    let Termination { drain, .. } = shutdown.termination();
    exit(shutdown.run(cli::simulate(args, drain.cancelled()), AT_ONCE).await)
}

/// What an [`App`] is started with besides its options.
struct Start {
    registry: Registry,
    log: LogControl,
    hangups: Hangups,
    termination: Termination,
}

impl Start {
    async fn app(self, options: Options) -> Result<App, RunError> {
        // Boxed: its future is a large one.
        Box::pin(App::start(options, self.registry, self.log, self.hangups, self.termination)).await
    }
}

/// Logs, takes over the signals, and runs `work` until the first one asks for the end.
async fn until_signalled(
    overrides: Overrides,
    pace: Pace,
    work: impl AsyncFnOnce(Start) -> Result<(), RunError>,
) -> Result<ExitCode, RunError> {
    let shutdown = Shutdown::install()?;
    let hangups = Hangups::install()?;
    let registry = Registry::new(&BuildInfo::current()).context("metrics")?;
    let log = telemetry::init(overrides, registry.prometheus()).context("telemetry")?;
    let start = Start { registry, log: log.clone(), hangups, termination: shutdown.termination() };
    exit(shutdown.run(work(start), pace).await).or_else(|error| {
        // Who reads the log as JSON reads these words as well.
        if log.is_json() { Ok(cli::failed(&error, true)) } else { Err(error) }
    })
}

/// A command that asks something once: the first signal ends it.
async fn interruptible(work: impl Future<Output = io::Result<ExitCode>>) -> Result<ExitCode, RunError> {
    match Shutdown::install()?.run(work, Pace::default()).await {
        Ok(outcome) => Ok(outcome?),
        Err(Aborted::Signal(_) | Aborted::Deadline) => Ok(ExitCode::FAILURE),
    }
}

fn exit(ended: Result<Result<(), RunError>, Aborted>) -> Result<ExitCode, RunError> {
    match ended {
        Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
        Err(Aborted::Signal(_) | Aborted::Deadline) => Ok(ExitCode::FAILURE),
    }
}

fn done(outcome: io::Result<()>) -> Result<ExitCode, RunError> {
    match outcome {
        // Whoever reads, such as `head`, has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        outcome => Ok(outcome.map(|()| ExitCode::SUCCESS)?),
    }
}

fn on_runtime(work: impl Future<Output = Result<ExitCode, RunError>>) -> Result<ExitCode, RunError> {
    // Two threads: one that serves scrapes while the other parses or renders. More cost memory and bring nothing.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(BLOCKED_THREADS);
    outcome
}
