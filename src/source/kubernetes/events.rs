use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{Access, ObjectName, Status};

/// The reporting controller of our Events.
const CONTROLLER: &str = "nbu-exporter";
/// Announcements that may wait; more are dropped, since an Event is a courtesy.
const QUEUE: usize = 32;
/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(5);
/// At once this many Events, then one in so long: as generous as a person reads.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_secs(10);
/// The API takes 1 kB (`events.k8s.io/v1`, field `note`).
const LONGEST_NOTE: usize = 1024;
/// Equal ones within this time become one Event with a count; it is that of kube's recorder.
const SERIES: Duration = Duration::from_mins(6);

/// What an Event is about. The name is its `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A configuration was put to work.
    ConfigReloaded,
    /// A configuration was refused.
    ConfigRejected,
    /// NetBackup refused an API key.
    CredentialRejected,
}

/// One thing to tell the cluster. It must hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Announcement {
    /// What it is about.
    pub kind: Kind,
    /// The text; it is cut to what the API takes.
    pub note: String,
}

/// Our own pod, as the downward API names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: Option<String>,
}

/// Gives announcements to a task of its own; nobody ever waits for it.
#[derive(Clone, Debug)]
pub struct Announcer(mpsc::Sender<Announcement>);

impl Announcer {
    /// Starts the task. It ends when every clone of the announcer is gone.
    pub fn start(
        access: Access,
        object: Arc<ObjectName>,
        status: Arc<Status>,
        pod: Option<Pod>,
    ) -> (Self, JoinHandle<()>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let publisher = EventPublisher {
            access,
            object,
            status,
            pod,
            series: HashMap::new(),
            left: BURST,
            refilled: Instant::now(),
            failing: BTreeSet::new(),
        };
        (Self(sender), tokio::spawn(publisher.run(queue)))
    }

    /// One whose announcements a test reads.
    #[cfg(test)]
    pub(crate) fn to_test() -> (Self, mpsc::Receiver<Announcement>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Publishes when it can be; never waits.
    pub fn announce(&self, announcement: Announcement) {
        if self.0.try_send(announcement).is_err() {
            tracing::debug!("An Event is left out: too many are waiting");
        }
    }
}

struct EventPublisher {
    access: Access,
    object: Arc<ObjectName>,
    status: Arc<Status>,
    pod: Option<Pod>,
    /// kube's recorder makes one series of whatever has the same reason and keeps the first note, so that a second,
    /// different report would not be seen: each note has its own recorder.
    series: HashMap<Announcement, (Recorder, Instant)>,
    left: u32,
    refilled: Instant,
    /// The kinds of object about which no Event could be published last time.
    failing: BTreeSet<String>,
}

impl EventPublisher {
    async fn run(mut self, mut queue: mpsc::Receiver<Announcement>) {
        while let Some(mut announcement) = queue.recv().await {
            if !self.may_publish() {
                tracing::debug!("An Event is left out: too many in a short time");
                continue;
            }
            cut(&mut announcement.note);
            let event = event(&announcement);
            let recorder = self.recorder(announcement);
            for reference in [Some(self.watched()), self.own_pod()].into_iter().flatten() {
                let outcome = timeout(ANSWER, recorder.publish(&event, &reference)).await;
                self.note(
                    outcome.map_err(|_| None).and_then(|published| published.map_err(Some)),
                    &reference,
                );
            }
        }
    }

    fn may_publish(&mut self) -> bool {
        let earned = self.refilled.elapsed().as_secs() / REFILL.as_secs();
        if earned > 0 {
            self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(u32::MAX)).min(BURST);
            self.refilled = Instant::now();
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    fn recorder(&mut self, announcement: Announcement) -> Recorder {
        self.series.retain(|_, (_, last)| last.elapsed() < SERIES);
        let now = Instant::now();
        let instance = self.pod.as_ref().map(|pod| pod.name.clone());
        // Always with the client of now: the credentials may have been renewed.
        let fresh = || {
            let reporter = Reporter { controller: CONTROLLER.to_owned(), instance };
            (Recorder::new(self.access.client(), reporter), now)
        };
        let (recorder, last) = self.series.entry(announcement).or_insert_with(fresh);
        *last = now;
        recorder.clone()
    }

    fn watched(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some(self.object.kind.to_string()),
            name: Some(self.object.name.clone()),
            namespace: self.object.namespace.clone(),
            uid: self.status.uid(),
            ..ObjectReference::default()
        }
    }

    fn own_pod(&self) -> Option<ObjectReference> {
        let pod = self.pod.as_ref()?;
        Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.name.clone()),
            namespace: Some(pod.namespace.clone()),
            uid: pod.uid.clone(),
            ..ObjectReference::default()
        })
    }

    /// One warning for each kind of object until it works again. Events are optional, so nothing else follows from it.
    fn note(&mut self, outcome: Result<(), Option<kube::Error>>, about: &ObjectReference) {
        let kind = about.kind.clone().unwrap_or_default();
        let err = match outcome {
            Ok(()) => {
                self.failing.remove(&kind);
                return;
            }
            Err(Some(kube::Error::Api(status))) if status.code == 403 => format!(
                "the API server forbids Events (403): give the service account a Role in namespace {} with \
                 apiGroups [events.k8s.io], resources [events], verbs [create, patch], or turn them off by \
                 --kubernetes.events=false",
                about.namespace.as_deref().unwrap_or_default()
            ),
            Err(failure) => {
                // The Event that a series would go on with may be gone, or the credentials that its client holds.
                self.series.clear();
                sentence(failure)
            }
        };
        if self.failing.insert(kind) {
            tracing::warn!(err, "An Event can not be published");
        }
    }
}

fn sentence(failure: Option<kube::Error>) -> String {
    match failure {
        Some(kube::Error::Api(status)) => format!("HTTP {} {}", status.code, status.message),
        Some(error) => error.to_string(),
        None => format!("no answer within {ANSWER:?}"),
    }
}

fn event(announcement: &Announcement) -> Event {
    let (type_, reason, action) = match announcement.kind {
        Kind::ConfigReloaded => (EventType::Normal, "ConfigReloaded", "Reload"),
        Kind::ConfigRejected => (EventType::Warning, "ConfigRejected", "Reload"),
        Kind::CredentialRejected => (EventType::Warning, "CredentialRejected", "Collect"),
    };
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(announcement.note.clone()),
        action: action.to_owned(),
        secondary: None,
    }
}

/// Cuts a note between characters.
fn cut(note: &mut String) {
    const SIGN: &str = " …";
    if note.len() > LONGEST_NOTE {
        note.truncate(note.floor_char_boundary(LONGEST_NOTE - SIGN.len()));
        note.push_str(SIGN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_report_is_cut_between_characters_to_what_the_api_takes() {
        for text in ["short".to_owned(), "é".repeat(512), "é".repeat(513), "x".repeat(5000), "€".repeat(400)]
        {
            let mut note = text.clone();
            cut(&mut note);
            assert!(note.len() <= LONGEST_NOTE);
            assert_eq!(note == text, text.len() <= LONGEST_NOTE);
        }
    }
}
