//! A faithful simulator of the NetBackup REST API: for the demo, the tests and the benchmarks.
//!
//! It is written from the vendor's documents (NetBackup API reference and getting started guide), not from what our own
//! client happens to send. What the documents leave open is marked as inferred where it is decided. Jobs are a function
//! of seed and time, so that 100 000 of them a day cost no memory and two runs agree.

#![forbid(unsafe_code)]

mod api;
mod args;
mod base64;
mod certificate;
mod clock;
mod control;
mod draw;
mod endpoint;
mod error;
mod fault;
mod filter;
mod iso;
mod jobs;
mod keys;
mod listener;
mod options;
mod query;
mod record;
mod request_log;
mod service;
mod site;
mod sort;
mod storage;
mod version;
mod world;

pub use args::{Args, run};
pub use clock::Clock;
pub use fault::{Fault, RetryAfter, Rule};
pub use options::{Options, SiteOptions, Tls};
pub use site::{PolicyChange, Site};
pub use storage::Category;
pub use version::ApiVersion;
pub use world::Scenario;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use certificate::{Authority, CertificateError, Identity};
use options::MOST_JOBS_PER_DAY;
use site::State;

/// Where the control endpoint of each site lives, beside its API.
const CONTROL_PATH: &str = "/simulator";

/// A running simulation. Dropping it ends all sites at once.
pub struct Simulation {
    sites: Vec<Site>,
    stop: CancellationToken,
    listeners: JoinSet<()>,
}

/// Why a simulation did not start; then nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port can not be listened on.
    #[error("site '{site}' can not listen on {address}: {source}")]
    Listen {
        /// The site.
        site: String,
        /// Where it should listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// More jobs than a simulation takes.
    #[error("{0} jobs a day are too many: at most {MOST_JOBS_PER_DAY}")]
    Rate(u32),
    /// A base path that no request can have, or that hides the control endpoint.
    #[error(
        "'{0}' is not a base path: it must be empty or start with '/', not end with it, and not be {CONTROL_PATH}"
    )]
    BasePath(String),
}

impl Simulation {
    /// Starts all sites, or none.
    ///
    /// # Errors
    /// When a port is taken, a certificate can not be made, or an option is out of range.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        check(&options)?;
        let authority = Authority::new()?;
        let mut bound = Vec::new();
        for site in &options.sites {
            let address = SocketAddr::new(options.listen, site.port);
            let listen = |source| StartError::Listen { site: site.name.clone(), address, source };
            let listener = TcpListener::bind(address).await.map_err(listen)?;
            let address = listener.local_addr().map_err(listen)?;
            let identity = Identity::new(options.tls, &authority, site, options.listen)?;
            let state = State::new(&options, site, address, identity);
            bound.push((listener, Site(Arc::new(state))));
        }
        let stop = CancellationToken::new();
        let mut listeners = JoinSet::new();
        let mut sites = Vec::new();
        for (listener, site) in bound {
            listeners.spawn(listener::run(listener, site.clone(), stop.clone()));
            sites.push(site);
        }
        Ok(Self { sites, stop, listeners })
    }

    /// The sites, in the order of the options.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Ends all sites and their connections, stalled ones too.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.listeners.join_next().await.is_some() {}
    }
}

fn check(options: &Options) -> Result<(), StartError> {
    if options.jobs_per_day > MOST_JOBS_PER_DAY {
        return Err(StartError::Rate(options.jobs_per_day));
    }
    let path = options.base_path.as_str();
    let rooted = path.is_empty() || (path.starts_with('/') && !path.ends_with('/'));
    if !rooted || path.starts_with(CONTROL_PATH) {
        return Err(StartError::BasePath(path.to_owned()));
    }
    Ok(())
}

/// The data behind a lock; a panic elsewhere while it was held does not spread.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
