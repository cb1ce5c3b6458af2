//! The watcher's own thread: it keeps the watches where the paths lead, and looks by itself from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::arms::Arms;
use super::interest::Interest;
use super::read::Content;
use super::shared::{Hint, Shared};
use super::status::{Mode, Status};
use super::trail::{Links, Trail};
use super::{FileSource, Options, Place, mount};

/// How often the paths are resolved anew while they change under our hands. Each round watches the mount's own
/// directory, so whatever comes later is an event.
const ROUNDS: usize = 5;

/// How long an event may be on its way when a tick already sees its change: it takes 2 ms at worst.
const GRACE: Duration = Duration::from_millis(100);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Watch what leads to the followed files now.
    Arm(oneshot::Sender<()>),
    /// Follow these files.
    Follow(BTreeSet<PathBuf>, oneshot::Sender<()>),
    /// The notify thread with this number has ended.
    Deaf(u64),
    /// The watcher was dropped.
    Stop,
}

/// The state of the thread.
pub(super) struct Lookout {
    place: Arc<Place>,
    options: Arc<Options>,
    status: Arc<Status>,
    shared: Arc<Shared>,
    orders: Sender<Order>,
    arms: Arms,
    /// The number of the notify thread that counts.
    generation: u64,
    followed: BTreeSet<PathBuf>,
    seen: Seen,
}

/// What the followed files were, and how many changes had been heard before.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    changes: u64,
    contents: BTreeMap<PathBuf, Option<Content>>,
}

/// What notify calls; dropped with its thread, which is the only sign of that thread's death.
struct Ear {
    shared: Arc<Shared>,
    orders: Sender<Order>,
    generation: u64,
}

impl notify::EventHandler for Ear {
    fn handle_event(&mut self, event: notify::Result<notify::Event>) {
        self.shared.hear(&event);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Deaf(self.generation));
    }
}

impl Lookout {
    pub(super) fn new(source: &FileSource, shared: Arc<Shared>, orders: Sender<Order>) -> Self {
        Self {
            place: Arc::clone(&source.place),
            options: Arc::clone(&source.options),
            status: source.status(),
            shared,
            orders,
            arms: Arms::new(),
            generation: 0,
            followed: source.place.followed(&BTreeSet::new()),
            seen: Seen::default(),
        }
    }

    /// Works until it is stopped. The time to the next tick begins when a tick is done, so that ticks that were
    /// missed (SIGSTOP, a slow file system) are skipped and not made up for.
    pub(super) fn run(mut self, inbox: &Receiver<Order>) {
        self.cover();
        let mut next_tick = Instant::now() + self.period();
        loop {
            match inbox.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= next_tick {
                self.tick();
                next_tick = Instant::now() + self.period();
            }
            next_tick = next_tick.min(Instant::now() + self.period());
            self.shared.set_stuck(false);
        }
        self.status.set_mode(Mode::Unwatched);
        self.status.set_watches(0);
    }

    fn period(&self) -> Duration {
        match self.status.mode() {
            Mode::Poll => self.options.poll_tick.min(self.options.tick),
            _ => self.options.tick,
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Arm(done) => {
                self.cover();
                let _ = done.send(());
            }
            Order::Follow(followed, done) => {
                let is_more = !followed.is_subset(&self.followed);
                self.followed = followed;
                self.cover();
                if is_more {
                    self.shared.hint(Hint::Change);
                }
                let _ = done.send(());
            }
            Order::Deaf(generation) if generation == self.generation => {
                tracing::warn!("the inotify thread has died and is started anew");
                self.restart();
                self.shared.hint(Hint::Change);
            }
            Order::Deaf(_) | Order::Stop => {}
        }
    }

    fn tick(&mut self) {
        let before = std::mem::take(&mut self.seen);
        self.cover();
        if self.status.mode() == Mode::Inotify && self.is_unannounced(&before) {
            tracing::warn!("a file changed and no event told it; watching it anew");
            self.status.add_missed();
            self.restart();
        }
        self.shared.hint(Hint::Tick);
    }

    /// Whether the files have changed since then and nothing was heard of it.
    fn is_unannounced(&self, before: &Seen) -> bool {
        let is_silent = || self.shared.changes() == before.changes;
        let changed = self
            .seen
            .contents
            .iter()
            .any(|(path, now)| before.contents.get(path).is_some_and(|then| then != now));
        if !changed || !is_silent() {
            return false;
        }
        std::thread::sleep(GRACE);
        is_silent()
    }

    fn restart(&mut self) {
        self.generation += 1;
        self.arms.stop();
        self.status.add_restart();
        self.cover();
    }

    /// Watches every directory on the way to every followed file. Armed first, then resolved once more: what
    /// changed in between is seen by the one or by the other.
    fn cover(&mut self) {
        let changes = self.shared.changes();
        let mut failure = None;
        let mut trails = self.trails();
        for _ in 0..ROUNDS {
            failure = self.arm(Interest::of(&trails));
            let now = self.trails();
            if now == trails {
                break;
            }
            trails = now;
        }
        let contents = trails
            .iter()
            .map(|(path, trail)| (path.clone(), trail.end.as_ref().ok().and_then(|file| Content::of(file))));
        self.seen = Seen { changes, contents: contents.collect() };
        let file = trails.get(&self.place.config).and_then(|trail| trail.end.as_ref().ok());
        let is_lone = file.is_some_and(|file| mount::is_lone_file(file));
        self.tell(is_lone, failure);
    }

    fn trails(&self) -> BTreeMap<PathBuf, Trail> {
        let mut links = Links::default();
        self.followed.iter().map(|path| (path.clone(), links.trail(path))).collect()
    }

    /// Arms the directories; returns why one is not watched.
    fn arm(&mut self, mut interest: Interest) -> Option<String> {
        let wanted: BTreeSet<PathBuf> = interest.directories().cloned().collect();
        self.shared.attend(interest.clone());
        let (shared, orders, generation) = (&self.shared, &self.orders, self.generation);
        let ear = || Ear { shared: Arc::clone(shared), orders: orders.clone(), generation };
        if let Err(failure) = self.arms.start(ear) {
            // Its ear is dropped as well, and says so.
            self.generation += 1;
            return Some(failure);
        }
        let armed = self.arms.arm(&wanted, &self.shared.take_suspects());
        let twins = self.arms.twins();
        if !twins.is_empty() {
            for (one, other) in &twins {
                interest.join(one, other);
            }
            self.shared.attend(interest);
        }
        self.status.add_rearmed(armed.rearmed);
        self.status.set_watches(self.arms.count());
        armed.failure
    }

    /// Sets the mode, and says a change of it once.
    fn tell(&self, is_lone: bool, failure: Option<String>) {
        let mode = match (is_lone, &failure) {
            (true, _) => Mode::Unwatchable,
            (false, Some(_)) => Mode::Poll,
            (false, None) => Mode::Inotify,
        };
        if self.status.set_mode(mode) == mode {
            return;
        }
        let path = self.place.config.display();
        match mode {
            Mode::Unwatchable => tracing::warn!(
                %path,
                "the configuration is a bind mount of one file (subPath), which never shows a replaced file; mount \
                 its directory instead, in Kubernetes the volume without subPath"
            ),
            Mode::Poll => tracing::warn!(
                %path,
                reason = failure.unwrap_or_default(),
                every = ?self.period(),
                "no inotify; looking at the files from time to time instead"
            ),
            Mode::Inotify | Mode::Unwatched => tracing::info!(%path, "watching the configuration by inotify"),
        }
    }
}
