//! Whether a run is under way, for people.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Since when a run of a collector is under way. It goes on while the report that holds it stands still: a run that begins is no reason to
/// publish all anew.
#[derive(Clone, Debug, Default)]
pub struct RunClock(Arc<AtomicI64>);

/// A run that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct RunningMark(RunClock);

impl RunClock {
    /// A run begins.
    pub(crate) fn begin(&self, at: Timestamp) -> RunningMark {
        // 0 is no run: none began in 1970.
        self.0.store(at.as_millisecond(), Ordering::Relaxed);
        RunningMark(self.clone())
    }

    /// One whose run does not end.
    #[cfg(test)]
    pub(crate) fn running_since(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.as_millisecond())))
    }

    /// When the run began that is under way.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let began = self.0.load(Ordering::Relaxed);
        (began != 0).then(|| Timestamp::from_millisecond(began).ok()).flatten()
    }
}

impl Drop for RunningMark {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_under_way_until_its_mark_is_dropped() {
        let (clock, began) = (RunClock::default(), Timestamp::from_second(1_770_000_000).unwrap());
        let reported = clock.clone();
        assert_eq!(reported.since(), None);
        let mark = clock.begin(began);
        assert_eq!(reported.since(), Some(began));
        drop(mark);
        assert_eq!(reported.since(), None);
    }
}
