//! When a member does what: all of it follows from how long a Lease lasts.

use std::time::Duration;

/// When a member does what. With a Lease of 15 s: it is renewed every 6 s, within 2 s; a failed renewal is tried again after 0.5 s; 12 s
/// after the last good renewal was sent nothing is asked any more; who is silent for 15 s is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// How long a Lease lasts.
    pub(crate) lease: Duration,
}

impl Rhythm {
    /// Between two renewals: two of them, and the tries of a third, fit into a claim.
    pub(crate) fn interval(self) -> Duration {
        self.lease * 2 / 5
    }

    /// How long a request may take.
    pub(crate) fn answer(self) -> Duration {
        self.lease * 2 / 15
    }

    /// How long a claim lasts after the renewal that it comes from was sent. With two clocks that are each 10 % wrong, the slower one at
    /// ours: 0.8 / 0.9 of the Lease's duration is still before 1 / 1.1 of it.
    pub(crate) fn claim(self) -> Duration {
        self.lease * 4 / 5
    }

    /// The pause after a request that failed, while a claim is at stake.
    pub(crate) fn retry(self) -> Duration {
        self.lease / 30
    }

    /// For how long it is tried so often: from the first failure to the end of the claim.
    pub(crate) fn haste(self) -> Duration {
        self.interval() + self.answer()
    }

    /// The pause after that.
    pub(crate) fn patience(self) -> Duration {
        self.lease / 5
    }

    /// Answers that are further apart are no proof that the API server was there between them.
    pub(crate) fn gap(self) -> Duration {
        self.lease * 2 / 3
    }

    /// By when our own renewal must come back by the watch; else the watch is stuck.
    pub(crate) fn echo(self) -> Duration {
        self.lease / 5
    }

    /// When the Lease of a dead member is removed, which its Pod's end has not done.
    pub(crate) fn removal(self) -> Duration {
        self.lease * 10
    }
}
