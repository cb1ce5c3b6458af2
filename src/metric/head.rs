//! The lines in front of a family's samples, in both text formats. The samples are the same lines in both.

use std::fmt::Write as _;

/// A text format of a metrics page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus' own, 0.0.4.
    #[default]
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// What ends a page.
pub(crate) const fn end(format: TextFormat) -> &'static str {
    match format {
        TextFormat::Prometheus => "",
        TextFormat::OpenMetrics => "# EOF\n",
    }
}

/// The lines in front of the samples of a family of a kind by its word in 0.0.4.
pub(crate) fn head(format: TextFormat, name: &str, kind: &str, help: &str) -> String {
    let mut head = String::new();
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    // Writing to a `String` can not fail.
    let _ = match format {
        TextFormat::Prometheus => write!(head, "# HELP {name} {help}\n# TYPE {name} {kind}\n"),
        TextFormat::OpenMetrics => {
            let (family, kind) = open_metrics(name, kind);
            let unit = unit(family).map(|unit| format!("# UNIT {family} {unit}\n")).unwrap_or_default();
            let help = help.replace('"', "\\\"");
            write!(head, "# TYPE {family} {kind}\n{unit}# HELP {family} {help}\n")
        }
    };
    head
}

/// A counter's family is called without the `_total` that its samples have; one whose samples have none can not be a counter.
fn open_metrics<'a>(name: &'a str, kind: &'a str) -> (&'a str, &'a str) {
    match (kind, name.strip_suffix("_total")) {
        ("counter", Some(family)) => (family, kind),
        ("counter" | "untyped", _) => (name, "unknown"),
        _ => (name, kind),
    }
}

/// A unit is told where the name ends in it (OpenMetrics 1.0, UNIT).
fn unit(family: &str) -> Option<&str> {
    let (_, last) = family.rsplit_once('_')?;
    ["bytes", "ratio", "seconds"].contains(&last).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_calls_a_counter_without_total_tells_units_and_escapes_quotes() {
        let open = |name, kind, help| head(TextFormat::OpenMetrics, name, kind, help);
        for (name, kind, help, expected) in [
            ("a_total", "counter", "A.", "# TYPE a counter\n# HELP a A.\n"),
            (
                "a_bytes_total",
                "counter",
                "A.",
                "# TYPE a_bytes counter\n# UNIT a_bytes bytes\n# HELP a_bytes A.\n",
            ),
            ("a_jobs", "counter", "A.", "# TYPE a_jobs unknown\n# HELP a_jobs A.\n"),
            (
                "a_seconds",
                "histogram",
                "\"A\\\n.",
                "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds \\\"A\\\\\\n.\n",
            ),
            ("bytes", "gauge", "A.", "# TYPE bytes gauge\n# HELP bytes A.\n"),
        ] {
            assert_eq!(open(name, kind, help), expected);
        }
        let own = head(TextFormat::Prometheus, "a_seconds_total", "counter", "\"A\\\n.");
        assert_eq!(own, "# HELP a_seconds_total \"A\\\\\\n.\n# TYPE a_seconds_total counter\n");
    }
}
