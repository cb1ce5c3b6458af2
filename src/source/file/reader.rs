//! The reading half: one look is one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dotenv::Dotenv;
use super::problem::{FileError, ReadError};
use super::read::{Identity, read};
use super::status::{WatchMode, WatchStatus};
use super::trail::Links;
use super::{FileSource, Options, Place};
use crate::config::{Environment, FileProblem, Material};

mod memory;

use memory::Memory;

/// How often a snapshot is tried. With a swap every 0.6 ms about one reading in 400 meets one.
const TRIES: u32 = 20;

/// How long to wait before looking again when all tries met a swap.
const AFTER_TRIES: Duration = Duration::from_millis(50);

/// How often a caller that only wants a verdict comes again.
const ROUNDS: usize = 100;

/// Reads the configuration with all that it names. Every method blocks as long as the file system does.
#[derive(Clone, Debug)]
pub struct FileReader {
    place: Arc<Place>,
    process: Arc<BTreeMap<String, String>>,
    options: Arc<Options>,
    status: Arc<WatchStatus>,
    memory: Arc<Mutex<Memory>>,
}

/// What one look brought.
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

/// What was read in one try, not yet judged.
#[derive(Debug)]
struct Shot {
    text: Result<Vec<u8>, FileError>,
    files: BTreeMap<PathBuf, Result<Vec<u8>, FileError>>,
    environment: Environment,
    notes: Vec<String>,
    beside: BTreeSet<PathBuf>,
}

/// The files of one try: each link is read once, and what was read is known afterwards.
#[derive(Debug, Default)]
struct Sight {
    links: Links,
    read: Vec<(PathBuf, Identity)>,
}

impl FileReader {
    pub(super) fn new(source: &FileSource) -> Self {
        Self {
            place: Arc::clone(&source.place),
            process: Arc::clone(&source.process),
            options: Arc::clone(&source.options),
            status: source.status(),
            memory: Arc::default(),
        }
    }

    /// The absolute path of the configuration file.
    pub fn path(&self) -> &Path {
        &self.place.config
    }

    /// Reads the configuration and the files that `references` finds in it, as they were at one moment: files of
    /// one volume come out of one `..data` directory, and a pair of which one changed meanwhile is read again.
    ///
    /// A missing or unreadable reference is part of the answer, a missing or unreadable configuration is the
    /// error. An error with a [`ReadError::retry_after`] is no verdict yet: the caller comes again after that time
    /// (through [`FileWatcher::writers_done`](super::FileWatcher::writers_done), since somebody may be writing).
    ///
    /// Where no event tells that a writer is done (no inotify, lone bind mounts) a changed content is given out
    /// only once two looks in a row agree on it.
    pub fn snapshot(
        &self,
        references: &dyn Fn(&[u8], &Environment) -> BTreeSet<PathBuf>,
    ) -> Result<FileSnapshot, ReadError> {
        self.take(None, references)
    }

    /// The same with a text that came from elsewhere in the place of the configuration file: only what it names is
    /// read. Each reader remembers one series of looks, so this wants a reader of its own.
    pub fn snapshot_with(
        &self,
        text: &[u8],
        references: &dyn Fn(&[u8], &Environment) -> BTreeSet<PathBuf>,
    ) -> Result<FileSnapshot, ReadError> {
        self.take(Some(text), references)
    }

    /// Whether the configuration is a lone bind mount (`subPath`), which keeps showing the old file.
    pub fn is_lone_mount(&self) -> bool {
        self.status.mode() == WatchMode::Unwatchable
    }

    fn take(
        &self,
        text: Option<&[u8]>,
        references: &dyn Fn(&[u8], &Environment) -> BTreeSet<PathBuf>,
    ) -> Result<FileSnapshot, ReadError> {
        for attempt in 1..=TRIES {
            let mut sight = Sight::default();
            let shot = self.shoot(&mut sight, text, references);
            if sight.is_one_moment(attempt == TRIES) {
                return self.judge(shot);
            }
            // Out of step with a writer in a loop; at most 0.2 s in all.
            std::thread::sleep(Duration::from_micros(u64::from(attempt * attempt) * 60));
        }
        Err(ReadError::Unsettled { path: self.place.config.clone(), after: AFTER_TRIES })
    }

    /// Looks, and comes again by itself until there is a verdict: for a start, or a check from the command line.
    pub fn stable_snapshot(
        &self,
        text: Option<&[u8]>,
        references: &dyn Fn(&[u8], &Environment) -> BTreeSet<PathBuf>,
    ) -> Result<FileSnapshot, ReadError> {
        let mut look = self.take(text, references);
        for _ in 0..ROUNDS {
            let Some(after) = look.as_ref().err().and_then(ReadError::retry_after) else { break };
            std::thread::sleep(after);
            look = self.take(text, references);
        }
        look
    }

