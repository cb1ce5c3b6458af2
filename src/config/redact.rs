//! The configuration as the program understood it, for people, with secrets masked.
//!
//! It is written anew from the tree: aliases are resolved, and comments and `x-…` keys, which may hold anything, are gone.

use std::fmt::Write;
use std::path::Path;

use super::expand::{self, Piece, Variable};
use super::key::{Key, Secrecy, Shape};
use super::raw::RawConfig;
use super::report::one_line;
use super::tree::{Content, Entry, Node};
use super::yaml;

const MASK: &str = "<secret>";

/// The text of `file` with every secret shown as `<secret>`, variables not expanded. Values that the table of keys does
/// not know are masked as well. A text that can not be parsed gives a line that says so.
pub(crate) fn redacted(file: &Path, text: &[u8]) -> String {
    match yaml::parse(text).map(|document| document.root) {
        Ok(Node { content: Content::Mapping(entries), .. }) => {
            let mut out = String::new();
            mapping(&mut out, &entries, RawConfig::KEYS, 0, "");
            out
        }
        _ => format!("# {} can not be parsed\n", one_line(&file.display().to_string())),
    }
}

/// Whether a valid configuration holds a secret itself, instead of naming a file or a variable: something that
/// [`redacted`] does not show.
pub(crate) fn holds_secrets(text: &[u8]) -> bool {
    redacted(Path::new(""), text).contains(MASK)
}

/// The entries at this indentation; the first one follows `lead`, such as the dash of a list.
fn mapping(out: &mut String, entries: &[Entry], keys: &[Key], indentation: usize, lead: &str) {
    let shown = entries.iter().filter(|entry| !entry.key.starts_with("x-"));
    for (index, entry) in shown.enumerate() {
        let lead = if index == 0 { lead } else { "" };
        let spaces = indentation.saturating_sub(lead.len());
        let shape = keys.iter().find(|key| key.name == entry.key).map(|key| (key.shape)());
        let _ = write!(out, "{:spaces$}{lead}{}:", "", string(&yaml::segment("", &entry.key)));
        node(out, &entry.value, shape.as_ref(), indentation);
    }
}

/// What follows a key's colon, with the line's end.
fn node(out: &mut String, node: &Node, shape: Option<&Shape>, indentation: usize) {
    match (&node.content, shape) {
        (Content::Null, _) => out.push('\n'),
        (Content::Scalar(text), Some(Shape::Scalar { secrecy, .. })) => {
            let _ = writeln!(out, " {}", scalar(text, *secrecy));
        }
        (Content::Mapping(entries), Some(Shape::Section(keys))) if has_shown(entries) => {
            out.push('\n');
            mapping(out, entries, keys, indentation + 2, "");
        }
        (Content::Mapping(_), Some(Shape::Section(_))) => out.push_str(" {}\n"),
        (Content::Sequence(items), Some(Shape::List(_))) if items.is_empty() => out.push_str(" []\n"),
        (Content::Sequence(items), Some(Shape::List(shape))) => {
            out.push('\n');
            for item in items {
                list_item(out, item, &shape(), indentation + 2);
            }
        }
        _ => {
            let _ = writeln!(out, " {MASK}");
        }
    }
}

fn list_item(out: &mut String, item: &Node, shape: &Shape, indentation: usize) {
    match (&item.content, shape) {
        (Content::Mapping(entries), Shape::Section(keys)) if has_shown(entries) => {
            mapping(out, entries, keys, indentation + 2, "- ");
        }
        _ => {
            let _ = write!(out, "{:indentation$}-", "");
            node(out, item, Some(shape), indentation);
        }
    }
}

/// A single value as it may be shown; `None` of anything else, and of what is secret.
pub(super) fn shown(node: &Node, shape: Option<&Shape>) -> Option<String> {
    match (&node.content, shape) {
        (Content::Scalar(text), Some(Shape::Scalar { secrecy, .. })) => {
            Some(scalar(text, *secrecy)).filter(|shown| shown != MASK)
        }
        _ => None,
    }
}

fn has_shown(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| !entry.key.starts_with("x-"))
}

fn scalar(text: &str, secrecy: Secrecy) -> String {
    // A lone reference names where the secret is, which may be shown. A default might be the secret itself.
    let reference =
        matches!(expand::pieces(text).as_slice(), [] | [Piece::Variable(Variable { default: None, .. })]);
    match secrecy {
        _ if reference => string(text),
        Secrecy::Secret => MASK.to_owned(),
        Secrecy::Url => string(&masked_url(text)),
        // A password may stand before an `@`.
        Secrecy::Open if text.contains('@') => MASK.to_owned(),
        Secrecy::Open => string(text),
    }
}

