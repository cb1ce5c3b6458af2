//! The exporter, put together from its parts.
//!
//! ```text
//! sources ─► reloader ─► publisher ─┬─► supervisor ─► pollers ─► snapshots ─► exposition ─┐
//!                                   └─► listeners ◄─ pages ◄───────────────────────────────┘
//! ```

mod announcements;
mod catalogue;
mod cluster;
mod fleet;
mod metrics;
mod options;
mod publisher;
mod run_error;
mod server_flags;
mod service;
mod sources;
mod triggers;
mod watch_metrics;
mod webhook;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::admission::AdmissionMetrics;
use crate::config::{self, ListenAddress, Log};
use crate::exposition::{BuildInfo, Exposition, Registry};
use crate::http::{Entrance, HttpMetrics, Limits, Listeners, Pages, Probes, State};
use crate::poller;
use crate::reload::{
    ActiveConfig, ConfigReader, ConfigWriter, Preview, Reloader, StatusReader, StatusWriter,
};
use crate::shutdown::Termination;
use crate::snapshot::SnapshotStore;
use crate::source::signal::Hangups;
use crate::supervisor::{FleetMetrics, Supervisor};
use crate::systemd::ServiceManager;
use crate::telemetry::LogControl;
pub(crate) use catalogue::Listed;
pub use catalogue::catalogue;
use cluster::Cluster;
use fleet::Fleet;
pub use fleet::FleetOptions;
use metrics::Metrics;
pub use options::Options;
use publisher::ConfigPublisher;
pub use run_error::RunError;
use server_flags::ServerFlags;
use service::{Reported, ServiceReport};
use sources::ConfigSources;
pub use sources::reader;
pub use webhook::{CertificateOptions, WebhookOptions};
use webhook::{Surroundings, Webhook};

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
    /// Where systemd has started us.
    pub service: ServiceManager,
}

/// The running exporter.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    config: ConfigReader,
    status: StatusReader,
    #[cfg(feature = "demo")]
    snapshots: SnapshotStore,
    drain: CancellationToken,
    supervisor: JoinHandle<()>,
    reloader: JoinHandle<ConfigPublisher>,
    cluster: Option<Cluster>,
    webhook: Option<Webhook>,
    probes: Option<Listeners>,
    fleet: Option<Fleet>,
    service: Option<AbortOnDropHandle<()>>,
}

