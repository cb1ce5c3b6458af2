//! How a command runs: on a runtime, until it is done or a signal ends it.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::failed;
use crate::app::{Process, RunError};
use crate::exposition::{BuildInfo, Registry};
use crate::shutdown::{Aborted, Pace, Shutdown};
use crate::source::signal::Hangups;
use crate::systemd::ServiceManager;
use crate::telemetry::{self, Overrides};

/// Kubernetes kills after 30 s by default; whatever hangs must not use them up.
pub(super) const DRAIN_DEADLINE: Duration = Duration::from_secs(20);
/// A blocked file system must not hold up the end.
const BLOCKED_THREADS: Duration = Duration::from_millis(200);

/// Runs a command that needs the asynchronous runtime.
pub fn on_runtime(work: impl Future<Output = Result<ExitCode, RunError>>) -> Result<ExitCode, RunError> {
    // Two threads: one that serves scrapes while the other parses or renders. More cost memory and bring nothing.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(BLOCKED_THREADS);
    outcome
}

/// Starts the log and the metrics, takes over the signals, and runs `work` until the first signal ends it. For `delay`
/// after that it serves on before it drains.
pub async fn until_signalled(
    overrides: Overrides,
    delay: Duration,
    service: ServiceManager,
    work: impl AsyncFnOnce(Process) -> Result<(), RunError>,
) -> Result<ExitCode, RunError> {
    let shutdown = Shutdown::install()?;
    let hangups = Hangups::install()?;
    let registry = Registry::new(&BuildInfo::current()).context("metrics")?;
    let log = telemetry::init(overrides, registry.prometheus()).context("telemetry")?;
    let termination = shutdown.termination();
    let process = Process { registry, log: log.clone(), hangups, termination, service };
    exit_code(shutdown.run(work(process), Pace { delay, deadline: DRAIN_DEADLINE }).await).or_else(|error| {
        // Whoever reads the log as JSON reads the error in the same form.
        if log.is_json() { Ok(failed(&error, true)) } else { Err(error) }
    })
}

/// Runs a command that asks something once: the first signal ends it.
pub async fn interruptible(work: impl Future<Output = io::Result<ExitCode>>) -> Result<ExitCode, RunError> {
    match Shutdown::install()?.run(work, Pace::default()).await {
        Ok(outcome) => Ok(outcome?),
        Err(Aborted::Signal(_) | Aborted::Deadline) => Ok(ExitCode::FAILURE),
    }
}

/// The exit code of a command that only prints.
pub fn printed(outcome: io::Result<()>) -> Result<ExitCode, RunError> {
    match outcome {
        // The reader, such as `head`, needs no more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        outcome => Ok(outcome.map(|()| ExitCode::SUCCESS)?),
    }
}

/// The exit code of a command that runs until a signal ends it.
pub(super) fn exit_code(ended: Result<Result<(), RunError>, Aborted>) -> Result<ExitCode, RunError> {
    match ended {
        Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
        Err(Aborted::Signal(_) | Aborted::Deadline) => Ok(ExitCode::FAILURE),
    }
}
