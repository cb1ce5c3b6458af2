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

use super::{
    FileReader, FileSnapshot, FileSource, FileWatcher, Hint, Hints, Options, ReadError, WatchMode,
    WatchStatus,
};
use crate::config::Environment;
use skip::skip;

/// Long enough for a machine that is busy with everything else.
const DEADLINE: Duration = Duration::from_mins(5);

/// So rarely that only an event can be the reason for a look.
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
fn references(text: &[u8], _: &Environment) -> BTreeSet<PathBuf> {
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
    reader: FileReader,
    watcher: FileWatcher,
    hints: Hints,
    status: Arc<WatchStatus>,
    verdicts: Vec<String>,
    looks: usize,
}

impl Reload {
    /// Starts, and gives the first verdict.
    async fn start(path: &Path, options: Options) -> Self {
        let source = FileSource::new(path, BTreeMap::new(), options);
        let (watcher, hints) = FileWatcher::start(&source).unwrap();
        let status = source.status();
        let mut reload =
            Self { reader: source.reader(), watcher, hints, status, verdicts: Vec::new(), looks: 0 };
        let _ = reload.look().await;
        reload.wait_for(|status| status.checked().is_some()).await;
        reload
    }

    /// One look with all that belongs to it.
    async fn look(&mut self) -> Result<FileSnapshot, ReadError> {
        let look = loop {
            let clearance = self.watcher.writers_done().await;
            let reader = self.reader.clone();
            self.looks += 1;
            let look = tokio::task::spawn_blocking(move || reader.snapshot(&references)).await.unwrap();
            if let Some(after) = look.as_ref().err().and_then(ReadError::retry_after) {
                tokio::time::sleep(after).await;
            } else if self.watcher.is_undisturbed(clearance).await {
                break look;
            }
        };
        if let Ok(look) = &look {
            self.watcher.follow(&look.material.files.keys().cloned().collect());
        }
        let verdict = describe(&look);
        if self.verdicts.last() != Some(&verdict) {
            self.verdicts.push(verdict);
        }
        look
    }

    /// The newest verdict.
    fn verdict(&self) -> &str {
        self.verdicts.last().unwrap()
    }

    /// Looks at every hint until the verdict contains the text.
    async fn until(&mut self, expected: &str) {
        let waited = tokio::time::timeout(DEADLINE, async {
            while !self.verdict().contains(expected) {
                self.hints.next().await;
                let _ = self.look().await;
            }
        });
        assert!(waited.await.is_ok(), "no {expected:?} in time, but {:?}, {:?}", self.verdicts, self.status);
    }

    /// Looks at every hint that is there or comes soon.
    async fn settle(&mut self) {
        while tokio::time::timeout(Duration::from_millis(300), self.hints.next()).await.is_ok() {
            let _ = self.look().await;
        }
    }

    async fn until_mode(&self, mode: WatchMode) {
        self.wait_for(|status| status.mode() == mode).await;
    }

    async fn wait_for(&self, holds: impl Fn(&WatchStatus) -> bool) {
        let waited = tokio::time::timeout(DEADLINE, async {
            while !holds(&self.status) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(waited.await.is_ok(), "not in time: {:?}", self.status);
    }
}

/// Text and files of a look, or its error, in one line.
fn describe(look: &Result<FileSnapshot, ReadError>) -> String {
    match look {
        Ok(look) => {
            let text = String::from_utf8_lossy(&look.material.text).into_owned();
            let files = look.material.files.iter().map(|(path, bytes)| match bytes {
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

#[tokio::test(start_paused = true)]
async fn a_file_system_that_does_not_answer_blocks_the_watcher_and_not_the_look() {
    // Nobody obeys these orders, as when the watcher's thread is stuck.
    let orders = Arc::<super::orders::Orders>::default();
    let source = FileSource::new(Path::new("/nowhere"), BTreeMap::new(), by_events());
    let shared = Arc::new(super::shared::Shared::new(&source.options, source.status()));
    let watcher = FileWatcher {
        orders: Arc::clone(&orders),
        shared: Arc::clone(&shared),
        place: Arc::clone(&source.place),
        numbers: std::sync::atomic::AtomicU64::new(0),
    };
    for _ in 0..3 {
        let clearance = watcher.writers_done().await;
        watcher.follow(&BTreeSet::new());
        assert!(watcher.is_undisturbed(clearance).await);
    }
    shared.hint(Hint::Change);
    assert_eq!(Hints::new(shared).next().await, Hint::Change);
    assert_eq!(source.status().checked(), None);
}

#[test]
fn a_configuration_from_elsewhere_has_no_file_that_is_followed_and_what_it_names_is() {
    let key = BTreeSet::from([PathBuf::from("keys/paris")]);
    let followed = |source: &FileSource| source.place.followed(&key);
    let path = Path::new("/etc/nbu/config.yaml");
    let [own, beside] =
        [FileSource::new, FileSource::beside].map(|new| new(path, BTreeMap::new(), by_events()));
    assert!(followed(&own).contains(path) && !followed(&beside).contains(path));
    assert!(followed(&beside).contains(Path::new("/etc/nbu/keys/paris")));
    assert!(followed(&beside).contains(Path::new("/etc/nbu/.env")));
}

#[tokio::test]
async fn many_hints_are_one_and_a_change_wins_over_a_tick() {
    let source = FileSource::new(Path::new("/nowhere"), BTreeMap::new(), by_events());
    let shared = Arc::new(super::shared::Shared::new(&source.options, source.status()));
    let mut hints = Hints::new(Arc::clone(&shared));
    for hint in [Hint::Tick, Hint::Change, Hint::Tick, Hint::Tick] {
        shared.hint(hint);
    }
    assert_eq!(hints.next().await, Hint::Change);
    assert!(tokio::time::timeout(Duration::from_millis(10), hints.next()).await.is_err());
    shared.hint(Hint::Tick);
    assert_eq!(hints.next().await, Hint::Tick);
}
