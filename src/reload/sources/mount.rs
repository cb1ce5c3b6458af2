//! The mounted file: what it showed, and how far it lags behind the object.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::reload::Digest;
use crate::reload::candidate::{Candidate, CandidateReader};
use crate::reload::traits::SnapshotReader;
use crate::source::kubernetes::ObjectName;

/// The kubelet brings a change within 80 s; a volume that lags for longer than this never catches up.
pub(super) const STUCK: Duration = Duration::from_mins(3);

/// Tells since when the mounted file has not shown the newest known text.
#[derive(Clone, Debug)]
pub(crate) struct MountLag(watch::Receiver<Option<Instant>>);

/// The mounted file.
#[derive(Debug)]
pub(super) struct MountedFile {
    reader: CandidateReader,
    /// The text that it showed at the last read, or why it showed none.
    shown: Option<Result<Digest, Arc<str>>>,
    /// Whether it ever showed the newest text of the object.
    pub(super) has_met: bool,
    lags_since: watch::Sender<Option<Instant>>,
    is_warned: bool,
}

impl MountLag {
    /// How long the file has lagged.
    pub(crate) fn get(&self) -> Duration {
        self.0.borrow().map(|since| since.elapsed()).unwrap_or_default()
    }
}

impl MountedFile {
    pub(super) fn new(reader: Arc<dyn SnapshotReader>) -> Self {
        let reader = CandidateReader::new(reader);
        Self { reader, shown: None, has_met: false, lags_since: watch::Sender::default(), is_warned: false }
    }

    pub(super) fn lag(&self) -> MountLag {
        MountLag(self.lags_since.subscribe())
    }

    pub(super) async fn read(&mut self, wants_partial: bool) -> Candidate {
        self.reader.read(None, wants_partial).await
    }

    /// Notes what it shows; whether that is another thing than before.
    pub(super) fn shows(&mut self, candidate: &Candidate) -> bool {
        let problem = candidate.result.as_ref().err().map(|rejection| rejection.report.clone());
        let shown = candidate.text_digest.ok_or_else(|| problem.unwrap_or_default());
        let is_news = self.shown.as_ref() != Some(&shown);
        if candidate.retry_after.is_none() {
            self.shown = Some(shown);
        }
        is_news
    }

    /// Measures the lag, and says once when it will not end by itself.
    pub(super) fn note_lag(&mut self, lags: bool, object: &ObjectName, is_immutable: bool) {
        let known = *self.lags_since.borrow();
        let since = lags.then(|| known.unwrap_or_else(Instant::now));
        self.lags_since.send_replace(since);
        let is_stuck = since.is_some_and(|since| since.elapsed() > STUCK);
        if is_stuck && !self.is_warned {
            self.warn(object, is_immutable);
        }
        // It may catch up and lag anew.
        self.is_warned = lags && (self.is_warned || is_stuck);
    }

    fn warn(&self, object: &ObjectName, is_immutable: bool) {
        let (kind, flag, reader) = (object.kind, object.kind.flag(), &self.reader.reader);
        let error = if reader.is_lone_mount() {
            format!("it is mounted by subPath, which never shows an update: mount the {kind} as a directory")
        } else if is_immutable {
            format!(
                "the {kind} is immutable, and the kubelet keeps showing the object that was there before: restart the pod"
            )
        } else if self.has_met {
            "the kubelet does not update the volume: see its log, and whether `..data_tmp` was left in the volume".to_owned()
        } else {
            format!(
                "it never showed what the object holds: the mount and {flag} are not the same {kind} or key"
            )
        };
        let file = reader.path().display();
        tracing::warn!(%file, %object, error, "The mounted file does not follow the {kind}; the object says what runs");
    }
}
