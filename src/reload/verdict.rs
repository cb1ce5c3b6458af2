//! What asked for a reload, what came of it, and the answer that says both.

use std::sync::Arc;
use std::time::Duration;

use super::Digest;

/// What asked for a reload. The order is the rank: one run that several asked for is counted under the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Trigger {
    /// The slow tick.
    Poll,
    /// An event in a watched directory.
    File,
    /// The ConfigMap or Secret object changed.
    Kubernetes,
    /// SIGHUP.
    Signal,
    /// `POST /-/reload`.
    Http,
}

/// What came of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    /// A new configuration runs.
    Applied,
    /// What was read is what runs.
    Unchanged,
    /// What was read is older than the newest known revision.
    Superseded,
    /// What was read is not valid or can not be put to work; the last good configuration runs on.
    Rejected,
}

/// The answer to one reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What asked.
    pub trigger: Trigger,
    /// What came of it.
    pub outcome: Outcome,
    /// The digest of the text that this is about, if one could be read.
    pub text_digest: Option<Digest>,
    /// The `resourceVersion` of the newest known revision of the object, if there is one.
    pub revision: Option<Arc<str>>,
    /// For `applied` what changed, for `rejected` the whole report with one mistake a line, else a sentence.
    pub detail: Arc<str>,
    /// Rejected for nothing but what the text refers to, which may still come: a Secret lags behind.
    pub lacks_reference: bool,
}

impl Trigger {
    /// Whether somebody asked and wants an answer, even that there is no news.
    pub fn is_explicit(self) -> bool {
        matches!(self, Self::Signal | Self::Http)
    }
}

impl Verdict {
    /// Logs it as one line, in the span of its reload, which carries the trigger.
    pub(super) fn log(&self, took: Duration) {
        let outcome = self.outcome.as_ref();
        let hash = self.text_digest.map(|digest| digest.short()).unwrap_or_default();
        let (revision, detail, duration) = (self.revision.as_deref(), &*self.detail, took.as_secs_f64());
        match self.outcome {
            Outcome::Applied => {
                tracing::info!(
                    outcome,
                    hash,
                    revision,
                    changes = detail,
                    duration,
                    "Loaded configuration file"
                );
            }
            Outcome::Rejected => {
                let (errors, error) = (detail.lines().count(), one_line(detail));
                tracing::error!(outcome, hash, revision, errors, error, duration, "Error reloading config");
            }
            Outcome::Unchanged | Outcome::Superseded => {
                tracing::info!(outcome, hash, revision, detail, duration, "Read configuration file");
            }
        }
    }
}

/// A report as one line of a log: mistakes are parted by semicolons.
pub(super) fn one_line(report: &str) -> String {
    report.lines().collect::<Vec<_>>().join("; ")
}
