//! Keeps one poller for each configured site: a new configuration starts, stops and changes only what differs.

mod give_back;
mod handle;
mod metrics;
mod share;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use handle::SupervisorHandle;
pub(crate) use metrics::{FleetMetrics, SupervisorMetrics};

use crate::config::{LackingSite, Site, SiteChange, SiteId};
use crate::fleet::FleetReader;
use crate::metric::MetricNames;
use crate::netbackup::TlsCache;
use crate::poller::{self, MuchRead, Plan, Poller, Refusals};
use crate::reload::ActiveConfig;
use crate::snapshot::{SnapshotStore, SnapshotWriter};
use give_back::GiveBack;
use handle::SupervisorCommand;
use share::Share;

/// A poller that panicked comes back after this long, doubled each time up to the longest.
const FIRST_RESTART: Duration = Duration::from_secs(1);
const LONGEST_RESTART: Duration = Duration::from_mins(1);
/// A poller that lived this long was healthy: its next panic is a first one again.
const HEALTHY: Duration = Duration::from_mins(10);
/// An aborted poller that has not ended by then is stuck in code that does not yield.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The owner of all pollers.
#[derive(Debug)]
pub(crate) struct Supervisor {
    store: SnapshotStore,
    tls: Arc<TlsCache>,
    metrics: SupervisorMetrics,
    refusals: Refusals,
    commands: mpsc::Receiver<SupervisorCommand>,
    /// Whose the sites are, where replicas share them.
    share: Share,
    /// The configuration that is followed.
    active: Option<Arc<ActiveConfig>>,
    /// Who waits until all stopped pollers have ended.
    settling: Vec<oneshot::Sender<()>>,
    /// How often somebody asked for a reload.
    asked: u64,
    pollers: HashMap<SiteId, Running>,
    /// Sites that can not be collected yet: they are down.
    lacking: Vec<(LackingSite, SnapshotWriter)>,
    tasks: JoinSet<()>,
    by_task: HashMap<Id, SiteId>,
    /// Stopped pollers that have not ended yet: their sites, and by when they should.
    stopping: Vec<(AbortHandle, Arc<str>, Instant)>,
    restarts: Vec<(Instant, SiteId)>,
    much_read: MuchRead,
    give_back: GiveBack,
}

#[derive(Debug)]
struct Running {
    plan: watch::Sender<Arc<Plan>>,
    task: AbortHandle,
    started: Instant,
    next_restart: Duration,
}

impl Supervisor {
    /// A supervisor without pollers; they tell of refused keys by `refusals`.
    pub(crate) fn new(
        store: SnapshotStore,
        metrics: SupervisorMetrics,
        refusals: Refusals,
    ) -> (Self, SupervisorHandle) {
        let (sender, commands) = mpsc::channel(1);
        let supervisor = Self {
            store,
            tls: Arc::new(TlsCache::default()),
            metrics,
            refusals,
            commands,
            share: Share::All,
            active: None,
            settling: Vec::new(),
            asked: 0,
            pollers: HashMap::new(),
            lacking: Vec::new(),
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            stopping: Vec::new(),
            restarts: Vec::new(),
            much_read: MuchRead::default(),
            give_back: GiveBack::by(nbu_exporter_heap::give_back),
        };
        (supervisor, SupervisorHandle(sender))
    }

    /// Only the sites that are assigned to us are collected.
    #[must_use]
    pub(crate) fn shared(self, reader: FleetReader, metrics: FleetMetrics) -> Self {
        Self { share: Share::part(reader, metrics), ..self }
    }

