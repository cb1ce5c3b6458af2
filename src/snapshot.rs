//! What is published of the sites, one immutable [`Snapshot`] per site, and who may write and read them.

mod deflate;
mod fragment;
mod page;
mod report;
mod room;
mod run_clock;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;

use crate::config::SiteId;
pub(crate) use deflate::Deflated;
#[cfg(test)]
pub(crate) use deflate::Deflater;
pub use fragment::Fragment;
pub use page::MetricsPage;
pub use report::SiteReport;
pub(crate) use report::{CollectorReport, Fault, RunReport};
pub(crate) use room::TextRoom;
pub(crate) use run_clock::{RunClock, RunningMark};

/// The immutable result of a site's runs.
#[derive(Debug)]
pub struct Snapshot {
    /// The value of the `site` label.
    pub site: Arc<str>,
    /// When it was made.
    pub taken_at: Timestamp,
    /// Whether the site answered, or `None` while that is not known yet.
    pub up: Option<bool>,
    /// Whether every collector that always runs has had a run, well or badly.
    pub complete: bool,
    /// The collectors for which the key's role lacks the permission, or a part of it.
    pub unauthorized: Vec<&'static str>,
    /// The samples, family by family; each family at most once.
    pub fragments: Vec<Fragment>,
    /// What else is known, for people.
    pub report: SiteReport,
}

impl Snapshot {
    /// Compresses what is large and was not compressed before.
    fn deflate(&self, room: &TextRoom) {
        let mut new = self.fragments.iter().filter(|fragment| fragment.is_to_be_deflated()).peekable();
        if new.peek().is_some() {
            room.with_deflater(|deflater| {
                for fragment in new {
                    // Where it fails the page will say it.
                    let _ = fragment.deflated(deflater);
                }
            });
        }
    }
}

/// All sites' snapshots at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// By site.
    pub sites: BTreeMap<SiteId, Arc<Snapshot>>,
    /// It goes with them, so that no page keeps what is not published any more.
    page: OnceLock<Arc<MetricsPage>>,
}

impl Snapshots {
    /// The samples of all sites as one text, put together by the first caller.
    pub(crate) fn page(&self) -> &Arc<MetricsPage> {
        self.page.get_or_init(|| Arc::new(MetricsPage::assemble(self.sites.values().cloned())))
    }
}

/// The store; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SnapshotStore {
    state: Arc<StoreState>,
}

#[derive(Debug, Default)]
struct StoreState {
    published: Mutex<Published>,
    room: TextRoom,
    /// Whether the compressed page has been asked for.
    is_deflated: AtomicBool,
}

/// What is published now. Sites publish far more often than somebody looks, so that it is changed in place, and copied for who looks.
#[derive(Debug, Default)]
struct Published {
    sites: BTreeMap<SiteId, Arc<Snapshot>>,
    /// The copy, until something changes.
    shown: Option<Arc<Snapshots>>,
    /// Which writer may publish for a site: only the newest.
    writers: HashMap<SiteId, u64>,
    last_writer: u64,
}

impl Published {
    fn show(&mut self) -> Arc<Snapshots> {
        let copy = || Snapshots { sites: self.sites.clone(), page: OnceLock::new() };
        self.shown.get_or_insert_with(|| copy().into()).clone()
    }

    fn insert(&mut self, site: SiteId, snapshot: Arc<Snapshot>) {
        self.sites.insert(site, snapshot);
        self.shown = None;
    }

    fn remove(&mut self, site: &SiteId) {
        if self.sites.remove(site).is_some() {
            self.shown = None;
        }
    }
}

/// Publishes for one site. When it is dropped or another takes its place, its snapshot is gone and a late
/// result can not be published.
#[derive(Debug)]
pub(crate) struct SnapshotWriter {
    state: Arc<StoreState>,
    site: SiteId,
    ticket: u64,
}

impl SnapshotStore {
    /// All snapshots now.
    pub(crate) fn load(&self) -> Arc<Snapshots> {
        self.state.lock().show()
    }

    /// The page is asked for in compressed form: from now on what is published is compressed beforehand, once for all pages that it
    /// will stand in, so that no scrape waits for that.
    pub(crate) fn deflate(&self) {
        self.state.is_deflated.store(true, Ordering::Relaxed);
    }

    /// A writer for a site; it takes the place of an earlier one, whose snapshot goes.
    pub(crate) fn writer(&self, site: SiteId) -> SnapshotWriter {
        let mut published = self.state.lock();
        published.last_writer += 1;
        let ticket = published.last_writer;
        if published.writers.insert(site.clone(), ticket).is_some() {
            published.remove(&site);
        }
        drop(published);
        SnapshotWriter { state: self.state.clone(), site, ticket }
    }