fn masked_url(text: &str) -> String {
    if text.eq_ignore_ascii_case("none") {
        return text.to_owned();
    }
    match url::Url::parse(text) {
        Ok(url) if !url.has_host() => MASK.to_owned(),
        Ok(url) => {
            let has_user = url.password().is_some() || !url.username().is_empty();
            let user = if has_user { format!("{MASK}@") } else { String::new() };
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            // A proxy has no path; what stands there may be a token.
            format!("{}://{user}{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        }
        Err(_) => MASK.to_owned(),
    }
}

/// A word as it is, anything else in double quotes; JSON's strings are YAML's too.
fn string(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./${}".contains(c);
    let word = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '$')
        && text.chars().all(plain);
    if word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(redacted(Path::new("c.yaml"), text.as_bytes()), expected);
    }

    #[test]
    fn secrets_are_masked_and_the_rest_is_shown() {
        check(
            "server: {port: 9440, uri: '/a b'}\nnbuservers:\n  - site: paris # home\n    apiKey: hunter2\n    \
             proxyUrl: http://joe:hunter2@proxy:3128/\n  - apiKey: ${KEY}\n    host:\n    port: 1556\n  - {}\n",
            "server:\n  port: 9440\n  uri: \"/a b\"\nnbuservers:\n  - site: paris\n    apiKey: <secret>\n    \
             proxyUrl: \"http://<secret>@proxy:3128\"\n  - apiKey: ${KEY}\n    host:\n    port: 1556\n  - {}\n",
        );
    }

    #[test]
    fn secrets_do_not_escape_through_other_places() {
        for text in [
            "x-common: &a {apiKey: hunter2}\nnbuserver: *a\n",
            "x-key: &a hunter2\nnbuserver: {apiKey: *a}\n",
            "nbuserver: {apikey: hunter2}\n",
            "nbuserver: {apiKey: [hunter2]}\n",
            "nbuserver: {apiKey: 'hunter2${A}'}\n",
            "nbuserver: {apiKey: '$${hunter2}'}\n",
            "nbuserver: {apiKey: '${A:-hunter2}'}\n",
            "nbuserver: {proxyUrl: '${A:-http://joe:hunter2@proxy}'}\n",
            "nbuserver: {host: 'joe:hunter2@nbu'}\n",
            "nbuserver: {contentType: hunter2}\n",
            "nbuserver: hunter2\n",
            "nbuserver: {proxyUrl: 'proxy hunter2'}\n",
            "nbuserver: {proxyUrl: 'http://joe:hunter2@proxy:3128'}\n",
            "nbuserver: {proxyUrl: 'http://proxy:3128/hunter2?token=hunter2#hunter2'}\n",
            "nbuserver: {apiKey: hunter2\n",
            "# hunter2\nnbuserver: {}\n",
            "hunter2",
            "[hunter2]",
        ] {
            let shown = redacted(Path::new("c.yaml"), text.as_bytes());
            assert!(!shown.contains("hunter2"), "{text} gave {shown}");
        }
        check("a: [", "# c.yaml can not be parsed\n");
    }

    #[test]
    fn a_text_that_names_files_and_variables_alone_holds_no_secret() {
        for (site, expected) in [
            ("apiKey: hunter2", true),
            ("apiKey: 'hunter2${A}'", true),
            ("proxyUrl: 'http://joe:hunter2@proxy:3128'", true),
            ("apiKey: ${KEY}", false),
            ("{apiKeyFile: /keys/a, proxyUrl: 'http://proxy:3128'}", false),
        ] {
            let text = if site.starts_with('{') {
                format!("nbuserver: {site}\n")
            } else {
                format!("nbuserver: {{{site}}}\n")
            };
            assert_eq!(holds_secrets(text.as_bytes()), expected, "{site}");
        }
    }

    #[test]
    fn what_is_shown_is_yaml_with_the_same_meaning() {
        let text = "server: {uri: \"/q\\\"uote\", host: 'no', port: '012'}\nnbuservers: []\n";
        let shown = redacted(Path::new("c.yaml"), text.as_bytes());
        let before = yaml::parse(text.as_bytes()).unwrap().root;
        let after = yaml::parse(shown.as_bytes()).unwrap().root;
        let server = |node: &Node| match &node.content {
            Content::Mapping(entries) => match &entries[0].value.content {
                Content::Mapping(keys) => {
                    keys.iter().map(|key| key.value.content.clone()).collect::<Vec<_>>()
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert_eq!(server(&before), server(&after));
    }
}
