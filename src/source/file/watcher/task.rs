//! The task that owns the watches: it keeps them where the paths lead, and checks the files from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::Thread;
use std::time::{Duration, Instant};

use notify::Event;
use tokio::sync::watch;

use super::Hint;
use super::baseline::Baseline;
use super::directories::{Coverage, DirectoryWatches, one_path_each};
use super::plan::WatchPlan;
use super::state::{Commands, WatchState};
use crate::source::file::resolve::{Links, Resolution};
use crate::source::file::{FileSource, WatchMode, WatchStatus, mount};

/// How often the paths are resolved anew while they change meanwhile. Each round watches the mount's own
/// directory, so whatever comes later is an event.
const ROUNDS: usize = 5;

/// How long after a change its event may be queued while a tick already finds the change.
const GRACE: Duration = Duration::from_millis(100);

/// The pause after a panic; it doubles up to the longest, and after a healthy while it is the first again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const HEALTHY: Duration = Duration::from_mins(10);

/// Runs on a thread of its own: each question to the file system may block for ever.
pub(super) struct FileWatchTask {
    source: FileSource,
    state: watch::Sender<WatchState>,
    watches: DirectoryWatches,
    /// The number of notify's thread that counts.
    generation: u64,
    baseline: Baseline,
}

/// What notify calls; dropped with notify's thread, which is the only sign of that thread's death.
struct EventHandler {
    source: FileSource,
    state: watch::Sender<WatchState>,
    task: Thread,
    generation: u64,
}

impl notify::EventHandler for EventHandler {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match &event {
            Ok(event) if event.need_rescan() => {
                self.source.status.send_modify(|status| status.overflows += 1);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "Inotify reports an error"),
        }
        self.state.send_if_modified(|state| {
            #[cfg(test)]
            state.die_if("notify");
            state.handle(&event, Instant::now())
        });
    }
}

impl Drop for EventHandler {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.commands.ended = Some(self.generation));
        self.task.unpark();
    }
}

impl FileWatchTask {
    pub(super) fn new(source: FileSource, state: watch::Sender<WatchState>) -> Self {
        let (watches, baseline) = (DirectoryWatches::default(), Baseline::default());
        Self { source, state, watches, generation: 0, baseline }
    }

