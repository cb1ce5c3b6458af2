//! The watcher's own thread: it keeps the watches where the paths lead, and looks by itself from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arms::Arms;
use super::interest::Interest;
use super::orders::{Orders, Wanted};
use super::read::Content;
use super::shared::{Hint, Shared};
use super::status::{WatchMode, WatchStatus};
use super::trail::{Links, Trail};
use super::{FileSource, Options, Place, mount};

/// How often the paths are resolved anew while they change under our hands. Each round watches the mount's own
/// directory, so whatever comes later is an event.
const ROUNDS: usize = 5;

/// How long after its change an event may be queued when a tick already sees the change.
const GRACE: Duration = Duration::from_millis(100);

/// The pause after a panic; it doubles up to the longest, and after a healthy while it is the first again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const HEALTHY: Duration = Duration::from_mins(10);

/// The state of the thread.
pub(super) struct Lookout {
    place: Arc<Place>,
    options: Arc<Options>,
    status: Arc<WatchStatus>,
    shared: Arc<Shared>,
    orders: Arc<Orders>,
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
    orders: Arc<Orders>,
    generation: u64,
}

impl notify::EventHandler for Ear {
    fn handle_event(&mut self, event: notify::Result<notify::Event>) {
        self.shared.hear(&event);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.orders.give(|wanted| wanted.deaf = Some(self.generation));
    }
}

