//! Logs: one line per event on standard error, with a level and a format that change while we run.

#[cfg(test)]
mod captured_log;
mod counter;
mod line;
mod panic;
mod restart;

#[cfg(test)]
pub(crate) use captured_log::CapturedLog;
pub(crate) use restart::{Restarts, Task};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

use crate::config::{Log, LogFormat, LogLevel};
use counter::MessageCounter;
use line::Lines;

/// What the API client's requests and answers are logged under; `--trace` turns it on.
pub(crate) const API_TARGET: &str = "nbu_exporter::api";

type Unfiltered = tracing_subscriber::layer::Layered<Lines, Registry>;

/// What the command line fixes; it wins over the configuration file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// `--log.level`, `--debug`.
    pub level: Option<LogLevel>,
    /// `--log.format`.
    pub format: Option<LogFormat>,
    /// `--trace`: the API's answers are logged.
    pub trace_api: bool,
}

/// Changes level and format while the program runs; clones share it.
#[derive(Clone)]
pub struct LogControl {
    overrides: Overrides,
    is_json: Arc<AtomicBool>,
    filter: reload::Handle<Targets, Unfiltered>,
}

impl std::fmt::Debug for LogControl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LogControl").field("overrides", &self.overrides).finish_non_exhaustive()
    }
}

/// Logging can not be started.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Its metrics can not be registered.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The process logs already.
    #[error("logging: {0}")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging. Log lines and panics are counted in `metrics`.
pub fn init(overrides: Overrides, metrics: &prometheus::Registry) -> Result<LogControl, InitError> {
    let counter = MessageCounter::new(metrics)?;
    let is_json = Arc::new(AtomicBool::new(overrides.format == Some(LogFormat::Json)));
    let level = overrides.level.unwrap_or(LogLevel::Info);
    let (filter, handle) = reload::Layer::new(targets(level, overrides.trace_api));
    let lines = Lines { is_json: is_json.clone() };
    tracing_subscriber::registry().with(lines).with(filter).with(counter).try_init()?;
    panic::set_hook(metrics)?;
    Ok(LogControl { overrides, is_json, filter: handle })
}

/// Says why the program ends as one more line of a log in JSON, also where there is no log.
pub(crate) fn last_words(error: &str) {
    let log = tracing_subscriber::registry().with(Lines { is_json: Arc::new(AtomicBool::new(true)) });
    tracing::subscriber::with_default(log, || tracing::error!(error, "The exporter can not go on"));
}

impl LogControl {
    /// Follows the configuration where the command line says nothing.
    pub fn apply(&self, log: &Log) {
        let level = self.overrides.level.or(log.level).unwrap_or(LogLevel::Info);
        let format = self.overrides.format.or(log.format).unwrap_or(LogFormat::Logfmt);
        // It fails only when the subscriber is gone, and then nobody reads.
        let _ = self.filter.reload(targets(level, self.overrides.trace_api));
        self.is_json.store(format == LogFormat::Json, Ordering::Relaxed);
    }

    /// Whether lines are JSON now.
    pub fn is_json(&self) -> bool {
        self.is_json.load(Ordering::Relaxed)
    }
}

/// Libraries speak up from a warning on; below that they drown what an operator looks for.
fn targets(level: LogLevel, trace_api: bool) -> Targets {
    let ours = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let api = if trace_api { LevelFilter::TRACE } else { LevelFilter::OFF };
    Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        // It tells of each failed attempt as an error; the watch of the ConfigMap says it once.
        .with_target("kube_client", LevelFilter::OFF)
        // It warns at each swap of a volume, when the watch of the old directory ended with the directory.
        .with_target("notify", ours.min(LevelFilter::ERROR))
        .with_target("nbu_exporter", ours)
        .with_target(API_TARGET, api)
}
