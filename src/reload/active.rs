use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use super::Digest;
use crate::config::Config;

/// The configuration that runs, with where it came from.
#[derive(Debug)]
pub struct ActiveConfig {
    /// The configuration.
    pub config: Config,
    /// The digest of its text.
    pub text: Digest,
    /// The digest of everything that it depends on.
    pub effective: Digest,
    /// Where it was read: a path, or `configmap NAMESPACE/NAME`.
    pub origin: String,
    /// The `resourceVersion` of the ConfigMap that holds this text, where one is known.
    pub resource_version: Option<String>,
    /// Its source with every secret masked.
    pub redacted: String,
    /// What the reader should know though it is valid, one line each.
    pub warnings: Vec<String>,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// The one owner of the running configuration.
#[derive(Debug)]
pub struct ConfigWriter {
    current: Arc<ArcSwap<ActiveConfig>>,
    generation: watch::Sender<u64>,
}

/// Reads the running configuration. A reader never waits and never sees half of one.
#[derive(Clone, Debug)]
pub struct ConfigReader {
    current: Arc<ArcSwap<ActiveConfig>>,
    generation: watch::Receiver<u64>,
}

impl ConfigWriter {
    /// Begins with the first configuration.
    pub fn new(first: Arc<ActiveConfig>) -> (Self, ConfigReader) {
        let current = Arc::new(ArcSwap::new(first));
        let (sender, receiver) = watch::channel(0);
        (
            Self { current: current.clone(), generation: sender },
            ConfigReader { current, generation: receiver },
        )
    }

    /// Makes `next` the configuration that runs.
    pub fn publish(&self, next: Arc<ActiveConfig>) {
        // The value goes first, so that who is woken finds it.
        self.current.store(next);
        self.generation.send_modify(|generation| *generation += 1);
    }
}

impl ConfigReader {
    /// The configuration that runs now.
    pub fn load(&self) -> Arc<ActiveConfig> {
        self.current.load_full()
    }

    /// Waits for another configuration than the last one seen here; `false` when the writer is gone.
    pub async fn changed(&mut self) -> bool {
        self.generation.changed().await.is_ok()
    }

    /// How many configurations were published after the first.
    pub fn generation(&self) -> u64 {
        *self.generation.borrow()
    }
}
