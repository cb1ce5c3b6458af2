//! What a poller keeps of its site from cycle to cycle, and the cycle itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, Span};

use super::collector::CollectorState;
use super::plan::Plan;
use super::publication::snapshot;
use super::status::SiteStatus;
use crate::collector::{self, Context, Run, Runner};
use crate::config::{ApiVersion, Collectors};
use crate::netbackup::{Client, Stats};
use crate::snapshot::SnapshotWriter;

/// What a poller keeps of its site.
pub(super) struct SiteState {
    /// What runs, in the order of [`SiteStatus::collectors`].
    runners: Vec<Runner>,
    /// What is known and published.
    pub(super) status: SiteStatus,
    stats: Arc<Stats>,
    writer: SnapshotWriter,
}

impl SiteState {
    pub(super) fn new(collectors: &Collectors, stats: Arc<Stats>, writer: SnapshotWriter) -> Self {
        Self::with(collector::build(collectors), stats, writer)
    }

    pub(super) fn with(runners: Vec<Runner>, stats: Arc<Stats>, writer: SnapshotWriter) -> Self {
        let collectors = runners.iter().map(|runner| CollectorState::new(runner.name())).collect();
        Self { runners, status: SiteStatus::new(collectors), stats, writer }
    }

    /// Turns to another set of collectors; those that stay keep what they know.
    pub(super) fn adopt(&mut self, wanted: &Collectors) {
        let runners = std::mem::take(&mut self.runners).into_iter();
        let mut known: Vec<_> = runners.zip(std::mem::take(&mut self.status.collectors)).collect();
        for fresh in collector::build(wanted) {
            let index = known.iter().position(|(runner, _)| runner.name() == fresh.name());
            let (runner, state) = if let Some(index) = index {
                known.swap_remove(index)
            } else {
                let state = CollectorState::new(fresh.name());
                (fresh, state)
            };
            self.runners.push(runner);
            self.status.collectors.push(state);
        }
    }

    /// Another key is in use now, of which nothing is known; or, if `newer_waits`, the old one still is.
    pub(super) fn key_changed(&mut self, newer_waits: bool) {
        self.status.key_changed(newer_waits);
        for runner in &mut self.runners {
            runner.key_changed();
        }
    }

    /// One cycle: the version first, then all collectors side by side, each published as it ends.
    pub(super) async fn cycle(&mut self, plan: &Plan, client: Result<&Client, &String>) {
        let deadline = plan.deadline();
        match reach(client, deadline).await {
            Ok((client, version)) => {
                self.status.reached(plan, version);
                self.collect(plan, client, deadline).await;
                self.status.collected();
            }
            Err(why) => self.status.not_reached(plan, &why),
        }
        self.publish(plan);
    }

    async fn collect(&mut self, plan: &Plan, client: &Client, deadline: Instant) {
        let context = Context {
            client,
            site: &plan.site.name,
            window: plan.collection.window,
            deadline,
            now: Timestamp::now(),
        };
        let context = &context;
        let Self { runners, status, stats, writer } = self;
        let mut panicked = Vec::new();
        let mut runs: FuturesUnordered<_> = runners
            .iter_mut()
            .enumerate()
            .map(|(index, runner)| {
                let span = span(runner.name());
                let run = run(runner, context).instrument(span.clone());
                async move { (index, span, run.await) }
            })
            .collect();
        while let Some((index, span, ended)) = runs.next().await {
            let Some(collector) = status.collectors.get_mut(index) else { continue };
            if let Some(run) = ended {
                span.in_scope(|| note(collector, run, plan));
            } else {
                panicked.push(index);
                collector.failed("internal error", plan.collection.max_stale_cycles);
            }
            if collector.succeeded() {
                status.up = Some(true);
            }
            publish(status, stats, writer, plan);
        }
        drop(runs);
        self.replace(&panicked, plan);
    }

    /// A collector that panicked may be in any state; a fresh one takes its place.
    fn replace(&mut self, panicked: &[usize], plan: &Plan) {
        for index in panicked {
            let Some(runner) = self.runners.get_mut(*index) else { continue };
            let name = runner.name();
            let fresh = collector::build(&plan.collectors).into_iter().find(|fresh| fresh.name() == name);
            if let Some(fresh) = fresh {
                *runner = fresh;
            }
        }
    }

    /// Publishes what is known.
    pub(super) fn publish(&self, plan: &Plan) {
        publish(&self.status, &self.stats, &self.writer, plan);
    }
}

fn publish(site: &SiteStatus, stats: &Stats, writer: &SnapshotWriter, plan: &Plan) {
    let name = &plan.site.name;
    writer.publish(snapshot(site, name, plan.names, stats.families(name)));
}

async fn reach<'a>(
    client: Result<&'a Client, &String>,
    deadline: Instant,
) -> Result<(&'a Client, ApiVersion), String> {
    let client = client.map_err(Clone::clone)?;
    match timeout_at(deadline, client.negotiate(deadline)).await {
        Ok(Ok(version)) => Ok((client, version)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer before the cycle's deadline".to_owned()),
    }
}

/// What every line about a run carries. It has the level of an error, so that it is there at every level of logging.
fn span(collector: &'static str) -> Span {
    tracing::error_span!("collector", collector)
}

/// Runs a collector to the deadline; `None` when it panicked.
async fn run(runner: &mut Runner, context: &Context<'_>) -> Option<Run> {
    AssertUnwindSafe(runner.run(context)).catch_unwind().await.ok()
}

/// Takes in what a run brought, and logs what of it is news.
fn note(collector: &mut CollectorState, run: Run, plan: &Plan) {
    let failure = run.outcome.as_ref().err().cloned();
    if failure.is_none() && collector.sees_part(run.partial) {
        tracing::warn!(
            records = run.diagnostics.records,
            "The role of the API key sees only a part of the list: see what doctor says of its permission"
        );
    }
    let is_news = collector.note(run, plan.collection.max_stale_cycles, Timestamp::now());
    match &failure {
        None if is_news => tracing::info!("The collector succeeds again"),
        Some(error) if is_news => {
            tracing::warn!(reason = error.reason(), %error, "The collector failed");
        }
        None | Some(_) => {}
    }
}
