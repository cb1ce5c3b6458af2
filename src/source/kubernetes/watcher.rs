use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::holder::Holder;
use super::pause::Pauses;
use super::rights;
use super::{Access, ObjectEvent, ObjectKind, ObjectName, ObjectStatus, Problem, Revision, Timing};

/// How many events may wait; then the stream waits.
const QUEUE: usize = 16;

/// The task that watches one object. Dropping this ends it.
#[derive(Debug)]
pub struct ObjectWatcher {
    task: AbortOnDropHandle<()>,
}

/// Asks for the object as it is now.
#[derive(Clone, Debug)]
pub struct ObjectReader {
    object: Arc<ObjectName>,
    access: Access,
    timing: Timing,
    status: Arc<ObjectStatus>,
}

impl ObjectWatcher {
    /// Watches what `reader` reads. Each event comes in the order of the API server's answers; while it is in
    /// trouble there is one `Unavailable` and no more.
    pub fn start(reader: &ObjectReader) -> (Self, mpsc::Receiver<ObjectEvent>) {
        let (sender, events) = mpsc::channel(QUEUE);
        let pauses = Pauses::new(reader.timing.first_pause, reader.timing.longest_pause);
        let watch = Watch { reader: reader.clone(), events: sender, pauses, trouble: None, away: false };
        let task = match reader.object.kind {
            ObjectKind::ConfigMap => tokio::spawn(watch.run::<ConfigMap>()),
            ObjectKind::Secret => tokio::spawn(watch.run::<Secret>()),
        };
        (Self { task: AbortOnDropHandle::new(task) }, events)
    }

    /// Waits for the task's end, which is a bug. Cancel safe.
    pub async fn ended(&mut self) -> Result<(), JoinError> {
        (&mut self.task).await
    }
}

impl ObjectReader {
    /// A reader of one object. A name without a namespace means that of the credentials.
    pub fn new(mut object: ObjectName, access: Access, timing: Timing) -> Self {
        object.namespace.get_or_insert_with(|| access.namespace().to_owned());
        Self { object: Arc::new(object), access, timing, status: Arc::default() }
    }

    /// Which object, with its namespace.
    pub fn object(&self) -> &Arc<ObjectName> {
        &self.object
    }

    /// What is known of the source, for metrics.
    pub fn status(&self) -> Arc<ObjectStatus> {
        self.status.clone()
    }

    /// The object as it is now, by one GET, which the API server answers from a quorum. It waits ten seconds at most.
    pub async fn get(&self) -> ObjectEvent {
        match self.object.kind {
            ObjectKind::ConfigMap => self.get_as::<ConfigMap>().await,
            ObjectKind::Secret => self.get_as::<Secret>().await,
        }
    }

    async fn get_as<K: Holder>(&self) -> ObjectEvent {
        let answer = timeout(self.timing.answer, self.api::<K>().get_opt(&self.object.name)).await;
        match answer {
            // As from a proxy in between; an empty JSON object would else be a ConfigMap without our key.
            Ok(Ok(Some(object))) if !self.is_ours(&object) => ObjectEvent::Unavailable(Problem::Foreign),
            Ok(Ok(object)) => self.seen(object),
            Ok(Err(error)) => ObjectEvent::Unavailable(Problem::new("get", &error)),
            Err(_) => ObjectEvent::Unavailable(Problem::Timeout(self.timing.answer)),
        }
    }

    fn api<K: Holder>(&self) -> Api<K> {
        let namespace = self.object.namespace.as_deref().unwrap_or_default();
        Api::namespaced(self.access.client(), namespace)
    }

    fn is_ours(&self, object: &impl Holder) -> bool {
        object.meta().name.as_deref() == Some(&self.object.name)
    }

    fn seen(&self, object: Option<impl Holder>) -> ObjectEvent {
        let revision = object.map(|object| Revision::new(object, &self.object.key));
        // Before the answer, which makes it known.
        self.status.seen(revision.as_ref().map(|revision| revision.uid.as_str()));
        self.status.answered();
        revision.map_or(ObjectEvent::Missing, |revision| ObjectEvent::Present(Arc::new(revision)))
    }
}

/// The state of the task.
struct Watch {
    reader: ObjectReader,
    events: mpsc::Sender<ObjectEvent>,
    pauses: Pauses,
    /// What was last said of the trouble that lasts.
    trouble: Option<Trouble>,
    /// Whether the funnel was told that the object is out of reach.
    away: bool,
}

/// Trouble that lasts, and what ends it: lists may succeed all the while that no watch does.
struct Trouble {
    problem: Problem,
    of_watch: bool,
}

/// Nobody listens any more.
struct Closed;

