//! What a poller keeps of its site.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::picture::picture;
use super::plan::{Plan, PlanChange};
use super::publication::snapshot;
use super::reach::{Reach, ReachAnswer};
use super::run::EndedRun;
use super::schedule::Schedule;
use super::status::SiteStatus;
use crate::config::Collectors;
use crate::netbackup::{self, Client, KeyState, Stats};
use crate::snapshot::SnapshotWriter;

/// Far enough to mean "not at all".
const NEVER: Duration = Duration::from_hours(1);
/// A run of so many reads a history back, or what is known of every policy: the largest sites ask for 15 day by day.
const MANY_REQUESTS: u32 = 20;

/// What a poller keeps of its site.
pub(super) struct SiteState {
    schedule: Schedule,
    reach: Reach,
    /// What is known and published of the site as a whole.
    pub(super) status: SiteStatus,
    stats: Arc<Stats>,
    writer: SnapshotWriter,
}

/// What a poller waits for of its own questions.
pub(super) enum SiteEvent {
    /// A collector's run has ended.
    Ended(Box<EndedRun>),
    /// The server answered or not.
    Reached(ReachAnswer),
}

impl SiteState {
    pub(super) fn new(collectors: &Collectors, stats: Arc<Stats>, writer: SnapshotWriter) -> Self {
        Self::with(Schedule::new(collectors), stats, writer)
    }

    pub(super) fn with(schedule: Schedule, stats: Arc<Stats>, writer: SnapshotWriter) -> Self {
        Self { schedule, reach: Reach::default(), status: SiteStatus::default(), stats, writer }
    }

    /// When there is something to begin.
    pub(super) fn due(&self) -> Instant {
        // Without an answer of the server nothing is collected.
        let runs = self.reach.version.and_then(|_| self.schedule.due());
        self.reach.due().into_iter().chain(runs).min().unwrap_or_else(|| Instant::now() + NEVER)
    }

    /// Begins what is due.
    pub(super) fn start_due(&mut self, plan: &Plan, client: Result<Arc<Client>, String>) {
        if self.reach.due().is_some_and(|due| due <= Instant::now()) {
            self.reach.ask(plan, client.clone());
        }
        if let (Some(version), Ok(client)) = (self.reach.version, client)
            && self.schedule.start_due(plan, version, &client)
        {
            self.status.collected(self.schedule.states());
            self.publish(plan);
        }
    }

    /// Waits for what comes of the questions. Dropping the future loses nothing.
    pub(super) async fn event(&mut self) -> SiteEvent {
        tokio::select! {
            biased;
            reached = self.reach.answered() => SiteEvent::Reached(reached),
            ended = self.schedule.ended() => SiteEvent::Ended(Box::new(ended)),
        }
    }

    /// Whether a run has ended that has read much more than those day by day.
    fn has_read_much(&self, event: &SiteEvent) -> bool {
        matches!(event, SiteEvent::Ended(ended) if ended.requests >= MANY_REQUESTS || self.schedule.is_first(ended))
    }

    /// Takes in what came of a question, and of others that are answered by now, and publishes it: once, since what is published is
    /// written anew for all collectors. Returns whether a run has read much more than those day by day.
    pub(super) fn handle(&mut self, event: SiteEvent, plan: &Plan) -> bool {
        let mut has_read_much = false;
        let mut next = Some(event);
        while let Some(event) = next {
            has_read_much |= self.has_read_much(&event);
            self.take_in(event, plan);
            next = self.event().now_or_never();
        }
        self.publish(plan);
        has_read_much
    }

    fn take_in(&mut self, event: SiteEvent, plan: &Plan) {
        match event {
            SiteEvent::Ended(ended) => {
                self.schedule.take_in(*ended, plan, self.reach.version, self.writer.room());
                self.status.collected(self.schedule.states());
            }
            SiteEvent::Reached(ReachAnswer { outcome: Ok(version), .. }) => {
                self.reach.version = Some(version);
                self.status.reached(plan, version);
                self.status.collected(self.schedule.states());
            }
            SiteEvent::Reached(ReachAnswer { outcome: Err(error), began }) => {
                if self.status.succeeded_since(began) {
                    // What answers a collector is there.
                    tracing::debug!(error = &*error.what, "The version of the API is not known anew");
                    return;
                }
                self.reach.version = None;
                self.schedule.not_reached(plan, &error);
                self.status.not_reached(plan, &error);
            }
        }
    }

    /// Follows a new plan.
    pub(super) fn follow(&mut self, change: &PlanChange<'_>) {
        self.schedule.follow(change);
        self.reach.follow(change.new);
        if change.is_reached_anew() {
            self.start_over();
        } else if change.asks_refused() && !self.status.asks_key_first() {
            self.schedule.ask_refused();
        }
    }

    /// Another client of the same key collects from now on. It has to find out the version before it asks for anything else.
    pub(super) fn client_changed(&mut self) {
        self.reach.forget();
    }

    /// The server is asked in another way, or with another key: all is asked anew, at once.
    pub(super) fn start_over(&mut self) {
        self.reach.forget();
        self.schedule.start_over();
    }

    /// Another key is in use now, of which nothing is known; or, if `newer_waits`, the old one still is.
    pub(super) fn key_changed(&mut self, newer_waits: bool) {
        self.status.key_changed(newer_waits);
        self.schedule.key_changed();
    }

    /// Takes in what the server said of the key.
    pub(super) fn key_checked(&mut self, state: Result<KeyState, netbackup::Error>) {
        if matches!(state, Ok(KeyState::Accepted { .. })) {
            self.schedule.trust_key();
        }
        if self.status.key_checked(state) {
            self.schedule.ask_refused();
        }
    }

    /// Whether a question is under way.
    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        self.reach.due().is_none() || self.schedule.is_busy()
    }

    /// Publishes what is known.
    pub(super) fn publish(&self, plan: &Plan) {
        let name = &plan.site.name;
        let client = self.stats.families(name);
        let report = picture(&self.status, self.schedule.entries(), &self.stats);
        let states = self.schedule.states();
        let room = self.writer.room();
        self.writer.publish(snapshot(&self.status, states, name, plan.names, client, report, room));
    }
}
