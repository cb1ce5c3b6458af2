//! A running reloader between a directory that is swapped as the kubelet does it and an object that a test holds.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::poll_fn;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::fakes::{Program, Writing, event};
use super::super::object::{FakeObject, gone};
use super::super::shelf::Shelf;
use crate::reload::*;
use crate::source::Store;
pub(super) use crate::source::file::volume::Volume;
use crate::source::file::{FileSource, Options};
use crate::source::kubernetes::ObjectEvent;

/// A configuration with one site.
pub(super) fn config(site: &str) -> String {
    format!("nbuservers:\n  - site: {site}\n    host: nbu.example\n    apiKey: k\n")
}

/// A reloader that runs.
pub(super) struct Rig {
    events: mpsc::Sender<Event>,
    object: FakeObject,
    program: Program,
    pub(super) status: StatusReader,
    lag: Option<MountLag>,
    /// How long the start took.
    pub(super) waited: Duration,
    elsewhere: TempDir,
    task: JoinHandle<Program>,
}

impl Rig {
    /// Starts with the file, if there is a volume, and the object, of which the API says this at first.
    pub(super) async fn start(
        volume: Option<&Volume>,
        first: Option<ObjectEvent>,
    ) -> Result<Self, NoConfiguration> {
        Self::start_kept(volume, first, &[]).await
    }

    /// The same with stores for the last good configuration.
    pub(super) async fn start_kept(
        volume: Option<&Volume>,
        first: Option<ObjectEvent>,
        stores: &[&Shelf],
    ) -> Result<Self, NoConfiguration> {
        let elsewhere = tempfile::tempdir().unwrap();
        let path = volume.map_or(elsewhere.path(), Volume::root).join("config.yaml");
        let source = FileSource::new(&path, [("KEY".to_owned(), "k".to_owned())].into(), Options::default());
        let object = FakeObject::new(first.clone().unwrap_or_else(gone));
        let reader = || -> Arc<dyn SnapshotReader> { Arc::new(source.reader()) };
        let stores = stores.iter().map(|&store| Arc::new(store.clone()) as Arc<dyn Store>).collect();
        let file = volume.is_some().then(reader);
        let mut sources = Sources::new(reader(), file, Some((Box::new(object.clone()), reader())), stores);
        let (events, mut receiver) = mpsc::channel(1);
        let mut queue = poll_fn(move |context| receiver.poll_recv(context));
        if let Some(first) = first {
            events.send(Event::Object(first)).await.unwrap();
        }
        let began = Instant::now();
        let first = crate::reload::first(&mut sources, &mut queue).await?;
        let waited = began.elapsed();
        let program = Program::default();
        program.begin(first.active.clone());
        let writer = StatusWriter::default();
        let (status, lag) = (writer.reader(), sources.lag());
        let metrics = ReloadMetrics::new(&prometheus::Registry::new()).unwrap();
        let reloader = Reloader::new(sources, Writing::default(), program.clone(), first, writer, metrics);
        let task = tokio::spawn(reloader.run(queue, CancellationToken::new()));
        Ok(Self { events, object, program, status, lag, waited, elsewhere, task })
    }

    /// Time passes only while nobody has anything to do.
    pub(super) async fn settle(&self) {
        sleep(Duration::from_secs(1)).await;
        assert!(!self.task.is_finished());
    }

    pub(super) async fn reload(&self, trigger: Trigger) {
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
        self.object.answer(object_event);
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

    /// How long the volume lags.
    pub(super) fn lag(&self) -> Duration {
        self.lag.as_ref().map(MountLag::get).unwrap_or_default()
    }

    pub(super) fn gets(&self) -> usize {
        self.object.gets()
    }

    /// Writes a file outside of the volume; its path.
    pub(super) fn elsewhere(&self, name: &str, text: &str) -> String {
        let path = self.elsewhere.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(super) fn runs_nothing(&self) -> bool {
        self.program.committed().is_empty()
    }

    pub(super) fn running(&self) -> Arc<ActiveConfig> {
        self.program.committed().last().unwrap().clone()
    }

    /// The only site of each configuration that was put to work.
    pub(super) fn applied(&self) -> Vec<String> {
        let committed = self.program.committed();
        let sites = committed.iter().map(|active| active.config.sites.first());
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
