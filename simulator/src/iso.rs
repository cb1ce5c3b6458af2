//! ISO-8601 as the NetBackup API writes it: UTC date-times with milliseconds, durations in whole seconds.

use std::fmt;

use serde::{Serialize, Serializer};

/// A date-time, in milliseconds since the Unix epoch; years 0 to 9999.
pub(super) struct DateTime(pub(super) i64);

impl DateTime {
    /// Gives the text to `use_text`. It lies on the stack: a page of jobs has hundreds of them.
    fn with_text<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        let (days, rest) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let parts = [
            (0..4, year),
            (5..7, month),
            (8..10, day),
            (11..13, rest / 3_600_000),
            (14..16, rest / 60_000 % 60),
            (17..19, rest / 1_000 % 60),
            (20..23, rest % 1_000),
        ];
        for (place, mut number) in parts {
            for digit in text.get_mut(place).into_iter().flatten().rev() {
                *digit = b'0' + u8::try_from(number.rem_euclid(10)).unwrap_or(0);
                number /= 10;
            }
        }
        use_text(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| formatter.write_str(text))
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

/// Days since the Unix epoch → year, month, day (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A duration in milliseconds; its text has whole seconds.
pub(super) struct Elapsed(pub(super) i64);

impl fmt::Display for Elapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0) / 1_000;
        formatter.write_str("PT")?;
        if seconds >= 3_600 {
            write!(formatter, "{}H", seconds / 3_600)?;
        }
        if seconds >= 60 {
            write!(formatter, "{}M", seconds / 60 % 60)?;
        }
        write!(formatter, "{}S", seconds % 60)
    }
}

impl Serialize for Elapsed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_times_are_written_as_the_calendar_library_writes_them() {
        for step in 0..4_000 {
            let milliseconds = step * 19_876_543_210 - 1_000_000_000_000;
            let expected = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
            assert_eq!(DateTime(milliseconds).to_string(), format!("{expected:.3}"));
        }
    }

    #[test]
    fn durations_leave_out_empty_leading_parts() {
        for (seconds, expected) in
            [(0, "PT0S"), (59, "PT59S"), (346, "PT5M46S"), (3_600, "PT1H0M0S"), (98_765, "PT27H26M5S")]
        {
            assert_eq!(Elapsed(seconds * 1_000).to_string(), expected);
        }
    }
}
