//! What a simulation is started with.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::clock::Clock;
use super::fault::Rule;
use super::version::ApiVersion;
use super::world::Scenario;

/// The rate that a simulation accepts at most.
pub(crate) const MOST_JOBS_PER_DAY: u32 = 1_000_000;

/// A simulation: several sites that behave alike but have different jobs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The primary servers; each listens on a port of its own.
    pub sites: Vec<SiteOptions>,
    /// The address that all sites listen on.
    pub listen: IpAddr,
    /// Equal seeds (and site names) give equal jobs and storage.
    pub seed: u64,
    /// The time of all sites.
    pub clock: Clock,
    /// Jobs that start per day and site, up to a million.
    pub jobs_per_day: u32,
    /// Policies per site, as far as the jobs suffice for their schedules; else one for each 50 jobs of a day.
    pub policies: Option<usize>,
    /// How long the job database keeps a job after its end.
    pub job_retention: Duration,
    /// Storage units per site.
    pub storage_units: usize,
    /// The newest API version that the servers know.
    pub api_version: ApiVersion,
    /// The API keys that the servers accept.
    pub api_keys: Vec<String>,
    /// Where the API lives, `/netbackup` on a real server.
    pub base_path: String,
    /// Plain HTTP, or what kind of certificate.
    pub tls: Tls,
    /// Paths below the base path that the role of the keys does not cover; a prefix each.
    pub denied: Vec<String>,
    /// Faults from the start.
    pub faults: Vec<Rule>,
}

/// One primary server.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// Label of the site.
    pub name: String,
    /// Host name that the server calls itself.
    pub server_name: String,
    /// 0 takes a free port.
    pub port: u16,
    /// What goes well and wrong there.
    pub scenario: Scenario,
}

/// How a site is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    Off,
    /// A certificate of the simulation's own authority, valid for the listen address, `localhost` and the server name.
    Valid,
    /// A self-signed leaf certificate (`CA:FALSE`).
    SelfSigned,
    /// A self-signed certificate that calls itself an authority (`CA:TRUE`), as appliances have them.
    SelfSignedCa,
    /// Of the own authority, but expired.
    Expired,
    /// Of the own authority, but for another host.
    WrongName,
}

impl SiteOptions {
    /// A site called `name` on a free port.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            server_name: format!("primary.{name}.example"),
            port: 0,
            scenario: Scenario::Ordinary,
        }
    }
}

impl Default for Options {
    /// One site with 2 000 jobs a day behind the key `simulated-key`, as NetBackup 10.5.
    fn default() -> Self {
        Self {
            sites: vec![SiteOptions::named("site-1")],
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            seed: 1,
            clock: Clock::real(),
            jobs_per_day: Scenario::Ordinary.jobs_per_day(),
            job_retention: Duration::from_hours(7 * 24),
            policies: None,
            storage_units: Scenario::Ordinary.storage_units(),
            api_version: ApiVersion::new(12, 0),
            api_keys: vec!["simulated-key".to_owned()],
            base_path: "/netbackup".to_owned(),
            tls: Tls::Off,
            denied: Vec::new(),
            faults: Vec::new(),
        }
    }
}
