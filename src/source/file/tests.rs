//! The source on real directories with real inotify. Waits have generous deadlines; none is a measurement.

mod editors;
mod faults;
#[path = "../../../tests/it/harness/skip.rs"]
mod skip;
mod volume;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{
    FileReader, FileSnapshot, FileSource, FileWatcher, Hints, Options, ReadError, WatchMode, WatchStatus,
};
use crate::config::{Environment, Files};
use skip::skip;

/// Long enough for a machine that is busy with everything else.
const DEADLINE: Duration = Duration::from_mins(5);

/// So rarely that only an event can be the reason for a snapshot.
const NEVER: Duration = Duration::from_hours(1);

const OFTEN: Duration = Duration::from_millis(200);

/// However long a writer is kept from its work by a busy machine, it is waited for.
fn by_events() -> Options {
    Options { tick: NEVER, longest_hold: NEVER, ..Options::default() }
}

fn by_ticks() -> Options {
    Options { tick: OFTEN, poll_tick: OFTEN, confirm_polled: Duration::from_millis(50), ..Options::default() }
}

/// A file named by a line `key: PATH` in the configuration.
fn references(text: &[u8], _: &Environment, _: &Files) -> BTreeSet<PathBuf> {
    String::from_utf8_lossy(text)
        .lines()
        .filter_map(|line| line.strip_prefix("key: "))
        .map(PathBuf::from)
        .collect()
}

/// A directory that is named without links.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let held = tempfile::tempdir().unwrap();
    let real = held.path().canonicalize().unwrap();
    (held, real)
}

/// Uses the source as the reload task does, and remembers every new verdict.
struct Reload {
    reader: Arc<FileReader>,
    watcher: FileWatcher,
    hints: Hints,
    status: watch::Receiver<WatchStatus>,
    verdicts: Vec<String>,
    snapshots: usize,
}

impl Reload {
    /// Starts, and gives the first verdict.
    async fn start(path: &Path, options: Options) -> Self {
        let source = FileSource::new(path, BTreeMap::new(), options);
        let (watcher, hints) = FileWatcher::start(&source).unwrap();
        let status = source.status();
        let mut reload = Self {
            reader: Arc::new(source.reader()),
            watcher,
            hints,
            status,
            verdicts: Vec::new(),
            snapshots: 0,
        };
        let _ = reload.snapshot().await;
        reload.catch_up().await;
        reload
    }

    /// One snapshot with all that belongs to it.
    async fn snapshot(&mut self) -> Result<FileSnapshot, ReadError> {
        let snapshot = loop {
            let permit = self.watcher.writers_done().await;
            let reader = Arc::clone(&self.reader);
            self.snapshots += 1;
            let snapshot =
                tokio::task::spawn_blocking(move || reader.snapshot(None, &references)).await.unwrap();
            if let Some(after) = snapshot.as_ref().err().and_then(ReadError::retry_after) {
                tokio::time::sleep(after).await;
            } else if self.watcher.is_undisturbed(permit).await {
                break snapshot;
            }
        };
        if let Ok(snapshot) = &snapshot {
            self.watcher.follow(&snapshot.material.files.keys().cloned().collect());
        }
        let verdict = describe(&snapshot);
        if self.verdicts.last() != Some(&verdict) {
            self.verdicts.push(verdict);
        }
        snapshot
    }

    /// The newest verdict.
    fn verdict(&self) -> &str {
        self.verdicts.last().unwrap()
    }

