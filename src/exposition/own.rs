use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Registry;
use super::gzip::{Tail, Tails};

/// Scrapes that come within this time share one rendering. It costs about two tenths of a millisecond, most of it for
/// reading `/proc` and compressing, so that it takes two hundredths of a processor at most however many scrape.
const SHARED_FOR: Duration = Duration::from_millis(10);

/// The newest rendering of the exporter's own metrics.
#[derive(Debug, Default)]
pub(super) struct OwnMetrics {
    newest: Mutex<Option<Arc<Rendering>>>,
    tails: Tails,
}

/// The exporter's own metrics at one moment, in both encodings.
#[derive(Debug)]
pub(super) struct Rendering {
    made: Instant,
    text: Bytes,
    tail: OnceLock<Tail>,
}

impl OwnMetrics {
    /// The metrics of this moment.
    pub(super) fn now(&self, registry: &Registry) -> Arc<Rendering> {
        let mut slot = self.slot();
        match &*slot {
            Some(rendering) if rendering.made.elapsed() < SHARED_FOR => rendering.clone(),
            _ => slot.insert(Arc::new(Rendering::new(registry))).clone(),
        }
    }

    /// A rendering as the end of a gzip member.
    pub(super) fn tail<'a>(&self, rendering: &'a Rendering) -> &'a Tail {
        rendering.tail.get_or_init(|| self.tails.make(&rendering.text))
    }

    /// Forgets the newest rendering.
    pub(super) fn renew(&self) {
        *self.slot() = None;
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Rendering>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rendering {
    fn new(registry: &Registry) -> Self {
        // Taken before the values are read, so that they are never older than they seem.
        let made = Instant::now();
        Self { made, text: Bytes::from(registry.render()), tail: OnceLock::new() }
    }

    pub(super) fn text(&self) -> Bytes {
        self.text.clone()
    }
}
