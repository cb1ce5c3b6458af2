//! Durations as Go writes them.

use std::fmt::Write;
use std::time::Duration;

/// Units of Go's `time.ParseDuration`, and days and weeks; the longer of two that begin alike comes first.
const UNITS: [(&str, f64); 10] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
];

/// A duration as Go writes it (`5m`, `1h30m`, `1.5h`), and with `d` and `w`; `None` for anything else,
/// a sign included.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let number: f64 = if number == "." { None } else { number.parse().ok() }?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        seconds += number * factor;
        rest = after.strip_prefix(unit)?;
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

/// The shortest spelling in the same units, such as `1h30m`.
pub(super) fn display(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, milliseconds) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        if rest >= milliseconds {
            let _ = write!(text, "{}{unit}", rest / milliseconds);
            rest %= milliseconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn go_durations_and_days_and_weeks_are_read() {
        check("5m", Some(300_000));
        check("1h30m", Some(5_400_000));
        check("1.5h", Some(5_400_000));
        check(".5s", Some(500));
        check("300ms", Some(300));
        check("2d", Some(172_800_000));
        check("1w", Some(604_800_000));
        check("0s", Some(0));
    }

    #[test]
    fn micro_has_three_spellings() {
        for text in ["5us", "5µs", "5μs"] {
            assert_eq!(parse(text), Some(Duration::from_micros(5)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "+5m",
            "5 m",
            "5m ",
            "1e3s",
            ".s",
            "1..5s",
            "5x",
            "inf",
            "99999999999999999999w",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(milliseconds in 1_u64..100_000_000_000) {
            let duration = Duration::from_millis(milliseconds);
            let read = parse(&display(duration)).unwrap();
            prop_assert!(read.abs_diff(duration) < Duration::from_micros(100));
        }
    }
}
