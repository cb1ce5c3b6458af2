//! The watch of one object, and the reader that asks for it once.

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

use super::api_error::within;
use super::backoff::Backoff;
use super::holder::Holder;
use super::rights;
use super::{Access, ApiError, ObjectEvent, ObjectKind, ObjectName, ObjectStatus, Revision, Timing};

/// How many events may wait; then the stream waits.
const QUEUE: usize = 16;

/// The task that watches one object. Dropping this ends it.
#[derive(Debug)]
pub(crate) struct ObjectWatcher {
    task: AbortOnDropHandle<()>,
}

/// Asks for the object as it is now.
#[derive(Clone, Debug)]
pub(crate) struct ObjectReader {
    object: Arc<ObjectName>,
    access: Access,
    timing: Timing,
    status: Arc<ObjectStatus>,
}

impl ObjectWatcher {
    /// Watches what `reader` reads. The events come in the order of the API server's answers. While the object can not be
    /// read, `Unavailable` comes once.
    pub(crate) fn start(reader: &ObjectReader) -> (Self, mpsc::Receiver<ObjectEvent>) {
        let (sender, events) = mpsc::channel(QUEUE);
        let backoff = Backoff::new(reader.timing.first_pause, reader.timing.longest_pause);
        let watch = ObjectWatch {
            reader: reader.clone(),
            events: sender,
            backoff,
            outage: None,
            is_unavailable: false,
        };
        let task = match reader.object.kind {
            ObjectKind::ConfigMap => tokio::spawn(watch.run::<ConfigMap>()),
            ObjectKind::Secret => tokio::spawn(watch.run::<Secret>()),
        };
        (Self { task: AbortOnDropHandle::new(task) }, events)
    }

    /// Waits for the task's end, which is a bug. Cancel safe.
    pub(crate) async fn ended(&mut self) -> Result<(), JoinError> {
        (&mut self.task).await
    }
}

impl ObjectReader {
    /// A reader of one object. A name without a namespace means that of the credentials.
    pub(crate) fn new(mut object: ObjectName, access: Access, timing: Timing) -> Self {
        object.namespace.get_or_insert_with(|| access.namespace().to_owned());
        Self { object: Arc::new(object), access, timing, status: Arc::default() }
    }

    /// Which object, with its namespace.
    pub(crate) fn object(&self) -> &Arc<ObjectName> {
        &self.object
    }

    /// What is known of the source, for metrics.
    pub(crate) fn status(&self) -> Arc<ObjectStatus> {
        self.status.clone()
    }

    /// The object as it is now, by one GET, which the API server answers from a quorum. It waits ten seconds at most.
    pub(crate) async fn get(&self) -> ObjectEvent {
        match self.object.kind {
            ObjectKind::ConfigMap => self.get_as::<ConfigMap>().await,
            ObjectKind::Secret => self.get_as::<Secret>().await,
        }
    }

    async fn get_as<K: Holder>(&self) -> ObjectEvent {
        let api = self.api::<K>();
        match within(self.timing.answer, "get", api.get_opt(&self.object.name)).await {
            // A proxy in between may have answered. Without this check an empty JSON object would be a ConfigMap without our key.
            Ok(Some(object)) if !self.is_ours(&object) => ObjectEvent::Unavailable(ApiError::NotTheObject),
            Ok(object) => self.observed(object),
            Err(error) => ObjectEvent::Unavailable(error),
        }
    }

    fn api<K: Holder>(&self) -> Api<K> {
        let namespace = self.object.namespace.as_deref().unwrap_or_default();
        Api::namespaced(self.access.client(), namespace)
    }

    fn is_ours(&self, object: &impl Holder) -> bool {
        object.meta().name.as_deref() == Some(&self.object.name)
    }

    fn observed(&self, object: Option<impl Holder>) -> ObjectEvent {
        let revision = object.map(|object| Revision::new(object, &self.object.key));
        // Before the answer, which makes it known.
        self.status.observed(revision.as_ref().map(|revision| revision.uid.as_str()));
        self.status.answered();
        revision.map_or(ObjectEvent::Missing, |revision| ObjectEvent::Present(Arc::new(revision)))
    }
}

/// The state of the task.
struct ObjectWatch {
    reader: ObjectReader,
    events: mpsc::Sender<ObjectEvent>,
    backoff: Backoff,
    /// The failure that lasts, as it was last logged.
    outage: Option<Outage>,
    /// Whether the reloader knows that the object can not be read.
    is_unavailable: bool,
}

/// A failure that lasts. Lists may succeed while every watch fails, so each is only ended by its own kind of success.
struct Outage {
    error: ApiError,
    of_watch: bool,
}

/// Why a round ended.
enum RoundError {
    /// The receiver is gone.
    Closed,
    List(ApiError),
    Watch(ApiError),
}

impl ObjectWatch {
    async fn run<K: Holder>(mut self) {
        loop {
            match self.round::<K>().await {
                Ok(()) => self.succeeded(),
                Err(RoundError::Closed) => return,
                Err(RoundError::List(error)) => {
                    self.failed(error.clone(), false).await;
                    if !self.is_unavailable
                        && self.events.send(ObjectEvent::Unavailable(error)).await.is_err()
                    {
                        return;
                    }
                    self.is_unavailable = true;
                    sleep(self.backoff.next()).await;
                }
                Err(RoundError::Watch(error)) => {
                    self.reader.status.restarted();
                    self.failed(error, true).await;
                    sleep(self.backoff.next()).await;
                }
            }
        }
    }

