//! What a scrape gets: the sites' samples, which are rendered when they are published, and the exporter's own,
//! which are rendered at each scrape (scrapes of one moment share that).
//!
//! A [`Page`] puts the sites' fragments together family by family without copying them, once per version of the
//! snapshot store; its compressed form is made by the first scrape that asks. A scrape then costs the bytes that
//! it sends, and the rendering of the few metrics in the [`Registry`].

mod body;
mod build;
mod gzip;
mod page;
mod process;
mod registry;
mod rendering;
mod runtime;

pub use body::PageBody;
pub use build::BuildInfo;
pub use page::Page;
pub use registry::{Reading, Registry, Source};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::rendering::{Own, Rendering};
use crate::snapshot::SnapshotStore;

/// The media type of the text format 0.0.4 (Prometheus, exposition formats).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders scrapes; clones share the page.
#[derive(Clone, Debug)]
pub struct Exposition {
    store: SnapshotStore,
    registry: Registry,
    newest: Arc<Mutex<Newest>>,
}

/// What the last scrape got: what the next one gets if nothing has changed.
#[derive(Debug)]
struct Newest {
    page: Arc<Page>,
    rendering: Option<Arc<Rendering>>,
}

impl Exposition {
    /// Serves what `store` and `registry` hold at each scrape.
    pub fn new(store: SnapshotStore, registry: Registry) -> Self {
        let page = Arc::new(Page::of_store(&store.load()));
        let newest = Arc::new(Mutex::new(Newest { page, rendering: None }));
        Self { store, registry, newest }
    }

    /// The snapshots behind the page.
    pub fn store(&self) -> &SnapshotStore {
        &self.store
    }

    /// The body of a scrape without compression.
    pub fn identity(&self) -> PageBody {
        self.rendering().identity()
    }

    /// The body of a scrape as one gzip member; `None` when compressing failed, and then identity serves.
    pub async fn gzip(&self) -> Option<PageBody> {
        self.rendering().gzip().await
    }

    /// Has the next scrape show all that happened before this call.
    pub fn renew(&self) {
        self.newest().rendering = None;
    }

    /// The page of the newest version with the metrics of this moment; scrapes that come together make it once.
    fn rendering(&self) -> Arc<Rendering> {
        let mut newest = self.newest();
        let fresh = newest.rendering.as_ref().filter(|rendering| rendering.own().are_fresh());
        let own = match fresh {
            Some(rendering) if rendering.shows(&newest.page) => return rendering.clone(),
            Some(rendering) => rendering.own().clone(),
            None => Own::now(&self.registry),
        };
        let rendering = Arc::new(Rendering::new(newest.page.clone(), own));
        newest.rendering.insert(rendering).clone()
    }

    /// What is newest, with the page of the newest version.
    fn newest(&self) -> MutexGuard<'_, Newest> {
        // It holds whole values only, so a panic elsewhere can not have spoiled it.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // Loaded under the lock: a slow scrape never puts an older page over a newer one.
        let snapshots = self.store.load();
        if newest.page.version() != snapshots.version {
            newest.page = Arc::new(Page::of_store(&snapshots));
        }
        newest
    }
}

#[cfg(test)]
mod tests;
