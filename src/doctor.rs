//! Examines the connection to each site, step by step as the exporter makes it, and says what to do where it fails.
//!
//! A step is one small function with its own error, which knows its cure. After the first step that fails, the rest of a
//! site is skipped. The result is plain data; [`table()`] and [`json()`] show it.

mod access;
mod api;
mod certificate;
mod examination;
mod handshake;
mod json;
mod network;
mod report;
mod table;

pub(crate) use json::{json, json_of_mistake};
pub(crate) use report::{Check, CheckStatus, Diagnosis, Finding, MISCONFIGURED, SiteDiagnosis};
pub(crate) use table::{Style, table};

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use crate::collector::{self, CollectorSpec};
use crate::config::{Config, Site};
use crate::netbackup::TlsCache;
use examination::Examination;

/// The sites that are examined at one time. More would burden a proxy or a resolver.
const CONCURRENT_SITES: usize = 8;
/// Helm gives a test five minutes by default; the report must come before that.
const TIME_LIMIT: Duration = Duration::from_mins(4);

/// Examines the sites of a configuration, or the one of this name; `examined` is called for each as it is done.
pub(crate) async fn examine(config: &Config, only: Option<&str>, examined: &(dyn Fn() + Sync)) -> Diagnosis {
    examine_within(config, only, TIME_LIMIT, examined).await
}

async fn examine_within(
    config: &Config,
    only: Option<&str>,
    time: Duration,
    examined: &(dyn Fn() + Sync),
) -> Diagnosis {
    let deadline = Instant::now() + time;
    let tls = TlsCache::default();
    let collectors: Vec<&CollectorSpec> = collector::wanted(&config.collectors).collect();
    let chosen = config.sites.iter().filter(|site| only.is_none_or(|name| *site.name == *name));
    let examine = |site: &Site| {
        let examination = Examination::new(site.clone(), collectors.clone(), &tls).run(deadline);
        async move {
            let diagnosis = examination.await;
            examined();
            diagnosis
        }
    };
    // Of values, since a stream of references to the sites is not general enough for the compiler.
    let examinations: Vec<_> = chosen.map(examine).collect();
    let sites = stream::iter(examinations).buffered(CONCURRENT_SITES).collect().await;
    Diagnosis { sites, webhook: None }
}

#[cfg(test)]
mod tests;
