//! The exporter, put together from its parts.
//!
//! ```text
//! sources ─► reloader ─► publisher ─┬─► supervisor ─► pollers ─► snapshots ─► exposition ─┐
//!                                   └─► listeners ◄─ pages ◄───────────────────────────────┘
//! ```

mod announcements;
mod catalogue;
mod cluster;
mod live;
mod metrics;
mod observed;
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

use crate::config::{self, ListenAddress, Log};
use crate::exposition::{BuildInfo, Exposition, Registry};
use crate::http::{Limits, Listeners, Pages, State};
use crate::poller;
use crate::reload::{
    ActiveConfig, ConfigReader, ConfigWriter, NoConfiguration, Reloader, StatusReader, StatusWriter,
};
use crate::shutdown::Termination;
use crate::snapshot::SnapshotStore;
use crate::source::file::{self, FileReader, FileSource};
use crate::source::kubernetes::{AccessError, ObjectName};
use crate::source::signal::Hangups;
use crate::supervisor::Supervisor;
use crate::telemetry::LogControl;
pub use catalogue::{Listed, catalogue};
use cluster::Cluster;
use live::{Live, Pinned};
use metrics::Metrics;
use observed::Observed;

/// What can not be reloaded.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; without one the object is the only source.
    pub config: Option<PathBuf>,
    /// The ConfigMap or Secret object that holds the configuration.
    pub object: Option<ObjectName>,
    /// Whether Kubernetes Events tell the outcome of each reload; only with the object.
    pub events: bool,
    /// The file that keeps the last good configuration.
    pub last_good: Option<PathBuf>,
    /// The ConfigMap that keeps the last good configuration; only with the object.
    pub last_good_object: Option<ObjectName>,
    /// Where to listen instead of `server.host` and `server.port`, unless it is empty.
    pub listen_addresses: Vec<ListenAddress>,
    /// The path of the metrics page instead of `server.uri`.
    pub telemetry_path: Option<String>,
}

/// Why the program ends without being asked to.
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

/// What the process has once, whatever runs in it.
#[derive(Debug)]
pub struct Process {
    /// The exporter's own metrics.
    pub registry: Registry,
    /// The log's level and format.
    pub log: LogControl,
    /// SIGHUP.
    pub hangups: Hangups,
    /// SIGTERM and SIGINT.
    pub termination: Termination,
}

/// The running exporter.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    config: ConfigReader,
    status: StatusReader,
    drain: CancellationToken,
    supervisor: JoinHandle<()>,
    reloader: JoinHandle<Live>,
    cluster: Option<Cluster>,
}

impl App {
    /// Loads the configuration, binds the listeners and sets everything going. It runs until the drain begins.
    pub async fn start(options: Options, process: Process) -> Result<Self, RunError> {
        let Process { registry, log, hangups, termination: Termination { announced, drain } } = process;
        let metrics = Metrics::register(registry.prometheus()).context("metrics")?;

        // Where the configuration comes from, and the first one; there may be none yet in the object.
        let mut observed = Observed::begin(&options, hangups).await?;
        observed.register(&registry)?;
        let start = observed.first().await.inspect_err(|_| log.apply(&wanted_log(&options)))?;
        let first = start.active.clone();
        log.apply(&first.as_ref().map(|first| first.config.log.clone()).unwrap_or_default());
        warn_of(first.as_deref());
        let Observed { sources, events, requests, watcher, mut cluster, .. } = observed;
        let (writer, config) = ConfigWriter::new(first.clone());
        let status = StatusWriter::default();
        let status_reader = status.reader();

        // What the pollers collect becomes snapshots, and these become pages.
        let snapshots = SnapshotStore::default();
        let (refusals, refused) = poller::refusals();
        let (supervisor, pollers) = Supervisor::new(snapshots.clone(), metrics.supervisor, refusals);
        let exposition = Exposition::new(snapshots, registry);
        let build = BuildInfo::current();
        let state = State::new(exposition, config.clone(), status_reader.clone(), requests, build)
            .with_metrics_path(options.telemetry_path.clone())
            .until(announced);
        let pages = Pages::new(state, metrics.http.clone());
        let listeners = Listeners::new(pages, Limits::default(), metrics.http);

        // What a configuration is put to work by, beginning with the first.
        let supervisor = tokio::spawn(supervisor.run(drain.child_token()));
        let pinned = Pinned::new(options.listen_addresses, options.telemetry_path);
        let mut live = Live { writer, listeners, pollers, log, pinned };
        let address = live.begin(first.as_ref()).await?;
        if let Some(cluster) = cluster.as_mut().filter(|_| options.events) {
            cluster.announce(status.statuses(), refused, first.as_deref(), &metrics.restarts);
        }

        // From now on only the reloader publishes.
        let reloader = Reloader::new(sources, watcher, live, start, status, metrics.reload);
        let reloader = tokio::spawn(reloader.run(events, drain.child_token()));
        log_first(first.as_deref());
        Ok(Self { address, config, status: status_reader, drain, supervisor, reloader, cluster })
    }

