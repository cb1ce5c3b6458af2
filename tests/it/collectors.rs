//! Each collector by the real program, on a simulated site that has a bad night.

use std::collections::BTreeMap;
use std::time::SystemTime;

use nbu_exporter_simulator::{ApiVersion, Clock, Options, Scenario, Site as SimulatedSite, SiteOptions};

use crate::harness::{Exporter, Sites, collector_keys, eventually};

mod alerts;
mod anomalies;
mod catalog;
mod catalog_backup;
mod certificates;
mod disk_pools;
mod history;
mod jobs;
mod licensing;
mod malware;
mod notifications;
mod per_client;
mod posture;
mod protection;
mod server;
mod servers;
mod services;
mod slo;
mod slp;
mod tape;
mod upgrade;

/// The exporter with some collectors on, beside those that always run, and the server that it asks.
pub struct Collected {
    pub exporter: Exporter,
    /// The server's clock, which stands still.
    pub clock: Clock,
    sites: Sites,
    directory: tempfile::TempDir,
}

/// The key whose role some tests restrict.
const KEY: &str = "simulated-key";

impl Collected {
    /// At a server of this version, with this text for the `collectors` section, in YAML's flow style without its braces. What is not
    /// named there is off.
    pub fn start(version: ApiVersion, collectors: &str) -> Self {
        Self::prepared(version, collectors, |_| {})
    }

    /// The same, after something was done to the server.
    pub fn prepared(version: ApiVersion, collectors: &str, prepare: impl FnOnce(&SimulatedSite)) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let clock = Clock::manual(i64::try_from(now).unwrap());
        let sites = Sites::with(Options {
            sites: vec![SiteOptions { scenario: Scenario::BadNight, ..SiteOptions::named("paris") }],
            clock: clock.clone(),
            jobs_per_day: 600,
            api_version: version,
            ..Options::default()
        });
        prepare(&sites.simulation().sites()[0]);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        let others = collector_keys().into_iter().filter(|key| !collectors.contains(&format!("{key}:")));
        let off: Vec<_> = others.map(|key| format!(", {key}: {{enabled: false}}")).collect();
        let off = off.concat();
        let text = format!(
            "server: {{collectionInterval: 1h, scrapingInterval: 6h}}\nmetrics: {{names: both}}\n\
             collectors: {{{collectors}{off}}}\n\
             nbuservers: [{{site: paris, scheme: http, host: 127.0.0.1, port: {}, apiKey: {KEY}}}]\n",
            sites.port(0)
        );
        std::fs::write(&file, text).unwrap();
        Self { exporter: Exporter::start(&file), clock, sites, directory }
    }

    /// The simulated server.
    pub fn server(&self) -> &SimulatedSite {
        &self.sites.simulation().sites()[0]
    }

    /// The server's own time, which stands still.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.clock.now()).unwrap()
    }

    /// What the server answers to a GET of a path below its base path, as a client with the key sees it.
    pub fn answer(&self, path: &str) -> serde_json::Value {
        let version = self.server().api_version();
        let request = format!(
            "GET /netbackup{path} HTTP/1.1\r\nHost: paris\r\nConnection: close\r\nAuthorization: {KEY}\r\n\
             Accept: application/vnd.netbackup+json;version={version}\r\n\r\n"
        );
        let response = crate::harness::request(self.server().address(), &request).unwrap();
        serde_json::from_str(&response.body()).unwrap()
    }

    /// The attributes of all jobs of a filter, whose spaces are encoded, as the server lists them.
    pub fn jobs(&self, filter: &str) -> Vec<serde_json::Value> {
        let first = format!("/admin/jobs?filter={filter}&page%5Blimit%5D=100");
        let (mut jobs, mut path) = (Vec::new(), first.clone());
        loop {
            let mut page = self.answer(&path);
            jobs.extend(page["data"].as_array_mut().unwrap().iter_mut().map(|job| job["attributes"].take()));
            let Some(next) = page["meta"]["pagination"]["next"].as_str().filter(|next| !next.is_empty())
            else {
                return jobs;
            };
            path = format!("{first}&page%5Bafter%5D={next}");
        }
    }

    /// Writes something else in the place of a part of the configuration.
    pub fn rewrite(&self, old: &str, new: &str) {
        let file = self.directory.path().join("config.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(old), "{old} is not in {text}");
        std::fs::write(&file, text.replace(old, new)).unwrap();
    }

    /// The page once a collector has had a run that succeeded.
    pub fn page(&self, collector: &str) -> String {
        self.until(&format!("nbu_scrape_collector_success{{site=\"paris\",collector=\"{collector}\"}} 1"))
    }

    /// The page once it has this line.
    pub fn until(&self, line: &str) -> String {
        let line = format!("\n{line}\n");
        eventually(&line, || self.exporter.metrics().contains(&line));
        self.exporter.metrics()
    }

    /// What a family about a collector's runs says, such as `unauthorized`.
    pub fn run(&self, what: &str, collector: &str) -> Option<f64> {
        self.exporter
            .sample(&format!("nbu_scrape_collector_{what}{{site=\"paris\",collector=\"{collector}\"}}"))
    }
}

/// The value of a series on a page.
#[track_caller]
pub fn value(page: &str, series: &str) -> f64 {
    crate::harness::sample(page, series).unwrap_or_else(|| panic!("{series} is not in\n{page}"))
}

/// All series of a family on a page, each with its value.
pub fn samples(page: &str, family: &str) -> BTreeMap<String, f64> {
    let of_family = |line: &&str| line.strip_prefix(family).is_some_and(|rest| rest.starts_with('{'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    };
    page.lines().filter(of_family).map(sample).collect()
}

/// Holds that a collector whose role lacks the permission says so, and that this costs the storage units nothing.
pub fn says_that_it_is_refused(collectors: &str, name: &str, denied: &str) {
    let collected = Collected::prepared(ApiVersion::new(12, 0), collectors, |server| {
        server.set_denied(vec![denied.to_owned()]);
    });
    collected.until(&format!("nbu_scrape_collector_unauthorized{{site=\"paris\",collector=\"{name}\"}} 1"));
    // Their first runs may end later.
    collected.page("storage");
    collected.until("nbu_up{site=\"paris\"} 1");
}

/// Holds that a collector is no failure on a server whose release lacks what it reads.
pub fn is_not_supported_at(version: ApiVersion, collectors: &str, name: &str) {
    let collected = Collected::start(version, collectors);
    collected.until(&format!("nbu_scrape_collector_supported{{site=\"paris\",collector=\"{name}\"}} 0"));
    assert_eq!(collected.run("success", name), None);
}