    /// Serves until the token is cancelled; then every poller is stopped.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            if self.stopping.is_empty() {
                for waiting in self.settling.drain(..) {
                    let _ = waiting.send(());
                }
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.share.changed() => self.reassigned(),
                command = self.commands.recv() => match command {
                    Some(SupervisorCommand::Follow(active, done)) => {
                        self.follow(active);
                        let _ = done.send(());
                    }
                    // The newest assignment is followed already.
                    Some(SupervisorCommand::Settle(done)) => self.settling.push(done),
                    Some(SupervisorCommand::AskRefused) => self.ask_refused(),
                    None => break,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.ended(&ended),
                () = self.much_read.told() => self.give_back.later(),
                () = tokio::time::sleep_until(wake) => self.wake(),
            }
        }
        self.tasks.shutdown().await;
    }

    /// Another part of the sites is ours.
    fn reassigned(&mut self) {
        if let Some(active) = self.active.clone() {
            let before: HashSet<_> = self.pollers.keys().cloned().collect();
            self.follow(active);
            self.share.moved(&before, &self.pollers);
        }
    }

    /// Starts, stops and changes pollers so that they are those of `active`, as far as its sites are ours.
    fn follow(&mut self, active: Arc<ActiveConfig>) {
        let config = &active.config;
        let ours: Vec<_> = config.sites.iter().filter(|site| self.share.is_ours(&site.id)).collect();
        let kept: HashSet<_> = ours.iter().map(|site| &site.id).collect();
        let gone: Vec<_> = self.pollers.keys().filter(|id| !kept.contains(id)).cloned().collect();
        if !gone.is_empty() {
            self.give_back.later();
        }
        for id in gone {
            if let Some(name) = self.stop(&id) {
                self.metrics.forget(&name);
            }
        }
        // Their snapshots go first: these sites may be complete now.
        let known: Vec<_> = std::mem::take(&mut self.lacking).into_iter().map(|(site, _)| site).collect();
        for site in &config.lacking {
            if !self.share.is_ours(&site.id) {
                continue;
            }
            if !known.contains(site) {
                tracing::error!(site = %site.name, error = site.why, "The site can not be collected");
            }
            self.set_aside(site, config.names);
        }
        let count = ours.len() + self.lacking.len();
        for site in ours {
            self.follow_site(site, Arc::new(Plan::new(config, site, self.asked)));
        }
        self.metrics.sites(config.sites.len() + config.lacking.len());
        self.share.holds(count);
        self.active = Some(active);
    }

    fn ask_refused(&mut self) {
        self.asked += 1;
        for running in self.pollers.values() {
            running
                .plan
                .send_modify(|plan| *plan = Arc::new(Plan { asked: self.asked, ..Plan::clone(plan) }));
        }
    }

    fn set_aside(&mut self, site: &LackingSite, names: MetricNames) {
        let writer = self.store.writer(site.id.clone());
        writer.publish(poller::down(&site.name, names));
        self.lacking.push((site.clone(), writer));
    }

    fn follow_site(&mut self, site: &Site, plan: Arc<Plan>) {
        let Some(running) = self.pollers.get(&site.id) else {
            self.give_back.later();
            return self.start(plan, FIRST_RESTART);
        };
        let old = running.plan.borrow().clone();
        match SiteChange::between(&old.site, site) {
            Some(SiteChange::Flush(reason, _)) => {
                // What was learned from the old endpoint goes, and what is still under way can not be published.
                self.stop(&site.id);
                self.give_back.later();
                if old.site.name != site.name {
                    self.metrics.renamed(&old.site.name, &site.name);
                }
                self.metrics.flushed(&site.name, reason);
                self.start(plan, FIRST_RESTART);
            }
            // What all sites have in common may have changed without the site.
            Some(SiteChange::Reconnect(_) | SiteChange::NewKey) | None => {
                if old != plan {
                    running.plan.send_replace(plan);
                }
            }
        }
    }

    fn start(&mut self, plan: Arc<Plan>, next_restart: Duration) {
        let id = plan.site.id.clone();
        self.metrics.started(&plan.site.name);
        let (sender, receiver) = watch::channel(plan);
        let writer = self.store.writer(id.clone());
        let (refusals, much_read) = (self.refusals.clone(), self.much_read.clone());
        let poller = Poller::new(receiver, writer, self.tls.clone(), refusals, much_read);
        let task = self.tasks.spawn(poller.run());
        self.by_task.insert(task.id(), id.clone());
        self.pollers.insert(id, Running { plan: sender, task, started: Instant::now(), next_restart });
    }

    /// Stops a site's poller, if it has one; returns the name that the site had.
    fn stop(&mut self, id: &SiteId) -> Option<Arc<str>> {
        self.store.revoke(id);
        self.restarts.retain(|(_, waiting)| waiting != id);
        let running = self.pollers.remove(id)?;
        running.task.abort();
        self.by_task.remove(&running.task.id());
        let name = running.plan.borrow().site.name.clone();
        self.stopping.push((running.task, name.clone(), Instant::now() + STOP_TIMEOUT));
        Some(name)
    }

    /// A poller ends by itself only by a panic; its site comes back after a pause.
    fn ended(&mut self, ended: &Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        self.stopping.retain(|(handle, ..)| handle.id() != task);
        let Some(id) = self.by_task.remove(&task) else { return };
        let Some(running) = self.pollers.get_mut(&id) else { return };
        if running.started.elapsed() >= HEALTHY {
            running.next_restart = FIRST_RESTART;
        }
        let (name, pause) = (running.plan.borrow().site.name.clone(), running.next_restart);
        tracing::error!(site = %name, pause = pause.as_secs_f64(), "The site's poller ended; it is started again");
        self.metrics.restarted(&name);
        self.restarts.push((Instant::now() + pause, id));
    }

    fn next_wake(&self) -> Instant {
        let restarts = self.restarts.iter().map(|(at, _)| *at);
        let stops = self.stopping.iter().map(|(.., at)| *at);
        // Far enough to mean "not at all".
        restarts
            .chain(stops)
            .chain(self.give_back.due())
            .min()
            .unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
    }

    fn wake(&mut self) {
        let now = Instant::now();
        if let Some(give_back) = self.give_back.take_due(now) {
            // It may take a tenth of a second, which is too long for a thread that serves.
            self.tasks.spawn_blocking(give_back);
        }
        let due: Vec<_> = self.restarts.extract_if(.., |(at, _)| *at <= now).map(|(_, id)| id).collect();
        for id in due {
            if let Some(running) = self.pollers.remove(&id) {
                let plan = running.plan.borrow().clone();
                self.start(plan, (running.next_restart * 2).min(LONGEST_RESTART));
            }
        }
        let stuck =
            self.stopping.extract_if(.., |(.., at)| *at <= now).filter(|(task, ..)| !task.is_finished());
        for (_, site, _) in stuck {
            self.metrics.stuck();
            tracing::error!(%site, "A stopped poller has not ended; it can not publish any more");
        }
    }
}

#[cfg(test)]
mod tests;
