//! The ConfigMap or Secret object as a source, with the tasks that belong to it.

use std::env;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::announcements::{Verdicts, keep_announcing};
use super::run_error::RunError;
use crate::exposition::{Reading, Readings};
use crate::fleet::FleetReader;
use crate::metric::{flag, seconds};
use crate::reload::{ActiveConfig, MountLag, Statuses};
use crate::source::kubernetes::{
    Access, Announcer, KeptObject, ObjectEvent, ObjectName, ObjectReader, ObjectStatus, ObjectWatcher, Pod,
    Timing, WebhookObjects,
};
use crate::telemetry::{Restarts, Task};

const UP: &str = "nbu_exporter_config_kubernetes_watch_up";
const PRESENT: &str = "nbu_exporter_config_kubernetes_object_present";
const RESTARTS: &str = "nbu_exporter_config_kubernetes_watch_restarts_total";
const LAST_ANSWER: &str = "nbu_exporter_config_kubernetes_last_answer_timestamp_seconds";
const LAG: &str = "nbu_exporter_config_mount_lag_seconds";

/// The ConfigMap or Secret object as a source, with the tasks that belong to it.
#[derive(Debug)]
pub(super) struct Cluster {
    access: Access,
    reader: ObjectReader,
    watcher: Option<ObjectWatcher>,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl Cluster {
    /// Finds the way to the API server; no request is made.
    pub(super) async fn join(object: &ObjectName) -> Result<Self, RunError> {
        let timing = Timing::default();
        let access = Access::infer(&timing).await?;
        let reader = ObjectReader::new(in_our_namespace(object), access.clone(), timing);
        Ok(Self { access, reader, watcher: None, tasks: Vec::new() })
    }

    pub(super) fn reader(&self) -> ObjectReader {
        self.reader.clone()
    }

    /// The way to the API server.
    pub(super) fn access(&self) -> Access {
        self.access.clone()
    }

    /// The ConfigMap that keeps the last good configuration.
    pub(super) fn kept(&self, object: &ObjectName) -> KeptObject {
        KeptObject::new(in_our_namespace(object), self.access.clone())
    }

    /// The Secret with the webhook's certificate, and the configuration of the webhook.
    pub(super) fn webhook_objects(&self, secret: &ObjectName, configuration: &str) -> WebhookObjects {
        WebhookObjects::new(self.access.clone(), in_our_namespace(secret), configuration.to_owned())
    }

    /// Begins to watch.
    pub(super) fn watch(&mut self) -> mpsc::Receiver<ObjectEvent> {
        let (watcher, object_events) = ObjectWatcher::start(&self.reader);
        self.watcher = Some(watcher);
        object_events
    }

    /// Waits for the end of a task that never ends, which is a bug.
    pub(super) async fn ended(&mut self) {
        let Self { watcher, tasks, .. } = self;
        let watch = async {
            match watcher {
                // The panic was logged where it happened.
                Some(watcher) => drop(watcher.ended().await),
                None => std::future::pending().await,
            }
        };
        let mut tasks: FuturesUnordered<_> = tasks.iter_mut().collect();
        tokio::select! {
            () = watch => {}
            Some(_) = tasks.next() => {}
        }
    }

    /// Begins to make Events of the outcome of each reload, and of each refused key; gives the way for further ones.
    pub(super) fn announce(
        &mut self,
        statuses: Statuses,
        refused: mpsc::Receiver<Arc<str>>,
        first: Option<&ActiveConfig>,
        fleet: Option<FleetReader>,
        restarts: &Restarts,
    ) -> Announcer {
        let pod = pod();
        let (object, own) = (self.reader.object().clone(), self.reader.status());
        let (announcer, publishers) = Announcer::start(&self.access, &object, &own, pod);
        let verdicts = Verdicts::after(first.and_then(|first| first.resource_version.as_deref())).of(fleet);
        for mut publisher in publishers {
            let restarts = restarts.clone();
            self.spawn(async move {
                restarts.keep(Task::Events, &mut publisher, |publisher| publisher.run().boxed()).await;
            });
        }
        self.spawn(keep_announcing(restarts.clone(), statuses, verdicts, refused, announcer.clone()));
        announcer
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    /// What is known of the source; the lag only where there is a mounted file as well.
    pub(super) fn metrics(&self, lag: Option<MountLag>) -> ObjectMetrics {
        ObjectMetrics { status: self.reader.status(), lag }
    }
}

/// Our own pod, as the downward API names it.
pub(super) fn pod() -> Option<Pod> {
    let (name, namespace) = variable("POD_NAME").zip(variable("POD_NAMESPACE"))?;
    Some(Pod { name, namespace, uid: variable("POD_UID") })
}

/// A name without a namespace means the namespace of the pod, where that is known.
fn in_our_namespace(object: &ObjectName) -> ObjectName {
    let mut object = object.clone();
    object.namespace = object.namespace.or_else(|| variable("POD_NAMESPACE"));
    object
}

/// A variable of the downward API.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the watch of the object says of itself, as metrics.
#[derive(Debug)]
pub(super) struct ObjectMetrics {
    status: Arc<ObjectStatus>,
    lag: Option<MountLag>,
}

impl Readings for ObjectMetrics {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        let mut names = vec![
            (UP, "Whether the Kubernetes API answers the ConfigMap or Secret of the configuration."),
            (
                PRESENT,
                "Whether the ConfigMap or Secret was there at the last answer of the Kubernetes API; absent before the first one.",
            ),
            (RESTARTS, "Times that the watch of the ConfigMap or Secret ended otherwise than by its time."),
            (LAST_ANSWER, "When the Kubernetes API last answered, as Unix time."),
        ];
        if self.lag.is_some() {
            names.push((
                LAG,
                "How long the mounted file has not shown the newest known revision; 0 while it does.",
            ));
        }
        names
    }

    fn read(&self) -> Vec<Reading> {
        let status = &self.status;
        let answered = status.last_answer().map(|at| Reading::gauge(LAST_ANSWER, seconds(at)));
        let lag = self.lag.as_ref().map(|lag| Reading::gauge(LAG, lag.get().as_secs_f64()));
        let mut readings = vec![
            Reading::gauge(UP, flag(status.is_up())),
            Reading::counter(RESTARTS, status.restarts() as f64),
        ];
        let present = status.is_present().map(|is_present| Reading::gauge(PRESENT, flag(is_present)));
        readings.extend(answered.into_iter().chain(present).chain(lag));
        readings
    }
}
