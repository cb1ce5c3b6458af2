//! What `--trace` shows of the API's answers.

use std::borrow::Cow;

use super::request::Request;

/// What `--trace` turns on.
const TARGET: &str = "nbu_exporter::api";
/// The most that is shown of a body.
const MOST: usize = 16 << 10;

/// Whether answers to this request are shown. Those about keys never are.
pub(super) fn shows(request: &Request) -> bool {
    !request.endpoint.starts_with("/security/") && tracing::enabled!(target: TARGET, tracing::Level::TRACE)
}

/// Shows an answer with its body, but never its headers, and not the key even if a proxy on the way has echoed it.
pub(super) fn answer(request: &Request, status: u16, body: &[u8], key: &[u8]) {
    if shows(request) {
        let body = masked(body, key);
        let (method, path, query) = (request.method(), request.endpoint, &*request.query);
        tracing::trace!(target: TARGET, method, path, query, status, %body, "The NetBackup API answered");
    }
}

fn masked(body: &[u8], key: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match std::str::from_utf8(key) {
        // Masked before it is cut: the cut may go through a key.
        Ok(key) if !key.is_empty() && text.contains(key) => Cow::Owned(text.replace(key, "<secret>")),
        _ => text,
    };
    let cut = text.floor_char_boundary(MOST);
    match text.split_at_checked(cut) {
        Some((head, rest)) if !rest.is_empty() => format!("{head}… ({} more bytes)", rest.len()),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_at_its_limit_between_characters() {
        let long = "é".repeat(MOST);
        let text = masked(long.as_bytes(), b"k");
        assert!(text.ends_with(&format!("é… ({MOST} more bytes)")));
        assert_eq!(masked(b"short", b"k"), "short");
        assert_eq!(masked(b"\xff", b"k"), "\u{fffd}");
    }

    #[test]
    fn an_echoed_key_is_masked_wherever_it_stands() {
        let body = format!("{}hunter2", "x".repeat(MOST - 3));
        let text = masked(body.as_bytes(), b"hunter2");
        assert!(!text.contains("hun") && text.contains("<se"), "{}", &text[MOST - 8..]);
        assert_eq!(masked(b"key: hunter2, hunter2", b"hunter2"), "key: <secret>, <secret>");
    }
}
