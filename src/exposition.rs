//! What a scrape gets: the sites' samples, which are rendered when they are published, and the exporter's own,
//! which are rendered at each scrape (scrapes of one moment share that).
//!
//! A [`Page`] puts the sites' fragments together family by family without copying them, once per version of the
//! snapshot store; its compressed form is made by the first scrape that asks. A scrape then costs the bytes that
//! it sends, and the rendering of the few metrics in the [`Registry`].

mod body;
mod build;
mod gzip;
mod own;
mod page;
mod process;
mod registry;
mod runtime;

pub use body::PageBody;
pub use build::BuildInfo;
pub use page::Page;
pub use registry::{Reading, Registry, Source};

use std::sync::{Arc, Mutex, PoisonError};

use self::own::OwnMetrics;
use crate::snapshot::SnapshotStore;

/// The media type of the text format 0.0.4 (Prometheus, exposition formats).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders scrapes; clones share the page.
#[derive(Clone, Debug)]
pub struct Exposition {
    store: SnapshotStore,
    registry: Registry,
    page: Arc<Mutex<Arc<Page>>>,
    own: Arc<OwnMetrics>,
}

impl Exposition {
    /// Serves what `store` and `registry` hold at each scrape.
    pub fn new(store: SnapshotStore, registry: Registry) -> Self {
        let page = Page::of_store(&store.load());
        Self { store, registry, page: Arc::new(Mutex::new(Arc::new(page))), own: Arc::default() }
    }

    /// The snapshots behind the page.
    pub fn store(&self) -> &SnapshotStore {
        &self.store
    }

    /// The exporter's own metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The page of the newest version; scrapes that come together assemble it once.
    pub fn page(&self) -> Arc<Page> {
        // The slot always holds a whole page, so a panic elsewhere can not have spoiled it.
        let mut slot = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        // Loaded under the lock: a slow scrape never puts an older page over a newer one.
        let snapshots = self.store.load();
        if slot.version() != snapshots.version {
            *slot = Arc::new(Page::of_store(&snapshots));
        }
        slot.clone()
    }

    /// The body of a scrape without compression.
    pub fn identity(&self) -> PageBody {
        PageBody::new(self.page().chunks(), self.own.now(&self.registry).text())
    }

    /// The body of a scrape as one gzip member; `None` when compressing failed, and then identity serves.
    pub async fn gzip(&self) -> Option<PageBody> {
        let page = self.page();
        let compressed = page.compressed().await?;
        let own = self.own.now(&self.registry);
        let end = compressed.finish(self.own.tail(&own));
        Some(PageBody::new(compressed.chunks(), end))
    }

    /// Has the next scrape show all that happened before this call.
    pub fn renew(&self) {
        self.own.renew();
    }
}

#[cfg(test)]
mod tests;
