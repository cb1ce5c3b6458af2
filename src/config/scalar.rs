//! The values that keys can have, each with the sentence that says what is right.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::collector_words::{ClientExport, TapeMedia};
use super::decoder::{Decode, Decoder, NoValue, Scalar};
use super::key::{Secrecy, Shape};
use super::number::whole_number;
use super::pattern::{self, LITERAL};
use super::tree::Node;
use super::{ApiVersion, LogFormat, LogLevel, Scheme, Secret, duration};
use crate::metric::MetricNames;

/// The name is a label value of every series of the site, so its length is limited.
const LONGEST_SITE_NAME: usize = 128;

/// Any text.
#[derive(Clone, Debug)]
pub(super) struct AnyText(pub(super) String);

/// The value of the `site` label.
#[derive(Clone, Debug)]
pub(super) struct SiteName(pub(super) String);

/// A duration between two bounds in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoundedDuration<const LEAST: u64, const MOST: u64>(pub(super) Duration);

/// Yes or no.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag(pub(super) bool);

/// Yes, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlwaysOn(pub(super) bool);

/// The path of a file.
#[derive(Clone, Debug)]
pub(super) struct FilePath(pub(super) PathBuf);

/// The SHA-256 digest of a certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct CertificateDigest(pub(super) [u8; 32]);

/// A value that an empty text leaves out, as in files of the Go exporter.
#[derive(Clone, Debug)]
pub(super) struct MayBeEmpty<T>(pub(super) T);

/// A key of the Go exporter that has no effect here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ignored;

impl Decode for Ignored {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Result<Self, NoValue> {
        let location = decoder.location(node.position);
        decoder.warning(&location, "has no effect in this exporter; remove it");
        Ok(Self)
    }

    fn shape() -> Shape {
        Shape::Ignored
    }
}

impl Scalar for AnyText {
    fn wants() -> String {
        "a text".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn schema() -> Value {
        json!({ "type": ["string", "number", "boolean"], "minLength": 1, "pattern": LITERAL })
    }
}

impl<T: Scalar> Scalar for MayBeEmpty<T> {
    const SECRECY: Secrecy = T::SECRECY;
    const MAY_BE_EMPTY: bool = true;

    fn wants() -> String {
        T::wants()
    }

    fn parse(text: &str) -> Option<Self> {
        T::parse(text).map(Self)
    }

    fn schema() -> Value {
        T::schema()
    }
}

impl Scalar for SiteName {
    fn wants() -> String {
        format!("a name of at most {LONGEST_SITE_NAME} characters, none of them a control character")
    }

    fn parse(text: &str) -> Option<Self> {
        let short = text.chars().count() <= LONGEST_SITE_NAME;
        let right = short && !text.contains(char::is_control) && !text.trim().is_empty();
        right.then(|| Self(text.to_owned()))
    }

    fn schema() -> Value {
        let (any, blank) = (r"[^\x00-\x1f\x7f-\x9f]*", pattern::BLANK);
        let pattern = format!("^{any}[^{blank}]{any}$");
        json!({
            "type": ["string", "number", "boolean"],
            "maxLength": LONGEST_SITE_NAME,
            "allOf": pattern::all(&[pattern, LITERAL.to_owned()]),
        })
    }
}

impl<const LEAST: u64, const MOST: u64> Scalar for BoundedDuration<LEAST, MOST> {
    fn wants() -> String {
        let bound = |milliseconds| duration::display(Duration::from_millis(milliseconds));
        format!("a duration such as 30s, 5m or 1h30m from {} to {}", bound(LEAST), bound(MOST))
    }

    fn parse(text: &str) -> Option<Self> {
        let bounds = Duration::from_millis(LEAST)..=Duration::from_millis(MOST);
        duration::parse(text).filter(|duration| bounds.contains(duration)).map(Self)
    }

    fn schema() -> Value {
        // Zero is out of bounds in every spelling.
        let bounded = pattern::refined(pattern::DURATION, &pattern::duration(LEAST, MOST));
        json!({ "type": "string", "allOf": [{ "pattern": "[1-9]" }, bounded] })
    }
}

impl Scalar for Flag {
    fn wants() -> String {
        "true or false".to_owned()
    }

    /// The words of YAML 1.1, as the Go exporter's parser has them, and of Go's `strconv.ParseBool`.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "true" | "True" | "TRUE" | "t" | "T" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On" | "ON" => {
                Some(Self(true))
            }
            "false" | "False" | "FALSE" | "f" | "F" | "no" | "No" | "NO" | "n" | "N" | "off" | "Off"
            | "OFF" => Some(Self(false)),
            _ => match whole_number(text)? {
                0 => Some(Self(false)),
                1 => Some(Self(true)),
                _ => None,
            },
        }
    }

    fn schema() -> Value {
        let words = pattern::either(pattern::TRUE, pattern::FALSE);
        json!({ "type": ["boolean", "string", "integer"], "minimum": 0, "maximum": 1, "pattern": words })
    }
}