impl App {
    /// Loads the configuration, binds the listeners and sets everything going. It runs until the drain begins.
    pub async fn start(options: Options, process: Process) -> Result<Self, RunError> {
        let Process { registry, log, hangups, termination: Termination { announced, drain }, service } =
            process;
        let metrics = Metrics::register(registry.prometheus()).context("metrics")?;

        // The sources are watched from before the first configuration is read, so that no change is missed.
        let (report, hangup_report) = ServiceReport::new(&service);
        let mut sources = ConfigSources::watch(&options, hangups, hangup_report).await?;
        sources.register(&registry)?;
        let start = sources.first().await.inspect_err(|_| log.apply(&wanted_log(&options)))?;
        // There may be none yet where the object is the only source.
        let first = start.active.clone();
        if let Some(first) = &first {
            log.apply(&first.config.log);
            first.log_warnings();
        }
        let ConfigSources { sources, events, requests, watcher, mut cluster, file, .. } = sources;
        let fleet = fleet(&options, cluster.as_ref(), &registry).await?;
        let shared = fleet.as_ref().map(Fleet::reader);

        // The supervisor runs a poller for each site; what they collect becomes snapshots, and these become pages.
        let snapshots = SnapshotStore::default();
        let (refusals, refused) = poller::refusals();
        let (mut supervisor, pollers) = Supervisor::new(snapshots.clone(), metrics.supervisor, refusals);
        if let Some(shared) = &shared {
            let moves = FleetMetrics::new(registry.prometheus()).context("metrics")?;
            supervisor = supervisor.shared(shared.clone(), moves);
        }
        let exposition = Exposition::new(snapshots.clone(), registry.clone());
        let (writer, config) = ConfigWriter::new(first.clone());
        let (status, build) = (StatusWriter::default(), BuildInfo::current());
        let counts = options.webhook.as_ref().map(|_| AdmissionMetrics::new(registry.prometheus()));
        let counts = counts.transpose().context("metrics")?;
        let state = State::new(exposition, config.clone(), status.reader(), requests, build)
            .with_metrics_path(options.telemetry_path.clone())
            .until(announced.clone())
            .shared(shared.clone())
            .judging(counts.clone());
        let pages = Pages::new(state, metrics.http.clone());
        let probes = probes(options.probe_address.as_ref(), &pages, &metrics.http).await?;
        // Nobody is let in before the first configuration says how.
        let entrance = Entrance::default();
        let listeners = Listeners::behind(pages, entrance.clone(), Limits::default(), metrics.http.clone())
            .passed(service.sockets)?;

        // The publisher puts a configuration to work: it tells the readers, the log, the pollers and the listeners.
        let supervisor = tokio::spawn(supervisor.run(drain.child_token()));
        let flags = ServerFlags::new(options.listen_addresses, options.telemetry_path)
            .with_web_config(options.web_config.is_some());
        let fleet = fleet.map(|fleet| fleet.begin(announced.clone(), pollers.clone()));
        let report = report.map(|report| {
            let (config, status) = (config.clone(), status.reader());
            report.of(Reported { config, status, pollers: pollers.clone(), announced: announced.clone() })
        });
        let mut publisher = ConfigPublisher { writer, listeners, entrance, pollers, log, flags };
        let address = publisher.begin(first.as_ref()).await?;
        let announcer = cluster.as_mut().filter(|_| options.events).map(|cluster| {
            cluster.announce(status.statuses(), refused, first.as_deref(), shared, &metrics.restarts)
        });
        // An edit is judged by what the reload would say of it, before it is written.
        let webhook = match options.webhook.as_ref().zip(cluster.as_ref()).zip(counts) {
            Some(((webhook, cluster), counts)) => {
                let preview = Preview::new(move || file.reader(), config.clone());
                let (metrics, restarts) = (metrics.http, metrics.restarts);
                let around =
                    Surroundings { cluster, preview, announcer, announced, counts, metrics, restarts };
                // Boxed, as below: mostly there is none, and its futures are large.
                Some(Box::pin(Webhook::open(webhook, around)).await?)
            }
            None => None,
        };

        // From now on the reloader alone publishes: what the sources say, once it is valid and the newest.
        let status_reader = status.reader();
        let reloader = Reloader::new(sources, watcher, publisher, start, status, metrics.reload);
        let reloader = tokio::spawn(reloader.run(events, drain.child_token()));
        if let Some(first) = &first {
            log_loaded(first);
        }
        Ok(Self {
            address,
            config,
            status: status_reader,
            #[cfg(feature = "demo")]
            snapshots,
            drain,
            supervisor,
            reloader,
            cluster,
            webhook,
            probes,
            fleet,
            service: report.map(|report| AbortOnDropHandle::new(tokio::spawn(report))),
        })
    }

    /// The first address that is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the reloader knows of itself.
    pub fn status(&self) -> StatusReader {
        self.status.clone()
    }

    /// What is collected.
    #[cfg(feature = "demo")]
    pub(crate) fn snapshots(&self) -> SnapshotStore {
        self.snapshots.clone()
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
            error = first_death(
                &mut self.supervisor,
                &mut self.reloader,
                ended(&mut self.cluster, &mut self.webhook),
                left(&mut self.fleet),
            ) => Some(error),
        };
        if let Some(error) = died {
            return Err(error.into());
        }
        // Nothing is published after the drain began; the open requests are answered.
        let publisher = self.reloader.await.context("the reloader")?;
        let door = async {
            if let Some(webhook) = self.webhook {
                Box::pin(webhook.close(DRAIN)).await;
            }
        };
        let probes = async {
            if let Some(probes) = self.probes {
                probes.shutdown(DRAIN).await;
            }
        };
        tokio::join!(publisher.listeners.shutdown(DRAIN), door, probes);
        self.supervisor.await.context("the supervisor")?;
        if let Some(fleet) = self.fleet {
            fleet.left().await;
        }
        if let Some(service) = self.service {
            service.await.context("the report to systemd")?;
        }
        Ok(())
    }
}

