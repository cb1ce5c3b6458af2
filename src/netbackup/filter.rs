//! Values in a filter ("NetBackup API reference, filter": `OData`).

use jiff::Timestamp;

/// A text, in quotes; a quote in it is doubled.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A date-time, from seconds since 1970; these stand without quotes ("NetBackup API reference, /admin/jobs, filter").
pub(crate) fn date_time(second: i64) -> String {
    let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_text_is_doubled_and_a_date_time_has_milliseconds() {
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(date_time(1_770_080_404), "2026-02-03T01:00:04.000Z");
    }
}
