//! Invisible defects of a text, such as a line end, in words that show nothing of the text: it may be a secret.

/// Completes `the text …`.
pub(super) fn of_text(text: &str) -> Option<&'static str> {
    let blank = |c: char| c.is_whitespace();
    match text {
        _ if text.starts_with('\u{feff}') => Some("begins with a byte order mark"),
        _ if text.contains('\0') => Some("has NUL bytes inside, as UTF-16 has"),
        _ if text.contains(['\n', '\r']) => Some("has a line end inside"),
        _ if text.starts_with(blank) => Some("has a blank at its beginning"),
        _ if text.ends_with(blank) => Some("has a blank at its end"),
        _ if text.contains(|c: char| c.is_ascii_control()) => Some("has a control character inside"),
        _ if !text.is_ascii() => Some("has a character that is not ASCII"),
        _ => None,
    }
}

/// The same of a file's content.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
        return Some("is UTF-16, not UTF-8");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => of_text(text.trim_end_matches(['\r', '\n'])),
        Err(_) => Some("is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(of_text(text), expected, "{text:?}");
        if !text.contains('\0') {
            assert_eq!(of_bytes(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn each_kind_of_trouble_has_its_words() {
        check("A b~", None);
        check("\u{feff}key", Some("begins with a byte order mark"));
        check("ke\ny", Some("has a line end inside"));
        check("ke\r\ny ", Some("has a line end inside"));
        check(" key", Some("has a blank at its beginning"));
        check("key\t", Some("has a blank at its end"));
        check("key\u{a0}", Some("has a blank at its end"));
        check("k\tey", Some("has a control character inside"));
        check("kéy", Some("has a character that is not ASCII"));
        check("ke\u{200b}y", Some("has a character that is not ASCII"));
        check("k\0e\0y\0", Some("has NUL bytes inside, as UTF-16 has"));
    }

    #[test]
    fn the_encodings_of_a_file_are_told_apart() {
        assert_eq!(of_bytes(b"key\r\n\n"), None);
        for utf16 in [&b"\xff\xfek\0e\0"[..], b"\xfe\xff\0k\0e", b"k\0e\0"] {
            assert_eq!(of_bytes(utf16), Some("is UTF-16, not UTF-8"));
        }
        assert_eq!(of_bytes(b"k\xe9y"), Some("is not UTF-8"));
    }
}
