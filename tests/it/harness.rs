//! What the tests share: the program as a process, simulated sites, a ConfigMap volume and a small client.

mod api_server;
mod child;
mod client;
mod expected;
mod exporter;
mod namespaces;
mod port;
mod scraper;
mod skip;
mod stage;
mod volume;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

pub use api_server::{Answer, ApiServer, configmap, secret};
pub use child::{exit_code, signal};
pub use client::{Response, get, post, request};
pub use expected::{expect, read, repository};
pub use exporter::{Exporter, sample, start_fails};
pub use namespaces::{as_nobody, is_root, open_to_all, unshared};
pub use port::Port;
pub use scraper::Scraper;
pub(crate) use skip::skip;
pub use stage::{CONFIG, Stage, fingerprint, first_readings, polls, short_hash, shows};
pub use volume::{LinkOrder, Volume, put};

use nbu_exporter_simulator::{Options, Simulation, SiteOptions};

/// Far longer than anything takes: a deadline to wait for, never a measurement.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The key of each collector that can be turned off, as the configuration's schema has them.
pub fn collector_keys() -> Vec<String> {
    let schema = nbu_exporter::schema();
    let sections = schema["properties"]["collectors"]["properties"].as_object().unwrap();
    let can_be_off = sections
        .iter()
        .filter(|(_, section)| section["properties"]["enabled"]["anyOf"][0].get("not").is_none());
    can_be_off.map(|(key, _)| key.clone()).collect()
}

/// A runtime with simulated sites on it.
pub struct Sites {
    runtime: tokio::runtime::Runtime,
    simulation: Option<Simulation>,
}

impl Sites {
    /// Starts `count` sites over plain HTTP.
    pub fn start(count: usize) -> Self {
        let sites = (1..=count).map(|number| SiteOptions::named(&format!("server-{number}"))).collect();
        Self::with(Options { sites, ..Options::default() })
    }

    /// Starts sites as asked for.
    pub fn with(options: Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulation = runtime.block_on(Simulation::start(options)).unwrap();
        Self { runtime, simulation: Some(simulation) }
    }

    /// The simulation.
    pub fn simulation(&self) -> &Simulation {
        self.simulation.as_ref().unwrap()
    }

    /// The port of a site.
    pub fn port(&self, site: usize) -> u16 {
        self.simulation().sites()[site].address().port()
    }
}

impl Drop for Sites {
    fn drop(&mut self) {
        if let Some(simulation) = self.simulation.take() {
            self.runtime.block_on(simulation.shutdown());
        }
    }
}

/// A configuration with these sites, each `(name, port)`, and a short interval.
pub fn config(sites: &[(&str, u16)]) -> String {
    let mut text = String::from("server:\n  host: 127.0.0.1\n  port: 9440\n  collectionInterval: 1s\n");
    text.push_str(if sites.is_empty() { "nbuservers: []\n" } else { "nbuservers:\n" });
    for (name, port) in sites {
        let _ = writeln!(
            text,
            "  - site: {name}\n    host: 127.0.0.1\n    port: {port}\n    scheme: http\n    apiKey: simulated-key"
        );
    }
    text
}
