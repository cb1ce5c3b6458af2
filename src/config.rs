//! The configuration as the program uses it. What is in a [`Config`] can not be invalid.
//!
//! Raw → valid: [`load()`] takes the text with everything that it refers to and gives a [`Config`] or all
//! `Violation`s at once. Nothing here does I/O; the text and the files come as [`Material`].

mod address;
mod collector_words;
mod collectors;
mod comparison;
mod confusable;
mod decoder;
mod defect;
mod diff;
mod duration;
mod endpoint;
mod expand;
mod key;
mod listen;
mod load;
mod material;
mod number;
mod pattern;
mod proxy;
mod raw;
mod redact;
mod report;
mod scalar;
mod schema;
mod secret;
mod section;
mod setting;
mod site;
mod strictness;
mod tree;
mod valid;
mod version;
mod web;
mod yaml;

pub use address::RESERVED_PATHS;
pub(crate) use address::metrics_path;
pub(crate) use collector_words::{ClientExport, TapeMedia};
pub(crate) use collectors::{CollectorId, Collectors};
pub(crate) use comparison::changes;
pub(crate) use diff::{ConfigDiff, FlushReason, SiteChange};
pub(crate) use duration::parse as parse_duration;
pub(crate) use endpoint::{Endpoint, Scheme};
pub(crate) use expand::{UnsetVariable, expanded};
pub(crate) use listen::{ListenAddress, ListenHost};
pub(crate) use load::{Loaded, load, log, references, web_config, web_references};
pub(crate) use material::{Environment, FileProblem, Files, Material};
pub(crate) use proxy::{Proxy, UnusableProxy};
pub(crate) use redact::{holds_secrets, redacted};
pub(crate) use report::{Report, Violation, one_line};
pub use schema::schema;
pub(crate) use secret::Secret;
pub(crate) use site::{LackingSite, Site, SiteId, Verification};
pub(crate) use strictness::Strictness;
pub use version::ApiVersion;
pub(crate) use web::{ClientAuth, ClientAuthorities, PasswordHash, RateLimit, TlsDemands, WebConfig, WebTls};

use std::sync::Arc;
use std::time::Duration;

use crate::metric::MetricNames;

/// A whole valid configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where and how we serve.
    pub server: Server,
    /// TLS, login, headers and rate of our own pages; none where no web config is named.
    pub(crate) web: Option<Arc<WebConfig>>,
    /// How we collect.
    pub collection: Collection,
    /// Which collectors run.
    pub collectors: Collectors,
    /// Which metric names we serve.
    pub names: MetricNames,
    /// How we log.
    pub log: Log,
    /// Tracing; accepted and checked, not built yet.
    pub opentelemetry: OpenTelemetry,
    /// The NetBackup primary servers, in the order of the file; ids and names are unique.
    pub sites: Vec<Site>,
    /// Sites that can not be collected, since a file or variable that they refer to is missing; only a start
    /// ([`Strictness::Start`]) goes on without them.
    pub lacking: Vec<LackingSite>,
}

/// Our own HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The address that we listen on: an IP address, or a host name as the Go exporter allows.
    pub host: ListenHost,
    /// The port that we listen on.
    pub port: u16,
    /// The path of the metrics page; begins with `/` and is none of our own other paths.
    pub metrics_path: String,
}

/// The default path of the metrics page.
pub(crate) const DEFAULT_METRICS_PATH: &str = "/metrics";

impl Server {
    /// The address to listen on, as the file has it.
    pub fn listen_address(&self) -> ListenAddress {
        ListenAddress { host: self.host.clone(), port: self.port }
    }
}

/// How often and how far back we collect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// `server.collectionInterval`: the time between two runs of a collector that has no interval of its own.
    pub interval: Duration,
    /// The look-back window of finished jobs: the longer of `server.scrapingInterval` and the interval.
    pub window: Duration,
    /// `server.maxStaleCycles`: for how many missed runs a failing collector's last families stay.
    pub max_stale_cycles: u32,
}

/// How we log; a flag of the command line wins over a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `log.level`.
    pub level: Option<LogLevel>,
    /// `log.format`.
    pub format: Option<LogFormat>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum LogLevel {
    /// Only failures.
    Error,
    /// Failures and what may become one.
    Warn,
    /// What an operator wants to see; the default.
    Info,
    /// What a developer wants to see.
    Debug,
    /// Everything.
    Trace,
}

/// One line per event, as logfmt or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs; the default.
    Logfmt,
    /// One JSON object.
    Json,
}

/// The keys of `opentelemetry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenTelemetry {
    /// Whether traces are wanted.
    pub enabled: bool,
    /// `host:port` of the collector.
    pub endpoint: Option<String>,
    /// Plain gRPC instead of TLS.
    pub insecure: bool,
    /// The share of traces that are sampled, 0 to 1.
    pub sampling_rate: f64,
}

impl Config {
    /// The site with this id.
    pub fn site(&self, id: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| &site.id == id)
    }

    /// The ids and names of all sites, also of those that can not be collected yet.
    pub(crate) fn names_of_sites(&self) -> impl Iterator<Item = (&SiteId, &Arc<str>)> {
        let lacking = self.lacking.iter().map(|site| (&site.id, &site.name));
        self.sites.iter().map(|site| (&site.id, &site.name)).chain(lacking)
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
