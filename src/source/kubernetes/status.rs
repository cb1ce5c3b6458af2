//! What is known of the object as a source, for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A watch is silent for a minute at most; then the object is listed.
const STALE: Duration = Duration::from_secs(75);

/// What the watcher says of itself, for metrics; the counter only ever grows.
#[derive(Debug, Default)]
pub(crate) struct ObjectStatus {
    answers: AtomicBool,
    present: AtomicBool,
    restarts: AtomicU64,
    last_answer: Mutex<Option<(Instant, Timestamp)>>,
    uid: Mutex<Option<String>>,
}

impl ObjectStatus {
    /// Whether the API server answers us. It is judged by the age of the last answer: an open stream proves nothing.
    pub(crate) fn is_up(&self) -> bool {
        let is_fresh = self.last().is_some_and(|(at, _)| at.elapsed() < STALE);
        self.answers.load(Ordering::Relaxed) && is_fresh
    }

    /// Whether the object was there at the last answer; `None` before there was one: an API server that does not answer
    /// does not say that the object is gone.
    pub(crate) fn is_present(&self) -> Option<bool> {
        self.last().map(|_| self.present.load(Ordering::Relaxed))
    }

    /// How many watches ended otherwise than by their time.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// When the API server last answered.
    pub(crate) fn last_answer(&self) -> Option<Timestamp> {
        self.last().map(|(_, timestamp)| timestamp)
    }

    /// The object's uid, as last observed.
    pub(crate) fn uid(&self) -> Option<String> {
        self.uid.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn last(&self) -> Option<(Instant, Timestamp)> {
        *self.last_answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answered(&self) {
        self.answers.store(true, Ordering::Relaxed);
        *self.last_answer.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Timestamp::now()));
    }

    pub(super) fn failed(&self) {
        self.answers.store(false, Ordering::Relaxed);
    }

    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn observed(&self, uid: Option<&str>) {
        self.present.store(uid.is_some(), Ordering::Relaxed);
        if let Some(uid) = uid {
            *self.uid.lock().unwrap_or_else(PoisonError::into_inner) = Some(uid.to_owned());
        }
    }
}
