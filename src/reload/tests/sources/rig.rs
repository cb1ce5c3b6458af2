use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::poll_fn;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::super::*;
use super::super::fakes::event;
pub(super) use crate::source::file::volume::Volume;
use crate::source::file::{FileReader, FileSource, Options};
use crate::source::kubernetes::{ApiError, ObjectEvent, ObjectName, Revision, Unusable};
use crate::source::{Store, StoreError};

/// A configuration with one site.
pub(super) fn config(site: &str) -> String {
    format!("nbuservers:\n  - site: {site}\n    host: nbu.example\n    apiKey: k\n")
}

pub(super) fn revision(version: &str, text: &str) -> ObjectEvent {
    of_uid("u1", version, text)
}

pub(super) fn of_uid(uid: &str, version: &str, text: &str) -> ObjectEvent {
    present(uid, version, Ok(text.as_bytes().to_vec()))
}

pub(super) fn bytes(version: &str, bytes: Vec<u8>) -> ObjectEvent {
    present("u1", version, Ok(bytes))
}

pub(super) fn unusable(version: &str, unusable: Unusable) -> ObjectEvent {
    present("u1", version, Err(unusable))
}

pub(super) fn gone() -> ObjectEvent {
    ObjectEvent::Unavailable(ApiError::Timeout(Duration::from_secs(10)))
}

fn present(uid: &str, version: &str, text: Result<Vec<u8>, Unusable>) -> ObjectEvent {
    let (uid, resource_version) = (uid.to_owned(), version.to_owned());
    ObjectEvent::Present(Arc::new(Revision { uid, resource_version, text, immutable: false }))
}

pub(super) fn immutable(version: &str, text: &str) -> ObjectEvent {
    let (uid, resource_version) = ("u2".to_owned(), version.to_owned());
    let text = Ok(text.as_bytes().to_vec());
    ObjectEvent::Present(Arc::new(Revision { uid, resource_version, text, immutable: true }))
}

/// The object as a GET gives it.
#[derive(Clone)]
struct FakeObject {
    name: ObjectName,
    answer: Arc<Mutex<ObjectEvent>>,
    gets: Arc<AtomicUsize>,
}

impl Object for FakeObject {
    fn name(&self) -> &ObjectName {
        &self.name
    }

    async fn get(&self) -> ObjectEvent {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.answer.lock().unwrap().clone()
    }
}

/// A store that a test holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) kept: Arc<Mutex<Option<Vec<u8>>>>,
    pub(super) is_public: bool,
    pub(super) fails: Arc<Mutex<bool>>,
    pub(super) writes: Arc<AtomicUsize>,
    /// How many times the next uses of it panic.
    pub(super) panics: Arc<AtomicUsize>,
}

impl Shelf {
    pub(super) fn public() -> Self {
        Self { is_public: true, ..Self::default() }
    }

    /// What is kept.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.kept.lock().unwrap().clone().unwrap_or_default()).unwrap()
    }

    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), StoreError> {
        let left = self.panics.load(Ordering::Relaxed);
        self.panics.store(left.saturating_sub(1), Ordering::Relaxed);
        assert_eq!(left, 0, "planted");
        if *self.fails.lock().unwrap() { Err(StoreError("the shelf is locked".to_owned())) } else { Ok(()) }
    }
}

impl Store for Shelf {
    fn name(&self) -> String {
        "shelf".to_owned()
    }

    fn is_public(&self) -> bool {
        self.is_public
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async { self.check().map(|()| self.kept.lock().unwrap().clone()) })
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.check()?;
            *self.kept.lock().unwrap() = Some(bytes);
            self.writes.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }
}

/// Nobody writes in place here.
struct Idle;

impl Watch for Idle {
    type Clearance = ();

    async fn ready(&self) {}

    async fn is_undisturbed(&self, (): ()) -> bool {
        true
    }

    fn has_heard(&self, (): ()) -> bool {
        false
    }

    fn cover(&self, _: &std::collections::BTreeSet<std::path::PathBuf>) {}
}

/// Writes down what is published.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Arc<ActiveConfig>>>>);

impl Publisher for Log {
    type Prepared = ();

    async fn prepare(&mut self, _: &Arc<ActiveConfig>) -> Result<(), PrepareError> {
        Ok(())
    }

    async fn commit(&mut self, next: Arc<ActiveConfig>, (): ()) {
        self.0.lock().unwrap().push(next);
    }
}

/// A funnel that runs.
pub(super) struct Rig {
    events: mpsc::Sender<Event>,
    object: FakeObject,
    log: Log,
    pub(super) status: StatusReader,
    pub(super) lag: MountLag,
    /// How long the start took.
    pub(super) waited: Duration,
    elsewhere: TempDir,
    task: JoinHandle<Log>,
}