    /// Reads at every hint until the verdict contains the text.
    async fn until(&mut self, expected: &str) {
        let waited = timeout(DEADLINE, async {
            while !self.verdict().contains(expected) {
                self.hints.next().await;
                let _ = self.snapshot().await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "no {expected:?} in time, but {:?}, {:?}",
            self.verdicts,
            self.status()
        );
    }

    /// Reads at every hint of what has happened up to now.
    async fn settle(&mut self) {
        loop {
            self.catch_up().await;
            if self.hints.next().now_or_never().is_none() {
                return;
            }
            let _ = self.snapshot().await;
        }
    }

    /// Waits until every event up to now was handled and every command up to now was done.
    async fn catch_up(&self) {
        // The first one may be done just before another command of the same moment.
        for _ in 0..2 {
            let caught_up = timeout(DEADLINE, self.watcher.catch_up()).await;
            assert!(caught_up.is_ok(), "not in time: {:?}", self.status());
        }
    }

    async fn until_mode(&self, mode: WatchMode) {
        self.wait_for(|status| status.mode == mode).await;
    }

    async fn wait_for(&self, holds: impl Fn(&WatchStatus) -> bool) {
        wait_for(&self.status, holds).await;
    }

    fn status(&self) -> WatchStatus {
        *self.status.borrow()
    }

    /// The number of changes with an event.
    fn changes(&self) -> u64 {
        self.watcher.changes()
    }
}

async fn wait_for(status: &watch::Receiver<WatchStatus>, holds: impl Fn(&WatchStatus) -> bool) {
    let mut changed = status.clone();
    let waited = timeout(DEADLINE, changed.wait_for(holds)).await;
    assert!(waited.is_ok_and(|waited| waited.is_ok()), "not in time: {:?}", status.borrow());
}

/// Text and files of a snapshot, or its error, in one line.
fn describe(snapshot: &Result<FileSnapshot, ReadError>) -> String {
    match snapshot {
        Ok(snapshot) => {
            let text = String::from_utf8_lossy(&snapshot.material.text).into_owned();
            let files = snapshot.material.files.iter().map(|(path, bytes)| match bytes {
                Ok(bytes) => format!("[{}={}]", path.display(), String::from_utf8_lossy(bytes)),
                Err(problem) => format!("[{}!{problem}]", path.display()),
            });
            text + &files.collect::<String>()
        }
        Err(error) => error.to_string(),
    }
}

/// Runs this very test once more inside new namespaces; `true` in there, where the test then does its work. Where
/// the kernel does not allow it the test is skipped, loudly.
fn is_inside(module: &str, test: &str, unshare: &[&str]) -> bool {
    if std::env::var_os("NBU_EXPORTER_TEST_INSIDE").is_some() {
        return true;
    }
    let allowed = Command::new("unshare").args(unshare).arg("true").status();
    if !allowed.is_ok_and(|status| status.success()) {
        skip(test, format_args!("`unshare {}` is not allowed here", unshare.join(" ")));
        return false;
    }
    let (_, module) = module.split_once("::").unwrap();
    let status = Command::new("unshare")
        .args(unshare)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{test}"), "--nocapture"])
        .env("NBU_EXPORTER_TEST_INSIDE", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside its namespaces");
    false
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_configuration_from_elsewhere_has_no_file_that_is_followed_and_what_it_names_is() {
    let key = BTreeSet::from([PathBuf::from("keys/paris")]);
    let followed = |source: &FileSource| source.paths.followed(&key);
    let path = Path::new("/etc/nbu/config.yaml");
    let [own, beside] =
        [FileSource::new, FileSource::references_only].map(|new| new(path, BTreeMap::new(), by_events()));
    assert!(followed(&own).contains(path) && !followed(&beside).contains(path));
    assert!(followed(&beside).contains(Path::new("/etc/nbu/keys/paris")));
    assert!(followed(&beside).contains(Path::new("/etc/nbu/.env")));
}

#[test]
fn no_debug_shows_a_variable_or_what_a_file_holds() {
    let (_held, root) = directory();
    std::fs::write(root.join("config.yml"), "key: paris\nplanted-secret").unwrap();
    std::fs::write(root.join("paris"), "planted-secret").unwrap();
    std::fs::write(root.join(".env"), "NBU_KEY=planted-secret\nplanted-secret\n").unwrap();
    let process = BTreeMap::from([("NBU_KEY".to_owned(), "planted-secret".to_owned())]);
    let source = FileSource::new(&root.join("config.yml"), process, by_events());
    let reader = source.reader();
    let snapshot = reader.snapshot(None, &references).unwrap();
    assert_eq!(snapshot.material.files.len(), 1);
    assert_eq!(snapshot.notes.len(), 1);
    let (watcher, hints) = FileWatcher::start(&source).unwrap();
    for shown in [format!("{source:?}{reader:?}{snapshot:?}"), format!("{watcher:?}{hints:?}")] {
        assert!(!shown.contains("planted-secret") && shown.contains("config.yml"), "{shown}");
    }
}
