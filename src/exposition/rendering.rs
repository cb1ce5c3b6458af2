//! What scrapes of one moment share: the page with the exporter's own metrics, in both encodings.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::gzip::Tail;
use super::{MetricsPage, PageBody, Registry};

/// Scrapes that come within this time share one rendering. It costs about two tenths of a millisecond, most of it for
/// reading `/proc` and compressing, so that it takes two hundredths of a processor at most however many scrape.
const SHARED_FOR: Duration = Duration::from_millis(10);

/// The exporter's own metrics at one moment.
#[derive(Clone, Debug)]
pub(super) struct OwnMetrics {
    made: Instant,
    text: Bytes,
}

impl OwnMetrics {
    /// The metrics of this moment.
    pub(super) fn now(registry: &Registry) -> Self {
        // Taken before the values are read, so that they are never older than they seem.
        let made = Instant::now();
        Self { made, text: Bytes::from(registry.render()) }
    }

    /// Whether they are recent enough for a scrape of this moment.
    pub(super) fn are_fresh(&self) -> bool {
        self.made.elapsed() < SHARED_FOR
    }
}

/// A page with the exporter's own metrics, in both encodings.
#[derive(Debug)]
pub(super) struct Rendering {
    page: Arc<MetricsPage>,
    own: OwnMetrics,
    identity: OnceLock<PageBody>,
    gzip: OnceCell<Option<PageBody>>,
}

impl Rendering {
    /// Adds `own` to `page`; they are joined when an encoding is asked for.
    pub(super) fn new(page: Arc<MetricsPage>, own: OwnMetrics) -> Self {
        Self { page, own, identity: OnceLock::new(), gzip: OnceCell::new() }
    }

    /// The exporter's own metrics in it.
    pub(super) fn own(&self) -> &OwnMetrics {
        &self.own
    }

    /// Whether it was made from `page`.
    pub(super) fn shows(&self, page: &Arc<MetricsPage>) -> bool {
        Arc::ptr_eq(&self.page, page)
    }

    /// The whole without compression.
    pub(super) fn identity(&self) -> PageBody {
        self.identity.get_or_init(|| PageBody::new(&self.page.chunks(), self.own.text.clone())).clone()
    }

    /// The whole as one gzip member; `None` when compressing failed.
    pub(super) async fn gzip(&self) -> Option<PageBody> {
        let whole = self.gzip.get_or_init(async || {
            let compressed = self.page.compressed().await?;
            let tail = Tail::new(&self.own.text).ok()?;
            Some(PageBody::new(&compressed.chunks(), compressed.finish(&tail)))
        });
        whole.await.clone()
    }
}
