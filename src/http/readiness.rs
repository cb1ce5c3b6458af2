//! What readiness waits for.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// How long the sites' first polls may hold readiness back: a dead site must not keep the others from being scraped.
const GRACE: Duration = Duration::from_secs(30);

/// Readiness is a matter of the start: once ready, always ready. A site that comes later is no reason to take the
/// others' pod out of its Service.
#[derive(Debug, Default)]
pub(super) struct Readiness(Mutex<Startup>);

#[derive(Clone, Copy, Debug, Default)]
enum Startup {
    /// There is no configuration yet.
    #[default]
    Waiting,
    /// There is one since then.
    Starting(Instant),
    Ready,
}

/// One thing that readiness waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Such as `site paris`.
    pub(super) name: String,
    /// Whether it does not hold readiness back.
    pub(super) ready: bool,
    /// What there is to say about it.
    pub(super) detail: &'static str,
}

impl Readiness {
    /// How long the first polls have been waited for; `None` when nothing is waited for any more. `loaded_at` is the
    /// running configuration's time.
    pub(super) fn waited(&self, loaded_at: Timestamp) -> Option<Duration> {
        let mut startup = self.startup();
        if let Startup::Waiting = *startup {
            let loaded_for =
                Duration::try_from(Timestamp::now().duration_since(loaded_at)).unwrap_or_default();
            let now = Instant::now();
            *startup = Startup::Starting(now.checked_sub(loaded_for.min(GRACE)).unwrap_or(now));
        }
        match *startup {
            Startup::Starting(since) => Some(since.elapsed()),
            Startup::Waiting | Startup::Ready => None,
        }
    }

    /// Notes that all is ready.
    pub(super) fn reached(&self) {
        *self.startup() = Startup::Ready;
    }

    fn startup(&self) -> MutexGuard<'_, Startup> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    /// Ready when we have our part of the sites, or that is not `waited` for any longer.
    pub(super) fn fleet(holds: bool, waited: Option<Duration>) -> Self {
        let (ready, detail) = match (holds, waited.is_none_or(|waited| waited >= GRACE)) {
            (true, _) => (true, "ok"),
            (false, true) => (true, "ok: it is no member of its fleet, and that is no longer waited for"),
            (false, false) => (false, "it is no member of its fleet yet"),
        };
        Self { name: "fleet".to_owned(), ready, detail }
    }

    /// Ready when the site's first poll has finished, well or badly, or is not `waited` for any longer.
    pub(super) fn site(name: &str, complete: bool, waited: Option<Duration>) -> Self {
        let (ready, detail) = match (complete, waited.is_none_or(|waited| waited >= GRACE)) {
            (true, _) => (true, "ok"),
            (false, true) => (true, "ok: its first poll has not finished and is no longer waited for"),
            (false, false) => (false, "its first poll has not finished"),
        };
        Self { name: format!("site {name}"), ready, detail }
    }
}

/// Whether all are ready, and the page that says so in the way of the Kubernetes API server's `/readyz`.
pub(super) fn report(conditions: &[Condition], verbose: bool) -> (bool, String) {
    let ready = conditions.iter().all(|condition| condition.ready);
    let mut text = String::new();
    for condition in conditions.iter().filter(|condition| verbose || !condition.ready) {
        let sign = if condition.ready { '+' } else { '-' };
        // Writing to a `String` can not fail.
        let _ = writeln!(text, "[{sign}] {}: {}", condition.name, condition.detail);
    }
    text.push_str(if ready { "Ready\n" } else { "Not ready\n" });
    (ready, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sites: &[(bool, u64)], expected: bool) {
        let checks = sites
            .iter()
            .map(|&(complete, seconds)| Condition::site("x", complete, Some(Duration::from_secs(seconds))))
            .collect::<Vec<_>>();
        assert_eq!(report(&checks, false).0, expected, "{sites:?}");
    }

    #[test]
    fn every_site_has_finished_its_first_poll_or_had_thirty_seconds() {
        check(&[], true);
        check(&[(true, 0)], true);
        check(&[(false, 0)], false);
        check(&[(false, 29)], false);
        check(&[(false, 30)], true);
        check(&[(true, 0), (true, 3)], true);
        check(&[(true, 100), (false, 3)], false);
        check(&[(true, 100), (false, 31)], true);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_begins_with_the_first_configuration_and_never_again() {
        let readiness = Readiness::default();
        assert!(readiness.waited(Timestamp::now()).is_some_and(|waited| waited < Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(readiness.waited(Timestamp::now()).is_some_and(|waited| waited >= Duration::from_secs(20)));
        readiness.reached();
        assert_eq!(readiness.waited(Timestamp::now()), None);
        let late = Readiness::default();
        let long_ago = Timestamp::now() - jiff::SignedDuration::from_hours(1);
        assert!(late.waited(long_ago).is_some_and(|waited| waited >= GRACE));
    }

    #[test]
    fn a_member_is_waited_for_as_long_as_a_site() {
        let after = |holds, seconds| Condition::fleet(holds, Some(Duration::from_secs(seconds))).ready;
        assert!(!after(false, 29) && after(false, 30) && after(true, 0));
        assert!(Condition::fleet(false, None).ready, "once ready, always ready");
    }

    #[test]
    fn the_reason_is_said_and_the_rest_when_asked_for() {
        let checks = [true, false].map(|complete| {
            Condition::site(if complete { "paris" } else { "lyon" }, complete, Some(Duration::ZERO))
        });
        assert_eq!(report(&checks, false).1, "[-] site lyon: its first poll has not finished\nNot ready\n");
        assert_eq!(
            report(&checks, true).1,
            "[+] site paris: ok\n[-] site lyon: its first poll has not finished\nNot ready\n"
        );
        assert_eq!(report(&checks[..1], false).1, "Ready\n");
    }
}
