//! A server with all that its pages read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::{Client, PATIENCE};
use crate::config::{Endpoint, ListenHost, Scheme, Secret, Server, Site, fixture};
use crate::exposition::{BuildInfo, Exposition, Registry};
use crate::http::{Entrance, HttpMetrics, Limits, Listeners, Pages, State};
use crate::metric::{Labelled, MetricKind, Naming, TextFormat};
use crate::reload::{ActiveConfig, ConfigReader, ConfigWriter, ReloadRequest, StatusWriter, requests};
use crate::snapshot::{Fragment, SiteReport, Snapshot, SnapshotStore};
use crate::telemetry::Restarts;

pub(super) static JOBS: Labelled<1> = Labelled {
    name: "nbu_jobs",
    help: "Jobs.",
    kind: MetricKind::Gauge,
    labels: ["policy"],
    naming: Naming::Native,
};

/// A server with everything that it reads from.
pub(super) struct World {
    pub(super) listeners: Listeners,
    pub(super) address: SocketAddr,
    /// Its port on all addresses, bound and not listening: as long as it is held, only who names the port gets it.
    held: TcpSocket,
    pub(super) store: SnapshotStore,
    pub(super) registry: Registry,
    pub(super) config: ConfigWriter,
    pub(super) status: StatusWriter,
    pub(super) requests: Option<mpsc::Receiver<ReloadRequest>>,
    /// Cancelled, the process is about to end.
    pub(super) announced: CancellationToken,
    _reader: ConfigReader,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        Self::at("127.0.0.1", limits).await
    }

    pub(super) async fn at(host: &str, limits: Limits) -> Self {
        Self::pinned(host, limits, None).await
    }

    /// The metrics page stays at `path`.
    pub(super) async fn pinned(host: &str, limits: Limits, path: Option<&str>) -> Self {
        Self::start(host, limits, path, None).await
    }

    /// All by TLS, with this certificate.
    pub(super) async fn encrypted(limits: Limits, certificate: &Entrance) -> Self {
        Self::start("127.0.0.1", limits, None, Some(certificate)).await
    }

    async fn start(host: &str, limits: Limits, path: Option<&str>, certificate: Option<&Entrance>) -> Self {
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(true).unwrap();
        held.bind(([0, 0, 0, 0], 0).into()).unwrap();
        let registry = Registry::new(&BuildInfo::current()).unwrap();
        let restarts = Restarts::new(registry.prometheus()).unwrap();
        let metrics = HttpMetrics::new(registry.prometheus(), restarts).unwrap();
        let store = SnapshotStore::default();
        let (config, reader) = ConfigWriter::new(Some(active(&[])));
        let status = StatusWriter::default();
        let (handle, requests) = requests();
        let exposition = Exposition::new(store.clone(), registry.clone());
        let announced = CancellationToken::new();
        let state = State::new(exposition, reader.clone(), status.reader(), handle, BuildInfo::current())
            .with_metrics_path(path.map(str::to_owned))
            .until(announced.clone());
        let pages = Pages::new(state, metrics.clone());
        let mut listeners = match certificate {
            Some(certificate) => Listeners::behind(pages, certificate.clone(), limits, metrics),
            None => Listeners::new(pages, limits, metrics),
        };
        let address = format!("{host}:{}", held.local_addr().unwrap().port());
        let prepared = listeners.prepare(&[server(&address).listen_address()]).await.unwrap();
        let [address] = listeners.commit(prepared)[..] else { unreachable!("one address") };
        Self {
            listeners,
            address,
            held,
            store,
            registry,
            config,
            status,
            requests: Some(requests),
            announced,
            _reader: reader,
        }
    }

    pub(super) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Its port on another host's address.
    pub(super) fn on(&self, host: &str) -> String {
        format!("{host}:{}", self.held.local_addr().unwrap().port())
    }

    /// Moves the listener as a reload does.
    pub(super) async fn move_to(&mut self, address: &str) -> Result<(), crate::http::BindError> {
        self.move_to_all(&[address]).await
    }

    pub(super) async fn move_to_all(&mut self, addresses: &[&str]) -> Result<(), crate::http::BindError> {
        let addresses: Vec<_> = addresses.iter().map(|address| server(address).listen_address()).collect();
        let prepared = self.listeners.prepare(&addresses).await?;
        self.listeners.commit(prepared);
        self.address = self.listeners.local_addrs()[0];
        Ok(())
    }

    /// The value of one of our own metrics.
    pub(super) fn sample(&self, series: &str) -> f64 {
        let text = self.registry.render(TextFormat::Prometheus);
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or("0").parse().unwrap()
    }

    pub(super) async fn wait_for(&self, series: &str, value: f64) {
        eventually(&format!("{series} {value}"), || (self.sample(series) - value).abs() < 0.5).await;
    }
}

/// Lets time go by without waiting for it.
pub(super) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}

pub(super) fn server(address: &str) -> Server {
    let address = address.parse::<SocketAddr>().unwrap();
    Server { host: ListenHost::Ip(address.ip()), port: address.port(), metrics_path: "/metrics".to_owned() }
}

pub(super) fn active(sites: &[&str]) -> Arc<ActiveConfig> {
    Arc::new(active_config(sites, "/metrics"))
}

pub(super) fn active_config(sites: &[&str], metrics_path: &str) -> ActiveConfig {
    let mut config = fixture::config(sites.iter().map(|name| site(name)).collect());
    metrics_path.clone_into(&mut config.server.metrics_path);
    let redacted = format!("sites: {}\napiKey: <secret>\n", sites.join(" "));
    ActiveConfig::fixture(config, &redacted)
}

fn site(name: &str) -> Site {
    Site {
        api_key: Secret::new("key-that-nobody-sees".to_owned()),
        timeout: Duration::from_secs(10),
        ..fixture::site(name, Endpoint::new(Scheme::Https, "nbu.example", 1556, "/netbackup"))
    }
}

pub(super) fn snapshot(site: &str, policies: usize) -> Snapshot {
    let mut family = JOBS.of_site(site);
    for number in 0..policies {
        family.sample([&format!("policy-{number}")], number as f64);
    }
    Snapshot {
        site: site.into(),
        taken_at: Timestamp::now(),
        up: Some(true),
        complete: true,
        unauthorized: Vec::new(),
        fragments: vec![Fragment::from(family.build())],
        report: SiteReport::default(),
    }
}
