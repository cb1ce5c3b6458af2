//! What the reload task and the notify thread want of the watcher's own thread.
//!
//! Flags and not a queue: while a dead file system keeps that thread, any number of wishes are one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All that is wanted and not yet done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Watch what leads to the followed files now.
    pub(super) arm: bool,
    /// Follow these files from now on.
    pub(super) follow: Option<BTreeSet<PathBuf>>,
    /// The notify thread with this number has ended.
    pub(super) deaf: Option<u64>,
    /// Take in every event up to now, and tell this number when it is done.
    pub(super) catch_up: Option<u64>,
    /// The watcher was dropped.
    pub(super) stop: bool,
    /// Dies by a panic, for a test.
    #[cfg(test)]
    pub(super) die: bool,
}

/// The wishes, and the bell that wakes the thread for them.
#[derive(Debug, Default)]
pub(super) struct Orders {
    wanted: Mutex<Wanted>,
    bell: Condvar,
}

impl Orders {
    /// Adds a wish. Never waits.
    pub(super) fn give(&self, wish: impl FnOnce(&mut Wanted)) {
        wish(&mut self.lock());
        self.bell.notify_one();
    }

    /// Takes all wishes; waits for one, but not beyond this time.
    pub(super) fn take(&self, until: Instant) -> Wanted {
        let wait = until.saturating_duration_since(Instant::now()).max(Duration::from_micros(1));
        let is_idle = |wanted: &mut Wanted| *wanted == Wanted::default();
        let (mut wanted, _) =
            self.bell.wait_timeout_while(self.lock(), wait, is_idle).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *wanted)
    }

    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_wishes_are_taken_at_once_and_only_once() {
        let orders = Orders::default();
        for number in 0..1000 {
            orders.give(|wanted| wanted.arm = true);
            orders.give(|wanted| wanted.deaf = Some(number));
        }
        let expected = Wanted { arm: true, deaf: Some(999), ..Wanted::default() };
        assert_eq!(orders.take(Instant::now() + Duration::from_mins(1)), expected);
        assert_eq!(orders.take(Instant::now()), Wanted::default());
    }
}
