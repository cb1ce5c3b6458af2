//! The exporter's own metrics at one moment, which the scrapes of that moment share.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Registry;
use super::gzip::Tail;
use crate::metric::{TextFormat, end};

/// Scrapes that come within this time share one rendering. It costs about two tenths of a millisecond, most of it for
/// reading `/proc` and compressing, so that it takes two hundredths of a processor at most however many scrape.
const SHARED_FOR: Duration = Duration::from_millis(10);

/// The exporter's own metrics at one moment.
#[derive(Debug)]
pub(super) struct OwnMetrics {
    made: Instant,
    format: TextFormat,
    text: Bytes,
    tail: OnceLock<Option<Tail>>,
}

impl OwnMetrics {
    /// The metrics of this moment, to the end of the page.
    pub(super) fn now(registry: &Registry, format: TextFormat) -> Self {
        // Taken before the values are read, so that they are never older than they seem.
        let made = Instant::now();
        let text = Bytes::from(registry.render(format) + end(format));
        Self { made, format, text, tail: OnceLock::new() }
    }

    /// Whether they are of this format, and recent enough for a scrape of this moment.
    pub(super) fn are_fresh(&self, format: TextFormat) -> bool {
        self.format == format && self.made.elapsed() < SHARED_FOR
    }

    /// As text.
    pub(super) fn text(&self) -> Bytes {
        self.text.clone()
    }

    /// As the end of a gzip member; `None` when compressing failed.
    pub(super) fn tail(&self) -> Option<&Tail> {
        self.tail.get_or_init(|| Tail::new(&self.text).ok()).as_ref()
    }
}
