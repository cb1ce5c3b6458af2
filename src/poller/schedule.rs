//! When each collector of a site runs: every one has its own rhythm, and none waits for another.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::collector::CollectorState;
use super::plan::{Plan, PlanChange, next_run};
use super::run::{AfterRun, EndedRun, RunEnd, RunSetting, span};
use super::scheduled::{Activity, ScheduledCollector};
use super::trust::KeyTrust;
use crate::collector::{self, Board, CollectorSpec, Runner};
use crate::config::{ApiVersion, Collectors};
use crate::netbackup::Client;
use crate::snapshot::{Fault, TextRoom};

const BUG_CURE: &str = "this is a bug of nbu-exporter: report it, with the lines of its log about this run";
const LATE_CURE: &str = "see why the server is this slow, or raise the collector's interval";

/// The collectors of a site, and their runs that are under way.
#[derive(Default)]
pub(super) struct Schedule {
    entries: Vec<ScheduledCollector>,
    runs: FuturesUnordered<BoxFuture<'static, EndedRun>>,
    last_number: u64,
    /// What the collectors know of each other.
    board: Arc<Board>,
    trust: KeyTrust,
    /// The version of the API that the server spoke last.
    version: Option<ApiVersion>,
}

impl Schedule {
    /// The collectors that a configuration asks for; each runs at once.
    pub(super) fn new(collectors: &Collectors) -> Self {
        let runners = collector::wanted(collectors).map(|spec| collector::build(spec, collectors));
        Self::with(runners.collect())
    }

    /// These collectors; each runs at once.
    pub(super) fn with(runners: Vec<Runner>) -> Self {
        Self { entries: runners.into_iter().map(ScheduledCollector::new).collect(), ..Self::default() }
    }

    /// What is known of the collectors, in the order of the table.
    pub(super) fn states(&self) -> impl Iterator<Item = &CollectorState> + Clone {
        self.entries.iter().map(|entry| &entry.state)
    }

    /// The collectors, in the order of the table.
    pub(super) fn entries(&self) -> impl Iterator<Item = &ScheduledCollector> {
        self.entries.iter()
    }

