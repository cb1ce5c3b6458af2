//! An exporter with a volume and simulated servers, with which most tests begin.

use std::fmt::Write as _;
use std::path::PathBuf;

use nbu_exporter_simulator::{Category, Site};
use sha2::{Digest as _, Sha256};

use super::{Exporter, Scraper, Sites, Volume, config, eventually};

/// The key of the configuration in a [`Stage`]'s volume.
pub const CONFIG: &str = "config.yaml";

/// A running exporter, the volume that its configuration lies in, and simulated servers. Each server has a storage
/// unit of its own, `only-NUMBER`, by which a page shows whose data it has.
pub struct Stage {
    pub exporter: Exporter,
    pub volume: Volume,
    pub sites: Sites,
}

impl Stage {
    /// Starts `servers` servers, and the exporter on the first ones under these names; waits until it has their data.
    pub fn start(servers: usize, names: &[&str]) -> Self {
        let sites = Sites::marked(servers);
        let text = sites.config(names.iter().copied().zip(0..));
        let volume = Volume::new(&[(CONFIG, &text)]);
        let exporter = Exporter::start(&volume.path(CONFIG));
        let stage = Self { exporter, volume, sites };
        for (name, server) in names.iter().zip(0..) {
            stage.shows(name, server);
        }
        stage
    }

    /// Starts the exporter on other files of a volume.
    pub fn with(sites: Sites, files: &[(&str, &str)]) -> Self {
        let volume = Volume::new(files);
        let exporter = Exporter::start(&volume.path(CONFIG));
        Self { exporter, volume, sites }
    }

    /// A configuration with these `(name, server)`.
    pub fn config(&self, sites: &[(&str, usize)]) -> String {
        self.sites.config(sites.iter().copied())
    }

    /// A simulated server.
    pub fn server(&self, number: usize) -> &Site {
        &self.sites.simulation().sites()[number]
    }

    /// Updates the volume as the kubelet does, and does not wait.
    pub fn swap(&self, text: &str) {
        self.volume.swap(&[(CONFIG, text)]);
    }

    /// Updates the volume and waits until this runs.
    #[track_caller]
    pub fn apply(&self, text: &str) {
        self.swap(text);
        self.exporter.until_runs(text);
    }

    /// Waits until the page has all data of a site, and has it from this server.
    #[track_caller]
    pub fn shows(&self, site: &str, server: usize) {
        eventually(&format!("{site} shows server {server}"), || {
            shows(&self.exporter.metrics(), site, server)
        });
    }

    /// Scrapes all the time; these sites must be there with all their data on every page.
    pub fn scrape(&self, sites: &[(&'static str, usize)]) -> Scraper {
        let sites = sites.to_vec();
        Scraper::watching(&self.exporter, move |page| {
            sites.iter().all(|(site, server)| shows(page, site, *server))
        })
    }

    /// The number of times that something is in the log.
    pub fn logged(&self, part: &str) -> usize {
        self.exporter.log().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits until something is in the log as often as this, and it must not be there more often. What a page shows
    /// already may still be on its way into the log.
    #[track_caller]
    pub fn logs(&self, part: &str, times: usize) {
        eventually(&format!("{part:?} is logged"), || self.logged(part) >= times);
        assert_eq!(self.logged(part), times, "{part:?}: {:#?}", self.exporter.log());
    }

    /// How often everything that was learned from a site was thrown away.
    pub fn flushes(&self, site: &str, reason: &str) -> f64 {
        let series = format!("nbu_exporter_cache_flushes_total{{reason=\"{reason}\",site=\"{site}\"}}");
        self.exporter.sample(&series).unwrap_or(0.0)
    }

    /// The volume's configuration file.
    pub fn path(&self) -> PathBuf {
        self.volume.path(CONFIG)
    }
}

/// Whether a page has a site's jobs and storage, the latter from this server.
pub fn shows(page: &str, site: &str, server: usize) -> bool {
    let has = |start: String| page.lines().any(|line| line.starts_with(&start));
    has(format!("nbu_up{{site=\"{site}\"}} 1"))
        && has(format!("nbu_jobs_window_jobs{{site=\"{site}\""))
        && has(format!("nbu_storage_unit_info{{site=\"{site}\",storage_unit=\"only-{server}\""))
}

impl Sites {
    /// Servers over plain HTTP that can be told apart.
    pub fn marked(count: usize) -> Self {
        Self::start(count).mark()
    }

    /// Gives each server a storage unit `only-NUMBER`.
    pub fn mark(self) -> Self {
        for (server, site) in self.simulation().sites().iter().enumerate() {
            site.add_storage_unit(&format!("only-{server}"), Category::BasicDisk);
        }
        self
    }

    /// A configuration with these `(name, server)`.
    pub fn config<'a>(&self, sites: impl IntoIterator<Item = (&'a str, usize)>) -> String {
        config(&sites.into_iter().map(|(name, server)| (name, self.port(server))).collect::<Vec<_>>())
    }
}

/// The fingerprint under which a server logs the key of a request.
pub fn fingerprint(key: &str) -> String {
    hex(key, 6)
}

/// What the info metric calls the hash of a text.
pub fn short_hash(text: &str) -> String {
    hex(text, 6)
}

fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// How often a server was asked for the whole window of jobs; a poller does that once and then asks for news.
pub fn first_readings(site: &Site) -> usize {
    let requests = site.requests().matching("/admin/jobs");
    let whole = requests.iter().filter(|request| {
        let query = request.query.replace("%20", " ").replace("%3A", ":").replace("%2C", ",");
        // What is read back, and how far jobs reach back, is asked for in other orders.
        if !query.contains("sort=endTime,jobId&") {
            return false;
        }
        let Some((_, rest)) = query.split_once("endTime ge ") else { return false };
        let begins = rest.split('&').next().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let begins = begins.unwrap().as_millisecond();
        // The window is an hour; what is new reaches back by minutes.
        !query.contains("after") && request.time - begins > 30 * 60 * 1000
    });
    whole.count()
}

/// How often a server was polled.
pub fn polls(site: &Site) -> usize {
    site.requests().matching("/ping").iter().filter(|request| !request.path.contains("security")).count()
}
