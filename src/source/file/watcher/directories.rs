//! The watches on directories, and notify's thread behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::errno::Errno;
use notify::{EventHandler, INotifyWatcher, RecursiveMode, Watcher};

/// What tells one directory from another under its path. Numbers of inodes and devices are reused at once (tmpfs,
/// ext4), so the time of birth counts as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DirectoryId {
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

/// The watched directories. Notify's thread is begun with [`start`](Self::start).
#[derive(Debug, Default)]
pub(super) struct DirectoryWatches {
    watcher: Option<INotifyWatcher>,
    watched: BTreeMap<PathBuf, DirectoryId>,
}

/// What came of watching.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// How many directories were other ones than before under their path.
    pub(super) rearmed: u64,
    /// Whether a directory has a watch that it had not before.
    pub(super) is_new: bool,
    /// Why a directory is not watched.
    pub(super) failure: Option<String>,
}

impl DirectoryWatches {
    pub(super) fn count(&self) -> u64 {
        self.watched.len() as u64
    }

    /// Starts notify's thread unless it runs.
    pub(super) fn start<H: EventHandler>(&mut self, handler: impl FnOnce() -> H) -> Result<(), String> {
        if self.watcher.is_none() {
            let watcher = INotifyWatcher::new(handler(), notify::Config::default());
            self.watcher = Some(watcher.map_err(|error| explain(&error))?);
        }
        Ok(())
    }

    /// Ends notify's thread, dead or alive.
    pub(super) fn stop(&mut self) {
        self.watched.clear();
        if let Some(watcher) = self.watcher.take() {
            // It panics when its thread has died (notify 8.2.2, `INotifyWatcher::drop`).
            let _ = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
        }
    }

    /// Watches exactly these directories; a suspect gets a new watch in any case, since its watch may be dead.
    pub(super) fn watch_only(
        &mut self,
        directories: &BTreeSet<PathBuf>,
        suspects: &BTreeSet<PathBuf>,
    ) -> Coverage {
        let mut coverage = Coverage::default();
        // What has gone again is found by the caller, who resolves once more.
        let found: BTreeMap<&PathBuf, DirectoryId> =
            directories.iter().filter_map(|path| Some((path, DirectoryId::of(path)?))).collect();
        // All old watches end before a new one begins: a directory that was moved would share its watch.
        for (path, old) in std::mem::take(&mut self.watched) {
            let now = found.get(&path);
            if now == Some(&old) && !suspects.contains(&path) {
                self.watched.insert(path, old);
                continue;
            }
            self.unwatch(&path);
            coverage.rearmed += u64::from(now.is_some_and(|now| *now != old));
        }
        for (path, id) in found {
            if self.watched.contains_key(path) {
                continue;
            }
            match self.watch(path) {
                Ok(()) => {
                    coverage.is_new = true;
                    self.watched.insert(path.clone(), id);
                }
                Err(_) if DirectoryId::of(path).is_none() => {}
                Err(error) => coverage.failure = Some(error),
            }
        }
        coverage
    }

    /// Returns when the handler has had every event that was queued before. Notify's thread answers requests and
    /// events by turns, so after two answers the events of the first turn are done.
    pub(super) fn catch_up(&mut self) {
        for _ in 0..2 {
            self.unwatch(Path::new("/proc/self/no such watch"));
        }
    }

    fn watch(&mut self, path: &Path) -> Result<(), String> {
        let Some(watcher) = &mut self.watcher else { return Err("no inotify instance".to_owned()) };
        // This panics when notify's thread has died; the drop of its handler has reported that already.
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

impl Drop for DirectoryWatches {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Gives each directory one path: one that is mounted twice has one watch, whose events name only one of its paths.
pub(super) fn one_path_each() -> impl FnMut(&Path) -> PathBuf {
    let mut first = BTreeMap::new();
    move |path| match DirectoryId::of(path) {
        Some(id) => first.entry(id).or_insert_with(|| path.to_owned()).clone(),
        None => path.to_owned(),
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
