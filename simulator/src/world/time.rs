//! Times of the simulated domain, in milliseconds, and the days of the week.

/// The first job is submitted at 2025-01-01T00:00:00Z.
pub(crate) const ORIGIN: i64 = 1_735_689_600_000;
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// 0 is Sunday.
pub(super) fn weekday(time: i64) -> i64 {
    (time.div_euclid(DAY) + 4).rem_euclid(7)
}
