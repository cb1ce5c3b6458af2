//! What time it is on a simulated primary server.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The server's clock in milliseconds since the Unix epoch. Clones share one time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mode>);

#[derive(Debug)]
enum Mode {
    Real,
    Fast { from: i64, started: Instant, factor: u32 },
    Manual(AtomicI64),
}

impl Clock {
    /// The machine's own time.
    #[must_use]
    pub fn real() -> Self {
        Self(Arc::new(Mode::Real))
    }

    /// Starts at the machine's time and then runs `factor` times as fast (0 stands still).
    #[must_use]
    pub fn fast(factor: u32) -> Self {
        Self(Arc::new(Mode::Fast { from: system_milliseconds(), started: Instant::now(), factor }))
    }

    /// Stands at `milliseconds` and moves only by [`Clock::advance`]: for tests that need the same answers every time.
    #[must_use]
    pub fn manual(milliseconds: i64) -> Self {
        Self(Arc::new(Mode::Manual(AtomicI64::new(milliseconds))))
    }

    /// Moves a manual clock forward; the others go by themselves and ignore it.
    pub fn advance(&self, by: Duration) {
        if let Mode::Manual(now) = &*self.0 {
            now.fetch_add(milliseconds(by), Ordering::SeqCst);
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        match &*self.0 {
            Mode::Real => system_milliseconds(),
            Mode::Fast { from, started, factor } => {
                from.saturating_add(milliseconds(started.elapsed().saturating_mul(*factor)))
            }
            Mode::Manual(now) => now.load(Ordering::SeqCst),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

fn system_milliseconds() -> i64 {
    milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(1_000);
        assert_eq!(clock.now(), 1_000);
        clock.clone().advance(Duration::from_secs(2));
        assert_eq!(clock.now(), 3_000);
    }

    #[test]
    fn a_clock_with_factor_zero_stands_still() {
        let clock = Clock::fast(0);
        assert_eq!(clock.now(), clock.now());
    }
}
