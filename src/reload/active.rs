use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use super::Digest;
use crate::config::{self, Check, Config, Material};

/// The configuration that runs, with where it came from.
#[derive(Debug)]
pub struct ActiveConfig {
    /// The configuration.
    pub config: Config,
    /// The digest of its text.
    pub text: Digest,
    /// The digest of everything that it depends on.
    pub effective: Digest,
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
}

impl ActiveConfig {
    /// What runs while there is no configuration: no sites. `None` if the defaults alone are not valid, which a test
    /// rules out.
    pub(super) fn none() -> Option<Self> {
        let material = Material { text: b"nbuservers: []\n".to_vec(), ..Material::default() };
        let loaded = config::load(Path::new(""), &material, Check::Full).ok()?;
        Some(Self {
            config: loaded.config,
            text: Self::no_text(),
            effective: Self::no_text(),
            origin: "none".to_owned(),
            resource_version: None,
            redacted: "# no configuration yet\n".to_owned(),
            warnings: Vec::new(),
            loaded_at: Timestamp::now(),
        })
    }

    /// Whether this stands in for a configuration that has not come yet.
    pub fn is_none(&self) -> bool {
        self.effective == Self::no_text()
    }

    /// No configuration has this text: it is not valid.
    pub(super) fn no_text() -> Digest {
        Digest::of_text(b"")
    }
}

/// The one owner of the running configuration.
#[derive(Debug)]
pub struct ConfigWriter {
    current: Arc<ArcSwap<ActiveConfig>>,
    changes: watch::Sender<()>,
}

/// Reads the running configuration. A reader never waits and never sees half of one.
#[derive(Debug)]
pub struct ConfigReader {
    current: Arc<ArcSwap<ActiveConfig>>,
    changes: watch::Receiver<()>,
}

impl ConfigWriter {
    /// Begins with the first configuration.
    pub fn new(first: Arc<ActiveConfig>) -> (Self, ConfigReader) {
        let current = Arc::new(ArcSwap::new(first));
        let (sender, receiver) = watch::channel(());
        (Self { current: current.clone(), changes: sender }, ConfigReader { current, changes: receiver })
    }

    /// Makes `next` the configuration that runs. That it runs already is no change.
    pub fn publish(&self, next: Arc<ActiveConfig>) {
        if !Arc::ptr_eq(&self.current.load(), &next) {
            // The value goes first, so that who is woken finds it.
            self.current.store(next);
            self.changes.send_replace(());
        }
    }
}

impl ConfigReader {
    /// The configuration that runs now.
    pub fn load(&self) -> Arc<ActiveConfig> {
        self.current.load_full()
    }

    /// Waits for a configuration that is published after this reader was made, or after the last wait; `false` when the
    /// writer is gone.
    pub async fn changed(&mut self) -> bool {
        self.changes.changed().await.is_ok()
    }
}

impl Clone for ConfigReader {
    /// A clone waits for what is published from now on, and not for what it finds.
    fn clone(&self) -> Self {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        Self { current: self.current.clone(), changes }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_runs_without_a_configuration_has_no_sites_and_is_told_from_an_empty_one() {
        let none = ActiveConfig::none().unwrap();
        assert!(none.is_none() && none.config.sites.is_empty());
        let material = Material { text: b"nbuservers: []\n".to_vec(), ..Material::default() };
        assert_ne!(Digest::of_material(&material, &std::collections::BTreeSet::new()), none.effective);
    }

    #[test]
    fn a_reader_waits_for_what_is_published_after_it_was_made() {
        let [first, second] = [(); 2].map(|()| Arc::new(ActiveConfig::none().unwrap()));
        let (writer, reader) = ConfigWriter::new(first.clone());
        let mut early = reader.clone();
        writer.publish(first);
        assert_eq!(early.changed().now_or_never(), None, "it ran already");
        writer.publish(second.clone());
        assert_eq!(reader.clone().changed().now_or_never(), None, "a late reader finds it there");
        assert_eq!(early.changed().now_or_never(), Some(true));
        assert!(Arc::ptr_eq(&early.load(), &second));
        drop(writer);
        assert_eq!(early.changed().now_or_never(), Some(false));
    }
}
