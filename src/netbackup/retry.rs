//! When a failed request is tried again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::Instant;

use super::gate::LONGEST_QUIET;

/// When a failed request is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    /// How often a request is sent at most.
    pub(super) tries: u32,
    /// The longest wait before the second try; it doubles with each further one.
    pub(super) base: Duration,
    /// The longest wait that we choose ourselves.
    pub(super) cap: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 3, base: Duration::from_millis(500), cap: Duration::from_secs(10) }
    }
}

impl Retry {
    /// How long to wait after the failed try number `attempt` (from 1), where the server asked for nothing else; `None`
    /// if that was the last.
    pub(super) fn delay(self, attempt: u32, asked: Option<Duration>, deadline: Instant) -> Option<Duration> {
        if attempt >= self.tries {
            return None;
        }
        let delay = asked.unwrap_or_else(|| self.jittered(attempt)).min(LONGEST_QUIET);
        // Nothing could be done after a wait that lasts to the end of the cycle.
        (Instant::now() + delay < deadline).then_some(delay)
    }

    /// Full jitter: any time up to the exponential bound
    /// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    fn jittered(self, attempt: u32) -> Duration {
        let bound = self.base.saturating_mul(1 << (attempt - 1).min(16)).min(self.cap);
        bound.mul_f64(fastrand::f64())
    }
}

/// The three forms of `Retry-After`: seconds, an HTTP date (RFC 9110), and NetBackup's ISO 8601 date-time.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than a number can hold is as long as it gets.
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let moment: Timestamp = value.parse().ok().or_else(|| date(value))?;
    Some(Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// An HTTP date.
pub(super) fn date(value: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<u64>) {
        let now: Timestamp = "2026-02-03T01:00:00Z".parse().unwrap();
        assert_eq!(retry_after(value, now).map(|wait| wait.as_secs()), expected, "{value}");
    }

    #[test]
    fn retry_after_is_read_in_its_three_forms() {
        check(" 7 ", Some(7));
        check("Tue, 03 Feb 2026 01:00:30 GMT", Some(30));
        check("2026-02-03T01:00:12.000Z", Some(12));
        check("2026-02-03T00:00:00Z", Some(0));
        check("99999999999999999999999", Some(u64::MAX));
        check("soon", None);
        check("-3", None);
        check("", None);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_bounded_by_the_tries_the_cap_and_the_deadline() {
        let retry = Retry::default();
        let deadline = Instant::now() + Duration::from_secs(30);
        for attempt in 1..3 {
            assert!(
                retry.delay(attempt, None, deadline).unwrap() <= Duration::from_millis(500 << (attempt - 1))
            );
        }
        assert_eq!(retry.delay(3, None, deadline), None);
        assert_eq!(retry.delay(1, Some(Duration::from_secs(7)), deadline), Some(Duration::from_secs(7)));
        assert_eq!(retry.delay(1, Some(Duration::from_secs(31)), deadline), None);
        let late = Instant::now() + Duration::from_mins(59);
        assert_eq!(retry.delay(1, Some(Duration::from_hours(2)), late), None);
        assert!(retry.jittered(40) <= retry.cap);
    }
}