impl Lookout {
    pub(super) fn new(source: &FileSource, shared: Arc<Shared>, orders: Arc<Orders>) -> Self {
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

    /// Works until it is stopped, also after a panic: then everything is watched and looked at anew.
    pub(super) fn run(mut self) {
        let (mut pause, mut is_anew) = (FIRST_PAUSE, false);
        loop {
            let began = Instant::now();
            if catch_unwind(AssertUnwindSafe(|| self.work(is_anew))).is_ok() {
                break;
            }
            if began.elapsed() >= HEALTHY {
                pause = FIRST_PAUSE;
            }
            tracing::error!(
                pause = pause.as_secs_f64(),
                "The file watcher ended by a panic; it is begun anew"
            );
            std::thread::sleep(pause);
            (pause, is_anew) = ((pause * 2).min(LONGEST_PAUSE), true);
        }
        self.status.set_mode(WatchMode::Unwatched);
        self.status.set_watches(0);
    }

    /// Works until it is stopped. The time to the next tick begins when a tick is done, so that ticks that were
    /// missed (SIGSTOP, a slow file system) are skipped and not made up for.
    fn work(&mut self, is_anew: bool) {
        if is_anew {
            self.restart();
            // What changed meanwhile gave no event.
            self.shared.hint(Hint::Change);
        }
        let mut wanted = Wanted { arm: true, ..Wanted::default() };
        let mut ticked = Instant::now();
        while !wanted.stop {
            #[cfg(test)]
            assert!(!wanted.die, "injected");
            // First, so that no panic loses it.
            if let Some(followed) = wanted.follow.take() {
                (self.followed, wanted.arm) = (followed, true);
            }
            if let Some(number) = wanted.catch_up.take() {
                self.arms.catch_up();
                self.shared.caught_up(number);
            }
            if self.obey(&wanted) {
                self.shared.hint(Hint::Change);
            }
            if ticked.elapsed() >= self.period() {
                self.tick();
                ticked = Instant::now();
            }
            self.status.set_checked();
            wanted = self.orders.take(ticked + self.period());
        }
    }

    fn period(&self) -> Duration {
        match self.status.mode() {
            WatchMode::Poll => self.options.poll_tick.min(self.options.tick),
            _ => self.options.tick,
        }
    }

    /// Does what is wanted; returns whether something is watched now that was not before.
    fn obey(&mut self, wanted: &Wanted) -> bool {
        if wanted.deaf == Some(self.generation) {
            tracing::warn!("The inotify thread has died and is started anew");
            self.restart();
            return true;
        }
        wanted.arm && self.cover()
    }

    fn tick(&mut self) {
        self.cover();
        let now = self.see();
        if self.status.mode() == WatchMode::Inotify && self.is_unannounced(&now) {
            tracing::warn!("A file changed and no event told it; watching it anew");
            self.status.add_missed();
            self.restart();
        }
        self.seen = now;
        self.shared.hint(Hint::Tick);
    }

    /// Whether the files have changed since they were seen and nothing was heard of it.
    fn is_unannounced(&mut self, now: &Seen) -> bool {
        let before = &self.seen;
        let mut known =
            before.contents.iter().filter_map(|(path, then)| Some((then, now.contents.get(path)?)));
        if !known.any(|(then, now)| then != now) || self.shared.changes() != before.changes {
            return false;
        }
        std::thread::sleep(GRACE);
        self.arms.catch_up();
        self.shared.changes() == self.seen.changes
    }

    /// What the followed files are now.
    fn see(&self) -> Seen {
        let changes = self.shared.changes();
        let content = |trail: Trail| trail.end.ok().and_then(|file| Content::of(&file));
        let trails = self.trails().into_iter();
        Seen { changes, contents: trails.map(|(path, trail)| (path, content(trail))).collect() }
    }

    /// Takes what the files are now as what they were, but only so far as events have told it, or they are new.
    fn remember(&mut self, now: Seen) {
        if now.changes != self.seen.changes {
            self.seen = now;
            return;
        }
        self.seen.contents.retain(|path, _| now.contents.contains_key(path));
        for (path, content) in now.contents {
            self.seen.contents.entry(path).or_insert(content);
        }
    }

    fn restart(&mut self) {
        self.generation += 1;
        self.arms.stop();
        self.status.add_restart();
        self.cover();
    }

    /// Watches every directory on the way to every followed file. Armed first, then resolved once more: what
    /// changed in between is seen by the one or by the other. Returns whether something is watched now that was
    /// not before.
    fn cover(&mut self) -> bool {
        let mut failure = None;
        let mut is_news = false;
        let mut trails = self.trails();
        for _ in 0..ROUNDS {
            let (is_new, error) = self.arm(Interest::of(&trails));
            is_news |= is_new;
            failure = error;
            let now = self.trails();
            if now == trails {
                break;
            }
            trails = now;
        }
        let now = self.see();
        self.remember(now);
        let file = trails.get(&self.place.config).and_then(|trail| trail.end.as_ref().ok());
        let is_lone = file.is_some_and(|file| mount::is_lone_file(file));
        self.tell(is_lone, failure);
        is_news
    }

    fn trails(&self) -> BTreeMap<PathBuf, Trail> {
        let mut links = Links::default();
        self.followed.iter().map(|path| (path.clone(), links.trail(path))).collect()
    }

    /// Arms the directories; returns whether anything is new, and why a directory is not watched.
    fn arm(&mut self, mut interest: Interest) -> (bool, Option<String>) {
        let (shared, orders, generation) = (&self.shared, &self.orders, self.generation);
        let ear = || Ear { shared: Arc::clone(shared), orders: Arc::clone(orders), generation };
        if let Err(failure) = self.arms.start(ear) {
            // Its ear is dropped as well, and says so.
            self.generation += 1;
            return (false, Some(failure));
        }
        let wanted: BTreeSet<PathBuf> = interest.directories().cloned().collect();
        for (one, other) in Arms::twins(&wanted) {
            interest.join(&one, &other);
        }
        let is_other = self.shared.attend(interest);
        let armed = self.arms.arm(&wanted, &self.shared.take_suspects());
        self.status.add_rearmed(armed.rearmed);
        self.status.set_watches(self.arms.count());
        (is_other || armed.is_new, armed.failure)
    }

    /// Sets the mode, and says a change of it once.
    fn tell(&self, is_lone: bool, failure: Option<String>) {
        let mode = match (is_lone, &failure) {
            (true, _) => WatchMode::Unwatchable,
            (false, Some(_)) => WatchMode::Poll,
            (false, None) => WatchMode::Inotify,
        };
        if self.status.set_mode(mode) == mode {
            return;
        }
        let path = self.place.config.display();
        match mode {
            WatchMode::Unwatchable => tracing::warn!(
                %path,
                "The configuration is a bind mount of one file (subPath), which never shows a replaced file; mount \
                 its directory instead, in Kubernetes the volume without subPath"
            ),
            WatchMode::Poll => tracing::warn!(
                error = failure.unwrap_or_default(),
                period = ?self.period(),
                "No inotify; the files are polled instead"
            ),
            WatchMode::Inotify | WatchMode::Unwatched if self.place.is_source => {
                tracing::info!(%path, "Watching the configuration by inotify");
            }
            WatchMode::Inotify | WatchMode::Unwatched => {
                tracing::info!("Watching the files that the configuration names by inotify");
            }
        }
    }
}
