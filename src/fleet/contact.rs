//! Since when the API server answers us.

use std::time::Duration;

use tokio::time::Instant;

/// Since when the API server answers us without a gap. Time in which it did not counts against nobody.
#[derive(Debug)]
pub(super) struct Contact {
    /// A longer time without an answer is a gap, though nothing failed: our own process may have been stopped.
    longest: Duration,
    heard: Option<Heard>,
    /// Since when nothing is answered.
    failing_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    since: Instant,
    last: Instant,
}

impl Contact {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, heard: None, failing_since: None }
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        let since = self.since(now).unwrap_or(now);
        self.heard = Some(Heard { since, last: now });
        self.failing_since = None;
    }

    /// A request failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.heard = None;
        self.failing_since.get_or_insert(now);
    }

    /// Since when requests are answered, if the last answer is not too old at this moment.
    pub(super) fn since(&self, at: Instant) -> Option<Instant> {
        self.heard.filter(|heard| at <= heard.last + self.longest).map(|heard| heard.since)
    }

    /// Since when they fail.
    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.failing_since
    }
}
