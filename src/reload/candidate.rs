//! One text with the files that it names, read and checked: what could run, or why it can not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::text::ConfigText;
use super::traits::SnapshotReader;
use super::{ActiveConfig, Digest};
use crate::config::{self, Environment, Files, Loaded, Material, Report, Strictness};
use crate::source::file::FileSnapshot;

/// A file system that takes longer is taken for dead; the read goes on in its own thread.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What one read brought.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The digest of the text; `None` when no text could be read.
    pub(super) text_digest: Option<Digest>,
    /// The text itself, if one could be read.
    pub(super) text: Option<ConfigText>,
    /// The files that the text names.
    pub(super) files: BTreeSet<PathBuf>,
    /// Those of them that come with the configuration's volume.
    pub(super) beside: BTreeSet<PathBuf>,
    /// What could run, or why it can not.
    pub(super) result: Result<Box<ActiveConfig>, Rejection>,
    /// What could run where the whole can not, if that was asked for: all but the sites that lack something that they
    /// refer to.
    pub(super) partial: Option<Box<ActiveConfig>>,
    /// The files were changing: this is no verdict before another read after this time.
    pub(super) retry_after: Option<Duration>,
}

/// Why something can not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The digest of everything that was read, or `None` when it could not be read.
    pub(super) effective_digest: Option<Digest>,
    /// The whole report.
    pub(super) report: Arc<str>,
    /// The report without the name of the source: the object and the volume may say the same of one text.
    pub(super) mistakes: Arc<str>,
    /// Nothing is wrong but what the text refers to, which may still come: a Secret lags behind.
    pub(super) lacks_reference: bool,
}

/// A text that does not come from the file. It may hold keys, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct GivenText {
    pub(super) bytes: Arc<[u8]>,
    /// Where it comes from, for the running configuration.
    pub(super) origin: String,
    /// The same for a report, in the place of a file's name.
    pub(super) label: PathBuf,
    pub(super) resource_version: Option<String>,
}

/// Reads candidates on a thread that a dead file system may block. While one read hangs there is no second one.
#[derive(Debug)]
pub(super) struct CandidateReader {
    pub(super) reader: Arc<dyn SnapshotReader>,
    hanging: Option<JoinHandle<Candidate>>,
}

impl Rejection {
    /// A rejection that has nothing to do with what the text says.
    pub(super) fn new(effective_digest: Option<Digest>, report: impl Into<Arc<str>>) -> Self {
        let report = report.into();
        Self { effective_digest, mistakes: report.clone(), report, lacks_reference: false }
    }

    /// Whether both say the same of the same content.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.effective_digest == other.effective_digest && self.mistakes == other.mistakes
    }
}

impl Candidate {
    /// No text could be read, or none that could run whatever it refers to.
    pub(super) fn rejected(rejection: Rejection) -> Self {
        Self {
            text_digest: None,
            text: None,
            files: BTreeSet::new(),
            beside: BTreeSet::new(),
            result: Err(rejection),
            partial: None,
            retry_after: None,
        }
    }
}

impl GivenText {
    /// The text of a configuration that runs.
    pub(super) fn of(running: &ActiveConfig) -> Self {
        let (bytes, origin) = (running.text.clone(), running.origin.clone());
        Self {
            bytes,
            label: origin.clone().into(),
            origin,
            resource_version: running.resource_version.clone(),
        }
    }
}

impl CandidateReader {
    pub(super) fn new(reader: Arc<dyn SnapshotReader>) -> Self {
        Self { reader, hanging: None }
    }

    /// Reads the file or the given text, with what it names. A panic and a file system that does not answer are
    /// rejections like any other.
    pub(super) async fn read(&mut self, text: Option<GivenText>, wants_partial: bool) -> Candidate {
        if let Some(task) = self.hanging.take()
            && self.finish(task).await.is_none()
        {
            return self.no_answer();
        }
        // What a read that hung brought in the end is older than what is asked for now, so it is read again.
        let reader = self.reader.clone();
        let task = spawn_blocking(move || read(&*reader, text, wants_partial));
        self.finish(task).await.unwrap_or_else(|| self.no_answer())
    }

    /// Waits for a read, but not for ever; one that hangs is kept.
    async fn finish(&mut self, mut task: JoinHandle<Candidate>) -> Option<Candidate> {
        match timeout(READ_TIMEOUT, &mut task).await {
            Ok(Ok(candidate)) => Some(candidate),
            Ok(Err(error)) => Some(Candidate::rejected(Rejection::new(None, internal(&error)))),
            Err(_) => {
                self.hanging = Some(task);
                None
            }
        }
    }

