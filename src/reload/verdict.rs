use std::sync::Arc;
use std::time::Duration;

use super::{Digest, Outcome, Trigger};

/// The answer to one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What asked.
    pub trigger: Trigger,
    /// What came of it.
    pub outcome: Outcome,
    /// The digest of the text that was seen, if one could be read.
    pub text: Option<Digest>,
    /// The `resourceVersion` of the newest known revision of the object, if there is one.
    pub revision: Option<Arc<str>>,
    /// For `applied` what changed, for `rejected` the whole report with one mistake a line, else a sentence.
    pub detail: Arc<str>,
    /// Rejected for nothing but what the text refers to, which may still come: a Secret lags behind.
    pub lacks_reference: bool,
}

impl Verdict {
    /// One line for who reads the log.
    pub(super) fn log(&self, took: Duration) {
        let (trigger, outcome) = (self.trigger.as_str(), self.outcome.as_str());
        let hash = self.text.map(|digest| digest.short()).unwrap_or_default();
        let revision = self.revision.as_deref();
        let duration = took.as_secs_f64();
        match self.outcome {
            Outcome::Applied => {
                tracing::info!(
                    trigger,
                    outcome,
                    hash,
                    revision,
                    changes = &*self.detail,
                    duration,
                    "Loaded configuration file"
                );
            }
            Outcome::Rejected => {
                let errors = self.detail.lines().count();
                // One line per event: mistakes are parted by semicolons.
                let error = self.detail.lines().collect::<Vec<_>>().join("; ");
                tracing::error!(
                    trigger,
                    outcome,
                    hash,
                    revision,
                    errors,
                    error,
                    duration,
                    "Error reloading config"
                );
            }
            Outcome::Unchanged | Outcome::Superseded => {
                tracing::info!(
                    trigger,
                    outcome,
                    hash,
                    revision,
                    detail = &*self.detail,
                    duration,
                    "Looked at configuration file"
                );
            }
        }
    }
}
