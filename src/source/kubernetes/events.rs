//! Publishes announcements as Events about the object and about our own pod.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::Backoff;
use super::outbox::{Next, Outbox};
use super::{Access, Announcement, ObjectName, ObjectStatus};

/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Pauses while Events can not be published.
const FIRST_PAUSE: Duration = Duration::from_millis(800);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The same announcement within this time is not counted again: it comes from another replica, whose volume may lag so
/// much behind ours.
const SAME: Duration = Duration::from_mins(2);

/// Our own pod, as the downward API names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pod {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: Option<String>,
}

/// Hands announcements to the tasks that publish them, one for each object that they are about. It never waits for them.
#[derive(Clone, Debug)]
pub(crate) struct Announcer(Arc<[Mailbox]>);

/// What waits to be announced about one object.
#[derive(Debug)]
struct Mailbox {
    outbox: Mutex<Outbox>,
    news: Notify,
}

impl Announcer {
    /// An announcer and its publishers; the caller runs each of them in a task of its own.
    pub(crate) fn start(
        access: &Access,
        object: &Arc<ObjectName>,
        status: &Arc<ObjectStatus>,
        pod: Option<Pod>,
    ) -> (Self, Vec<EventPublisher>) {
        let instance: Option<Arc<str>> = pod.as_ref().map(|pod| pod.name.as_str().into());
        let watched = Subject::Watched(object.clone(), status.clone());
        let subjects: Vec<_> = [Some(watched), pod.map(Subject::Pod)].into_iter().flatten().collect();
        let announcer = Self::with_mailboxes(subjects.len());
        let publish = |(mailbox, subject)| EventPublisher {
            announcer: announcer.clone(),
            mailbox,
            access: access.clone(),
            subject,
            instance: instance.clone(),
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            is_failing: false,
        };
        let publishers = subjects.into_iter().enumerate().map(publish).collect();
        (announcer, publishers)
    }

    fn with_mailboxes(count: usize) -> Self {
        let mailbox = |_| Mailbox { outbox: Mutex::new(Outbox::new(Instant::now())), news: Notify::new() };
        Self((0..count).map(mailbox).collect())
    }

    /// One whose announcements a test reads.
    #[cfg(test)]
    pub(crate) fn to_test() -> Self {
        Self::with_mailboxes(1)
    }

    /// What was announced since this was last asked.
    #[cfg(test)]
    pub(crate) fn announced(&self) -> Vec<Announcement> {
        let next = || match self.0[0].outbox().next(Instant::now()) {
            Next::Now(announcement) => Some(announcement),
            Next::At(_) | Next::Nothing => None,
        };
        std::iter::from_fn(next).collect()
    }

    /// Queues an announcement; never waits.
    pub(crate) fn announce(&self, announcement: &Announcement) {
        for mailbox in self.0.iter() {
            mailbox.outbox().put(announcement.clone(), Instant::now());
            mailbox.news.notify_one();
        }
    }
}

impl Mailbox {
    fn outbox(&self) -> std::sync::MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what is to be published next.
    async fn next(&self) -> Announcement {
        loop {
            // Bound first: the lock is not held across the wait.
            let next = self.outbox().next(Instant::now());
            match next {
                Next::Now(announcement) => return announcement,
                Next::At(at) => {
                    tokio::select! {
                        () = sleep_until(at) => {}
                        () = self.news.notified() => {}
                    }
                }
                Next::Nothing => self.news.notified().await,
            }
        }
    }
}

/// What Events are about.
enum Subject {
    /// The object that holds the configuration.
    Watched(Arc<ObjectName>, Arc<ObjectStatus>),
    /// Our own pod.
    Pod(Pod),
}

impl Subject {
    fn reference(&self) -> ObjectReference {
        let (kind, name, namespace, uid) = match self {
            Self::Watched(object, status) => {
                (object.kind.as_ref(), object.name.clone(), object.namespace.clone(), status.uid())
            }
            Self::Pod(pod) => ("Pod", pod.name.clone(), Some(pod.namespace.clone()), pod.uid.clone()),
        };
        ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(name),
            namespace,
            uid,
            ..ObjectReference::default()
        }
    }
}

/// An announcement of this kills the publisher.
#[cfg(test)]
pub(super) const DEADLY: &str = "deadly";

