//! What the sources show at one time, in the order of their revisions.

use std::sync::Arc;
use std::time::Duration;

use super::candidate::Candidate;
use super::{ActiveConfig, Digest, Trigger};

/// What the sources show at one time.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) newest: NewestRevision,
    /// The `resourceVersion` of the object's revision that holds the newest known text, if one does.
    pub(super) revision: Option<Arc<str>>,
    /// What is older than the newest.
    pub(super) superseded: Option<Superseded>,
    /// The file shows another text than before, and it is the newest one.
    pub(super) has_caught_up: bool,
    /// After which time to observe again before this is a verdict: files were changing.
    pub(super) retry_after: Option<Duration>,
}

/// The newest known revision.
#[derive(Debug)]
pub(super) enum NewestRevision {
    /// It was read.
    Read(Candidate),
    /// It waits for files that come with the volume; a sentence.
    Held(Arc<str>),
    /// No source has one; a sentence.
    Missing(Arc<str>),
}

/// Something that is older than the newest known revision.
#[derive(Debug)]
pub(super) struct Superseded {
    pub(super) text_digest: Option<Digest>,
    pub(super) detail: Arc<str>,
    /// Whether this was not observed before.
    pub(super) is_news: bool,
    /// The file, which can run when nothing newer can; `None` for an object's revision.
    pub(super) file: Option<Candidate>,
}

impl Observation {
    pub(super) fn of(newest: NewestRevision) -> Self {
        let retry_after = match &newest {
            NewestRevision::Read(candidate) => candidate.retry_after,
            NewestRevision::Held(_) | NewestRevision::Missing(_) => None,
        };
        Self { newest, revision: None, superseded: None, has_caught_up: false, retry_after }
    }
}

impl NewestRevision {
    /// The digest of the text that was read.
    pub(super) fn text_digest(&self) -> Option<Digest> {
        match self {
            Self::Read(candidate) => candidate.text_digest,
            Self::Held(_) | Self::Missing(_) => None,
        }
    }

    /// What could run of it where the whole can not.
    pub(super) fn take_partial(&mut self) -> Option<Box<ActiveConfig>> {
        match self {
            Self::Read(candidate) => candidate.partial.take(),
            Self::Held(_) | Self::Missing(_) => None,
        }
    }
}

impl Superseded {
    /// A revision of the object that was older than known.
    pub(super) fn by_a_replica() -> Self {
        let detail =
            "the API server first gave an older revision than it had before; it was asked again".into();
        Self { text_digest: None, detail, is_news: true, file: None }
    }

    /// Whether this answers a reload by `trigger`. What the watch brought is about the object, and a file that lags says
    /// nothing about that.
    pub(super) fn answers(&self, trigger: Trigger) -> bool {
        trigger != Trigger::Kubernetes || self.file.is_none()
    }
}
