//! What is asked of NetBackup and the metric families that come of it: one file per collector, one line each in
//! [`COLLECTORS`].
//!
//! A collector's core is pure, records in and families out; only a thin shell walks pages. What it remembers from cycle
//! to cycle is its own, so that a new key or a new client takes nothing away.

mod jobs;
pub mod site;
mod storage;
mod table;

#[doc(hidden)]
pub use jobs::decode_jobs_page;
pub use table::{COLLECTORS, Entry, build, wanted};

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::metric::Family;
use crate::netbackup::{self, Client};

/// One subject of collection.
pub trait Collector: Send {
    /// The value of the `collector` label.
    fn name(&self) -> &'static str;

    /// Asks the server and gives the families of this cycle, under all names. Dropping the future at any time leaves a state to go on from.
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        tally: &'a mut Tally,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>>;
}

/// What a cycle gives to its collectors.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The way to the server; its version was negotiated in this cycle.
    pub client: &'a Client,
    /// The value of the `site` label.
    pub site: &'a str,
    /// How far back finished jobs count.
    pub window: Duration,
    /// When the cycle ends.
    pub deadline: Instant,
    /// Our own time at the start of the cycle.
    pub now: Timestamp,
}

impl Context<'_> {
    /// Whether the cycle has no time left for another request.
    fn is_over(&self) -> bool {
        Instant::now() + Duration::from_secs(1) >= self.deadline
    }
}

/// What a collector left out in one cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records, or fields of records, that were not what the API reference says.
    pub odd: u64,
    /// Records that went into the label set `other`, since there are too many label sets.
    pub capped: u64,
    /// Whether the list was longer than this cycle could read.
    pub truncated: bool,
}

/// Why a collector has nothing new.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CollectError {
    /// The server did not give what was asked for.
    #[error(transparent)]
    NetBackup(#[from] netbackup::Error),
}

impl CollectError {
    /// The cause as one of a closed set: [`netbackup::Cause::REASONS`].
    pub fn reason(&self) -> &'static str {
        let Self::NetBackup(error) = self;
        error.reason()
    }

    /// Whether the key or a permission is missing. One collector alone means a permission, all mean the key.
    pub fn is_unauthorized(&self) -> bool {
        let Self::NetBackup(error) = self;
        error.is_unauthorized()
    }
}

/// One run of one collector.
#[derive(Debug)]
pub struct Run {
    /// What it brought; nothing if it failed.
    pub families: Vec<Family>,
    /// How long it took.
    pub duration: Duration,
    /// How it went.
    pub outcome: Result<(), CollectError>,
    /// What was left out.
    pub tally: Tally,
}

/// Runs a collector once: the one place that times it.
pub async fn run(collector: &mut dyn Collector, context: &Context<'_>) -> Run {
    let started = Instant::now();
    let mut tally = Tally::default();
    let collected = collector.collect(context, &mut tally).await;
    let duration = started.elapsed();
    match collected {
        Ok(families) => {
            // One record that is there twice shows in several families.
            tally.odd += families.iter().map(Family::duplicates).max().unwrap_or(0);
            Run { families, duration, outcome: Ok(()), tally }
        }
        Err(error) => Run { families: Vec::new(), duration, outcome: Err(error), tally },
    }
}

#[cfg(test)]
mod tests;
