//! Keeps one poller for each configured site: a new configuration starts, stops and changes only what differs.

mod give_back;
mod metrics;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use metrics::SupervisorMetrics;

use crate::config::{LackingSite, Site, SiteChange, SiteId};
use crate::metric::MetricNames;
use crate::netbackup::TlsCache;
use crate::poller::{self, MuchRead, Plan, Poller, Refusals};
use crate::reload::ActiveConfig;
use crate::snapshot::{SnapshotStore, SnapshotWriter};
use give_back::GiveBack;

/// A poller that panicked comes back after this long, doubled each time up to the longest.
const FIRST_RESTART: Duration = Duration::from_secs(1);
const LONGEST_RESTART: Duration = Duration::from_mins(1);
/// A poller that lived this long was healthy: its next panic is a first one again.
const HEALTHY: Duration = Duration::from_mins(10);
/// An aborted poller that has not ended by then is stuck in code that does not yield.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the supervisor what to do.
#[derive(Clone, Debug)]
pub(crate) struct SupervisorHandle(mpsc::Sender<SupervisorCommand>);

/// What the supervisor is told to do.
#[derive(Debug)]
enum SupervisorCommand {
    /// To follow a configuration, and to say when it does.
    Follow(Arc<ActiveConfig>, oneshot::Sender<()>),
    /// To have every site ask again for what was refused.
    AskRefused,
}

impl SupervisorHandle {
    /// Returns when every poller follows `active`, and removed sites are gone from the page.
    pub(crate) async fn apply(&self, active: Arc<ActiveConfig>) {
        let (sender, done) = oneshot::channel();
        if self.0.send(SupervisorCommand::Follow(active, sender)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Somebody asked for a reload, so the role of a key may see more than before: what was refused is asked for again.
    pub(crate) async fn ask_refused(&self) {
        // At the end nobody listens.
        let _ = self.0.send(SupervisorCommand::AskRefused).await;
    }
}

/// The owner of all pollers.
#[derive(Debug)]
pub(crate) struct Supervisor {
    store: SnapshotStore,
    tls: Arc<TlsCache>,
    metrics: SupervisorMetrics,
    refusals: Refusals,
    commands: mpsc::Receiver<SupervisorCommand>,
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

    /// Serves until the token is cancelled; then every poller is stopped.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(SupervisorCommand::Follow(active, done)) => {
                        self.follow(&active);
                        let _ = done.send(());
                    }
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

    /// Starts, stops and changes pollers so that they are those of `active`.
    fn follow(&mut self, active: &ActiveConfig) {
        let config = &active.config;
        let gone: Vec<_> = self.pollers.keys().filter(|id| config.site(id).is_none()).cloned().collect();
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
            if !known.contains(site) {
                tracing::error!(site = %site.name, error = site.why, "The site can not be collected");
            }
            self.set_aside(site, config.names);
        }
        for site in &config.sites {
            self.follow_site(site, Arc::new(Plan::new(config, site, self.asked)));
        }
        self.metrics.sites(config.sites.len() + config.lacking.len());
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
