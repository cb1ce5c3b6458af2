//! The watches on directories, and the notify thread behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::errno::Errno;
use notify::{EventHandler, INotifyWatcher, RecursiveMode, Watcher};

/// What tells one directory from another in its place. Numbers of inodes and devices are reused at once (tmpfs,
/// ext4), so the time of birth counts as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DirectoryId {
    device: u64,
    inode: u64,
    born: Option<SystemTime>,
}

impl DirectoryId {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino(), born: metadata.created().ok() })
    }
}

/// All watches; made without a thread, which comes with the first directory.
pub(super) struct Arms {
    watcher: Option<INotifyWatcher>,
    armed: BTreeMap<PathBuf, DirectoryId>,
}

/// What came of arming.
#[derive(Debug, Default)]
pub(super) struct Armed {
    /// How many directories were other ones than before under their path.
    pub(super) rearmed: u64,
    /// Whether a directory has a watch that it had not before.
    pub(super) is_new: bool,
    /// Why a directory is not watched.
    pub(super) failure: Option<String>,
}

impl Arms {
    pub(super) fn new() -> Self {
        Self { watcher: None, armed: BTreeMap::new() }
    }

    pub(super) fn count(&self) -> usize {
        self.armed.len()
    }

    /// Starts the notify thread unless it runs.
    pub(super) fn start<H: EventHandler>(&mut self, handler: impl FnOnce() -> H) -> Result<(), String> {
        if self.watcher.is_none() {
            let made = INotifyWatcher::new(handler(), notify::Config::default());
            self.watcher = Some(made.map_err(|error| explain(&error))?);
        }
        Ok(())
    }

    /// Ends the notify thread, dead or alive.
    pub(super) fn stop(&mut self) {
        self.armed.clear();
        if let Some(watcher) = self.watcher.take() {
            // It panics when its thread has died (notify 8.2.2, `INotifyWatcher::drop`).
            let _ = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
        }
    }

    /// Watches exactly these directories; those under suspicion get a new watch in any case.
    pub(super) fn arm(&mut self, wanted: &BTreeSet<PathBuf>, suspects: &BTreeSet<PathBuf>) -> Armed {
        let mut result = Armed::default();
        let mut released = self.release(wanted, suspects);
        for path in wanted {
            // What has gone again is found by the caller, who resolves once more.
            let Some(id) = DirectoryId::of(path) else { continue };
            let old = self.armed.get(path);
            let renewed = old.is_some_and(|old| *old != id);
            if old == Some(&id) && !released.contains(&id) {
                continue;
            }
            if let Some(old) = self.armed.remove(path) {
                self.unwatch(path);
                released.insert(old);
            }
            match self.watch(path) {
                Ok(()) => {
                    result.rearmed += u64::from(renewed);
                    result.is_new = true;
                    self.armed.insert(path.clone(), id);
                }
                Err(_) if DirectoryId::of(path).is_none() => {}
                Err(error) => result.failure = Some(error),
            }
        }
        result
    }

    /// Ends the watches that are not wanted or not trusted. A directory that is mounted twice has one watch under
    /// two paths, so the directories are returned whose other path is deaf now.
    fn release(&mut self, wanted: &BTreeSet<PathBuf>, suspects: &BTreeSet<PathBuf>) -> BTreeSet<DirectoryId> {
        let stale: Vec<PathBuf> = self.armed.keys().filter(|path| !wanted.contains(*path)).cloned().collect();
        let mut released = BTreeSet::new();
        for path in stale {
            self.unwatch(&path);
            released.extend(self.armed.remove(&path));
        }
        released.extend(suspects.iter().filter_map(|path| self.armed.get(path).cloned()));
        released
    }

    /// The pairs of paths that are one directory.
    pub(super) fn twins(paths: &BTreeSet<PathBuf>) -> Vec<(PathBuf, PathBuf)> {
        let mut first = BTreeMap::new();
        let mut twins = Vec::new();
        for path in paths {
            let Some(id) = DirectoryId::of(path) else { continue };
            let known: &PathBuf = first.entry(id).or_insert(path);
            if known != path {
                twins.push((known.clone(), path.clone()));
            }
        }
        twins
    }

    /// Returns when the handler has had every event that was queued before. The notify thread answers requests
    /// and events by turns, so after two answers the events of the first turn are done.
    pub(super) fn catch_up(&mut self) {
        for _ in 0..2 {
            self.unwatch(Path::new("/proc/self/no such watch"));
        }
    }

    fn watch(&mut self, path: &Path) -> Result<(), String> {
        let Some(watcher) = &mut self.watcher else { return Err("no inotify instance".to_owned()) };
        // These calls panic when the notify thread has died; its handler has then told us already.
        catch_unwind(AssertUnwindSafe(|| watcher.watch(path, RecursiveMode::NonRecursive)))
            .unwrap_or_else(|_| Err(notify::Error::generic("the inotify thread has died")))
            .map_err(|error| explain(&error))
    }

    fn unwatch(&mut self, path: &Path) {
        if let Some(watcher) = &mut self.watcher {
            // Already gone is as good.
            let _ = catch_unwind(AssertUnwindSafe(|| watcher.unwatch(path)));
        }
    }
}

impl Drop for Arms {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says why, and what would help.
fn explain(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the limit of inotify watches is reached; raise fs.inotify.max_user_watches on the node".to_owned()
        }
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(Errno::EMFILE as i32) => {
            "the limit of inotify instances or open files is reached; raise fs.inotify.max_user_instances on the \
             node, which all containers of one user id share"
                .to_owned()
        }
        _ => error.to_string(),
    }
}
