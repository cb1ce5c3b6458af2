use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::look::Looked;
use super::{ActiveConfig, Digest, Trigger};

/// What the sources show, in order.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) newest: Newest,
    /// The newest known text is in the object's revision, if it has one.
    pub(super) revision: Option<Arc<str>>,
    /// What was seen and is older than the newest.
    pub(super) lagging: Option<Lagging>,
    /// The file shows another text than at the last look, and it is the newest.
    pub(super) caught_up: bool,
    /// After which time to look again before this is a verdict: files were in motion.
    pub(super) again: Option<Duration>,
}

/// The newest known revision.
#[derive(Debug)]
pub(super) enum Newest {
    /// It was looked at.
    Looked(Looked),
    /// It waits for files that come with the volume.
    Held(Arc<str>),
    /// There is nothing to look at.
    Nothing(Arc<str>),
}

/// Something older than the newest.
#[derive(Debug)]
pub(super) struct Lagging {
    pub(super) text: Option<Digest>,
    pub(super) detail: Arc<str>,
    /// Whether it was not seen before.
    pub(super) fresh: bool,
    /// The file, as it can be run when nothing newer can.
    pub(super) looked: Option<Looked>,
}

/// Since when the mounted file has not shown the newest known text; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MountLag(Arc<Mutex<Option<Instant>>>);

impl MountLag {
    /// How long the file has lagged.
    pub fn get(&self) -> Duration {
        self.since().map(|since| since.elapsed()).unwrap_or_default()
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, lags: bool) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if lags { since.or_else(|| Some(Instant::now())) } else { None };
    }
}

impl Newest {
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }

    /// What could run of it where the whole can not.
    pub(super) fn take_reduced(&mut self) -> Option<Box<ActiveConfig>> {
        match self {
            Self::Looked(looked) => looked.reduced.take(),
            Self::Held(_) | Self::Nothing(_) => None,
        }
    }

    /// The digest of the text that was seen.
    pub(super) fn text(&self) -> Option<Digest> {
        match self {
            Self::Looked(looked) => looked.text,
            Self::Held(_) | Self::Nothing(_) => None,
        }
    }
}

impl Scene {
    pub(super) fn of(looked: Looked) -> Self {
        Self::new(Newest::Looked(looked))
    }

    pub(super) fn new(newest: Newest) -> Self {
        let again = match &newest {
            Newest::Looked(looked) => looked.come_again,
            Newest::Held(_) | Newest::Nothing(_) => None,
        };
        Self { newest, revision: None, lagging: None, caught_up: false, again }
    }
}

impl Lagging {
    /// An object's revision that was older than known.
    pub(super) fn replica() -> Self {
        let detail =
            "the API server first gave an older revision than it had before; it was asked again".into();
        Self { text: None, detail, fresh: true, looked: None }
    }

    /// Whether this is what an answer to `trigger` is about.
    pub(super) fn concerns(&self, trigger: Trigger) -> bool {
        // What the watch brought is about the object; a file that lags is no answer to that.
        trigger != Trigger::Kubernetes || self.looked.is_none()
    }
}