    /// The first address that is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the reloader knows of itself.
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
            // The tasks end by the same token then, as they should.
            biased;
            () = self.drain.cancelled() => None,
            error = first_death(&mut self.supervisor, &mut self.reloader, ended(&mut self.cluster)) => Some(error),
        };
        if let Some(error) = died {
            return Err(error.into());
        }
        // Nothing is published after the drain began; the open requests are answered.
        let live = self.reloader.await.context("the reloader")?;
        live.listeners.shutdown(DRAIN).await;
        self.supervisor.await.context("the supervisor")?;
        Ok(())
    }
}

/// Waits until a task ends that can not be begun anew, since what it knew is gone; says which one it was.
async fn first_death<T>(
    supervisor: &mut JoinHandle<()>,
    reloader: &mut JoinHandle<T>,
    cluster: impl Future<Output = ()>,
) -> anyhow::Error {
    tokio::select! {
        _ = supervisor => anyhow!("the supervisor ended; this is a bug"),
        _ = reloader => anyhow!("the reloader ended; this is a bug"),
        () = cluster => anyhow!("the watch of the object, or of its Events, ended; this is a bug"),
    }
}

/// How a rejected file wants the log to be, since the rejection is logged in that form.
fn wanted_log(options: &Options) -> Log {
    let text = options.config.as_ref().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    config::log(&text)
}

fn warn_of(first: Option<&ActiveConfig>) {
    for warning in first.iter().flat_map(|first| &first.warnings) {
        tracing::warn!(warning, "The configuration is valid, but");
    }
}

/// The first load is no reload, so it has a line of its own.
fn log_first(first: Option<&ActiveConfig>) {
    let Some(first) = first else { return };
    tracing::info!(
        hash = first.text_digest.short(),
        sites = first.config.sites.len(),
        lacking = Some(first.config.lacking.len()).filter(|count| *count > 0),
        config = first.origin,
        revision = first.resource_version,
        "Loaded configuration file"
    );
}

async fn ended(cluster: &mut Option<Cluster>) {
    match cluster {
        Some(cluster) => cluster.ended().await,
        None => std::future::pending().await,
    }
}

impl From<AccessError> for RunError {
    fn from(error: AccessError) -> Self {
        Self::Configuration(error.to_string().into())
    }
}

impl From<NoConfiguration> for RunError {
    fn from(error: NoConfiguration) -> Self {
        Self::Configuration(error.0)
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

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        Self::Runtime(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn the_death_of_a_task_that_can_not_be_begun_anew_ends_the_program() {
        for (victim, expected) in [(0, "the supervisor"), (1, "the reloader"), (2, "the watch of the object")]
        {
            let task = |number| async move {
                assert!(number != victim, "injected");
                pending::<()>().await;
            };
            let (mut supervisor, mut reloader, watch) =
                (tokio::spawn(task(0)), tokio::spawn(task(1)), tokio::spawn(task(2)));
            let error = first_death(&mut supervisor, &mut reloader, async { drop(watch.await) }).await;
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