/// Why a round ended.
enum End {
    Closed,
    List(Problem),
    Watch(Problem),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl Watch {
    async fn run<K: Holder>(mut self) {
        loop {
            match self.round::<K>().await {
                Ok(()) => self.lives(),
                Err(End::Closed) => return,
                Err(End::List(problem)) => {
                    self.failed(problem.clone(), false).await;
                    if !self.away && self.events.send(ObjectEvent::Unavailable(problem)).await.is_err() {
                        return;
                    }
                    self.away = true;
                    sleep(self.pauses.next()).await;
                }
                Err(End::Watch(problem)) => {
                    self.reader.status.restarted();
                    self.failed(problem, true).await;
                    sleep(self.pauses.next()).await;
                }
            }
        }
    }

    /// The watch is a good one.
    fn lives(&mut self) {
        self.pauses.reset();
        self.recovered(true);
    }

    /// Lists the object and watches it from there. `Ok` when the watch has had its time.
    async fn round<K: Holder>(&mut self) -> Result<(), End> {
        let version = self.list::<K>().await?;
        let timing = self.reader.timing.clone();
        let seconds = u32::try_from(timing.watch.as_secs().max(1)).unwrap_or(u32::MAX);
        let params = WatchParams::default().fields(&self.selector()).timeout(seconds);
        let began = Instant::now();
        let api = self.reader.api::<K>();
        let stream = within(&timing, "watch", api.watch(&params, &version)).await.map_err(End::Watch)?;
        let mut stream = pin!(stream);
        // The server ends it after its time; if nothing is heard even then, the connection is a dead one.
        let deadline = began + timing.watch + timing.grace;
        loop {
            match timeout_at(deadline, stream.try_next()).await {
                Ok(Ok(Some(event))) => self.event(event).await?,
                Ok(Ok(None)) if began.elapsed() < timing.shortest_watch => {
                    return Err(End::Watch(Problem::Short));
                }
                Ok(Ok(None)) => {
                    if began.elapsed() < timing.watch {
                        // An API server that goes away says nothing; the next list tells.
                        self.reader.status.restarted();
                    }
                    return Ok(());
                }
                Ok(Err(error)) => return Err(End::Watch(Problem::new("watch", &error))),
                Err(_) => return Err(End::Watch(Problem::Timeout(timing.watch + timing.grace))),
            }
        }
    }

    /// Tells of the object as it is now; the version to watch from.
    async fn list<K: Holder>(&mut self) -> Result<String, End> {
        let params = ListParams::default().fields(&self.selector());
        let api = self.reader.api::<K>();
        let list = within(&self.reader.timing, "list", api.list(&params)).await.map_err(End::List)?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let object = list.items.into_iter().find(|object| self.reader.is_ours(object));
        self.recovered(false);
        self.away = false;
        self.tell(object).await?;
        Ok(version)
    }

    async fn event<K: Holder>(&mut self, event: WatchEvent<K>) -> Result<(), End> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if self.reader.is_ours(&object) => {
                self.lives();
                self.tell(Some(object)).await?;
            }
            WatchEvent::Deleted(object) if self.reader.is_ours(&object) => {
                self.lives();
                self.tell(None::<K>).await?;
            }
            WatchEvent::Error(status) => return Err(End::Watch(Problem::of_status("watch", &status))),
            // Of another object, which the selector should have kept from us; or a bookmark, which a stream may hold
            // before the error that ends it.
            WatchEvent::Added(_)
            | WatchEvent::Modified(_)
            | WatchEvent::Deleted(_)
            | WatchEvent::Bookmark(_) => self.reader.status.answered(),
        }
        Ok(())
    }

    async fn tell(&mut self, object: Option<impl Holder>) -> Result<(), Closed> {
        let event = self.reader.seen(object);
        self.events.send(event).await.map_err(|_| Closed)
    }

    /// Says what is wrong, once for each kind of trouble.
    async fn failed(&mut self, problem: Problem, of_watch: bool) {
        if matches!(problem, Problem::Unauthorized) {
            self.reader.access.renew().await;
        }
        if matches!(problem, Problem::Expired | Problem::Short) {
            // Nothing that an operator could mend; the next list tells whether the API server answers.
            tracing::debug!(error = problem.sentence(&self.reader.object), "The watch of the object ended");
            return;
        }
        self.reader.status.failed();
        if !self.trouble.as_ref().is_some_and(|said| said.problem.is_like(&problem)) {
            let error = self.sentence(&problem).await;
            tracing::warn!(object = %self.reader.object, error, "The {} can not be watched; it is tried again", self.reader.object.kind);
        }
        self.trouble = Some(Trouble { problem, of_watch });
    }

    /// What is wrong, with what only the API server knows of it.
    async fn sentence(&self, problem: &Problem) -> String {
        let (reader, object) = (&self.reader, &self.reader.object);
        let mut sentence = problem.sentence(object);
        if matches!(problem, Problem::Forbidden { .. }) {
            let names = rights::allowed_instead(reader.access.client(), object);
            let names = timeout(reader.timing.answer, names).await.unwrap_or_default();
            if let Some(hint) = rights::hint(&names, object) {
                sentence = format!("{sentence}; {hint}");
            }
        }
        sentence
    }

    /// A list succeeded, or a watch lived.
    fn recovered(&mut self, by_watch: bool) {
        if self.trouble.take_if(|trouble| trouble.of_watch == by_watch).is_some() {
            tracing::info!(object = %self.reader.object, "The {} is watched again", self.reader.object.kind);
        }
    }

    fn selector(&self) -> String {
        format!("metadata.name={}", self.reader.object.name)
    }
}

async fn within<T>(
    timing: &Timing,
    verb: &'static str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Problem> {
    match timeout(timing.answer, request).await {
        Ok(answer) => answer.map_err(|error| Problem::new(verb, &error)),
        Err(_) => Err(Problem::Timeout(timing.answer)),
    }
}
