//! What a scrape gets: the sites' samples, which are rendered when they are published, and the exporter's own,
//! which are rendered at each scrape (scrapes of one moment share that).
//!
//! A [`MetricsPage`] puts the sites' fragments together family by family without copying them, once per version of the
//! snapshot store; its compressed form is made by the first scrape that asks. A scrape then costs the bytes that
//! it sends, and the rendering of the few metrics in the [`Registry`].

mod body;
mod build;
mod gzip;
mod page;
mod process;
mod reading;
mod registry;
mod rendering;
mod runtime;

pub(crate) use body::PageBody;
pub use build::BuildInfo;
pub use page::MetricsPage;
pub(crate) use reading::{Reading, Readings};
pub use registry::Registry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::rendering::{OwnMetrics, Rendering};
use crate::snapshot::SnapshotStore;

/// The media type of the text format 0.0.4 (Prometheus, exposition formats).
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders scrapes; clones share the page.
#[derive(Clone, Debug)]
pub(crate) struct Exposition {
    store: SnapshotStore,
    registry: Registry,
    cache: Arc<Mutex<Cache>>,
}

/// What the last scrape got, and what the next one gets if nothing has changed.
#[derive(Debug)]
struct Cache {
    page: Arc<MetricsPage>,
    rendering: Option<Arc<Rendering>>,
}

impl Exposition {
    /// Serves what `store` and `registry` hold at each scrape.
    pub(crate) fn new(store: SnapshotStore, registry: Registry) -> Self {
        let page = Arc::new(MetricsPage::of_store(&store.load()));
        let cache = Arc::new(Mutex::new(Cache { page, rendering: None }));
        Self { store, registry, cache }
    }

    /// The snapshots behind the page.
    pub(crate) fn store(&self) -> &SnapshotStore {
        &self.store
    }

    /// The body of a scrape without compression.
    pub(crate) fn identity(&self) -> PageBody {
        self.rendering().identity()
    }

    /// The body of a scrape as one gzip member; `None` when compressing failed, and then identity serves.
    pub(crate) async fn gzip(&self) -> Option<PageBody> {
        self.rendering().gzip().await
    }

    /// Has the next scrape show all that happened before this call.
    pub(crate) fn renew(&self) {
        self.cache().rendering = None;
    }

    /// The page of the newest version with the metrics of this moment; scrapes that come together make it once.
    fn rendering(&self) -> Arc<Rendering> {
        let mut cache = self.cache();
        let fresh = cache.rendering.as_ref().filter(|rendering| rendering.own().are_fresh());
        let own = match fresh {
            Some(rendering) if rendering.shows(&cache.page) => return rendering.clone(),
            Some(rendering) => rendering.own().clone(),
            None => OwnMetrics::now(&self.registry),
        };
        let rendering = Arc::new(Rendering::new(cache.page.clone(), own));
        cache.rendering.insert(rendering).clone()
    }

    /// The cache, with the page of the newest version.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        // It holds whole values only, so a panic elsewhere can not have spoiled it.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        // Loaded under the lock: a slow scrape never puts an older page over a newer one.
        let snapshots = self.store.load();
        if cache.page.version() != snapshots.version {
            cache.page = Arc::new(MetricsPage::of_store(&snapshots));
        }
        cache
    }
}

#[cfg(test)]
mod tests;