    /// The watch works.
    fn succeeded(&mut self) {
        self.backoff.reset();
        self.recovered(true);
    }

    /// Lists the object and watches it from there. `Ok` when the watch has had its time.
    async fn round<K: Holder>(&mut self) -> Result<(), RoundError> {
        let version = self.list::<K>().await?;
        let timing = self.reader.timing.clone();
        let seconds = u32::try_from(timing.watch.as_secs().max(1)).unwrap_or(u32::MAX);
        let params = WatchParams::default().fields(&self.selector()).timeout(seconds);
        let began = Instant::now();
        let api = self.reader.api::<K>();
        let stream =
            within(timing.answer, "watch", api.watch(&params, &version)).await.map_err(RoundError::Watch)?;
        let mut stream = pin!(stream);
        // The server ends the watch after its time. If nothing comes even then, the connection is broken.
        let deadline = began + timing.watch + timing.grace;
        loop {
            match timeout_at(deadline, stream.try_next()).await {
                Ok(Ok(Some(event))) => self.event(event).await?,
                Ok(Ok(None)) if began.elapsed() < timing.shortest_watch => {
                    return Err(RoundError::Watch(ApiError::EndedEarly));
                }
                Ok(Ok(None)) => {
                    if began.elapsed() < timing.watch {
                        // An API server that shuts down gives no reason; the next list shows whether it is back.
                        self.reader.status.restarted();
                    }
                    return Ok(());
                }
                Ok(Err(error)) => return Err(RoundError::Watch(ApiError::new("watch", &error))),
                Err(_) => return Err(RoundError::Watch(ApiError::Timeout(timing.watch + timing.grace))),
            }
        }
    }

    /// Sends the object as it is now; returns the version to watch from.
    async fn list<K: Holder>(&mut self) -> Result<String, RoundError> {
        let params = ListParams::default().fields(&self.selector());
        let api = self.reader.api::<K>();
        let list =
            within(self.reader.timing.answer, "list", api.list(&params)).await.map_err(RoundError::List)?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let object = list.items.into_iter().find(|object| self.reader.is_ours(object));
        self.recovered(false);
        self.is_unavailable = false;
        self.send(object).await?;
        Ok(version)
    }

    async fn event<K: Holder>(&mut self, event: WatchEvent<K>) -> Result<(), RoundError> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if self.reader.is_ours(&object) => {
                self.succeeded();
                self.send(Some(object)).await?;
            }
            WatchEvent::Deleted(object) if self.reader.is_ours(&object) => {
                self.succeeded();
                self.send(None::<K>).await?;
            }
            WatchEvent::Error(status) => {
                return Err(RoundError::Watch(ApiError::of_status("watch", &status)));
            }
            // Of another object, although the selector excludes it; or a bookmark, which may come before the error that
            // ends the stream.
            WatchEvent::Added(_)
            | WatchEvent::Modified(_)
            | WatchEvent::Deleted(_)
            | WatchEvent::Bookmark(_) => self.reader.status.answered(),
        }
        Ok(())
    }

    async fn send(&mut self, object: Option<impl Holder>) -> Result<(), RoundError> {
        let event = self.reader.observed(object);
        self.events.send(event).await.map_err(|_| RoundError::Closed)
    }

    /// Logs what is wrong, once for each kind of error.
    async fn failed(&mut self, error: ApiError, of_watch: bool) {
        if matches!(error, ApiError::Unauthorized) {
            self.reader.access.renew().await;
        }
        if matches!(error, ApiError::Expired | ApiError::EndedEarly) {
            // There is nothing for an operator to do; the next list shows whether the API server answers.
            tracing::debug!(error = error.sentence(&self.reader.object), "The watch of the object ended");
            return;
        }
        self.reader.status.failed();
        if !self.outage.as_ref().is_some_and(|logged| logged.error.is_same_kind(&error)) {
            let error = self.sentence(&error).await;
            tracing::warn!(object = %self.reader.object, error, "The {} can not be watched; it is tried again", self.reader.object.kind);
        }
        self.outage = Some(Outage { error, of_watch });
    }

    /// What is wrong, with a hint that only the API server can give.
    async fn sentence(&self, error: &ApiError) -> String {
        let (reader, object) = (&self.reader, &self.reader.object);
        let mut sentence = error.sentence(object);
        if matches!(error, ApiError::Forbidden { .. }) {
            let names = rights::allowed_instead(reader.access.client(), object);
            let names = timeout(reader.timing.answer, names).await.unwrap_or_default();
            if let Some(hint) = rights::hint(&names, object) {
                sentence = format!("{sentence}; {hint}");
            }
        }
        sentence
    }

    /// A list succeeded, or a watch worked.
    fn recovered(&mut self, by_watch: bool) {
        if self.outage.take_if(|outage| outage.of_watch == by_watch).is_some() {
            tracing::info!(object = %self.reader.object, "The {} is watched again", self.reader.object.kind);
        }
    }

    fn selector(&self) -> String {
        format!("metadata.name={}", self.reader.object.name)
    }
}
