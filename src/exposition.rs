//! What a scrape gets: the sites' samples, which are rendered when they are published, and the exporter's own,
//! which are rendered at each scrape (scrapes of one moment share that).
//!
//! The [page](crate::snapshot::MetricsPage) of a version of the snapshot store shows the snapshots' own texts, and its compressed form
//! is put together of pieces that are compressed when they are published. A scrape then costs the bytes that
//! it sends, and the rendering of the few metrics in the [`Registry`].

mod body;
mod build;
mod gzip;
mod own;
mod process;
mod reading;
mod registry;
mod runtime;

pub(crate) use body::PageBody;
pub use build::BuildInfo;
pub(crate) use reading::{Reading, Readings};
pub use registry::Registry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::own::OwnMetrics;
use crate::metric::TextFormat;
use crate::snapshot::SnapshotStore;

/// The media type of a format (Prometheus, exposition formats; OpenMetrics 1.0).
pub(crate) const fn content_type(format: TextFormat) -> &'static str {
    match format {
        TextFormat::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        TextFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

/// Renders scrapes; clones share what they render.
#[derive(Clone, Debug)]
pub(crate) struct Exposition {
    store: SnapshotStore,
    registry: Registry,
    /// What the last scrape got.
    own: Arc<Mutex<Option<Arc<OwnMetrics>>>>,
}

impl Exposition {
    /// Serves what `store` and `registry` hold at each scrape.
    pub(crate) fn new(store: SnapshotStore, registry: Registry) -> Self {
        Self { store, registry, own: Arc::default() }
    }

    /// The snapshots behind the page.
    pub(crate) fn store(&self) -> &SnapshotStore {
        &self.store
    }

    /// The body of a scrape without compression.
    pub(crate) fn identity(&self, format: TextFormat) -> PageBody {
        PageBody::text(self.store.load().page().clone(), format, self.own_metrics(format).text())
    }

    /// The body of a scrape as one gzip member; `None` when compressing failed, and then identity serves.
    pub(crate) async fn gzip(&self, format: TextFormat) -> Option<PageBody> {
        self.store.deflate();
        let page = self.store.load().page().clone();
        let shared = page.deflated(format).await?;
        let own = self.own_metrics(format);
        Some(PageBody::gzip(&gzip::HEADER, shared, own.tail()?.after(shared)))
    }

    /// Has the next scrape show all that happened before this call.
    pub(crate) fn renew(&self) {
        *self.last() = None;
    }

    /// The metrics of this moment; scrapes that come together read them once.
    fn own_metrics(&self, format: TextFormat) -> Arc<OwnMetrics> {
        let mut last = self.last();
        match last.as_ref().filter(|own| own.are_fresh(format)) {
            Some(own) => own.clone(),
            None => last.insert(Arc::new(OwnMetrics::now(&self.registry, format))).clone(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<OwnMetrics>>> {
        // It holds a whole value or none, so a panic elsewhere can not have spoiled it.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