    fn no_answer(&self) -> Candidate {
        let path = self.reader.path().display();
        let report =
            format!("{path}: the file system has not answered for {READ_TIMEOUT:?}; check the mount");
        Candidate::rejected(Rejection::new(None, report))
    }
}

/// The panic's own text may hold what was being parsed, so it is not shown.
fn internal(error: &JoinError) -> String {
    let what = if error.is_panic() { "a check panicked" } else { "the check was cancelled" };
    format!("internal error: {what}; this is a bug in nbu-exporter, please report it")
}

/// Reads, parses and checks; it blocks.
fn read(reader: &dyn SnapshotReader, text: Option<GivenText>, wants_partial: bool) -> Candidate {
    let path = reader.path();
    let references = |text: &[u8], environment: &Environment, files: &Files| {
        config::references(path, text, environment, files)
    };
    let snapshot = match reader.read(text.as_ref().map(|text| &*text.bytes), &references) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let retry_after = error.retry_after();
            return Candidate { retry_after, ..Candidate::rejected(Rejection::new(None, error.to_string())) };
        }
    };
    let text = text.unwrap_or_else(|| GivenText {
        bytes: snapshot.material.text.as_slice().into(),
        origin: path.display().to_string(),
        label: path.to_owned(),
        resource_version: None,
    });
    let text_digest = Digest::of_text(&text.bytes);
    // The path is the base of relative ones; the label is what a person is told.
    let load = |check| config::load(path, &snapshot.material, check);
    let result = match check(path, &snapshot.material) {
        Ok(loaded) => Ok(Box::new(active(path, loaded, &snapshot, &text, text_digest))),
        Err(Unfit { report, lacks_reference }) => {
            Err(rejection(report, &snapshot, &text.label, lacks_reference))
        }
    };
    let partial = if wants_partial && result.is_err() { load(Strictness::Start).ok() } else { None };
    Candidate {
        text_digest: Some(text_digest),
        text: Some(ConfigText(text.bytes.clone())),
        partial: partial.map(|loaded| Box::new(active(path, loaded, &snapshot, &text, text_digest))),
        result,
        files: snapshot.material.files.into_keys().collect(),
        beside: snapshot.beside,
        retry_after: None,
    }
}

/// Why a text can not run as a whole.
pub(super) struct Unfit {
    /// All that is wrong.
    pub(super) report: Report,
    /// Whether nothing is wrong but what the text refers to, which may still come.
    pub(super) lacks_reference: bool,
}

/// Whether a text can run with all that it names: the one judgement, whoever asks.
pub(super) fn check(path: &Path, material: &Material) -> Result<Loaded, Unfit> {
    config::load(path, material, Strictness::Full).map_err(|report| {
        let lacks_reference = config::load(path, material, Strictness::SkipReferences).is_ok();
        Unfit { report, lacks_reference }
    })
}

fn active(
    path: &Path,
    loaded: Loaded,
    snapshot: &FileSnapshot,
    text: &GivenText,
    text_digest: Digest,
) -> ActiveConfig {
    let material = &snapshot.material;
    let warnings = loaded.warnings.iter().map(|warning| format!("{}:{warning}", text.label.display()));
    ActiveConfig {
        text_digest,
        effective_digest: Digest::of_material(material, &loaded.variables),
        origin: text.origin.clone(),
        resource_version: text.resource_version.clone(),
        redacted: config::redacted(path, &material.text),
        warnings: snapshot.notes.iter().cloned().chain(warnings).collect(),
        config: loaded.config,
        loaded_at: Timestamp::now(),
        text: text.bytes.clone(),
        files: material.files.keys().cloned().collect(),
    }
}

fn rejection(mut report: Report, snapshot: &FileSnapshot, label: &Path, lacks_reference: bool) -> Rejection {
    // Two reports on one text are told apart by what they say; no value of a variable is needed for that.
    let effective_digest = Some(Digest::of_material(&snapshot.material, &BTreeSet::new()));
    report.file = PathBuf::new();
    let mistakes = report.to_string().into();
    label.clone_into(&mut report.file);
    // A variable may be missing since the file that sets it is left out.
    let lines: Vec<String> =
        std::iter::once(report.to_string()).chain(snapshot.notes.iter().cloned()).collect();
    Rejection { effective_digest, report: lines.join("\n").into(), mistakes, lacks_reference }
}
