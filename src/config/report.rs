//! Violations, and the report of them.

use std::fmt;
use std::path::{Path, PathBuf};

use super::tree::TextPosition;

/// The longest report. A hostile file could cause a hundred thousand violations.
pub(super) const MOST_VIOLATIONS: usize = 100;
/// The longest quoted value. The API keys of NetBackup are longer.
pub(super) const MOST_QUOTED_CHARACTERS: usize = 40;

/// One mistake in a configuration, or one warning about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    /// The YAML path, such as `nbuservers[1].port`; empty for the file as a whole.
    pub path: String,
    /// What would be right. It holds no secret.
    pub message: String,
}

/// All mistakes of one configuration file, sorted by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The file, as it was named to us.
    pub file: PathBuf,
    /// The mistakes; never empty in an error.
    pub violations: Vec<Violation>,
}

impl Violation {
    pub(super) fn new(position: TextPosition, path: &str, message: impl Into<String>) -> Self {
        Self { line: position.line, column: position.column, path: path.to_owned(), message: message.into() }
    }
}

impl Report {
    /// Sorts, removes duplicates, and truncates a list that is too long.
    pub(super) fn new(file: &Path, mut violations: Vec<Violation>) -> Self {
        violations.sort();
        violations.dedup();
        if violations.len() > MOST_VIOLATIONS {
            violations.truncate(MOST_VIOLATIONS);
            let (line, column) = violations.last().map_or((1, 1), |last| (last.line, last.column));
            let message = "there are more mistakes".to_owned();
            violations.push(Violation { line, column, path: String::new(), message });
        }
        Self { file: file.to_owned(), violations }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(formatter, "{newline}{}:{violation}", one_line(&self.file.display().to_string()))?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// The text, escaped and in quotes. A long one may be a misplaced secret, so only its length is shown.
pub(super) fn quoted(text: &str) -> String {
    let length = text.chars().count();
    if length > MOST_QUOTED_CHARACTERS {
        return format!("a text of {length} characters");
    }
    format!("\"{}\"", escaped(text))
}

/// The text on one line, without quotes, shortened.
pub(super) fn escaped(text: &str) -> String {
    let short: String = text.chars().take(MOST_QUOTED_CHARACTERS).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", short.escape_debug())
}

/// The text on one line: control characters are escaped.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        assert_eq!(quoted(&"x".repeat(56)), "a text of 56 characters");
        assert_eq!(escaped(&"x".repeat(1000)).chars().count(), MOST_QUOTED_CHARACTERS + 1);
    }

    #[test]
    fn a_report_is_sorted_and_cut() {
        let many =
            (1..=150).rev().map(|line| Violation::new(TextPosition { line, column: 2 }, "a", "b")).collect();
        let report = Report::new(Path::new("f"), many).to_string();
        assert_eq!(report.lines().count(), MOST_VIOLATIONS + 1);
        assert!(report.starts_with("f:1:2: a: b\nf:2:2: a: b\n"), "{report}");
        assert!(report.ends_with("f:100:2: there are more mistakes"), "{report}");
    }
}