impl Rig {
    /// Starts with the file, if there is a volume, and the object, of which the API says this at first.
    pub(super) async fn start(
        volume: Option<&Volume>,
        first: Option<ObjectEvent>,
    ) -> Result<Self, StartError> {
        Self::start_kept(volume, first, &[]).await
    }

    /// The same with stores for the last good configuration.
    pub(super) async fn start_kept(
        volume: Option<&Volume>,
        first: Option<ObjectEvent>,
        stores: &[&Shelf],
    ) -> Result<Self, StartError> {
        let elsewhere = tempfile::tempdir().unwrap();
        let path = volume.map_or(elsewhere.path(), Volume::root).join("config.yaml");
        let source = FileSource::new(&path, [("KEY".to_owned(), "k".to_owned())].into(), Options::default());
        let answer = Arc::new(Mutex::new(first.clone().unwrap_or_else(gone)));
        let object = FakeObject { name: "ns/cfg".parse().unwrap(), answer, gets: Arc::default() };
        let mut sources: Sources<FileReader, FakeObject> =
            Sources::object(object.clone(), source.reader(), volume.map(|_| source.reader()));
        let stores = stores.iter().map(|&store| Arc::new(store.clone()) as Arc<dyn Store>).collect();
        sources = sources.kept_in(stores, source.reader());
        let (events, mut receiver) = mpsc::channel(1);
        let mut queue = poll_fn(move |context| receiver.poll_recv(context));
        if let Some(first) = first {
            events.send(Event::Object(first)).await.unwrap();
        }
        let began = Instant::now();
        let first = super::super::super::first(&mut sources, &mut queue).await?;
        let waited = began.elapsed();
        let log = Log::default();
        log.0.lock().unwrap().extend(first.active.clone());
        let writer = StatusWriter::default();
        let (status, lag) = (writer.reader(), sources.lag());
        let metrics = ReloadMetrics::new(&prometheus::Registry::new()).unwrap();
        let reloader = Reloader::new(sources, Idle, log.clone(), first, writer, metrics);
        let task = tokio::spawn(reloader.run(queue, CancellationToken::new()));
        Ok(Self { events, object, log, status, lag, waited, elsewhere, task })
    }

    /// Time passes only while nobody has anything to do.
    pub(super) async fn settle(&self) {
        sleep(Duration::from_secs(1)).await;
        assert!(!self.task.is_finished());
    }

    pub(super) async fn look(&self, trigger: Trigger) {
        self.events.send(event(trigger)).await.unwrap();
        self.settle().await;
    }

    pub(super) async fn post(&self) -> Arc<Verdict> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.events.send(Event::Request(sender)).await.unwrap();
        receiver.await.unwrap()
    }

    /// The API server has this, and the watch says so.
    pub(super) async fn object(&self, object_event: ObjectEvent) {
        self.answer(object_event.clone());
        self.event(object_event).await;
    }

    /// A GET is answered by this.
    pub(super) fn answer(&self, object_event: ObjectEvent) {
        *self.object.answer.lock().unwrap() = object_event;
    }

    /// The watch brings this.
    pub(super) async fn event(&self, object_event: ObjectEvent) {
        self.events.send(Event::Object(object_event)).await.unwrap();
        self.settle().await;
    }

    /// The same without waiting for what comes of it.
    pub(super) async fn send(&self, object_event: ObjectEvent) {
        self.answer(object_event.clone());
        self.events.send(Event::Object(object_event)).await.unwrap();
    }

    pub(super) fn gets(&self) -> usize {
        self.object.gets.load(Ordering::Relaxed)
    }

    /// Writes a file outside of the volume; its path.
    pub(super) fn elsewhere(&self, name: &str, text: &str) -> String {
        let path = self.elsewhere.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(super) fn runs_nothing(&self) -> bool {
        self.log.0.lock().unwrap().is_empty()
    }

    pub(super) fn running(&self) -> Arc<ActiveConfig> {
        self.log.0.lock().unwrap().last().unwrap().clone()
    }

    /// The only site of each configuration that was put to work.
    pub(super) fn applied(&self) -> Vec<String> {
        let log = self.log.0.lock().unwrap();
        let sites = log.iter().map(|active| active.config.sites.first());
        sites.map(|site| site.map(|site| site.name.to_string()).unwrap_or_default()).collect()
    }

    pub(super) fn verdict(&self) -> Arc<Verdict> {
        self.status.load().last_verdict.clone().unwrap().1
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.task.abort();
    }
}
