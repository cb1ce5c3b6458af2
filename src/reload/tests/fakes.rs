//! What stands in for everything around the reloader.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{poll_fn, select};
use prometheus::Registry;
use strum::VariantArray as _;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Material;
use crate::reload::{
    ActiveConfig, Event, Outcome, PrepareError, Publisher, ReloadHandle, ReloadMetrics, Reloader,
    SnapshotReader, Sources, StatusReader, StatusWriter, Trigger, Verdict, Watcher, first, requests,
};
use crate::source::file::{FileError, FileSnapshot, ReadError, References};

/// A valid configuration; each number is another one.
pub(super) fn valid(number: u32) -> String {
    format!("# {number}\nserver: {{port: {}}}\nnbuservers: []\n", 9000 + number)
}

/// An invalid configuration; each number is another one.
pub(super) fn invalid(number: u32) -> String {
    format!("# {number}\nnbuservers: none\n")
}

/// What the next read does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Panic,
    /// The read waits until the other end is dropped.
    Hang(Arc<Mutex<std::sync::mpsc::Receiver<()>>>),
    /// The files are still in motion.
    RetryAfter(Duration),
}

/// A file, as the reloader's reader reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    text: Option<String>,
    acts: Vec<Act>,
    reads: usize,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    pub(super) fn write(&self, text: &str) {
        self.lock().text = Some(text.to_owned());
    }

    pub(super) fn remove(&self) {
        self.lock().text = None;
    }

    /// Has the next reads do this instead.
    pub(super) fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.lock().acts.extend(acts);
    }

    pub(super) fn reads(&self) -> usize {
        self.lock().reads
    }
}

impl SnapshotReader for Disk {
    fn path(&self) -> &Path {
        Path::new("/etc/nbu-exporter/config.yaml")
    }

    fn read(&self, text: Option<&[u8]>, _: &References<'_>) -> Result<FileSnapshot, ReadError> {
        if let Some(text) = text {
            return Ok(snapshot(text.to_vec()));
        }
        let (act, text) = {
            let mut content = self.lock();
            content.reads += 1;
            let act = (!content.acts.is_empty()).then(|| content.acts.remove(0));
            (act, content.text.clone())
        };
        match act {
            Some(Act::Panic) => panic!("planted-secret in a check that panics"),
            Some(Act::Hang(until)) => drop(until.lock().unwrap().recv()),
            Some(Act::RetryAfter(after)) => {
                return Err(ReadError::Unsettled { path: self.path().to_owned(), after });
            }
            None => {}
        }
        let missing = ReadError::Unreadable {
            path: self.path().to_owned(),
            problem: FileError::Missing(self.path().to_owned()),
        };
        Ok(snapshot(text.ok_or(missing)?.into_bytes()))
    }

    fn is_lone_mount(&self) -> bool {
        false
    }
}

/// A text that names no files.
fn snapshot(text: Vec<u8>) -> FileSnapshot {
    let material = Material { text, ..Material::default() };
    FileSnapshot { material, notes: Vec::new(), beside: BTreeSet::new() }
}

/// Somebody who writes, or not.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    held: watch::Sender<bool>,
    disturbances: Arc<Mutex<usize>>,
    has_change: Arc<AtomicBool>,
}

impl Default for Writing {
    fn default() -> Self {
        Self { held: watch::Sender::new(false), disturbances: Arc::default(), has_change: Arc::default() }
    }
}

impl Writing {
    /// Begins to write in place, or ends.
    pub(super) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// The next reads each meet a writer who began meanwhile.
    pub(super) fn disturb(&self, reads: usize) {
        *self.disturbances.lock().unwrap() = reads;
    }

    /// A change is told during the next read.
    pub(super) fn tell(&self) {
        self.has_change.store(true, Ordering::Relaxed);
    }
}

impl Watcher for Writing {
    type Permit = ();

    async fn writers_done(&self) {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held).await;
    }

    async fn is_undisturbed(&self, (): ()) -> bool {
        let mut left = self.disturbances.lock().unwrap();
        let disturbed = *left > 0;
        *left = left.saturating_sub(1);
        !disturbed
    }

    fn has_change_since(&self, (): ()) -> bool {
        self.has_change.swap(false, Ordering::Relaxed)
    }

    fn follow(&self, _: &BTreeSet<PathBuf>) {}
}

/// The rest of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Program(Arc<Mutex<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    /// Every configuration that was put to work, in order.
    committed: Vec<Arc<ActiveConfig>>,
    failures: Vec<String>,
    prepared: usize,
    asked: usize,
    slow: Option<Arc<Notify>>,
}

