//! The quiet that a server asks for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

/// A server may ask for this much quiet at most: its clock, or a proxy's, may be far off.
pub(super) const LONGEST_QUIET: Duration = Duration::from_hours(1);

/// Closed while the server of a site asks for quiet. It outlives a client, so that a new key does not open it.
#[derive(Debug, Default)]
pub(crate) struct QuietGate(Mutex<Option<Quiet>>);

/// How long nothing is to be sent.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    until: Instant,
    /// The same by the wall clock, for messages and metrics.
    wall_until: Timestamp,
}

impl QuietGate {
    /// Closes for as long as the server asks, at most for [`LONGEST_QUIET`]. An earlier request for more quiet stays in force.
    pub(super) fn close(&self, asked: Duration) {
        let asked = asked.min(LONGEST_QUIET);
        let until = Instant::now() + asked;
        let mut quiet = self.lock();
        if !asked.is_zero() && quiet.is_none_or(|quiet| quiet.until < until) {
            let wall_until = Timestamp::now().checked_add(asked).unwrap_or(Timestamp::MAX);
            *quiet = Some(Quiet { until, wall_until });
        }
    }

    /// Waits until it is open. If that is later than `deadline`, it does not wait, and the error says until when it is closed.
    pub(super) async fn passed(&self, deadline: Instant) -> Result<(), Timestamp> {
        // It may have been closed again meanwhile.
        while let Some(quiet) = self.closed() {
            if quiet.until >= deadline {
                return Err(quiet.wall_until);
            }
            sleep_until(quiet.until).await;
        }
        Ok(())
    }

    /// Until when it is closed, as the wall clock showed it.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.closed().map(|quiet| quiet.wall_until)
    }

    fn closed(&self) -> Option<Quiet> {
        self.lock().filter(|quiet| quiet.until > Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Quiet>> {
        // One value, set at once: no panic leaves half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(asked: &[Duration], expected: Duration) {
        let (gate, began) = (QuietGate::default(), Instant::now());
        for asked in asked {
            gate.close(*asked);
        }
        assert_eq!(gate.closed_until().is_some(), expected > Duration::ZERO, "{asked:?}");
        if expected > Duration::ZERO {
            assert!(gate.passed(began + expected).await.is_err(), "{asked:?}");
            assert_eq!(began.elapsed(), Duration::ZERO, "a wait beyond the deadline is none");
        }
        gate.passed(began + Duration::from_hours(2)).await.unwrap();
        assert_eq!(began.elapsed(), expected, "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_is_quiet_for_as_long_as_its_server_asks_and_an_hour_at_most() {
        let seconds = Duration::from_secs;
        check(&[], Duration::ZERO).await;
        check(&[Duration::ZERO], Duration::ZERO).await;
        check(&[seconds(300)], seconds(300)).await;
        check(&[seconds(300), seconds(2)], seconds(300)).await;
        check(&[seconds(2), seconds(300)], seconds(300)).await;
        check(&[Duration::from_hours(48)], LONGEST_QUIET).await;
        check(&[Duration::MAX], LONGEST_QUIET).await;
    }
}
