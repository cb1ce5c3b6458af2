//! The configuration as files: in a mounted volume, or in any directory.
//!
//! Two halves. [`FileReader`] takes snapshots: the configuration and every file that it names as they were at one
//! moment. [`FileWatcher`] says when to take one, and when not yet, since somebody is still writing.
//!
//! From a change to a snapshot: `resolve` finds the file behind each path and the names on the way, `watcher::plan` says
//! which directories to watch and what an event in them means, `watcher::gate` is closed while somebody writes,
//! `reader` takes the snapshot, and `reader::stability` waits for a second one where no event tells that it is whole.

mod dotenv;
mod error;
mod kept;
mod mount;
mod pair;
mod read;
mod reader;
mod resolve;
mod status;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../tests/it/harness/volume.rs"]
pub(crate) mod volume;
mod watcher;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use dotenv::Dotenv;
#[cfg(test)]
pub(crate) use error::FileError;
pub(crate) use error::ReadError;
pub(crate) use kept::KeptFile;
pub(crate) use pair::read_pair;
pub(crate) use reader::{FileReader, FileSnapshot, References};
pub(crate) use status::{WatchMode, WatchStatus};
pub(crate) use watcher::{FileWatcher, Hint, Hints, ReadPermit};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// The times and sizes of a source; the defaults are right for a running exporter.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How often the files are read without an event: remounts, directory links that are pointed elsewhere and
    /// network file systems give none.
    pub tick: Duration,
    /// How often the files are read where inotify is not available.
    pub poll_tick: Duration,
    /// How long a file that was written in place must have been left alone. Tools write in bursts of
    /// microseconds; a person waits less than this for anything.
    pub quiet: Duration,
    /// How long a writer that never finishes can hold a snapshot back.
    pub longest_hold: Duration,
    /// How long a file must be missing before that is reported: a key that is added to or removed from a volume
    /// has no file for about a millisecond around the swap.
    pub confirm_missing: Duration,
    /// How far apart the two snapshots are that must agree when no event says that a writer is done.
    pub confirm_polled: Duration,
    /// The largest configuration in bytes: that of a Kubernetes object.
    pub largest_config: u64,
    /// The largest file that the configuration may name, in bytes.
    pub largest_reference: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(30),
            poll_tick: Duration::from_secs(5),
            quiet: Duration::from_millis(50),
            longest_hold: Duration::from_secs(5),
            confirm_missing: Duration::from_millis(200),
            confirm_polled: Duration::from_secs(1),
            largest_config: 1 << 20,
            largest_reference: 1 << 20,
        }
    }
}

/// A configuration file to read and to watch. Making one does no I/O.
#[derive(Clone)]
pub(crate) struct FileSource {
    paths: Arc<Paths>,
    process: Arc<BTreeMap<String, String>>,
    options: Arc<Options>,
    /// The web config that a flag names.
    web_config: Option<PathBuf>,
    status: watch::Sender<WatchStatus>,
}

impl fmt::Debug for FileSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment may hold keys.
        formatter.debug_tuple("FileSource").field(&self.paths).finish()
    }
}

impl FileSource {
    /// The file at `path`, with the environment of this process for `${NAME}`.
    ///
    /// A relative path is taken from the directory that is current now.
    pub(crate) fn new(path: &Path, process: BTreeMap<String, String>, options: Options) -> Self {
        Self {
            paths: Arc::new(Paths::new(path)),
            process: Arc::new(process),
            options: Arc::new(options),
            web_config: None,
            status: watch::Sender::default(),
        }
    }

    /// Only what a configuration at `path` would name: its text comes from elsewhere.
    pub(crate) fn references_only(path: &Path, process: BTreeMap<String, String>, options: Options) -> Self {
        let paths = Paths { is_source: false, ..Paths::new(path) };
        Self { paths: Arc::new(paths), ..Self::new(path, process, options) }
    }

    /// The same with the web config that a flag names. A relative path is taken from the directory that is current now.
    pub(crate) fn with_web_config(self, path: Option<&Path>) -> Self {
        let web_config = path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        Self { web_config, ..self }
    }

    /// What the watcher says of itself, for metrics.
    pub(crate) fn status(&self) -> watch::Receiver<WatchStatus> {
        self.status.subscribe()
    }
}

/// Where the configuration and what belongs to it lie.
#[derive(Debug)]
struct Paths {
    /// The configuration file, absolute.
    config: PathBuf,
    /// Whether the text is read from there, and not only what it names.
    is_source: bool,
    /// Where `.env` may lie; the first that is there and well-formed counts.
    dotenv: Vec<PathBuf>,
}

impl Paths {
    fn new(path: &Path) -> Self {
        // `absolute` fails only for an empty path or without a current directory; the snapshot then names the path.
        let config = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut dotenv: Vec<PathBuf> = std::path::absolute(".env").into_iter().collect();
        let beside = config.with_file_name(".env");
        if !dotenv.contains(&beside) {
            dotenv.push(beside);
        }
        Self { config, is_source: true, dotenv }
    }

    /// A file that the configuration names. A relative path is taken from the directory in the configuration's own
    /// path, not from where a link leads, so that it stays in the volume.
    fn reference(&self, path: &Path) -> PathBuf {
        self.config.parent().unwrap_or(Path::new("/")).join(path)
    }

    /// Everything that is followed when the configuration names `references`.
    fn followed(&self, references: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let config = self.is_source.then_some(&self.config);
        let own = config.into_iter().chain(&self.dotenv).cloned();
        own.chain(references.iter().map(|path| self.reference(path))).collect()
    }
}