    fn shoot(
        &self,
        sight: &mut Sight,
        text: Option<&[u8]>,
        references: &dyn Fn(&[u8], &Environment) -> BTreeSet<PathBuf>,
    ) -> Shot {
        let text = match text {
            Some(text) => Ok(text.to_vec()),
            None => sight.read(&self.place.config, self.options.largest_config),
        };
        let mut notes = Vec::new();
        let environment =
            Environment { process: (*self.process).clone(), dotenv: self.dotenv(sight, &mut notes) };
        let named = text.as_ref().map(|text| references(text, &environment)).unwrap_or_default();
        let limit = self.options.largest_reference;
        let beside = named.iter().filter(|path| sight.is_beside(&self.place, path)).cloned().collect();
        let files = named.into_iter().map(|path| {
            let bytes = sight.read(&self.place.reference(&path), limit);
            (path, bytes)
        });
        Shot { text, files: files.collect(), environment, notes, beside }
    }

    /// The variables of the first `.env` that is there and can be read.
    fn dotenv(&self, sight: &mut Sight, notes: &mut Vec<String>) -> BTreeMap<String, String> {
        for path in &self.place.dotenv {
            let bytes = match sight.read(path, self.options.largest_reference) {
                Err(FileError::Missing(_)) => continue,
                other => other.map_err(|problem| problem.to_string()),
            };
            match bytes {
                Ok(bytes) => {
                    let dotenv = Dotenv::parse(&bytes, &self.process);
                    let told = dotenv.mistakes.iter().map(|mistake| format!("{}: {mistake}", path.display()));
                    notes.extend(told);
                    return dotenv.variables;
                }
                Err(problem) => notes.push(format!("{}: {problem}; the file is left out", path.display())),
            }
        }
        BTreeMap::new()
    }

    fn judge(&self, shot: Shot) -> Result<FileSnapshot, ReadError> {
        let config = &self.place.config;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((path, after)) =
            memory.unconfirmed(shot.missing(config), self.options.confirm_missing, now)
        {
            return Err(ReadError::Vanished { path, after });
        }
        let text = shot.text.map_err(|problem| match problem {
            FileError::TooLarge { size, limit } => ReadError::TooLarge { path: config.clone(), size, limit },
            problem => ReadError::Unreadable { path: config.clone(), problem },
        })?;
        let files = shot.files.into_iter();
        let files = files.map(|(path, bytes)| (path, bytes.map_err(|problem| FileProblem::from(&problem))));
        let material = Material { text, files: files.collect(), environment: shot.environment };
        if matches!(self.status.mode(), WatchMode::Poll | WatchMode::Unwatchable) {
            let pause = self.options.confirm_polled;
            if let Some(after) = memory.unsettled(&material, pause, self.options.longest_hold, now) {
                return Err(ReadError::Unsettled { path: config.clone(), after });
            }
        }
        Ok(FileSnapshot { material, notes: shot.notes, beside: shot.beside })
    }
}

impl Shot {
    /// What is not there, of the configuration and the files that it names.
    fn missing(&self, config: &Path) -> BTreeSet<PathBuf> {
        let text = std::iter::once((config, self.text.as_ref().err()));
        let files = self.files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_ref().err()));
        text.chain(files)
            .filter(|(_, problem)| matches!(problem, Some(FileError::Missing(_))))
            .map(|(path, _)| path.to_owned())
            .collect()
    }
}

impl Sight {
    fn read(&mut self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let file = self.links.trail(path).end.map_err(|lost| FileError::of_path(&lost))?;
        let (bytes, identity) = read(&file, limit)?;
        self.read.push((file, identity));
        Ok(bytes)
    }

    /// Whether a file comes with the configuration's volume: it lies in the same payload directory, or would if the
    /// volume had it already.
    fn is_beside(&mut self, place: &Place, path: &Path) -> bool {
        let Ok(config) = self.links.trail(&place.config).end else { return false };
        let is_payload = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"..");
        let Some(payload) = config.ancestors().find(|place| place.file_name().is_some_and(is_payload)) else {
            return false;
        };
        let path = place.reference(path);
        match self.links.trail(&path).end {
            Ok(file) => file.starts_with(payload),
            Err(_) => path.parent() == place.config.parent(),
        }
    }

    /// Whether all that was read belongs together: every link still leads there, and no file has changed. A file
    /// that never stops changing (a log in the place of a key) is accepted in the end, a changed link never.
    fn is_one_moment(&self, is_last: bool) -> bool {
        let are_same = || self.read.iter().all(|(path, then)| Identity::of(path).as_ref() == Some(then));
        self.links.still_hold() && (is_last || are_same())
    }
}
