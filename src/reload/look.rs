use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::judge::Fault;
use super::ports::Reader;
use super::{ActiveConfig, Digest};
use crate::config::{self, Check, Environment};
use crate::source::file::{FileSnapshot, ReadError};

/// A file system that takes longer is taken for dead; the look goes on in its own thread.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// What a look brought, parsed and checked.
pub(super) struct Looked {
    /// The files that the text names; `None` when the text could not be read.
    pub(super) files: Option<BTreeSet<PathBuf>>,
    /// Those of them that come with the configuration's volume.
    pub(super) beside: BTreeSet<PathBuf>,
    /// The digest of the text.
    pub(super) text: Option<Digest>,
    /// The text itself.
    pub(super) bytes: Option<Vec<u8>>,
    /// What could run, or why nothing could.
    pub(super) result: Result<Box<ActiveConfig>, Fault>,
    /// What a start could run instead: all but the sites that lack something that they refer to.
    pub(super) reduced: Option<Box<ActiveConfig>>,
    /// The files were in motion: this is no verdict before another look after this time.
    pub(super) come_again: Option<Duration>,
}

/// A text that came from elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) bytes: Arc<[u8]>,
    /// Where from, for the running configuration.
    pub(super) origin: String,
    /// The same for a report, in the place of a file's name.
    pub(super) label: PathBuf,
}

/// Looks on a thread that a dead file system may block; there is never a second look beside one that hangs.
#[derive(Debug)]
pub(super) struct Looker<R> {
    reader: R,
    stuck: Option<JoinHandle<Looked>>,
}

impl<R: Reader> Looker<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, stuck: None }
    }

    pub(super) fn reader(&self) -> &R {
        &self.reader
    }

    /// One look at the file, or at what a text from elsewhere names; a panic in it and a file system that does not
    /// answer are faults like any other.
    pub(super) async fn look(&mut self, text: Option<Text>) -> Looked {
        if let Some(stuck) = self.stuck.take() {
            // Whatever it brings in the end is older than what we are asked for.
            if let Err(refused) = self.within(stuck).await {
                return refused;
            }
        }
        let reader = self.reader.clone();
        let task = tokio::task::spawn_blocking(move || read(&reader, text.as_ref()));
        self.within(task).await.unwrap_or_else(|refused| refused)
    }

    /// Waits for a look, but not for ever; one that hangs is kept.
    async fn within(&mut self, mut task: JoinHandle<Looked>) -> Result<Looked, Looked> {
        match timeout(LOOK_TIMEOUT, &mut task).await {
            Ok(Ok(looked)) => Ok(looked),
            Ok(Err(error)) => Ok(Looked::refused(internal(&error))),
            Err(_) => {
                self.stuck = Some(task);
                let path = self.reader.path().display();
                let report =
                    format!("{path}: the file system has not answered for {LOOK_TIMEOUT:?}; check the mount");
                Err(Looked::refused(Fault::new(None, report)))
            }
        }
    }
}

impl fmt::Debug for Looked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold keys.
        formatter
            .debug_struct("Looked")
            .field("text", &self.text)
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}

impl Looked {
    pub(super) fn refused(fault: Fault) -> Self {
        Self {
            files: None,
            beside: BTreeSet::new(),
            text: None,
            bytes: None,
            result: Err(fault),
            reduced: None,
            come_again: None,
        }
    }

    /// Notes which revision of the object has this text.
    pub(super) fn set_version(&mut self, version: &str) {
        for active in self.result.as_mut().ok().into_iter().chain(&mut self.reduced) {
            active.resource_version = Some(version.to_owned());
        }
    }
}

/// Reads, parses and checks; it blocks.
fn read(reader: &impl Reader, text: Option<&Text>) -> Looked {
    let path = reader.path();
    let references = |text: &[u8], environment: &Environment| config::references(path, text, environment);
    let look = match text {
        Some(text) => reader.look_with(&text.bytes, &references),
        None => reader.look(&references),
    };
    match look {
        Ok(look) => {
            let digest = Digest::of_text(&look.material.text);
            let mut looked = Looked {
                files: Some(look.material.files.keys().cloned().collect()),
                text: Some(digest),
                result: check(path, digest, &look, text, Check::Full).map(Box::new),
                reduced: None,
                bytes: None,
                beside: look.beside.clone(),
                come_again: None,
            };
            if looked.result.is_err() {
                looked.reduced = check(path, digest, &look, text, Check::Start).ok().map(Box::new);
            }
            looked.bytes = Some(look.material.text);
            looked
        }
        Err(error) => unread(&error),
    }
}

fn unread(error: &ReadError) -> Looked {
    let come_again = error.retry_after();
    Looked { come_again, ..Looked::refused(Fault::new(None, error.to_string())) }
}

fn check(
    path: &Path,
    digest: Digest,
    look: &FileSnapshot,
    text: Option<&Text>,
    check: Check,
) -> Result<ActiveConfig, Fault> {
    let material = &look.material;
    let (label, origin) = match text {
        Some(text) => (text.label.as_path(), text.origin.clone()),
        None => (path, path.display().to_string()),
    };
    // The path is the base of relative ones; the label is what a person is told.
    match config::load(path, material, check) {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|warning| format!("{}:{warning}", label.display()));
            Ok(ActiveConfig {
                effective_digest: Digest::of_material(material, &loaded.variables),
                redacted: config::redacted(path, &material.text),
                warnings: look.notes.iter().cloned().chain(warnings).collect(),
                config: loaded.config,
                text_digest: digest,
                origin,
                resource_version: None,
                loaded_at: Timestamp::now(),
            })
        }
        Err(mut report) => {
            // Two reports on one text are told apart by what they say; no value of a variable is needed for that.
            let effective = Some(Digest::of_material(material, &BTreeSet::new()));
            report.file = PathBuf::new();
            let mistakes = report.to_string().into();
            label.clone_into(&mut report.file);
            let lacks_reference = config::load(path, material, Check::SkipReferences).is_ok();
            // A variable may be missing since the file that sets it is left out.
            let lines: Vec<String> =
                std::iter::once(report.to_string()).chain(look.notes.iter().cloned()).collect();
            Err(Fault { effective, report: lines.join("\n").into(), mistakes, lacks_reference })
        }
    }
}

/// The fault of a look that ended by a panic. The panic's own text may hold what was being parsed.
fn internal(error: &JoinError) -> Fault {
    let what = if error.is_panic() { "a check panicked" } else { "the check was cancelled" };
    Fault::new(None, format!("internal error: {what}; this is a bug in nbu-exporter, please report it"))
}
