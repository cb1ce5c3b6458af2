//! The reading half: one snapshot holds the configuration and all that it names, as they were at one moment.

mod stability;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dotenv::Dotenv;
use super::error::{FileError, ReadError};
use super::read::{Identity, read};
use super::resolve::Links;
use super::status::WatchMode;
use super::{FileSource, Paths};
use crate::config::{Environment, FileProblem, Files, Material};
use stability::Stability;

/// How often a snapshot is tried. With a swap every 0.6 ms about one reading in 400 meets one.
const TRIES: u32 = 20;

/// How long to wait before reading again when all tries met a swap.
const AFTER_TRIES: Duration = Duration::from_millis(50);

/// How often a caller that only wants a verdict reads again.
const ROUNDS: usize = 100;

/// Finds the files that a text names, and those that the files name which were read already.
pub(crate) type References<'a> = dyn Fn(&[u8], &Environment, &Files) -> BTreeSet<PathBuf> + 'a;

/// Reads the configuration with all that it names. Every method blocks as long as the file system does.
#[derive(Debug)]
pub struct FileReader {
    source: FileSource,
    stability: Mutex<Stability>,
}

/// What was read.
#[derive(Debug)]
pub struct FileSnapshot {
    /// The files, all as they were at one moment.
    pub material: Material,
    /// What is wrong without keeping us from going on, in sentences: a `.env` that was left out.
    pub notes: Vec<String>,
    /// Of the files that the text names, those that lie in the same volume as the configuration. The kubelet brings
    /// them together with it and not before, so a text from elsewhere has to wait for them.
    pub beside: BTreeSet<PathBuf>,
}

/// One try at a snapshot: each link is read once, and what was read is known afterwards.
#[derive(Debug, Default)]
struct Attempt {
    links: Links,
    read: Vec<(PathBuf, Identity)>,
    /// What is not there, of the configuration and the files that it names.
    missing: BTreeSet<PathBuf>,
}

impl FileSource {
    /// A reading half.
    pub(crate) fn reader(&self) -> FileReader {
        FileReader { source: self.clone(), stability: Mutex::default() }
    }
}

impl FileReader {
    /// The absolute path of the configuration file.
    pub fn path(&self) -> &Path {
        &self.source.paths.config
    }

    /// Whether the configuration is a lone bind mount (`subPath`), which keeps showing the old file.
    pub fn is_lone_mount(&self) -> bool {
        self.mode() == WatchMode::Unwatchable
    }

    /// Reads the configuration, unless its text is given, and the files that `references` finds in it, as they were
    /// at one moment: files of one volume come out of one `..data` directory, and a pair of which one changed
    /// meanwhile is read again. A reader remembers one series of snapshots, so texts from elsewhere need a reader of
    /// their own.
    ///
    /// A missing or unreadable reference is part of the snapshot, a missing or unreadable configuration is the
    /// error. An error with a [`ReadError::retry_after`] is no verdict yet: the caller reads again after that time
    /// (through [`FileWatcher::writers_done`](super::FileWatcher::writers_done), since somebody may be writing).
    ///
    /// Where no event tells that a writer is done (no inotify, lone bind mounts) a changed content is given out
    /// only once two snapshots in a row agree on it.
    pub fn snapshot(
        &self,
        text: Option<&[u8]>,
        references: &References<'_>,
    ) -> Result<FileSnapshot, ReadError> {
        for number in 1..=TRIES {
            let mut attempt = Attempt::default();
            let snapshot = self.read(&mut attempt, text, references);
            if attempt.is_one_moment(number == TRIES) {
                return self.judge(snapshot, attempt.missing);
            }
            // Out of step with a writer in a loop; at most 0.2 s in all.
            std::thread::sleep(Duration::from_micros(u64::from(number * number) * 60));
        }
        Err(ReadError::Unsettled { path: self.path().to_owned(), after: AFTER_TRIES })
    }

    /// The same, and reads again by itself until there is a verdict: for a start, or a check from the command line.
    pub fn stable_snapshot(
        &self,
        text: Option<&[u8]>,
        references: &References<'_>,
    ) -> Result<FileSnapshot, ReadError> {
        let mut snapshot = self.snapshot(text, references);
        for _ in 0..ROUNDS {
            let Some(after) = snapshot.as_ref().err().and_then(ReadError::retry_after) else { break };
            std::thread::sleep(after);
            snapshot = self.snapshot(text, references);
        }
        snapshot
    }

