//! What is asked of NetBackup and the metric families that come of it: one file per collector, one line each in
//! [`COLLECTORS`].
//!
//! A collector's core is pure, records in and families out; only a thin shell walks pages. What it remembers from cycle
//! to cycle is its own, so that a new key or a new client takes nothing away.

mod jobs;
mod permission;
pub mod site;
mod storage;
mod table;

#[doc(hidden)]
pub use jobs::decode_jobs_page;
pub use permission::{COUNTED, Enforcement, Probe};
pub use table::{COLLECTORS, CollectorSpec, build, wanted};

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::metric::Family;
use crate::netbackup::{self, Client};
use permission::{Permission, Sight};

/// One subject of collection.
pub trait Collector: Send {
    /// The value of the `collector` label.
    fn name(&self) -> &'static str;

    /// Asks the server and gives the families of this cycle, under all names. Dropping the future at any time leaves a state to go on from.
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>>;

    /// How many records since this moment of the server's clock it knows, where it knows all that its list has. Only asked
    /// of a collector whose list has a [`Probe`].
    fn known_since(&self, _: Timestamp) -> Option<u64> {
        None
    }
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

/// What a collector met and left out in one cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Records that its lists had.
    pub records: u64,
    /// Records, or fields of records, that were not what the API reference says.
    pub malformed: u64,
    /// Records that have no label set of their own, since there are too many.
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
    /// The list is empty, and that only since the role may not see it.
    #[error(
        "the list is empty, and {request} is refused: the role of the API key lacks the operation |OPERATIONS|VIEW| on the namespace {permission}"
    )]
    Hidden {
        /// What was refused.
        request: &'static str,
        /// The namespace of the permission.
        permission: &'static str,
    },
}

impl CollectError {
    /// The cause as one of a closed set: [`netbackup::Cause::REASONS`].
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NetBackup(error) => error.reason(),
            Self::Hidden { .. } => "unauthorized",
        }
    }

    /// Whether the key or a permission is missing. One collector alone means a permission, all mean the key.
    pub fn is_unauthorized(&self) -> bool {
        match self {
            Self::NetBackup(error) => error.is_unauthorized(),
            Self::Hidden { .. } => true,
        }
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
    /// What was met and left out.
    pub diagnostics: Diagnostics,
    /// Whether the role of the key sees only a part of what there is.
    pub partial: bool,
}

/// A collector, and what is remembered of the permission to see what it reads.
pub struct Runner {
    entry: &'static CollectorSpec,
    collector: Box<dyn Collector>,
    permission: Permission,
}

impl Runner {
    /// Nothing is known yet of the permission.
    pub fn new(entry: &'static CollectorSpec, collector: Box<dyn Collector>) -> Self {
        Self { entry, collector, permission: Permission::default() }
    }

    /// The value of the `collector` label.
    pub fn name(&self) -> &'static str {
        self.collector.name()
    }

    /// Another key is in use, of whose role nothing is known.
    pub fn key_changed(&mut self) {
        self.permission = Permission::default();
    }

    /// Runs the collector once, and says of an empty or a short list what it is worth.
    pub async fn run(&mut self, context: &Context<'_>) -> Run {
        let mut run = run(self.collector.as_mut(), context).await;
        let Enforcement::Object(probe) = self.entry.enforcement else { return run };
        if run.outcome.is_err() {
            return run;
        }
        let records = run.diagnostics.records;
        if self.permission.is_due(records) && !context.is_over() {
            let since = context.client.server_time(context.now) - context.window.min(COUNTED);
            let known = self.collector.known_since(since).filter(|_| !run.diagnostics.truncated);
            self.permission.ask(probe, context, since, records, known).await;
        }
        match self.permission.sight(records) {
            Sight::Whole => {}
            Sight::Part => run.partial = true,
            Sight::Nothing => {
                let CollectorSpec { permission, .. } = self.entry;
                run.outcome = Err(CollectError::Hidden { request: probe.request, permission });
                run.families.clear();
            }
        }
        run
    }
}

/// Runs a collector once: the one place that times it.
async fn run(collector: &mut dyn Collector, context: &Context<'_>) -> Run {
    let started = Instant::now();
    let mut diagnostics = Diagnostics::default();
    let collected = collector.collect(context, &mut diagnostics).await;
    let duration = started.elapsed();
    match collected {
        Ok(families) => {
            // One record that is there twice shows in several families.
            diagnostics.malformed += families.iter().map(Family::duplicates).max().unwrap_or(0);
            diagnostics.capped += families.iter().map(Family::capped).max().unwrap_or(0);
            Run { families, duration, outcome: Ok(()), diagnostics, partial: false }
        }
        Err(error) => {
            Run { families: Vec::new(), duration, outcome: Err(error), diagnostics, partial: false }
        }
    }
}

#[cfg(test)]
mod tests;
