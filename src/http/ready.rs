use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::config::{Config, SiteId};

/// How long a site's first poll may hold readiness back: a dead site must not keep the others from being scraped.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// Since when each configured site is known, on the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct FirstSeen(Mutex<HashMap<SiteId, Instant>>);

impl FirstSeen {
    /// How long each site of `config` is known, in its order; one that was not seen before came with `loaded_at`.
    pub(super) fn ages(&self, config: &Config, loaded_at: Timestamp) -> Vec<Duration> {
        let now = Instant::now();
        let loaded_for = Timestamp::now().duration_since(loaded_at);
        let loaded_for = Duration::try_from(loaded_for).unwrap_or_default().min(GRACE);
        let arrival = now.checked_sub(loaded_for).unwrap_or(now);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|id, _| config.site(id).is_some());
        let age = |id: &SiteId| now - *seen.entry(id.clone()).or_insert(arrival);
        config.sites.iter().map(|site| &site.id).map(age).collect()
    }
}

/// One thing that readiness waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// Such as `site paris`.
    pub(super) name: String,
    /// Whether it holds readiness back.
    pub(super) ready: bool,
    /// What there is to say about it.
    pub(super) detail: &'static str,
}

impl Check {
    /// Ready when the site's first poll has finished, well or badly, or had time enough.
    pub(super) fn site(name: &str, complete: bool, age: Duration) -> Self {
        let (ready, detail) = match (complete, age >= GRACE) {
            (true, _) => (true, "ok"),
            (false, true) => (true, "ok: its first poll has not finished and is no longer waited for"),
            (false, false) => (false, "its first poll has not finished"),
        };
        Self { name: format!("site {name}"), ready, detail }
    }
}

/// Whether all are ready, and the page that says so in the way of the Kubernetes API server's `/readyz`.
pub(super) fn report(checks: &[Check], verbose: bool) -> (bool, String) {
    let ready = checks.iter().all(|check| check.ready);
    let mut text = String::new();
    for check in checks.iter().filter(|check| verbose || !check.ready) {
        let sign = if check.ready { '+' } else { '-' };
        // Writing to a `String` can not fail.
        let _ = writeln!(text, "[{sign}] {}: {}", check.name, check.detail);
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
            .map(|&(complete, seconds)| Check::site("x", complete, Duration::from_secs(seconds)))
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

    #[test]
    fn the_reason_is_said_and_the_rest_when_asked_for() {
        let checks = [Check::site("paris", true, Duration::ZERO), Check::site("lyon", false, Duration::ZERO)];
        assert_eq!(report(&checks, false).1, "[-] site lyon: its first poll has not finished\nNot ready\n");
        assert_eq!(
            report(&checks, true).1,
            "[+] site paris: ok\n[-] site lyon: its first poll has not finished\nNot ready\n"
        );
        assert_eq!(report(&checks[..1], false).1, "Ready\n");
    }
}