    fn mode(&self) -> WatchMode {
        self.source.status.borrow().mode
    }

    fn read(
        &self,
        attempt: &mut Attempt,
        text: Option<&[u8]>,
        references: &References<'_>,
    ) -> Result<FileSnapshot, FileError> {
        let (paths, options) = (&self.source.paths, &self.source.options);
        let text = match text {
            Some(text) => text.to_vec(),
            None => attempt.read_named(&paths.config, &paths.config, options.largest_config)?,
        };
        let mut notes = Vec::new();
        let dotenv = self.dotenv(attempt, &mut notes);
        let web_config = self.source.web_config.clone();
        let environment = Environment { process: (*self.source.process).clone(), dotenv, web_config };
        let mut files = Files::new();
        let mut beside = BTreeSet::new();
        loop {
            let mut named = references(&text, &environment, &files);
            named.retain(|name| !files.contains_key(name));
            if named.is_empty() {
                break;
            }
            for name in named {
                if attempt.is_beside(paths, &name) {
                    beside.insert(name.clone());
                }
                let bytes = attempt.read_named(&name, &paths.reference(&name), options.largest_reference);
                files.insert(name, bytes.map_err(|error| FileProblem(error.to_string())));
            }
        }
        Ok(FileSnapshot { material: Material { text, files, environment }, notes, beside })
    }

    /// The variables of the first `.env` that is there and can be read.
    fn dotenv(&self, attempt: &mut Attempt, notes: &mut Vec<String>) -> BTreeMap<String, String> {
        for path in &self.source.paths.dotenv {
            match attempt.read(path, self.source.options.largest_reference) {
                Ok(bytes) => {
                    let dotenv = Dotenv::parse(&bytes, &self.source.process);
                    notes.extend(dotenv.errors.iter().map(|error| format!("{}: {error}", path.display())));
                    return dotenv.variables;
                }
                Err(FileError::Missing(_)) => {}
                Err(error) => notes.push(format!("{}: {error}; the file is left out", path.display())),
            }
        }
        BTreeMap::new()
    }

    fn judge(
        &self,
        snapshot: Result<FileSnapshot, FileError>,
        missing: BTreeSet<PathBuf>,
    ) -> Result<FileSnapshot, ReadError> {
        let (options, path, now) = (&self.source.options, self.path(), Instant::now());
        let mut stability = self.stability.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, after)) = stability.unconfirmed(missing, options.confirm_missing, now) {
            return Err(ReadError::Vanished { path, after });
        }
        let snapshot =
            snapshot.map_err(|problem| ReadError::Unreadable { path: path.to_owned(), problem })?;
        let is_polled = matches!(self.mode(), WatchMode::Poll | WatchMode::Unwatchable);
        if is_polled && let Some(after) = stability.unsettled(&snapshot.material, options, now) {
            return Err(ReadError::Unsettled { path: path.to_owned(), after });
        }
        Ok(snapshot)
    }
}

impl Attempt {
    fn read(&mut self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let file = self.links.resolve(path).file?;
        let (bytes, identity) = read(&file, limit)?;
        self.read.push((file, identity));
        Ok(bytes)
    }

    /// Reads a file that is missed under this name where it is not there.
    fn read_named(&mut self, name: &Path, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.read(path, limit);
        if matches!(bytes, Err(FileError::Missing(_))) {
            self.missing.insert(name.to_owned());
        }
        bytes
    }

    /// Whether a file comes with the configuration's volume: it lies in the same payload directory, or would if the
    /// volume had it already.
    fn is_beside(&mut self, paths: &Paths, name: &Path) -> bool {
        let Ok(config) = self.links.resolve(&paths.config).file else { return false };
        let is_payload = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"..");
        let Some(payload) = config.ancestors().find(|path| path.file_name().is_some_and(is_payload)) else {
            return false;
        };
        let path = paths.reference(name);
        match self.links.resolve(&path).file {
            Ok(file) => file.starts_with(payload),
            Err(_) => path.parent() == paths.config.parent(),
        }
    }

    /// Whether all that was read belongs together: every link still leads there, and no file has changed. A file
    /// that never stops changing (a log in the place of a key) is accepted in the end, a changed link never.
    fn is_one_moment(&self, is_last: bool) -> bool {
        let are_same = || self.read.iter().all(|(path, then)| Identity::of(path).as_ref() == Some(then));
        self.links.still_hold() && (is_last || are_same())
    }
}
