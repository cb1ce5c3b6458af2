//! The command line of `nbu-exporter simulate`.

use std::future::Future;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::clock::Clock;
use super::fault::Rule;
use super::options::{MOST_JOBS_PER_DAY, Options, SiteOptions, Tls};
use super::version::ApiVersion;
use super::world::Scenario;
use super::{Simulation, Site, StartError};

/// Simulates NetBackup primary servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many primary servers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sites: u16,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub listen: IpAddr,
    /// Port of the first server, the others take the following ones; 0 takes free ports
    #[arg(long, value_name = "FIRST", default_value_t = 1556)]
    pub port: u16,
    /// Equal seeds give equal jobs and storage
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What is simulated
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Scenario::Ordinary)]
    pub scenario: Scenario,
    /// Jobs per day and server; the scenario has a number of its own
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_JOBS_PER_DAY)))]
    pub jobs_per_day: Option<u32>,
    /// For how many hours a server keeps a job after its end
    #[arg(long, value_name = "HOURS", default_value_t = 168, value_parser = clap::value_parser!(u16).range(1..))]
    pub job_retention: u16,
    /// Storage units per server; the scenario has a number of its own
    #[arg(long)]
    pub storage_units: Option<usize>,
    /// Policies per server, as far as the jobs suffice for their schedules
    #[arg(long)]
    pub policies: Option<usize>,
    /// Newest API version that the servers know, 7.0 (NetBackup 10.0) to 14.0 (11.2)
    #[arg(long, value_name = "VERSION", default_value_t = ApiVersion::new(12, 0))]
    pub api_version: ApiVersion,
    /// API key that the servers accept
    #[arg(long, value_name = "KEY", default_value = "simulated-key")]
    pub api_key: String,
    /// How many times faster than real the servers' time runs
    #[arg(long, value_name = "FACTOR", default_value_t = 1)]
    pub speed: u32,
    /// Certificate that the servers show
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Tls::Off)]
    pub tls: Tls,
    /// A fault, for instance `status,code=503,retryAfter=seconds:30,path=/admin/jobs,times=3`; may be given again
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<Rule>,
}

/// Why a simulation ended before `shutdown`.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The output is closed.
    #[error("can not write: {0}")]
    Output(#[from] io::Error),
}

impl From<Args> for Options {
    fn from(args: Args) -> Self {
        let site = |number: u16| {
            let mut site = SiteOptions::named(&format!("site-{}", number + 1));
            site.scenario = args.scenario;
            if args.port != 0 {
                site.port = args.port.saturating_add(number);
            }
            site
        };
        Self {
            sites: (0..args.sites).map(site).collect(),
            listen: args.listen,
            seed: args.seed,
            clock: if args.speed == 1 { Clock::real() } else { Clock::fast(args.speed) },
            jobs_per_day: args.jobs_per_day.unwrap_or(args.scenario.jobs_per_day()),
            job_retention: Duration::from_hours(args.job_retention.into()),
            policies: args.policies,
            storage_units: args.storage_units.unwrap_or(args.scenario.storage_units()),
            api_version: args.api_version,
            api_keys: vec![args.api_key],
            tls: args.tls,
            faults: args.faults,
            ..Self::default()
        }
    }
}

/// Runs a simulation until `shutdown` is done, and writes to `output` where each site listens.
///
/// # Errors
/// When it can not start or `output` can not be written to.
pub async fn run(
    args: Args,
    output: &mut impl Write,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let simulation = Simulation::start(Options::from(args)).await?;
    let printed = print_addresses(simulation.sites(), output);
    if printed.is_ok() {
        shutdown.await;
    }
    simulation.shutdown().await;
    Ok(printed?)
}

fn print_addresses(sites: &[Site], output: &mut impl Write) -> io::Result<()> {
    for site in sites {
        writeln!(output, "{}: {} (control: {})", site.name(), site.base_url(), site.control_url())?;
        if let Some(fingerprint) = site.certificate_sha256() {
            writeln!(output, "{}: certificate SHA-256 {fingerprint}", site.name())?;
        }
    }
    if let Some(pem) = sites.first().and_then(Site::ca_pem) {
        write!(output, "{pem}")?;
    }
    output.flush()
}
