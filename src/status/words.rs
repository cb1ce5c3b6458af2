//! Times and durations in words.

/// Seconds in a unit that fits, such as `3 h`.
pub(crate) fn in_words(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let (number, unit) = match seconds {
        ..120.0 => (seconds, "s"),
        ..7_200.0 => (seconds / 60.0, "min"),
        ..172_800.0 => (seconds / 3600.0, "h"),
        ..63_072_000.0 => (seconds / 86_400.0, "d"),
        _ => (seconds / 31_557_600.0, "years"),
    };
    format!("{:.0} {unit}", number.floor())
}

/// A short time with more than whole seconds, such as `0.4 s`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 9.95 { format!("{:.1} s", seconds.max(0.0)) } else { in_words(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_a_unit_that_fits() {
        let said = [-5.0, 0.9, 119.9, 120.0, 7_200.0, 172_800.0, 7e7].map(in_words);
        assert_eq!(said, ["0 s", "0 s", "119 s", "2 min", "2 h", "2 d", "2 years"]);
        assert_eq!(
            [0.04, 0.36, 9.9, 9.96, 600.0].map(duration),
            ["0.0 s", "0.4 s", "9.9 s", "9 s", "10 min"]
        );
    }
}
