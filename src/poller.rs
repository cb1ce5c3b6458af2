//! One site's loop: every interval a cycle, and each cycle's result published as a snapshot.

mod collector;
mod connection;
mod families;
mod plan;
mod publication;
mod state;
mod status;

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::netbackup::TlsCache;
use crate::snapshot::SnapshotWriter;
pub(crate) use families::FAMILIES;
pub(crate) use plan::Plan;
pub(crate) use publication::down;

use connection::{Connection, Dialer, KeyEvent};
use plan::{next_after_change, next_cycle};
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

impl Poller {
    /// A poller that follows the newest of `plans` and publishes by `writer`.
    pub(crate) fn new(
        plans: watch::Receiver<Arc<Plan>>,
        writer: SnapshotWriter,
        tls: Arc<TlsCache>,
        refusals: Refusals,
    ) -> Self {
        Self { plans, writer, dialer: Dialer::new(tls), refusals }
    }

    /// Polls at once and then every interval; ends when the plans' sender is gone. Every line of it carries `site`.
    pub(crate) async fn run(self) {
        // It has the level of an error, so that it is there at every level of logging. A poller's site keeps its name.
        let span = tracing::error_span!("site", site = %self.plans.borrow().site.name);
        self.poll().instrument(span).await;
    }

    async fn poll(self) {
        let Self { mut plans, writer, dialer, refusals } = self;
        let mut plan = plans.borrow_and_update().clone();
        let mut state = SiteState::new(&plan.collectors, dialer.stats.clone(), writer);
        let mut connection = Connection::open(&plan, &dialer);
        let mut next = Instant::now();
        let mut was_refused = false;
        loop {
            let is_refused = state.status.is_key_refused();
            if is_refused && !was_refused {
                refusals.tell(&plan.site.name);
            }
            was_refused = is_refused;
            tokio::select! {
                biased;
                changed = plans.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let old = std::mem::replace(&mut plan, plans.borrow_and_update().clone());
                    next = next_after_change(&old, &plan, next);
                    if old.collectors != plan.collectors {
                        state.adopt(&plan.collectors);
                    }
                    if old.site != plan.site {
                        connection = connection.reconnect(&plan, &dialer, &mut state);
                    }
                    if old.names != plan.names {
                        // All that is known is known under every name, so nobody needs to be asked.
                        state.publish(&plan);
                    }
                }
                event = connection.event() => {
                    if event.replaces_client() {
                        next = Instant::now();
                    }
                    connection.handle(event, &plan, &mut state);
                }
                () = sleep_until(next) => {
                    let began = Instant::now();
                    if cycle(plans.clone(), &plan, &mut state, &mut connection).await {
                        next = next_cycle(began, plan.collection.interval);
                    }
                }
            }
        }
    }
}

/// One cycle; `false` if it was given up, since the client by which it collects is to be replaced.
async fn cycle(
    mut plans: watch::Receiver<Arc<Plan>>,
    plan: &Plan,
    state: &mut SiteState,
    connection: &mut Connection,
) -> bool {
    let client = connection.client();
    let mut events: Vec<KeyEvent> = Vec::new();
    let is_whole = {
        let mut cycle = pin!(state.cycle(plan, client.as_deref()));
        loop {
            tokio::select! {
                biased;
                () = site_changed(&mut plans, plan) => break false,
                event = connection.event() => {
                    events.push(event);
                    if events.iter().any(KeyEvent::replaces_client) {
                        break false;
                    }
                }
                () = &mut cycle => break true,
            }
        }
    };
    for event in events {
        connection.handle(event, plan, state);
    }
    if is_whole && state.status.is_key_due() {
        connection.check_key();
    }
    is_whole
}

/// Waits for a plan that has the site otherwise.
async fn site_changed(plans: &mut watch::Receiver<Arc<Plan>>, running: &Plan) {
    // An error means that the supervisor is gone; the loop finds that out by itself.
    if plans.wait_for(|plan| plan.site != running.site).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