impl Scalar for AlwaysOn {
    fn wants() -> String {
        "true, since this collector always runs".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Flag::parse(text).filter(|flag| flag.0).map(|flag| Self(flag.0))
    }

    fn schema() -> Value {
        json!({
            "type": ["boolean", "string", "integer"],
            "not": { "const": false },
            "minimum": 1,
            "maximum": 1,
            "pattern": pattern::TRUE,
        })
    }
}

impl Scalar for Secret {
    const SECRECY: Secrecy = Secrecy::Secret;

    fn wants() -> String {
        "one line of printable ASCII characters, since it is sent in an HTTP header".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let whole = text.trim() == text && !text.is_empty();
        (printable && whole).then(|| Self::new(text.to_owned()))
    }

    fn schema() -> Value {
        let printable = "^[!-~](?:[ -~]*[!-~])?$".to_owned();
        let patterns = [printable, LITERAL.to_owned()];
        json!({ "type": ["string", "number", "boolean"], "allOf": pattern::all(&patterns) })
    }
}

impl Scalar for FilePath {
    fn wants() -> String {
        "the path of a file".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let path = PathBuf::from(text);
        (path.file_name().is_some() && !text.contains('\0')).then_some(Self(path))
    }

    fn schema() -> Value {
        // The last segment, but for `.` and slashes behind it, is neither `.` nor `..`.
        let name = r"(?:[^/.\x00][^/\x00]*|\.[^/.\x00][^/\x00]*|\.\.[^/\x00]+)";
        let pattern = format!(r"^(?:[^\x00]*/)?{name}(?:/\.?)*$");
        let patterns = [pattern, LITERAL.to_owned()];
        json!({ "type": ["string", "number", "boolean"], "allOf": pattern::all(&patterns) })
    }
}

impl Scalar for CertificateDigest {
    fn wants() -> String {
        "a SHA-256 digest of 64 hexadecimal digits, with or without colons".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let digits: String = if text.contains(':') {
            let pairs: Vec<&str> = text.split(':').collect();
            pairs.iter().all(|pair| pair.len() == 2).then(|| pairs.concat())?
        } else {
            text.to_owned()
        };
        let mut digest = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (index, byte) in digest.iter_mut().enumerate() {
            let pair = digits.get(2 * index..2 * index + 2)?;
            let hexadecimal = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = if hexadecimal { u8::from_str_radix(pair, 16).ok()? } else { return None };
        }
        Some(Self(digest))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31})$" })
    }
}

impl Scalar for ApiVersion {
    fn wants() -> String {
        format!("one of the versions {}, 8.0 to {}, or absent to ask the server", Self::OLDEST, Self::NEWEST)
    }

    /// `12` is 12.0: tools that rewrite a file drop the zero of a number.
    fn parse(text: &str) -> Option<Self> {
        let major = whole_number(text)?;
        let version = Self { major: u16::try_from(major).ok()?, minor: 0 };
        (Self::OLDEST..=Self::NEWEST).contains(&version).then_some(version)
    }

    fn schema() -> Value {
        pattern::whole_number(Self::OLDEST.major.into(), Self::NEWEST.major.into())
    }
}

/// A value that is one of a few words, in any letter case, as people write `INFO` and `HTTPS`.
macro_rules! choice {
    ($type:ty { $($word:literal => $value:expr),+ $(,)? }) => {
        impl Scalar for $type {
            fn wants() -> String {
                format!("one of {}", [$($word),+].join(", "))
            }

            fn parse(text: &str) -> Option<Self> {
                match text.to_ascii_lowercase().as_str() {
                    $($word => Some($value),)+
                    _ => None,
                }
            }

            fn schema() -> Value {
                // Editors propose the words of the `enum`.
                json!({ "anyOf": [{ "enum": [$($word),+] }, { "type": "string", "pattern": any_case(&[$($word),+]) }] })
            }
        }
    };
}

choice!(Scheme { "http" => Self::Http, "https" => Self::Https });
choice!(LogFormat { "logfmt" => Self::Logfmt, "json" => Self::Json });
choice!(MetricNames { "native" => Self::Native, "v4" => Self::V4, "both" => Self::Both });
choice!(ClientExport { "overdue" => Self::Overdue, "all" => Self::All });
// Not `off`, which YAML 1.1 (Helm) takes for false.
choice!(TapeMedia { "summary" => Self::Summary, "all" => Self::All, "none" => Self::None });
choice!(LogLevel {
    "error" => Self::Error,
    "warn" => Self::Warn,
    "info" => Self::Info,
    "debug" => Self::Debug,
    "trace" => Self::Trace,
});

/// The pattern of these words in any letter case; JSON Schema's patterns have no flags.
fn any_case(words: &[&str]) -> String {
    let letter = |c: char| match c {
        'a'..='z' => format!("[{c}{}]", c.to_ascii_uppercase()),
        _ => c.to_string(),
    };
    let words: Vec<String> = words.iter().map(|word| word.chars().map(letter).collect()).collect();
    format!("^({})$", words.join("|"))
}

#[cfg(test)]
pub(super) mod tests;
