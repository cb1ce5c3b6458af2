//! The composition root: what `run` is made of, in the order in which data flows.

mod catalogue;
mod live;
mod triggers;
mod watching;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::exposition::{BuildInfo, Exposition, Registry};
use crate::http::{HttpMetrics, Limits, Listeners, State, router};
use crate::reload::{
    self, ConfigReader, ConfigWriter, ReloadMetrics, Reloader, StartError, StatusReader, StatusWriter,
};
use crate::snapshot::SnapshotStore;
use crate::source::file::{self, FileReader, FileSource, FileWatcher};
use crate::source::signal::Hangups;
use crate::supervisor::{Supervisor, SupervisorMetrics};
use crate::telemetry::LogControl;
pub use catalogue::{Listed, catalogue};
use live::Live;
use triggers::AllTriggers;
use watching::Watching;

/// What can not be reloaded.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// Wins over `server.host` and `server.port`.
    pub listen_address: Option<SocketAddr>,
}

/// Why the program ends otherwise than asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration can not be read or is not valid: the whole report.
    #[error("{0}")]
    Configuration(Arc<str>),
    /// Anything else.
    #[error("{0:#}")]
    Runtime(#[from] anyhow::Error),
}

/// Open requests get Prometheus' default scrape time-out at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// The running exporter.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    config: ConfigReader,
    status: StatusReader,
    drain: CancellationToken,
    supervisor: JoinHandle<()>,
    reloader: JoinHandle<Live>,
}

impl App {
    /// Loads the configuration, binds the listener and sets everything going. It runs until `drain` is cancelled.
    pub async fn start(
        options: Options,
        registry: Registry,
        log: LogControl,
        hangups: Hangups,
        drain: CancellationToken,
    ) -> Result<Self, RunError> {
        // The watch brings a hint when it is armed, so that no change falls between the first look and that.
        let source = FileSource::new(&options.config, environment(), file::Options::default());
        let (watcher, hints) = FileWatcher::start(&source).context("no thread to watch files on")?;
        let first = reload::first(source.reader()).await?;
        log.apply(&first.config.log);
        for warning in &first.warnings {
            tracing::warn!(warning, "The configuration is valid, but");
        }

        let metrics = registry.prometheus().clone();
        registry.register(Watching(source.status())).context("metrics")?;
        let store = SnapshotStore::default();
        let (supervisor, pollers) =
            Supervisor::new(store.clone(), SupervisorMetrics::new(&metrics).context("metrics")?);
        let (writer, config) = ConfigWriter::new(first.clone());
        let (status, (reload_handle, requests)) = (StatusWriter::default(), reload::requests());
        let state = State::new(
            Exposition::new(store, registry),
            config.clone(),
            status.reader(),
            reload_handle,
            BuildInfo::current(),
        );
        let http_metrics = HttpMetrics::new(&metrics).context("metrics")?;
        let listeners = Listeners::new(router(state, http_metrics.clone()), Limits::default(), http_metrics);

        let status_reader = status.reader();
        let supervisor = tokio::spawn(supervisor.run(drain.child_token()));
        let mut live = Live { writer, listeners, pollers, log, listen_address: options.listen_address };
        let address = live.begin(&first).await?;
        let reload_metrics = ReloadMetrics::new(&metrics).context("metrics")?;
        let reloader = Reloader::new(source.reader(), watcher, live, first.clone(), status, reload_metrics);
        let triggers = AllTriggers { requests, hangups, hints };
        let reloader = tokio::spawn(reloader.run(triggers, drain.child_token()));
        tracing::info!(
            hash = first.text.short(),
            sites = first.config.sites.len(),
            config = first.origin,
            "Loaded configuration file"
        );
        Ok(Self { address, config, status: status_reader, drain, supervisor, reloader })
    }

    /// Where the pages are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the reload funnel knows of itself.
    pub fn status(&self) -> StatusReader {
        self.status.clone()
    }

    /// The configuration that runs.
    pub fn config(&self) -> ConfigReader {
        self.config.clone()
    }

    /// Serves until the drain is asked for, and drains. A task that ends before that ends the program.
    pub async fn serve(mut self) -> Result<(), RunError> {
        let died = tokio::select! {
            // The tasks end by the same token; that is no death.
            biased;
            () = self.drain.cancelled() => None,
            _ = &mut self.supervisor => Some(anyhow!("the supervisor ended; this is a bug")),
            _ = &mut self.reloader => Some(anyhow!("the reload funnel ended; this is a bug")),
        };
        if let Some(error) = died {
            return Err(error.into());
        }
        // Nothing is published after the drain began; the open requests are answered.
        let live = self.reloader.await.context("the reload funnel")?;
        live.listeners.shutdown(DRAIN).await;
        self.supervisor.await.context("the supervisor")?;
        Ok(())
    }
}

impl From<StartError> for RunError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Rejected(report) => Self::Configuration(report),
        }
    }
}

/// The reader of one file outside a running exporter.
pub fn reader(file: &Path) -> FileReader {
    FileSource::new(file, environment(), file::Options::default()).reader()
}

/// The process environment; what is not Unicode can not be named in YAML.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// So that a closed standard output is an error like others.
impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        Self::Runtime(error.into())
    }
}
