//! One site's loop: every collector runs in its own rhythm, and what each run brought is published as it ends.

mod collector;
mod connection;
mod families;
mod picture;
mod plan;
mod publication;
mod reach;
mod run;
mod schedule;
mod scheduled;
mod state;
mod status;
mod trust;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep_until;
use tracing::Instrument as _;

use crate::netbackup::TlsCache;
use crate::snapshot::SnapshotWriter;
pub(crate) use families::FAMILIES;
pub(crate) use plan::Plan;
pub(crate) use publication::down;

use connection::{Connection, Dialer};
use plan::PlanChange;
use state::SiteState;

/// The capacity of the channel of refused keys; the metrics have them all.
const MOST_REFUSALS: usize = 64;

/// Collects one site until it is dropped.
#[derive(Debug)]
pub(crate) struct Poller {
    plans: watch::Receiver<Arc<Plan>>,
    writer: SnapshotWriter,
    dialer: Dialer,
    refusals: Refusals,
    much_read: MuchRead,
}

/// Tells which site's API key NetBackup refuses.
#[derive(Clone, Debug)]
pub(crate) struct Refusals(mpsc::Sender<Arc<str>>);

/// A channel for the names of sites whose key is refused.
pub(crate) fn refusals() -> (Refusals, mpsc::Receiver<Arc<str>>) {
    let (sender, receiver) = mpsc::channel(MOST_REFUSALS);
    (Refusals(sender), receiver)
}

impl Refusals {
    fn tell(&self, site: &Arc<str>) {
        // Nobody may be listening.
        let _ = self.0.try_send(site.clone());
    }
}

/// Tells that a site has read much at once, so that much memory is free again. Several that are not heard yet are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct MuchRead(Arc<Notify>);

impl MuchRead {
    /// A site has.
    pub(crate) fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits until some site tells it.
    pub(crate) async fn told(&self) {
        self.0.notified().await;
    }
}

impl Poller {
    /// A poller that follows the newest of `plans` and publishes by `writer`.
    pub(crate) fn new(
        plans: watch::Receiver<Arc<Plan>>,
        writer: SnapshotWriter,
        tls: Arc<TlsCache>,
        refusals: Refusals,
        much_read: MuchRead,
    ) -> Self {
        Self { plans, writer, dialer: Dialer::new(tls), refusals, much_read }
    }

    /// Polls at once and then every interval of each collector; ends when the plans' sender is gone. Every line of it carries `site`.
    pub(crate) async fn run(self) {
        // It has the level of an error, so that it is there at every level of logging. A poller's site keeps its name.
        let span = tracing::error_span!("site", site = %self.plans.borrow().site.name);
        self.poll().instrument(span).await;
    }

    async fn poll(self) {
        let Self { mut plans, writer, dialer, refusals, much_read } = self;
        let mut plan = plans.borrow_and_update().clone();
        let mut state = SiteState::new(&plan.collectors, dialer.stats.clone(), writer);
        let mut connection = Connection::open(&plan, &dialer);
        let mut was_refused = false;
        loop {
            let is_refused = state.status.is_key_refused();
            if is_refused && !was_refused {
                refusals.tell(&plan.site.name);
            }
            was_refused = is_refused;
            state.start_due(&plan, connection.client());
            if state.status.is_key_due() {
                connection.check_key();
            }
            let due = state.due();
            tokio::select! {
                biased;
                changed = plans.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let old = std::mem::replace(&mut plan, plans.borrow_and_update().clone());
                    let change = PlanChange::between(&old, &plan);
                    state.follow(&change);
                    if change.site.is_some() {
                        connection = connection.reconnect(&plan, &dialer, &mut state);
                        state.client_changed();
                    }
                    if change.shows_others() {
                        // All that is known is known under every name, so nobody needs to be asked.
                        state.publish(&plan);
                    }
                }
                event = connection.event() => connection.handle(event, &plan, &mut state),
                event = state.event() => {
                    if state.handle(event, &plan) {
                        much_read.tell();
                    }
                }
                () = sleep_until(due) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
