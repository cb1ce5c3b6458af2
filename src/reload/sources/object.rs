//! The ConfigMap or Secret object: its newest revision, and what it waits for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use super::mount::STUCK;
use crate::reload::Digest;
use crate::reload::candidate::{Candidate, CandidateReader, GivenText, Rejection};
use crate::reload::observation::NewestRevision;
use crate::reload::traits::{Object, SnapshotReader};
use crate::source::kubernetes::{ApiError, Revision};

/// The object, with what is known of it.
#[derive(Debug)]
pub(super) struct WatchedObject {
    pub(super) object: Box<dyn Object>,
    reader: CandidateReader,
    pub(super) newest: Option<Arc<Revision>>,
    /// Why the object can not be read, as last heard.
    pub(super) absence: Option<Arc<str>>,
    /// The text that waits for the volume, and since when.
    pub(super) held: Option<(Digest, Instant)>,
}

impl WatchedObject {
    pub(super) fn new(object: Box<dyn Object>, reader: Arc<dyn SnapshotReader>) -> Self {
        Self { object, reader: CandidateReader::new(reader), newest: None, absence: None, held: None }
    }

    /// The `resourceVersion` of the newest revision.
    pub(super) fn version(&self) -> Option<Arc<str>> {
        Some(self.newest.as_ref()?.resource_version.as_str().into())
    }

    pub(super) fn is_immutable(&self) -> bool {
        self.newest.as_ref().is_some_and(|revision| revision.immutable)
    }

    /// Notes that there is no such object.
    pub(super) fn missing(&mut self, has_file: bool) {
        let name = self.object.name();
        let absence: Arc<str> = name.missing(has_file && self.newest.is_none()).into();
        if self.absence.as_ref() != Some(&absence) {
            tracing::warn!(
                object = %name,
                error = &*absence,
                "The {} can not be read; what runs is kept",
                name.kind
            );
        }
        self.absence = Some(absence);
    }

    /// Notes that the API server does not answer, or not to us. The watch logs that.
    pub(super) fn unavailable(&mut self, error: &ApiError) {
        let sentence = error.sentence(self.object.name());
        self.absence = Some(format!("the Kubernetes API does not answer, or not to us: {sentence}").into());
    }

    /// Reads the newest revision with what it names.
    pub(super) async fn read(&mut self, has_file: bool, wants_partial: bool) -> NewestRevision {
        let name = self.object.name();
        let origin = name.to_string();
        let Some(revision) = &self.newest else {
            let absence = self.absence.as_deref().unwrap_or("the Kubernetes API has not answered yet");
            return NewestRevision::Missing(format!("{origin}: {absence}").into());
        };
        let bytes = match &revision.text {
            Ok(bytes) => Arc::from(bytes.as_slice()),
            Err(unusable) => {
                let report = format!("{origin}: {unusable}; correct the object or {}", name.kind.flag());
                return NewestRevision::Read(Candidate::rejected(Rejection::new(None, report)));
            }
        };
        let label = format!("{origin}:{}", name.key).into();
        let resource_version = Some(revision.resource_version.clone());
        let text = GivenText { bytes, origin, label, resource_version };
        let candidate = self.reader.read(Some(text), wants_partial).await;
        match candidate.text_digest {
            Some(text) if has_file && !candidate.beside.is_empty() => self.hold(text, &candidate.beside),
            _ => NewestRevision::Read(candidate),
        }
    }

    /// The text is newer than the files beside the mounted one, and a mixed pair must never run.
    fn hold(&mut self, text: Digest, beside: &BTreeSet<PathBuf>) -> NewestRevision {
        let since = match self.held {
            Some((held, since)) if held == text => since,
            _ => Instant::now(),
        };
        self.held = Some((text, since));
        let origin = self.object.name();
        let names = beside.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        if since.elapsed() < STUCK {
            let detail = format!(
                "{origin}: held until the mounted volume shows the same text, since it names files of that volume: {names}"
            );
            return NewestRevision::Held(detail.into());
        }
        let report = format!(
            "{origin}: it names files of the mounted volume ({names}), and the volume has not shown the same text for \
             {STUCK:?}: mount this object as a directory without subPath, or keep those files elsewhere"
        );
        NewestRevision::Read(Candidate::rejected(Rejection::new(Some(text), report)))
    }
}