/// Waits until a task ends that can not be begun anew, since what it knew is gone; says which one it was.
async fn first_death<T>(
    supervisor: &mut JoinHandle<()>,
    reloader: &mut JoinHandle<T>,
    cluster: impl Future<Output = ()>,
    fleet: impl Future<Output = ()>,
) -> anyhow::Error {
    tokio::select! {
        _ = supervisor => anyhow!("the supervisor ended; this is a bug"),
        _ = reloader => anyhow!("the reloader ended; this is a bug"),
        () = cluster => anyhow!("the watch of the object, of its Events or of its webhook ended; this is a bug"),
        () = fleet => anyhow!("the member of the fleet ended; this is a bug"),
    }
}

/// The fleet that we are to be a member of, with its metrics.
async fn fleet(
    options: &Options,
    cluster: Option<&Cluster>,
    registry: &Registry,
) -> Result<Option<Fleet>, RunError> {
    let Some(options) = &options.fleet else { return Ok(None) };
    let fleet = Fleet::join(options, cluster.map(Cluster::access), cluster::pod()).await?;
    registry.register(fleet.metrics()).context("metrics")?;
    Ok(Some(fleet))
}

/// The address where probes are answered, if there is one.
async fn probes(
    address: Option<&ListenAddress>,
    pages: &Pages,
    metrics: &HttpMetrics,
) -> Result<Option<Listeners>, RunError> {
    let Some(address) = address else { return Ok(None) };
    let mut listeners = Listeners::new(Probes::new(pages.clone()), Limits::of_probes(), metrics.clone());
    let prepared = listeners.prepare(std::slice::from_ref(address)).await;
    for address in listeners.commit(prepared.map_err(|error| anyhow!(error))?) {
        tracing::info!(%address, "Probes are answered");
    }
    Ok(Some(listeners))
}

/// How a rejected file wants the log to be, since the rejection is logged in that form.
fn wanted_log(options: &Options) -> Log {
    let text = options.config.as_ref().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    config::log(&text)
}

/// The first load is no reload, so it has a line of its own.
fn log_loaded(first: &ActiveConfig) {
    tracing::info!(
        hash = first.text_digest.short(),
        sites = first.config.sites.len(),
        lacking = Some(first.config.lacking.len()).filter(|count| *count > 0),
        config = first.origin,
        revision = first.resource_version,
        "Loaded configuration file"
    );
}

async fn ended(cluster: &mut Option<Cluster>, webhook: &mut Option<Webhook>) {
    let Some(cluster) = cluster else { return std::future::pending().await };
    match webhook {
        Some(webhook) => tokio::select! {
            () = cluster.ended() => {}
            () = webhook.ended() => {}
        },
        None => cluster.ended().await,
    }
}

async fn left(fleet: &mut Option<Fleet>) {
    match fleet {
        Some(fleet) => fleet.ended().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn the_death_of_a_task_that_can_not_be_begun_anew_ends_the_program() {
        let names = ["the supervisor", "the reloader", "the watch of the object", "the member of the fleet"];
        for (victim, expected) in names.into_iter().enumerate() {
            let task = |number| async move {
                assert!(number != victim, "injected");
                pending::<()>().await;
            };
            let (mut supervisor, mut reloader, watch) =
                (tokio::spawn(task(0)), tokio::spawn(task(1)), tokio::spawn(task(2)));
            let member = tokio::spawn(task(3));
            let others = (async { drop(watch.await) }, async { drop(member.await) });
            let error = first_death(&mut supervisor, &mut reloader, others.0, others.1).await;
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
