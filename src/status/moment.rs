//! Moments as the picture has them.

use jiff::Timestamp;

/// Parts of a second say nothing here.
pub(super) fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// How much later the second moment is, in seconds.
pub(super) fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64()
}
