//! The quiet that a server asks for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

/// A server may ask for this much quiet at most: its clock, or a proxy's, may be far off.
pub(super) const LONGEST_QUIET: Duration = Duration::from_hours(1);

/// Closed while the server of a site asks for quiet. It outlives a client, so that a new key does not open it.
///
/// A server may limit the requests for one resource; then the others are left alone. If it asks for quiet on a second one
/// meanwhile, or is not available at all, nothing is sent to it.
#[derive(Debug, Default)]
pub(crate) struct QuietGate(Mutex<Quiets>);

#[derive(Debug, Default)]
struct Quiets {
    whole_site: Option<Quiet>,
    resources: HashMap<&'static str, Quiet>,
}

/// How long nothing is to be sent.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    until: Instant,
    /// The same by the wall clock, for messages and metrics.
    wall_until: Timestamp,
}

/// What a server asks to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuietScope {
    /// One resource (429).
    Resource,
    /// All of it (503).
    Site,
}

impl QuietGate {
    /// Closes for as long as the server asks, at most for [`LONGEST_QUIET`]. An earlier request for more quiet stays in force.
    pub(super) fn close(&self, resource: &'static str, scope: QuietScope, asked: Duration) {
        let asked = asked.min(LONGEST_QUIET);
        if asked.is_zero() {
            return;
        }
        let until = Instant::now() + asked;
        let wall_until = Timestamp::now().checked_add(asked).unwrap_or(Timestamp::MAX);
        let mut quiets = self.lock();
        quiets.forget_the_past();
        let longer = |quiet: Option<Quiet>| {
            quiet.filter(|quiet| quiet.until >= until).unwrap_or(Quiet { until, wall_until })
        };
        let is_second = quiets.resources.keys().any(|quiet| *quiet != resource);
        if scope == QuietScope::Site || is_second {
            quiets.whole_site = Some(longer(quiets.whole_site));
        } else {
            let quiet = longer(quiets.resources.get(resource).copied());
            quiets.resources.insert(resource, quiet);
        }
    }

    /// Waits until it is open for a resource. If that is later than `deadline`, it does not wait, and the error says until when it is
    /// closed.
    pub(super) async fn passed(&self, resource: &'static str, deadline: Instant) -> Result<(), Timestamp> {
        // It may have been closed again meanwhile.
        while let Some(quiet) = self.closed(resource) {
            if quiet.until >= deadline {
                return Err(quiet.wall_until);
            }
            sleep_until(quiet.until).await;
        }
        Ok(())
    }

    /// Whether it is closed for a resource.
    pub(super) fn is_closed(&self, resource: &'static str) -> bool {
        self.closed(resource).is_some()
    }

    /// Until when it is closed for any resource, as the wall clock showed it.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        let mut quiets = self.lock();
        quiets.forget_the_past();
        let all = quiets.resources.values().chain(&quiets.whole_site);
        all.map(|quiet| quiet.wall_until).max()
    }

    fn closed(&self, resource: &'static str) -> Option<Quiet> {
        let mut quiets = self.lock();
        quiets.forget_the_past();
        let of_resource = quiets.resources.get(resource);
        of_resource.into_iter().chain(&quiets.whole_site).max_by_key(|quiet| quiet.until).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Quiets> {
        // Whole after every step: no panic leaves half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quiets {
    fn forget_the_past(&mut self) {
        let now = Instant::now();
        self.whole_site = self.whole_site.filter(|quiet| quiet.until > now);
        self.resources.retain(|_, quiet| quiet.until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(asked: &[Duration], expected: Duration) {
        let (gate, began) = (QuietGate::default(), Instant::now());
        for asked in asked {
            gate.close("/jobs", QuietScope::Resource, *asked);
        }
        assert_eq!(gate.closed_until().is_some(), expected > Duration::ZERO, "{asked:?}");
        if expected > Duration::ZERO {
            assert!(gate.passed("/jobs", began + expected).await.is_err(), "{asked:?}");
            assert_eq!(began.elapsed(), Duration::ZERO, "a wait beyond the deadline is none");
        }
        gate.passed("/jobs", began + Duration::from_hours(2)).await.unwrap();
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

    #[tokio::test(start_paused = true)]
    async fn one_resource_is_left_alone_and_after_a_second_one_the_whole_site() {
        let (gate, minute) = (QuietGate::default(), Duration::from_mins(1));
        let closed = |gate: &QuietGate| ["/jobs", "/units", "/ping"].map(|resource| gate.is_closed(resource));
        gate.close("/jobs", QuietScope::Resource, minute);
        gate.close("/jobs", QuietScope::Resource, minute);
        assert_eq!(closed(&gate), [true, false, false]);
        gate.close("/units", QuietScope::Resource, 2 * minute);
        assert_eq!(closed(&gate), [true, true, true]);
        tokio::time::advance(minute + minute / 2).await;
        assert_eq!(closed(&gate), [true, true, true]);
        tokio::time::advance(minute).await;
        assert_eq!((closed(&gate), gate.closed_until()), ([false; 3], None));
        gate.close("/jobs", QuietScope::Site, minute);
        assert_eq!(closed(&gate), [true, true, true]);
    }
}
