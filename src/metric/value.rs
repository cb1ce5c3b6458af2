//! Truths and moments as samples.

use jiff::Timestamp;

/// A truth as a sample: 1 or 0.
pub(crate) fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// A moment as a sample: Unix time in seconds.
pub(crate) fn seconds(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1000.0
}