/// Publishes what is announced of one object.
pub(crate) struct EventPublisher {
    announcer: Announcer,
    /// Which of its mailboxes is ours.
    mailbox: usize,
    access: Access,
    subject: Subject,
    instance: Option<Arc<str>>,
    backoff: Backoff,
    /// Whether no Event could be published last time.
    is_failing: bool,
}

/// Why an Event is not published.
enum PublishError {
    /// Another try would fail as well: a sentence.
    Permanent(String),
    /// Another try may succeed: a sentence.
    Transient(String),
}

impl EventPublisher {
    /// Never ends. After a panic the owner calls it again; what was published before is not published again.
    pub(crate) async fn run(&mut self) {
        let mailboxes = self.announcer.0.clone();
        let Some(mailbox) = mailboxes.get(self.mailbox) else { return };
        loop {
            let announcement = mailbox.next().await;
            // A failure has no consequence: Events are optional.
            match self.publish(&announcement).await {
                Ok(()) => {
                    self.backoff.reset();
                    self.is_failing = false;
                }
                Err(PublishError::Permanent(error)) => self.warn(&error),
                Err(PublishError::Transient(error)) => {
                    self.warn(&error);
                    mailbox.outbox().put_back(announcement);
                    sleep(self.backoff.next()).await;
                }
            }
        }
    }

    /// Creates the Event; if it exists already, counts it as one more of its series.
    async fn publish(&self, announcement: &Announcement) -> Result<(), PublishError> {
        #[cfg(test)]
        assert!(announcement.note != DEADLY, "injected");
        let about = self.subject.reference();
        let namespace = about.namespace.clone().unwrap_or_default();
        let event = announcement.event(about, self.instance.as_deref());
        let name = event.metadata.name.clone().unwrap_or_default();
        // Always with the current client: the credentials may have been renewed.
        let events: Api<Event> = Api::namespaced(self.access.client(), &namespace);
        let created = answer(&namespace, events.create(&PostParams::default(), &event)).await?;
        if created.is_some() {
            return Ok(());
        }
        // An empty patch reads the Event without the right to get it.
        let existing = answer(&namespace, patch(&events, &name, json!({}))).await?;
        let (count, last) = existing.as_ref().map_or((1, None), counted);
        let is_same = |last| announcement.at.duration_since(last).as_secs_f64() < SAME.as_secs_f64();
        if last.is_some_and(is_same) {
            return Ok(());
        }
        let series = json!({ "count": count + 1, "lastObservedTime": MicroTime(announcement.at) });
        answer(&namespace, patch(&events, &name, json!({ "series": series }))).await?;
        Ok(())
    }

    /// One warning until it works again.
    fn warn(&mut self, error: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(error, "An Event can not be published");
        }
    }
}

async fn patch(events: &Api<Event>, name: &str, patch: serde_json::Value) -> kube::Result<Event> {
    events.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

/// How often an Event was published, and when last.
fn counted(event: &Event) -> (i32, Option<Timestamp>) {
    match &event.series {
        Some(series) => (series.count, Some(series.last_observed_time.0)),
        None => (1, event.event_time.as_ref().map(|time| time.0)),
    }
}

/// The answer, or `None` if the Event exists already.
async fn answer<T>(
    namespace: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<Option<T>, PublishError> {
    match timeout(ANSWER, request).await {
        Ok(Ok(answer)) => Ok(Some(answer)),
        Ok(Err(kube::Error::Api(status))) => match status.code {
            409 => Ok(None),
            403 => Err(PublishError::Permanent(format!(
                "the API server forbids Events (403): give the service account a Role in namespace {namespace} with \
                 apiGroups [events.k8s.io], resources [events], verbs [create, patch], or turn them off by \
                 --kubernetes.events=false"
            ))),
            code => {
                let sentence = format!("HTTP {code} {}", status.message);
                // An Event may have expired before it was patched; the credentials may be in the middle of a rotation.
                let is_transient = code >= 500 || matches!(code, 401 | 404 | 408 | 429);
                Err(if is_transient {
                    PublishError::Transient(sentence)
                } else {
                    PublishError::Permanent(sentence)
                })
            }
        },
        Ok(Err(error)) => Err(PublishError::Transient(error.to_string())),
        Err(_) => Err(PublishError::Transient(format!("no answer within {ANSWER:?}"))),
    }
}
