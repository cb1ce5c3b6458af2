//! The watching half, as the reload task holds it.

mod baseline;
mod directories;
mod gate;
mod plan;
mod state;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

use super::FileSource;
use state::{Commands, WatchState};
use task::FileWatchTask;

/// How long to wait for the events up to now. They take 2 ms at worst where a processor is free, and far more where a
/// limit on processor time or a busy machine holds the threads up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Watches the configuration and the files that it names. Dropping the watcher ends that.
///
/// The file system is asked by a thread of its own, `FileWatchTask`, since a dead file system may block it for ever:
/// nothing else waits for it.
#[derive(Debug)]
pub(crate) struct FileWatcher {
    source: FileSource,
    state: watch::Sender<WatchState>,
    thread: Thread,
}

/// The permission to read; see [`FileWatcher::is_undisturbed`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct ReadPermit {
    writes: u64,
    changes: u64,
    is_forced: bool,
}

/// Why to read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Something happened to a followed file.
    Change,
    /// There was no event, but the time is up.
    Tick,
}

/// The hints of one watcher, for one reader.
#[derive(Debug)]
pub(crate) struct Hints {
    state: watch::Sender<WatchState>,
}

impl FileWatcher {
    /// Starts to watch. Fails only if the system gives no thread; without inotify it polls.
    ///
    /// A hint comes whenever a directory is watched that was not before, the first ones included: what changed
    /// between a snapshot and the watching is in the snapshot that follows.
    pub(crate) fn start(source: &FileSource) -> io::Result<(Self, Hints)> {
        let state = watch::Sender::new(WatchState::new(source));
        let task = FileWatchTask::new(source.clone(), state.clone());
        let thread = std::thread::Builder::new().name("file-watcher".to_owned()).spawn(move || task.run())?;
        let hints = Hints { state: state.clone() };
        Ok((Self { source: source.clone(), state, thread: thread.thread().clone() }, hints))
    }

    /// Follows the configuration and these files, and no others: those that the running configuration names, and
    /// those of the newest rejected one. A relative path is taken from the configuration's directory.
    ///
    /// A file that was not followed before may have changed since it was read, so it brings a hint. Never waits.
    pub(crate) fn follow(&self, references: &BTreeSet<PathBuf>) {
        let followed = self.source.paths.followed(references);
        self.state.send_modify(|state| state.followed = followed);
        self.command(|commands| commands.cover = true);
    }

    /// Waits until nobody is writing a followed file in place, so that reading may begin. To be awaited before each
    /// snapshot, whatever asked for it; it has the watches follow the paths to where they lead now.
    ///
    /// Waits five seconds at most for one writer. Cancel safe.
    pub(crate) async fn writers_done(&self) -> ReadPermit {
        let mut changed = self.state.subscribe();
        loop {
            let mut permit = Err(Instant::now());
            self.state.send_if_modified(|state| {
                permit = state.permit(Instant::now());
                false
            });
            match permit {
                Ok(permit) => {
                    self.command(|commands| commands.cover = true);
                    return permit;
                }
                // Every event ends the wait, since a writer may be done earlier; asking too often does no harm.
                Err(time) => {
                    let _ = timeout_at(time.into(), changed.changed()).await;
                }
            }
        }
    }

    /// Whether nobody wrote in place since the permit. To be asked after a snapshot and before it is used: a
    /// writer may have begun just before it, its first event still being on its way, so this takes in every
    /// event up to now. If not: read again.
    ///
    /// Waits for the watch task, but not for long: a dead file system may keep it. Cancel safe.
    pub(crate) async fn is_undisturbed(&self, permit: ReadPermit) -> bool {
        let _ = timeout(PATIENCE, self.catch_up()).await;
        permit.is_forced || self.state.borrow().gate.writes() == permit.writes
    }

    /// Waits until every event up to now was handled.
    pub(super) async fn catch_up(&self) {
        let mut number = 0;
        self.state.send_modify(|state| {
            state.numbered += 1;
            number = state.numbered;
        });
        self.command(|commands| commands.catch_up = Some(number));
        // It fails only without a sender, and we hold one.
        let _ = self.state.subscribe().wait_for(|state| state.caught_up >= number).await;
    }

    /// Whether there was an event of a change since the permit.
    pub(crate) fn has_change_since(&self, permit: ReadPermit) -> bool {
        self.state.borrow().changes != permit.changes
    }

    /// Tells the watch task what to do. Never waits for it.
    fn command(&self, command: impl FnOnce(&mut Commands)) {
        self.state.send_modify(|state| command(&mut state.commands));
        self.thread.unpark();
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        // Not joined: it may be stuck in a dead file system, and it owns nothing that must be saved.
        self.command(|commands| commands.stop = true);
    }
}

impl Hints {
    /// Waits for the next hint. Cancel safe; any number of hints that nobody waited for are one, and a change
    /// wins over a tick. Pending for ever once the watcher is gone.
    pub(crate) async fn next(&mut self) -> Hint {
        let mut changed = self.state.subscribe();
        loop {
            let mut hint = None;
            self.state.send_if_modified(|state| {
                hint = state.hint.take();
                false
            });
            if let Some(hint) = hint {
                return hint;
            }
            // It ends only with all senders, and we hold one.
            let _ = changed.changed().await;
        }
    }
}
