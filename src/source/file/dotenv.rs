//! The variables of `.env`, as godotenv 1.5 reads them: `tests/go/dotenv` holds both to one table. Two things differ by intent:
//! a line that is wrong costs that line alone, and only `${NAME}` is replaced, as it is in the configuration.

use std::collections::BTreeMap;

use crate::config::{UnsetVariable, expanded};

/// What a `.env` file says, and the lines that are left out. It has no `Debug`, since a value may be a key.
#[derive(Default)]
pub(crate) struct Dotenv {
    /// The last of two equal names counts.
    pub(crate) variables: BTreeMap<String, String>,
    /// In the order of the file.
    pub(crate) errors: Vec<DotenvError>,
}

/// A line that is left out. The line itself may be a secret and is not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}; the line is left out")]
pub(crate) struct DotenvError {
    line: usize,
    reason: LineError,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum LineError {
    #[error("it is not NAME=value")]
    NoAssignment,
    #[error("the quote that begins the value has no end")]
    OpenQuote,
    #[error(transparent)]
    Unset(#[from] UnsetVariable),
}

impl Dotenv {
    /// Reads a file; a variable of `process` wins over one of an earlier line where a value names it.
    pub(crate) fn parse(bytes: &[u8], process: &BTreeMap<String, String>) -> Self {
        let text = decoded(bytes).replace("\r\n", "\n");
        let mut dotenv = Self::default();
        let mut scanner = Scanner { text: &text, line: 1 };
        while scanner.reach_statement() {
            let line = scanner.line;
            let outcome = scanner.statement().and_then(|(name, value)| {
                let known = |wanted: &str| process.get(wanted).or_else(|| dotenv.variables.get(wanted));
                let value = value.text(|wanted| known(wanted).map(String::as_str))?;
                Ok((name.to_owned(), value))
            });
            match outcome {
                Ok((name, value)) => drop(dotenv.variables.insert(name, value)),
                Err(reason) => {
                    // After a whole statement that only lacks a variable the rest begins behind it already.
                    if !matches!(reason, LineError::Unset(_)) {
                        scanner.skip_line();
                    }
                    dotenv.errors.push(DotenvError { line, reason });
                }
            }
        }
        dotenv
    }
}

/// UTF-16 by its byte order mark, as Windows PowerShell writes it; else UTF-8, in which a wrong byte costs one character.
fn decoded(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks().0.iter().map(|pair| read(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// godotenv's blanks within a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// A value as it stands in the file.
enum RawValue<'a> {
    Unquoted(&'a str),
    Single(&'a str),
    Double(&'a str),
}

impl RawValue<'_> {
    fn text<'v>(&self, variable: impl Fn(&str) -> Option<&'v str>) -> Result<String, LineError> {
        match self {
            Self::Single(text) => Ok((*text).to_owned()),
            Self::Unquoted(text) => replaced(text, variable),
            Self::Double(text) => replaced(&unescaped(text), variable),
        }
    }
}

/// With each `${NAME}` replaced; `\$` is a literal `$`.
fn replaced<'v>(text: &str, variable: impl Fn(&str) -> Option<&'v str>) -> Result<String, LineError> {
    let parts: Result<Vec<_>, UnsetVariable> =
        text.split("\\$").map(|part| expanded(part, &variable)).collect();
    Ok(parts?.join("$"))
}

/// `\n` and `\r` are line ends, `\$` waits for its turn, and any other backslash only protects what follows it.
fn unescaped(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            unescaped.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => unescaped.push('\n'),
            Some('r') => unescaped.push('\r'),
            Some('$') => unescaped.push_str("\\$"),
            Some(other) => unescaped.push(other),
            None => unescaped.push('\\'),
        }
    }
    unescaped
}

/// What is not read yet, and the number of its first line.
struct Scanner<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Scanner<'a> {
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.text.split_at_checked(bytes).unwrap_or((self.text, ""));
        self.line += passed.matches('\n').count();
        self.text = rest;
        passed
    }

    fn skip_line(&mut self) {
        self.advance(self.text.find('\n').unwrap_or(self.text.len()));
    }

    /// Goes to the next line that is neither empty nor a comment; whether there is one.
    fn reach_statement(&mut self) -> bool {
        loop {
            self.advance(self.text.len() - self.text.trim_start().len());
            if !self.text.starts_with('#') {
                return !self.text.is_empty();
            }
            self.skip_line();
        }
    }

    /// Reads one `NAME=value`; on an error nothing has been read.
    fn statement(&mut self) -> Result<(&'a str, RawValue<'a>), LineError> {
        let text = self.text;
        let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(is_blank));
        let assignment = exported.map_or(text, |rest| rest.trim_start_matches(is_blank));
        let is_in_name = |c: char| is_blank(c) || c.is_alphanumeric() || "_.".contains(c);
        let (name, value) = assignment.split_once(['=', ':']).ok_or(LineError::NoAssignment)?;
        let name = name.trim_end_matches(is_blank);
        if name.is_empty() || !name.chars().all(is_in_name) {
            return Err(LineError::NoAssignment);
        }
        let value = value.trim_start_matches(is_blank);
        let before = text.len() - value.len();
        let (value, length) = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => quoted(value, quote).ok_or(LineError::OpenQuote)?,
            _ => unquoted(value),
        };
        self.advance(before + length);
        Ok((name, value))
    }
}

