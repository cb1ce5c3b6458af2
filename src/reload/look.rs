use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::judge::Fault;
use super::ports::Reader;
use super::{ActiveConfig, Digest};
use crate::config::{self, Check, Environment};
use crate::source::file::Look;

/// A file system that takes longer is taken for dead; the look goes on in its own thread.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// What a look brought, parsed and checked.
#[derive(Debug)]
pub(super) struct Looked {
    /// The files that the text names; `None` when the text could not be read.
    pub(super) files: Option<BTreeSet<PathBuf>>,
    /// The digest of the text.
    pub(super) text: Option<Digest>,
    /// What could run, or why nothing could.
    pub(super) result: Result<Box<ActiveConfig>, Fault>,
    /// The files were in motion: this is no verdict before another look after this time.
    pub(super) come_again: Option<Duration>,
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

    /// One look; a panic in it and a file system that does not answer are faults like any other.
    pub(super) async fn look(&mut self) -> Looked {
        if let Some(stuck) = self.stuck.take() {
            // Whatever it brings in the end is older than what we are asked for.
            if let Err(refused) = self.within(stuck).await {
                return refused;
            }
        }
        let reader = self.reader.clone();
        let task = tokio::task::spawn_blocking(move || read(&reader));
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
                Err(Looked::refused(Fault { effective: None, report: report.into() }))
            }
        }
    }
}

impl Looked {
    fn refused(fault: Fault) -> Self {
        Self { files: None, text: None, result: Err(fault), come_again: None }
    }
}

/// Reads, parses and checks; it blocks.
pub(super) fn read(reader: &impl Reader) -> Looked {
    let path = reader.path();
    let references = |text: &[u8], environment: &Environment| config::references(path, text, environment);
    match reader.look(&references) {
        Ok(look) => {
            let text = Digest::of_text(&look.material.text);
            let files = look.material.files.keys().cloned().collect();
            Looked {
                files: Some(files),
                text: Some(text),
                result: check(path, text, &look).map(Box::new),
                come_again: None,
            }
        }
        Err(error) => {
            let come_again = error.come_again();
            let fault = Fault { effective: None, report: error.to_string().into() };
            Looked { come_again, ..Looked::refused(fault) }
        }
    }
}

fn check(path: &Path, text: Digest, look: &Look) -> Result<ActiveConfig, Fault> {
    let material = &look.material;
    match config::load(path, material, Check::Full) {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|warning| format!("{}:{warning}", path.display()));
            Ok(ActiveConfig {
                effective: Digest::of_material(material, &loaded.variables),
                redacted: config::redacted(path, &material.text),
                warnings: look.notes.iter().cloned().chain(warnings).collect(),
                config: loaded.config,
                text,
                origin: path.display().to_string(),
                resource_version: None,
                loaded_at: Timestamp::now(),
            })
        }
        Err(report) => {
            // Two reports on one text are told apart by what they say; no value of a variable is needed for that.
            let effective = Digest::of_material(material, &BTreeSet::new());
            Err(Fault { effective: Some(effective), report: report.to_string().into() })
        }
    }
}

/// The fault of a look that ended by a panic. The panic's own text may hold what was being parsed.
pub(super) fn internal(error: &JoinError) -> Fault {
    let what = if error.is_panic() { "a check panicked" } else { "the check was cancelled" };
    let report = format!("internal error: {what}; this is a bug in nbu-exporter, please report it");
    Fault { effective: None, report: report.into() }
}
