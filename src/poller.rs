//! One site's loop: every interval a cycle, and each cycle's result published as a snapshot.

mod connection;
mod cycle;
mod families;
mod record;
mod site;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::collector;
use crate::config::{Collection, Collectors, Config, Site, SiteChange};
use crate::metric::MetricNames;
use crate::netbackup::TlsCache;
use crate::snapshot::SnapshotWriter;
pub use families::FAMILIES;
pub use site::down;

use connection::{Connection, Dialer, News};
use cycle::Memory;

/// A cycle gets at least this long, so that a short interval does not cut off the first reading of a window.
const SHORTEST_DEADLINE: Duration = Duration::from_mins(1);
/// Sites that began together drift apart by up to this share of the interval.
const JITTER: f64 = 0.05;

/// What a poller follows: its site and the settings that hold for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The site.
    pub site: Site,
    /// How often and how far back.
    pub collection: Collection,
    /// Which collectors run.
    pub collectors: Collectors,
    /// Which names are served.
    pub names: MetricNames,
}

impl Plan {
    /// The plan for one site of a configuration.
    pub fn new(config: &Config, site: &Site) -> Self {
        Self {
            site: site.clone(),
            collection: config.collection.clone(),
            collectors: config.collectors.clone(),
            names: config.names,
        }
    }
}

/// Collects one site until it is dropped.
#[derive(Debug)]
pub struct Poller {
    plan: watch::Receiver<Arc<Plan>>,
    writer: SnapshotWriter,
    dialer: Dialer,
    refusals: Refusals,
}

/// Tells which site's API key NetBackup refuses.
#[derive(Clone, Debug)]
pub struct Refusals(mpsc::Sender<Arc<str>>);

/// How many refused keys may wait to be read of; the metrics have them all.
const MOST_REFUSALS: usize = 64;

/// The way out for the names of sites whose key is refused.
pub fn refusals() -> (Refusals, mpsc::Receiver<Arc<str>>) {
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
    /// A poller that follows `plan` and publishes by `writer`.
    pub fn new(
        plan: watch::Receiver<Arc<Plan>>,
        writer: SnapshotWriter,
        tls: Arc<TlsCache>,
        refusals: Refusals,
    ) -> Self {
        Self { plan, writer, dialer: Dialer::new(tls), refusals }
    }

    /// Polls at once and then every interval; ends when the plan's sender is gone. Every line of it carries `site`.
    pub async fn run(self) {
        // It has the level of an error, so that it is there at every level of logging. A poller's site keeps its name.
        let span = tracing::error_span!("site", site = %self.plan.borrow().site.name);
        self.poll().instrument(span).await;
    }

    async fn poll(mut self) {
        let mut plan = self.plan.borrow_and_update().clone();
        let mut memory = Memory::new(collector::build(&plan.collectors));
        let mut connection = Connection::open(&plan, &self.dialer);
        let mut next = Instant::now();
        let mut was_refused = false;
        loop {
            let is_refused = memory.is_key_refused();
            if is_refused && !was_refused {
                self.refusals.tell(&plan.site.name);
            }
            was_refused = is_refused;
            tokio::select! {
                biased;
                changed = self.plan.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let new = self.plan.borrow_and_update().clone();
                    next = next_after_change(&plan, &new, next);
                    if plan.collectors != new.collectors {
                        memory.adopt(collector::build(&new.collectors));
                    }
                    if plan.site != new.site {
                        connection = connection.under(&new, &self.dialer, &mut memory);
                    }
                    let other_names = plan.names != new.names;
                    plan = new;
                    if other_names {
                        // All that is known is known under every name, so nobody needs to be asked.
                        memory.publish(&plan, &self.dialer.stats, &self.writer);
                    }
                }
                news = connection.news() => {
                    if news.is_of_client() {
                        next = Instant::now();
                    }
                    connection.hear(news, &plan, &mut memory);
                    memory.publish(&plan, &self.dialer.stats, &self.writer);
                }
                () = sleep_until(next) => {
                    let began = Instant::now();
                    if self.cycle(&plan, &mut memory, &mut connection).await {
                        next = next_cycle(began, plan.collection.interval);
                    }
                }
            }
        }
    }

    /// One cycle; `false` if it was given up, since what it collects by no longer holds.
    async fn cycle(&self, plan: &Plan, memory: &mut Memory, connection: &mut Connection) -> bool {
        let client = connection.client();
        let mut plans = self.plan.clone();
        let mut heard: Vec<News> = Vec::new();
        let is_whole = {
            let client = client.as_deref();
            let mut cycle = pin!(memory.cycle(plan, client, &self.dialer.stats, &self.writer));
            loop {
                tokio::select! {
                    biased;
                    () = reconnect_wanted(&mut plans, plan) => break false,
                    news = connection.news() => {
                        heard.push(news);
                        if heard.iter().any(News::is_of_client) {
                            break false;
                        }
                    }
                    () = &mut cycle => break true,
                }
            }
        };
        for news in heard {
            connection.hear(news, plan, memory);
            memory.publish(plan, &self.dialer.stats, &self.writer);
        }
        if is_whole && memory.site().is_key_due() {
            connection.check_key();
        }
        is_whole
    }
}

async fn reconnect_wanted(plans: &mut watch::Receiver<Arc<Plan>>, running: &Plan) {
    // An error means that the supervisor is gone; the loop finds that out by itself.
    if plans.wait_for(|plan| plan.site != running.site).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn next_cycle(began: Instant, interval: Duration) -> Instant {
    let interval = interval.mul_f64(1.0 + JITTER * (fastrand::f64() - 0.5) * 2.0);
    // After a long stop (SIGSTOP, a laptop's sleep) there is one cycle, not one for each that was missed.
    (began + interval).max(Instant::now())
}

/// An unchanged cadence is kept; a change of what is asked for is put to work at once.
fn next_after_change(old: &Plan, new: &Plan, next: Instant) -> Instant {
    let now = Instant::now();
    let is_reached_anew = match SiteChange::between(&old.site, &new.site) {
        // A new key is put to work when NetBackup has accepted it.
        None | Some(SiteChange::NewKey) => false,
        // The supervisor gives a site that begins anew another poller.
        Some(SiteChange::Reconnect(_) | SiteChange::Flush(..)) => true,
    };
    if is_reached_anew || old.collectors != new.collectors || old.collection.window != new.collection.window {
        now
    } else if old.collection.interval == new.collection.interval {
        next
    } else {
        next.min(now + new.collection.interval)
    }
}

#[cfg(test)]
mod tests;
