//! The configuration that runs, published by one pointer swap.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::Digest;
use crate::config::Config;

/// The configuration that runs, with where it came from.
pub struct ActiveConfig {
    /// The configuration.
    pub config: Config,
    /// The digest of its text.
    pub text_digest: Digest,
    /// The digest of everything that it depends on.
    pub effective_digest: Digest,
    /// Where it was read: a path, or `configmap NAMESPACE/NAME`, or `secret NAMESPACE/NAME`, or where it was kept.
    pub origin: String,
    /// The `resourceVersion` of the object that holds this text, where one is known.
    pub resource_version: Option<String>,
    /// Its source with every secret masked.
    pub redacted: String,
    /// What the reader should know though it is valid, one line each.
    pub warnings: Vec<String>,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// Its text, to be read again with what it names.
    pub(super) text: Arc<[u8]>,
    /// The files that it names.
    pub(super) files: BTreeSet<PathBuf>,
}

impl ActiveConfig {
    /// Logs the warnings, one line each.
    pub(crate) fn log_warnings(&self) {
        for warning in &self.warnings {
            tracing::warn!(warning, "The configuration is valid, but");
        }
    }
}

impl fmt::Debug for ActiveConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold keys.
        let mut fields = formatter.debug_struct("ActiveConfig");
        fields.field("origin", &self.origin).field("text_digest", &self.text_digest);
        fields.field("effective_digest", &self.effective_digest).finish_non_exhaustive()
    }
}

impl ActiveConfig {
    /// Whether a part of the configuration is left out, since it lacks something that it refers to.
    pub(super) fn is_partial(&self) -> bool {
        !self.config.lacking.is_empty()
    }

    /// Whether this is what `running` is, with other content in the files that it names, and no less of it.
    pub(super) fn renews(&self, running: &Self) -> bool {
        self.text_digest == running.text_digest
            && self.effective_digest != running.effective_digest
            && self.config.lacking.len() <= running.config.lacking.len()
    }
}

/// The one owner of the running configuration.
#[derive(Debug)]
pub(crate) struct ConfigWriter(Arc<ArcSwapOption<ActiveConfig>>);

/// Reads the running configuration. A reader never waits and never sees half of one.
#[derive(Clone, Debug)]
pub struct ConfigReader(Arc<ArcSwapOption<ActiveConfig>>);

impl ConfigWriter {
    /// Begins with the first configuration, if there is one.
    pub(crate) fn new(first: Option<Arc<ActiveConfig>>) -> (Self, ConfigReader) {
        let current = Arc::new(ArcSwapOption::new(first));
        (Self(current.clone()), ConfigReader(current))
    }

    /// Makes `next` the configuration that runs.
    pub(crate) fn publish(&self, next: Arc<ActiveConfig>) {
        self.0.store(Some(next));
    }
}

impl ConfigReader {
    /// The configuration that runs now; `None` until there is one.
    pub fn load(&self) -> Option<Arc<ActiveConfig>> {
        self.0.load_full()
    }
}

#[cfg(test)]
impl ActiveConfig {
    /// What a test runs, as if it had been read from a file with this text.
    pub(crate) fn fixture(config: Config, text: &str) -> Self {
        let digest = Digest::of_text(text.as_bytes());
        Self {
            config,
            text_digest: digest,
            effective_digest: digest,
            origin: "/etc/nbu-exporter/config.yaml".to_owned(),
            resource_version: None,
            redacted: text.to_owned(),
            warnings: Vec::new(),
            loaded_at: Timestamp::now(),
            text: text.as_bytes().into(),
            files: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    #[test]
    fn debug_shows_nothing_of_the_text() {
        let active = ActiveConfig::fixture(fixture::config(Vec::new()), "apiKey: hunter2");
        assert!(!format!("{active:?}").contains("hunter2"));
    }
}