impl Program {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap()
    }

    /// What a start chose.
    pub(super) fn begin(&self, first: Option<Arc<ActiveConfig>>) {
        self.lock().committed.extend(first);
    }

    pub(super) fn committed(&self) -> Vec<Arc<ActiveConfig>> {
        self.lock().committed.clone()
    }

    /// How often something was tried to be put to work.
    pub(super) fn prepared(&self) -> usize {
        self.lock().prepared
    }

    /// How often somebody asked for a reload and had an answer.
    pub(super) fn asked(&self) -> usize {
        self.lock().asked
    }

    /// The next preparations fail with these words.
    pub(super) fn fail(&self, failures: &[&str]) {
        self.lock().failures.extend(failures.iter().map(|&why| why.to_owned()));
    }

    /// The next preparation takes until it is told.
    pub(super) fn slow(&self) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.lock().slow = Some(notify.clone());
        notify
    }
}

impl Publisher for Program {
    type Prepared = ();

    async fn prepare(&mut self, _: &Arc<ActiveConfig>) -> Result<(), PrepareError> {
        let slow = {
            let mut parts = self.lock();
            parts.prepared += 1;
            if !parts.failures.is_empty() {
                return Err(PrepareError(parts.failures.remove(0)));
            }
            parts.slow.take()
        };
        if let Some(slow) = slow {
            slow.notified().await;
        }
        Ok(())
    }

    async fn commit(&mut self, next: Arc<ActiveConfig>, (): ()) {
        self.lock().committed.push(next);
    }

    async fn asked(&mut self) {
        self.lock().asked += 1;
    }
}

/// The event of a trigger that brings nothing along.
pub(super) fn event(trigger: Trigger) -> Event {
    match trigger {
        Trigger::Poll => Event::Tick,
        Trigger::File => Event::FileChange,
        Trigger::Signal => Event::Hangup(None),
        Trigger::Kubernetes | Trigger::Http => panic!("{trigger:?} brings something along"),
    }
}

/// A running reloader with all that is around it.
pub(super) struct Harness {
    pub(super) disk: Disk,
    pub(super) writing: Writing,
    pub(super) program: Program,
    pub(super) status: StatusReader,
    pub(super) shutdown: CancellationToken,
    pub(super) handle: ReloadHandle,
    registry: Registry,
    events: mpsc::UnboundedSender<Event>,
    task: JoinHandle<Program>,
}

impl Harness {
    /// Starts on this text.
    pub(super) async fn start(text: &str) -> Self {
        let (disk, writing, program) = (Disk::default(), Writing::default(), Program::default());
        disk.write(text);
        let (events, mut receiver) = mpsc::unbounded_channel();
        let (handle, mut requests) = requests();
        let events_in_turn = poll_fn(move |context| receiver.poll_recv(context));
        let requests = poll_fn(move |context| requests.poll_recv(context)).map(Event::Request);
        let mut stream = select(events_in_turn, requests);
        let mut sources =
            Sources::new(Arc::new(disk.clone()), Some(Arc::new(disk.clone())), None, Vec::new());
        let running = first(&mut sources, &mut stream).await.unwrap();
        let registry = Registry::new();
        let metrics = ReloadMetrics::new(&registry).unwrap();
        let writer = StatusWriter::default();
        let status = writer.reader();
        let reloader = Reloader::new(sources, writing.clone(), program.clone(), running, writer, metrics);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(reloader.run(stream, shutdown.clone()));
        Self { disk, writing, program, status, shutdown, handle, registry, events, task }
    }

    pub(super) fn trigger(&self, trigger: Trigger) {
        let _ = self.events.send(event(trigger));
    }

    /// Asks in the same queue as the triggers; the answer comes later.
    pub(super) fn ask(&self) -> oneshot::Receiver<Arc<Verdict>> {
        let (sender, receiver) = oneshot::channel();
        let _ = self.events.send(Event::Request(sender));
        receiver
    }

    /// Asks and waits.
    pub(super) async fn post(&self) -> Arc<Verdict> {
        self.handle.reload().await.expect("the reloader runs")
    }

    /// The number of counted reloads.
    pub(super) fn count(&self, trigger: Trigger, outcome: Outcome) -> f64 {
        let families = self.registry.gather();
        let family =
            families.iter().find(|family| family.name() == "nbu_exporter_config_reloads_total").unwrap();
        let wanted = [outcome.as_ref(), trigger.as_ref()];
        let is_wanted = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().zip(wanted).all(|(label, value)| label.value() == value)
        };
        family.get_metric().iter().find(is_wanted).unwrap().get_counter().get_value()
    }

    /// The number of all counted reloads.
    pub(super) fn counts(&self) -> f64 {
        let pairs = Trigger::VARIANTS
            .iter()
            .flat_map(|&trigger| Outcome::VARIANTS.iter().map(move |&outcome| (trigger, outcome)));
        pairs.map(|(trigger, outcome)| self.count(trigger, outcome)).sum()
    }

    /// The texts of what was put to work, as their ports.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.program.committed().iter().map(|active| active.config.server.port).collect()
    }

    /// Lets everything happen that can happen by itself.
    pub(super) async fn settle(&self) {
        let before = self.disk.reads();
        let verdict = self.post().await;
        assert!(self.disk.reads() > before, "{verdict:?} came of a read");
    }

    /// Ends the reloader.
    pub(super) async fn end(self) -> Program {
        self.shutdown.cancel();
        self.task.await.unwrap()
    }
}