    /// Removes a site at once; its writer can not publish any more.
    pub(crate) fn revoke(&self, site: &SiteId) {
        let mut published = self.state.lock();
        if published.writers.remove(site).is_some() {
            published.remove(site);
        }
    }
}

impl SnapshotWriter {
    /// Where the text of what is published has its room.
    pub(crate) fn room(&self) -> &TextRoom {
        &self.state.room
    }

    /// Publishes; `false` if another writer has taken over or the site was revoked.
    pub(crate) fn publish(&self, snapshot: Snapshot) -> bool {
        if self.state.is_deflated.load(Ordering::Relaxed) {
            snapshot.deflate(&self.state.room);
        }
        let mut published = self.state.lock();
        if published.writers.get(&self.site) != Some(&self.ticket) {
            return false;
        }
        published.insert(self.site.clone(), Arc::new(snapshot));
        true
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        let mut published = self.state.lock();
        if published.writers.get(&self.site) == Some(&self.ticket) {
            published.writers.remove(&self.site);
            published.remove(&self.site);
        }
    }
}

impl StoreState {
    fn lock(&self) -> MutexGuard<'_, Published> {
        // It is whole at every point where a panic could happen.
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Labelled, MetricKind, Naming, TextFormat};

    fn snapshot(site: &str) -> Snapshot {
        Snapshot {
            site: site.into(),
            taken_at: Timestamp::UNIX_EPOCH,
            up: Some(true),
            complete: true,
            unauthorized: Vec::new(),
            fragments: Vec::new(),
            report: SiteReport::default(),
        }
    }

    fn id(name: &str) -> SiteId {
        SiteId::Named(name.into())
    }

    #[test]
    fn a_dropped_writer_takes_its_snapshot_along() {
        let store = SnapshotStore::default();
        let writer = store.writer(id("paris"));
        assert!(writer.publish(snapshot("paris")));
        assert_eq!(store.load().sites.len(), 1);
        drop(writer);
        assert!(store.load().sites.is_empty());
    }

    #[test]
    fn a_late_result_of_an_old_writer_is_not_published() {
        let store = SnapshotStore::default();
        let old = store.writer(id("paris"));
        old.publish(snapshot("old"));
        let new = store.writer(id("paris"));
        assert!(store.load().sites.is_empty());
        assert!(!old.publish(snapshot("late")));
        assert!(new.publish(snapshot("new")));
        drop(old);
        assert_eq!(&*store.load().sites[&id("paris")].site, "new");
    }

    #[test]
    fn a_revoked_site_is_gone_at_once_and_stays_gone() {
        let store = SnapshotStore::default();
        let writer = store.writer(id("paris"));
        writer.publish(snapshot("paris"));
        store.revoke(&id("paris"));
        assert!(store.load().sites.is_empty());
        assert!(!writer.publish(snapshot("paris")));
        assert!(store.load().sites.is_empty());
    }

    #[test]
    fn who_looks_shares_a_copy_until_something_changes() {
        let store = SnapshotStore::default();
        let writer = store.writer(id("paris"));
        let before = store.load();
        assert!(Arc::ptr_eq(&before, &store.load()));
        writer.publish(snapshot("paris"));
        let published = store.load();
        assert!(!Arc::ptr_eq(&before, &published) && Arc::ptr_eq(&published, &store.load()));
        drop(writer);
        assert!(!Arc::ptr_eq(&published, &store.load()));
    }

    static UNITS: Labelled<1> = Labelled {
        name: "units",
        help: "Units.",
        kind: MetricKind::Gauge,
        labels: ["name"],
        naming: Naming::Native,
    };

    #[tokio::test]
    async fn a_page_of_texts_that_are_kept_compressed_is_the_same_page() {
        for (sites, format) in
            [(2, TextFormat::Prometheus), (40, TextFormat::Prometheus), (40, TextFormat::OpenMetrics)]
        {
            let page = |room: &TextRoom| {
                let site = |number: usize| {
                    let mut family = UNITS.of_site(&format!("site-{number}"));
                    // From too little to compress to what is sent by itself.
                    for series in 0..[3, 200, 2_000][number % 3] {
                        family.sample([&series.to_string()], 1.0);
                    }
                    let fragments = room.fragments(vec![family.build()]);
                    Arc::new(Snapshot { fragments, ..snapshot("any") })
                };
                Arc::new(MetricsPage::assemble((0..sites).map(site)))
            };
            let text = |page: &MetricsPage| page.chunks(format).collect::<Vec<_>>().concat();
            let (plain, packed) = (page(&TextRoom::default()), page(&TextRoom::full()));
            assert_eq!((text(&packed), packed.length(format)), (text(&plain), text(&plain).len()));
            let mut unpacked = Vec::new();
            deflate::inflate(packed.deflated(format).await.unwrap(), &mut unpacked);
            assert_eq!(unpacked, text(&plain));
        }
    }
}
