use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, Span};

use super::record::Record;
use super::site::SiteRecord;
use super::{Plan, SHORTEST_DEADLINE, families};
use crate::collector::{self, Context, Run, Runner};
use crate::config::ApiVersion;
use crate::netbackup::{Client, Stats};
use crate::snapshot::{Fragment, Snapshot, SnapshotWriter};

/// What a poller remembers from cycle to cycle.
pub(super) struct Memory {
    collectors: Vec<Runner>,
    records: Vec<Record>,
    site: SiteRecord,
}

impl Memory {
    pub(super) fn new(collectors: Vec<Runner>) -> Self {
        let records = collectors.iter().map(|collector| Record::new(collector.name())).collect();
        Self { collectors, records, site: SiteRecord::default() }
    }

    /// Takes over another set of collectors; those that stay keep what they know.
    pub(super) fn adopt(&mut self, wanted: Vec<Runner>) {
        let mut known: Vec<_> =
            std::mem::take(&mut self.collectors).into_iter().zip(std::mem::take(&mut self.records)).collect();
        for fresh in wanted {
            let place = known.iter().position(|(collector, _)| collector.name() == fresh.name());
            let (collector, record) = if let Some(place) = place {
                known.swap_remove(place)
            } else {
                let record = Record::new(fresh.name());
                (fresh, record)
            };
            self.collectors.push(collector);
            self.records.push(record);
        }
    }

    /// What is known of the site.
    pub(super) fn site(&mut self) -> &mut SiteRecord {
        &mut self.site
    }

    /// Another key is in use now, of which nothing is known; or, if `newer_waits`, the old one still is.
    pub(super) fn key_changed(&mut self, newer_waits: bool) {
        self.site.key_changed(newer_waits);
        for collector in &mut self.collectors {
            collector.key_changed();
        }
    }

    /// Whether NetBackup refuses the configured key.
    pub(super) fn is_key_refused(&self) -> bool {
        self.site.credential == Some(false)
    }

    /// One cycle: the version first, then all collectors side by side, each published as it ends.
    pub(super) async fn cycle(
        &mut self,
        plan: &Plan,
        client: Result<&Client, &String>,
        stats: &Stats,
        writer: &SnapshotWriter,
    ) {
        let deadline =
            Instant::now() + plan.collection.interval.max(plan.site.timeout).max(SHORTEST_DEADLINE);
        let client = match reach(client, deadline).await {
            Ok((client, version)) => {
                self.site.reached(plan, version);
                client
            }
            Err(why) => return self.unreachable(&why, plan, stats, writer),
        };
        let all_unauthorized = self.collect(plan, client, deadline, stats, writer).await;
        self.site.collected(self.records.iter().any(Record::succeeded), all_unauthorized);
        self.publish(plan, stats, writer);
    }

    /// Whether every collector was refused.
    async fn collect(
        &mut self,
        plan: &Plan,
        client: &Client,
        deadline: Instant,
        stats: &Stats,
        writer: &SnapshotWriter,
    ) -> bool {
        let context = Context {
            client,
            site: &plan.site.name,
            window: plan.collection.window,
            deadline,
            now: Timestamp::now(),
        };
        let Self { collectors, records, site } = self;
        let mut broken = Vec::new();
        let mut unauthorized = 0;
        let context = &context;
        let mut runs: FuturesUnordered<_> = collectors
            .iter_mut()
            .enumerate()
            .map(|(place, collector)| {
                let span = span(collector.name());
                let run = run(collector, context).instrument(span.clone());
                async move { (place, span, run.await) }
            })
            .collect();
        while let Some((place, span, ended)) = runs.next().await {
            let Some(record) = records.get_mut(place) else { continue };
            if let Some(run) = ended {
                unauthorized += usize::from(span.in_scope(|| note(record, run, plan)));
            } else {
                broken.push(place);
                record.failed("internal error", plan.collection.max_stale_cycles);
            }
            if record.succeeded() {
                site.up = Some(true);
            }
            publish(site, records, plan, stats, writer);
        }
        drop(runs);
        self.replace(&broken, plan);
        unauthorized == self.records.len()
    }

    /// A collector that panicked may be in any state; a fresh one takes its place.
    fn replace(&mut self, broken: &[usize], plan: &Plan) {
        for place in broken {
            let Some(collector) = self.collectors.get_mut(*place) else { continue };
            let name = collector.name();
            if let Some(fresh) =
                collector::build(&plan.collectors).into_iter().find(|fresh| fresh.name() == name)
            {
                *collector = fresh;
            }
        }
    }

    fn unreachable(&mut self, why: &str, plan: &Plan, stats: &Stats, writer: &SnapshotWriter) {
        self.site.not_reached(plan, why);
        self.site.complete = true;
        for record in &mut self.records {
            record.failed(why, plan.collection.max_stale_cycles);
        }
        self.publish(plan, stats, writer);
    }

    /// Publishes what is known.
    pub(super) fn publish(&self, plan: &Plan, stats: &Stats, writer: &SnapshotWriter) {
        publish(&self.site, &self.records, plan, stats, writer);
    }
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
async fn run(collector: &mut Runner, context: &Context<'_>) -> Option<Run> {
    AssertUnwindSafe(collector.run(context)).catch_unwind().await.ok()
}

/// Writes down what a run brought; whether it was refused for want of permission.
fn note(record: &mut Record, run: Run, plan: &Plan) -> bool {
    let failure = run.outcome.as_ref().err().cloned();
    if failure.is_none() && record.sees_part(run.partial) {
        tracing::warn!(
            records = run.diagnostics.records,
            "The role of the API key sees only a part of the list: see what doctor says of its permission"
        );
    }
    let news = record.note(run, plan.collection.max_stale_cycles, Timestamp::now());
    match &failure {
        None if news => tracing::info!("The collector succeeds again"),
        Some(error) if news => {
            tracing::warn!(reason = error.reason(), %error, "The collector failed");
        }
        None | Some(_) => {}
    }
    failure.is_some_and(|error| error.is_unauthorized())
}

/// Makes the site's snapshot of all that is known and publishes it.
fn publish(site: &SiteRecord, records: &[Record], plan: &Plan, stats: &Stats, writer: &SnapshotWriter) {
    let own =
        families::of_site(site, records, &plan.site.name).into_iter().chain(stats.families(&plan.site.name));
    let mut fragments: Vec<_> = own.map(Fragment::from).collect();
    fragments.extend(records.iter().flat_map(|record| record.fragments.iter().cloned()));
    fragments.retain(|fragment| plan.names.serves(fragment.desc) && !fragment.text.is_empty());
    writer.publish(Snapshot {
        site: plan.site.name.clone(),
        taken_at: Timestamp::now(),
        up: site.up,
        complete: site.complete,
        unauthorized: records
            .iter()
            .filter(|record| record.is_unauthorized())
            .map(|record| record.name)
            .collect(),
        fragments,
    });
}
