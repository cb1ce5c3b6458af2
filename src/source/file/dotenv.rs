//! The variables of `.env`.

use std::collections::BTreeMap;

/// Reads the variables; as dotenv does it, the first of two equal names counts. The error is a sentence without
/// the line itself, which may be a secret.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut variables = BTreeMap::new();
    for entry in dotenvy::from_read_iter(bytes) {
        let (name, value) =
            entry.map_err(|_| format!("the line after variable {} is not NAME=value", variables.len()))?;
        variables.entry(name).or_insert(value);
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(parse(text.as_bytes()), Ok(expected.collect()), "{text:?}");
    }

    #[test]
    fn variables_comments_and_quotes_are_read() {
        check("", &[]);
        check("# comment\nA=1\nexport B='two words'\n", &[("A", "1"), ("B", "two words")]);
        check("\u{feff}A=1\r\nA=2\r\n", &[("A", "1")]);
    }

    #[test]
    fn an_error_never_quotes_the_line() {
        let error = parse(b"A=1\nsecret without equals\n").unwrap_err();
        assert_eq!(error, "the line after variable 1 is not NAME=value");
    }
}