    /// Works until it is stopped, also after a panic: then everything is watched and read anew.
    pub(super) fn run(mut self) {
        let (mut pause, mut is_anew) = (FIRST_PAUSE, false);
        loop {
            let began = Instant::now();
            if catch_unwind(AssertUnwindSafe(|| self.work(is_anew))).is_ok() {
                break;
            }
            self.status(|status| status.mode = WatchMode::Unwatched);
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
        self.status(|status| (status.mode, status.watches) = (WatchMode::Unwatched, 0));
    }

    /// Works until it is stopped. The time to the next tick begins when a tick is done, so that ticks that were
    /// missed (SIGSTOP, a slow file system) are skipped and not made up for.
    fn work(&mut self, is_anew: bool) {
        if is_anew {
            self.restart();
            // What changed meanwhile gave no event.
            self.hint(Hint::Change);
        }
        let mut ticked = Instant::now();
        loop {
            let commands = self.next_commands(ticked + self.period());
            if commands.stop {
                return;
            }
            if let Some(number) = commands.catch_up {
                self.watches.catch_up();
                self.state.send_modify(|state| state.caught_up = number);
            }
            if commands.ended == Some(self.generation) {
                tracing::warn!("The inotify thread has died and is started anew");
                self.restart();
                self.hint(Hint::Change);
            } else if commands.cover && self.cover() {
                self.hint(Hint::Change);
            }
            if ticked.elapsed() >= self.period() {
                self.tick();
                ticked = Instant::now();
            }
        }
    }

    /// Waits for commands, but not beyond this time.
    fn next_commands(&self, until: Instant) -> Commands {
        loop {
            let mut commands = Commands::default();
            self.state.send_if_modified(|state| {
                #[cfg(test)]
                state.die_if("file-watcher");
                commands = std::mem::take(&mut state.commands);
                false
            });
            let left = until.saturating_duration_since(Instant::now());
            if commands != Commands::default() || left.is_zero() {
                return commands;
            }
            // Nothing else parks this thread between taking the commands and here, so no wake-up is lost.
            std::thread::park_timeout(left);
        }
    }

    fn period(&self) -> Duration {
        let options = &self.source.options;
        match self.source.status.borrow().mode {
            WatchMode::Poll => options.poll_tick.min(options.tick),
            _ => options.tick,
        }
    }

    fn tick(&mut self) {
        self.cover();
        let (changes, resolved) = self.resolve();
        let now = Baseline::new(changes, resolved);
        if self.source.status.borrow().mode == WatchMode::Inotify && self.is_missed(&now) {
            tracing::warn!("A file changed and no event told it; watching it anew");
            self.status(|status| status.missed += 1);
            self.restart();
        }
        self.baseline = now;
        self.hint(Hint::Tick);
    }

    /// Whether the files have changed since the baseline and there is no event of it, not even a late one.
    fn is_missed(&mut self, now: &Baseline) -> bool {
        if !self.baseline.misses(now) {
            return false;
        }
        std::thread::sleep(GRACE);
        self.watches.catch_up();
        self.changes() == self.baseline.changes
    }

    /// Makes all watches anew.
    fn restart(&mut self) {
        self.generation += 1;
        self.watches.stop();
        self.status(|status| status.restarts += 1);
        self.cover();
    }

    /// Watches every directory on the way to every followed file: first watched, then resolved once more, so that
    /// what changed in between is found by the one or by the other. Returns whether something is watched now that was
    /// not before.
    fn cover(&mut self) -> bool {
        let mut coverage = Coverage::default();
        let (mut changes, mut resolved) = self.resolve();
        for _ in 0..ROUNDS {
            let round = self.watch(&resolved);
            coverage = Coverage { is_new: coverage.is_new || round.is_new, ..round };
            let before = resolved;
            (changes, resolved) = self.resolve();
            if resolved == before {
                break;
            }
        }
        let config = resolved.get(&self.source.paths.config);
        let file = config.and_then(|resolution| resolution.file.as_ref().ok());
        let mode = match &coverage.failure {
            _ if file.is_some_and(|file| mount::is_lone_file(file)) => WatchMode::Unwatchable,
            Some(_) => WatchMode::Poll,
            None => WatchMode::Inotify,
        };
        self.set_mode(mode, coverage.failure.as_deref());
        self.baseline.advance(Baseline::new(changes, resolved));
        coverage.is_new
    }

    /// Where the followed paths lead now. The number of changes is taken first: a later one did not lead there.
    fn resolve(&self) -> (u64, BTreeMap<PathBuf, Resolution>) {
        let mut links = Links::default();
        let (changes, followed) = {
            let state = self.state.borrow();
            (state.changes, state.followed.clone())
        };
        (changes, followed.into_iter().map(|path| (path.clone(), links.resolve(&path))).collect())
    }

    /// Watches the directories on the way to the files. Another plan counts as something new.
    fn watch(&mut self, resolved: &BTreeMap<PathBuf, Resolution>) -> Coverage {
        let handler = || EventHandler {
            source: self.source.clone(),
            state: self.state.clone(),
            task: std::thread::current(),
            generation: self.generation,
        };
        if let Err(failure) = self.watches.start(handler) {
            // Its handler is dropped as well, and says that a thread has ended.
            self.generation += 1;
            return Coverage { failure: Some(failure), ..Coverage::default() };
        }
        let plan = WatchPlan::new(resolved, one_path_each());
        let directories = plan.directories();
        let (mut is_other, mut suspects) = (false, BTreeSet::new());
        self.state.send_if_modified(|state| {
            is_other = state.plan != plan;
            state.plan = plan;
            suspects = std::mem::take(&mut state.suspects);
            false
        });
        let coverage = self.watches.watch_only(&directories, &suspects);
        self.status(|status| {
            status.rearmed += coverage.rearmed;
            status.watches = self.watches.count();
        });
        Coverage { is_new: coverage.is_new || is_other, ..coverage }
    }

    fn changes(&self) -> u64 {
        self.state.borrow().changes
    }

    fn hint(&self, hint: Hint) {
        self.state.send_modify(|state| state.hint(hint));
    }

    fn status(&self, change: impl FnOnce(&mut WatchStatus)) {
        self.source.status.send_modify(change);
    }

    /// Sets the mode, and tells a change of it once.
    fn set_mode(&self, mode: WatchMode, failure: Option<&str>) {
        let mut before = mode;
        self.status(|status| before = std::mem::replace(&mut status.mode, mode));
        if before == mode {
            return;
        }
        let path = self.source.paths.config.display();
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
            WatchMode::Inotify | WatchMode::Unwatched if self.source.paths.is_source => {
                tracing::info!(%path, "Watching the configuration by inotify");
            }
            WatchMode::Inotify | WatchMode::Unwatched => {
                tracing::info!("Watching the files that the configuration names by inotify");
            }
        }
    }
}