    /// Whether a run is under way.
    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        !self.runs.is_empty()
    }

    /// When the next run is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let idle = self.entries.iter().filter(|entry| matches!(entry.activity, Activity::Idle(_)));
        idle.map(|entry| entry.due).min()
    }

    /// Begins the runs that are due, by a client that speaks this version. Returns whether more is known than before.
    pub(super) fn start_due(&mut self, plan: &Plan, version: ApiVersion, client: &Arc<Client>) -> bool {
        self.follow_version(version);
        let now = Instant::now();
        let mut is_news = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.due <= now) {
            if !matches!(entry.activity, Activity::Idle(_)) {
                continue;
            }
            if !entry.spec.id.always_runs() && self.trust.tried_from() > now {
                entry.due = self.trust.tried_from();
                continue;
            }
            let interval = plan.interval(entry.spec.id);
            entry.state.interval = interval;
            entry.due = next_run(now, interval);
            if entry.is_held(version) {
                entry.state.missed(plan.collection.max_stale_cycles);
                continue;
            }
            if version < entry.spec.main.since {
                entry.unsupported(version);
                is_news = true;
                continue;
            }
            self.last_number += 1;
            let setting = RunSetting {
                number: self.last_number,
                client: client.clone(),
                site: plan.site.name.clone(),
                collectors: plan.collectors.clone(),
                board: self.board.clone(),
                window: plan.collection.window,
                deadline: plan.deadline(interval),
                cancelled: CancellationToken::new(),
            };
            self.runs.extend(entry.begin(setting));
        }
        is_news
    }

    /// A server of another release may have what it lacked, or lack what it had: what depends on that is asked for at once.
    fn follow_version(&mut self, version: ApiVersion) {
        let Some(old) = self.version.replace(version).filter(|old| *old != version) else { return };
        tracing::info!(%old, new = %version, "NetBackup speaks another version of its API");
        let now = Instant::now();
        for entry in self.entries.iter_mut().filter(|entry| entry.depends_on(old, version)) {
            entry.due = now;
        }
    }

    /// Waits for the end of a run. Dropping the future loses nothing.
    pub(super) async fn ended(&mut self) -> EndedRun {
        match self.runs.next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Whether a run succeeded, and none of its collector had before.
    pub(super) fn is_first(&self, ended: &EndedRun) -> bool {
        let is_good = matches!(&ended.end, RunEnd::Done(run) if run.outcome.is_ok());
        let known = self.entries.iter().find(|entry| entry.spec.id == ended.id);
        is_good && known.is_some_and(|entry| entry.state.succeeded_at.is_none())
    }

    /// Takes in a run that has ended; `version` is the one in use, and its text goes into the room.
    pub(super) fn take_in(
        &mut self,
        ended: EndedRun,
        plan: &Plan,
        version: Option<ApiVersion>,
        room: &TextRoom,
    ) {
        let EndedRun { id, number, next, end, requests } = ended;
        let others_succeed = self.entries.iter().any(|entry| entry.spec.id != id && entry.state.succeeded());
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.spec.id == id) else { return };
        let was_let_in = entry.state.proves_key && matches!(&end, RunEnd::Done(run) if run.outcome.is_ok());
        // An earlier run of a collector that was made anew since then.
        let Activity::UnderWay { number: newest, role_changed, .. } = entry.activity else { return };
        if newest != number {
            return;
        }
        match next {
            AfterRun::Rest(rest) => self.runs.push(rest.instrument(span(id)).boxed()),
            AfterRun::Idle(runner) => entry.rest(runner, role_changed),
            AfterRun::Lost => entry.rest(collector::build(entry.spec, &plan.collectors), role_changed),
        }
        let stale_cycles = plan.collection.max_stale_cycles;
        let _in_span = span(entry.spec.id).entered();
        match end {
            RunEnd::Done(run) => {
                let unsupported =
                    run.outcome.as_ref().is_err_and(|error| entry.spec.is_unsupported_by(error));
                match version {
                    Some(version) if unsupported && others_succeed => entry.unsupported(version),
                    _ => entry.note(run, stale_cycles, room),
                }
            }
            RunEnd::DoneRest(rest) => entry.state.note_rest(rest, room),
            RunEnd::Panicked => {
                entry.state.failed(Fault::new("internal error", BUG_CURE), stale_cycles);
            }
            RunEnd::Late => {
                if entry.state.failed(Fault::new("no result before the deadline", LATE_CURE), stale_cycles) {
                    tracing::warn!("The collector was stopped at its deadline");
                }
            }
            RunEnd::Overtaken if entry.begins_anew() => return,
            RunEnd::Overtaken => {
                let why = "the server speaks now one version of its API and now another";
                if entry.state.failed(why, stale_cycles) {
                    tracing::warn!("The server speaks now one version of its API and now another");
                }
            }
            RunEnd::Cancelled => return,
        }
        entry.overtaken = 0;
        entry.state.asked(requests);
        if was_let_in {
            self.trust_key();
        }
        if self.board.take_news() {
            self.show_news();
        }
    }

    /// The key is good: those that waited for that run at once.
    pub(super) fn trust_key(&mut self) {
        let now = Instant::now();
        let tried_from = self.trust.tried_from();
        self.trust = KeyTrust::known();
        for entry in self.entries.iter_mut().filter(|entry| entry.due == tried_from) {
            entry.due = entry.due.min(now);
        }
    }

    /// A fact is known that was not known before: the collectors whose families change with it run at once.
    fn show_news(&mut self) {
        let now = Instant::now();
        for entry in self.entries.iter_mut().filter(|entry| entry.spec.awaits_facts) {
            entry.due = now;
        }
    }

    /// The server does not answer: what is due is missed.
    pub(super) fn not_reached(&mut self, plan: &Plan, why: &Fault) {
        let now = Instant::now();
        for entry in self.entries.iter_mut().filter(|entry| entry.due <= now) {
            if matches!(entry.activity, Activity::Idle(_)) {
                entry.state.failed(why.clone(), plan.collection.max_stale_cycles);
                entry.state.interval = plan.interval(entry.spec.id);
                entry.due = next_run(now, entry.state.interval);
            }
        }
    }

    /// Follows a new plan: a collector with other options is made anew, those that stay keep what they know.
    pub(super) fn follow(&mut self, change: &PlanChange<'_>) {
        self.turn_to(collector::wanted(&change.new.collectors), change);
    }

    fn turn_to(&mut self, specs: impl Iterator<Item = &'static CollectorSpec>, change: &PlanChange<'_>) {
        let new = change.new;
        let mut known = std::mem::take(&mut self.entries);
        for spec in specs {
            let index = known.iter().position(|entry| entry.spec.id == spec.id);
            let Some(mut entry) = index.map(|index| known.swap_remove(index)) else {
                self.entries.push(ScheduledCollector::new(collector::build(spec, &new.collectors)));
                continue;
            };
            entry.due = change.due(spec.id, entry.due);
            entry.state.interval = new.interval(spec.id);
            if change.rebuilds(spec.id) {
                entry.cancel();
                entry.activity = Activity::Idle(collector::build(spec, &new.collectors));
                entry.hold = None;
            }
            self.entries.push(entry);
        }
        known.iter().for_each(ScheduledCollector::cancel);
    }

    /// The server is asked in another way: runs that are under way are given up, and all begin anew at once.
    pub(super) fn start_over(&mut self) {
        let now = Instant::now();
        for entry in &mut self.entries {
            entry.cancel();
            entry.due = now;
            entry.hold = None;
        }
    }

    /// Another key is in use, of whose role nothing is known.
    pub(super) fn key_changed(&mut self) {
        self.trust = KeyTrust::default();
        self.board.forget_refusals();
        self.entries.iter_mut().for_each(ScheduledCollector::role_changed);
    }

    /// The role of the key may see more than before: what it might not see, or only a part of, is asked for at once.
    pub(super) fn ask_refused(&mut self) {
        self.board.forget_refusals();
        let now = Instant::now();
        for entry in self.entries.iter_mut().filter(|entry| entry.is_refused()) {
            entry.role_changed();
            entry.hold = None;
            entry.due = now;
        }
    }
}

#[cfg(test)]
mod tests;