/// The value up to the end of its line or to the last comment in it, and the bytes that it takes.
fn unquoted(text: &str) -> (RawValue<'_>, usize) {
    let line = text.split(['\n', '\r']).next().unwrap_or(text);
    let comments = line.match_indices('#').map(|(at, _)| line.get(..at).unwrap_or(line));
    let before_comment = comments.rev().find(|before| before.ends_with(is_blank));
    (RawValue::Unquoted(before_comment.unwrap_or(line).trim_matches(is_blank)), line.len())
}

/// The value between quotes, over several lines if need be, and the bytes that it takes with them.
fn quoted(text: &str, quote: char) -> Option<(RawValue<'_>, usize)> {
    let ends = text.match_indices(quote).map(|(at, _)| at).skip(1);
    let end = ends.into_iter().find(|end| text.get(..*end).is_some_and(|before| !before.ends_with('\\')))?;
    // godotenv takes more quotes off an end than it should, and files are written so that it fits.
    let inner = text.get(..end)?.trim_matches(quote);
    let value = if quote == '"' { RawValue::Double(inner) } else { RawValue::Single(inner) };
    Some((value, end + quote.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Dotenv {
        let process = BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]);
        Dotenv::parse(text.as_bytes(), &process)
    }

    fn mistakes(text: &str) -> Vec<String> {
        parse(text).errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whatever_godotenv_takes_is_taken_as_godotenv_takes_it() {
        let verdicts = include_str!("../../../tests/go/dotenv/verdicts.txt");
        assert!(verdicts.lines().count() > 80);
        for line in verdicts.lines() {
            let (text, verdict) = line.split_once('\t').unwrap();
            let text: String = serde_json::from_str(text).unwrap();
            let ours = parse(&text);
            if verdict == "refused" {
                assert_ne!(ours.errors, [], "{text:?}");
                continue;
            }
            let mut expected: BTreeMap<String, String> = serde_json::from_str(verdict).unwrap();
            // Nobody can name it.
            expected.remove("");
            assert_eq!(ours.variables, expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_is_wrong_costs_that_line_and_is_told_by_its_number() {
        let check = |text: &str, kept: &[&str], told: &[&str]| {
            let parsed = parse(text);
            assert_eq!(parsed.variables.keys().collect::<Vec<_>>(), kept, "{text:?}");
            let told: Vec<_> = told.iter().map(|told| format!("{told}; the line is left out")).collect();
            assert_eq!(mistakes(text), told, "{text:?}");
        };
        let no_assignment = "it is not NAME=value";
        check("A=1\nsecret\nB=2\n", &["A", "B"], &[&format!("line 2: {no_assignment}")]);
        check("\n# x\n\nA-B=1\nC=1", &["C"], &[&format!("line 4: {no_assignment}")]);
        check("A='x\ny'\nB C\nD=1", &["A", "D"], &[&format!("line 3: {no_assignment}")]);
        check(
            "A='x\nB=1\nC=\"2",
            &["B"],
            &[
                "line 1: the quote that begins the value has no end",
                "line 3: the quote that begins the value has no end",
            ],
        );
        check("=1", &[], &[&format!("line 1: {no_assignment}")]);
    }

    #[test]
    fn a_name_in_braces_is_replaced_as_in_the_configuration_and_an_unset_one_is_named() {
        let check = |value: &str, expected: &str| {
            let parsed = parse(&format!("EARLIER=one\nA={value}\n"));
            assert_eq!(parsed.variables.get("A").map(String::as_str), Some(expected), "{value}");
            assert_eq!(parsed.errors, [], "{value}");
        };
        check("${EARLIER} and ${HOME}", "one and /root");
        check("\"${EARLIER}\\n\"", "one\n");
        check("'${EARLIER}'", "${EARLIER}");
        for bare in ["$EARLIER", "pa$$word", "$(EARLIER)", "$", "a$"] {
            check(bare, bare);
            check(&format!("\"{bare}\""), bare);
        }
        check("\\${EARLIER}", "${EARLIER}");
        check("\"\\$EARLIER\"", "$EARLIER");
        check("$${EARLIER}", "${EARLIER}");
        assert_eq!(
            mistakes("A=1\nB=x${LATER}\nLATER=2\n"),
            ["line 2: the variable LATER is not set; the line is left out"]
        );
    }

    #[test]
    fn any_encoding_that_editors_write_is_read() {
        let check = |bytes: &[u8], expected: &str| {
            let parsed = Dotenv::parse(bytes, &BTreeMap::new());
            assert_eq!(parsed.variables.get("A").map(String::as_str), Some(expected), "{bytes:x?}");
        };
        check("\u{feff}A=ü\r\n".as_bytes(), "ü");
        let wide = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let little = wide("\u{feff}A=ü\r\n").into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        check(&little, "ü");
        check(&wide("\u{feff}A=ü").into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>(), "ü");
        check(b"# caf\xe9\nA=1\n", "1");
        check(b"A=caf\xe9\n", "caf\u{fffd}");
    }

    #[test]
    fn no_message_quotes_the_line() {
        let told = format!("{:?}", mistakes("hunter2\nA='hunter2\nB=${X}hunter2\n"));
        assert!(!told.contains("hunter2"), "{told}");
    }
}
