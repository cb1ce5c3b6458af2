//! No secret can be printed by any `Debug`.
//!
//! What holds the text of a configuration, a key or a password has a `Debug` of its own, which a test formats, or none
//! at all. Here the source is searched for a type that derives one although a field could show a secret.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::harness::read;
use crate::program;

/// The types with a `Debug` of their own because they hold a secret, with the test that formats each.
const REDACTING: [(&str, &str, &str); 19] = [
    ("Access", "src/source/kubernetes/tests.rs", "access_to_the_api_server_shows_no_token"),
    ("ActiveConfig", "src/reload/active.rs", "debug_shows_nothing_of_the_text"),
    ("ConfigText", "src/reload/text.rs", "the_debug_of_a_text_shows_its_length_alone"),
    ("Entrance", "src/http/tests/tls.rs", "debug_shows_whether_there_is_a_certificate_and_no_more"),
    ("Environment", "src/config/tests.rs", "no_debug_shows_a_secret"),
    ("FileSource", "src/source/file/tests.rs", "no_debug_shows_a_variable_or_what_a_file_holds"),
    ("Issued", "src/certificate/pair.rs", "debug_shows_no_key"),
    ("Kept", "src/admission/rotation/tests.rs", "debug_shows_nothing_of_what_the_secret_holds"),
    ("Login", "src/http/login.rs", "what_is_remembered_has_a_bound_and_no_password"),
    ("Material", "src/config/tests.rs", "no_debug_shows_a_secret"),
    ("PasswordHash", "src/config/web/tests.rs", "nothing_of_a_key_a_hash_or_a_password_is_told"),
    ("Proxy", "src/config/tests.rs", "no_debug_shows_a_secret"),
    ("ProxyHop", "src/netbackup/proxy.rs", "a_proxy_shows_its_address_and_not_its_password"),
    ("Record", "src/reload/last_good/record.rs", "debug_shows_nothing_of_the_text"),
    (
        "Revision",
        "src/source/kubernetes/tests.rs",
        "the_key_of_a_secret_is_the_bytes_behind_its_base64_and_no_debug_shows_them",
    ),
    ("Rules", "src/http/tests/tls.rs", "debug_shows_whether_there_is_a_certificate_and_no_more"),
    ("Secret", "src/config/tests.rs", "no_debug_shows_a_secret"),
    ("ServingPair", "src/certificate/pair.rs", "debug_shows_no_key"),
    ("Transport", "src/netbackup/proxy.rs", "a_client_shows_neither_its_key_nor_the_password_of_its_proxy"),
];

/// The types with a `Debug` of their own for another reason: a field has none, or too much.
const OTHERS: [&str; 9] = [
    "Authorities",
    "Digest",
    "KeyCheck",
    "KeyTrial",
    "LogControl",
    "Preview",
    "Probe",
    "Registry",
    "Showcase",
];

/// The types that derive `Debug` although they hold bytes or a header.
const HARMLESS: [(&str, &str); 7] = [
    ("Deflater", "it compresses metrics"),
    ("Exchange", "the header of the key is marked as sensitive, so its own `Debug` does not show it"),
    ("Rotation", "certificates are public"),
    ("RunDays", "it holds days of a calendar"),
    ("ShownCertificate", "certificates are public"),
    ("Tail", "it holds compressed metrics"),
    ("Verification", "certificates are public"),
];

/// What a file declares of `Debug`.
#[derive(Debug, Default)]
struct Findings {
    /// Types with a `Debug` of their own.
    own: BTreeSet<String>,
    /// Types that derive it, and have a field that could show a secret.
    derived: BTreeSet<String>,
}

impl Findings {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut derives = false;
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    let mut attribute = group.stream().into_iter();
                    let is_derive = attribute.next().is_some_and(|word| word.to_string() == "derive");
                    derives |= is_derive && group.stream().to_string().contains("Debug");
                }
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Ident(word) if word == "struct" || word == "enum" => {
                    let Some(TokenTree::Ident(name)) = tokens.get(index + 1) else { continue };
                    let fields = tokens[index + 1..].iter().find_map(|token| match token {
                        TokenTree::Group(group) => Some(group.stream()),
                        TokenTree::Punct(mark) if mark.as_char() == ';' => Some(TokenStream::new()),
                        _ => None,
                    });
                    if std::mem::take(&mut derives)
                        && fields.is_some_and(|fields| may_show(fields, word == "enum"))
                    {
                        self.derived.insert(name.to_string());
                    }
                }
                TokenTree::Ident(word) if word == "Debug" => {
                    if let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = &tokens[index + 1..]
                        && word == "for"
                    {
                        self.own.insert(name.to_string());
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether the fields could show a secret: bytes of any length, a URL, a header, or variables with their values. The
/// names of an enum's variants do not count.
fn may_show(fields: TokenStream, is_enum: bool) -> bool {
    let tokens: Vec<TokenTree> = fields.into_iter().collect();
    tokens.iter().enumerate().any(|(index, token)| match token {
        // An attribute.
        TokenTree::Group(_) if index > 0 && tokens[index - 1].to_string() == "#" => false,
        TokenTree::Group(group) => may_show(group.stream(), false),
        TokenTree::Ident(_) if is_enum => false,
        TokenTree::Ident(word) if word == "u8" => {
            let before = index.checked_sub(1).map(|before| tokens[before].to_string());
            let is_array = tokens.get(index + 1).is_some_and(|after| after.to_string() == ";");
            !is_array && before.is_none_or(|before| before == "<")
        }
        TokenTree::Ident(word) if word == "BTreeMap" || word == "HashMap" => {
            let inside: String = tokens[index + 1..].iter().take(4).map(ToString::to_string).collect();
            inside == "<String,String"
        }
        TokenTree::Ident(word) => word == "Url" || word == "HeaderValue" || word == "Zeroizing",
        _ => false,
    })
}

fn findings() -> Findings {
    let mut findings = Findings::default();
    for (_, tokens) in program::files() {
        findings.read(tokens);
    }
    findings
}

#[test]
fn a_type_that_holds_a_secret_does_not_derive_debug() {
    let known = HARMLESS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(findings().derived, known, "give it a Debug of its own, or none");
}

#[test]
fn every_debug_of_its_own_is_formatted_by_a_test_or_has_nothing_to_hide() {
    let known = REDACTING.iter().map(|(name, ..)| *name).chain(OTHERS).map(str::to_owned).collect();
    assert_eq!(findings().own, known);
    for (name, file, test) in REDACTING {
        assert!(read(file).contains(&format!("fn {test}()")), "{name}: {file} has no test {test}");
    }
}

#[test]
fn a_field_that_could_show_a_secret_is_found() {
    #[track_caller]
    fn check(source: &str, derived: bool) {
        let mut findings = Findings::default();
        findings.read(source.parse().unwrap());
        assert_eq!(findings.derived.len(), usize::from(derived), "{source}");
    }
    check("#[derive(Clone, Debug)] pub struct A { a: Vec<u8> }", true);
    check("#[derive(Debug)] enum A { Url, B(Option<Url>) }", true);
    check("#[derive(Debug)] struct A(Arc<[u8]>);", true);
    check("#[derive(Debug)] struct A { variables: Arc<BTreeMap<String, String>> }", true);
    check("#[derive(Debug)] struct A { digest: [u8; 32], level: u8 }", false);
    check("#[derive(Debug)] enum A { #[error(\"no URL\")] Url }", false);
    check("#[derive(Clone)] struct A { a: Vec<u8> }", false);
}
