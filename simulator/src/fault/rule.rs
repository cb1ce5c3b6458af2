//! One fault and where it applies; as JSON for the control endpoint, as text for the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::iso::DateTime;

/// A fault, the paths it applies to and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RuleForm", into = "RuleForm")]
pub struct Rule {
    /// Prefix of the path below the base path (`/admin/jobs`); empty for all.
    pub path: String,
    /// How many requests it hits; `None` for all.
    pub times: Option<u64>,
    /// What happens.
    pub fault: Fault,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer comes so much later (real time).
    Latency {
        /// Milliseconds.
        milliseconds: u64,
    },
    /// The request is read and never answered.
    Stall,
    /// Head and half of the body are sent, and then nothing more.
    StallBody,
    /// An error status with the vendor's error body.
    Status {
        /// The HTTP status code.
        code: u16,
        /// A `Retry-After` header.
        retry_after: Option<RetryAfter>,
    },
    /// The connection ends after half of what `Content-Length` announced.
    Truncate,
    /// A body that goes on for so many bytes, or for ever.
    Oversized {
        /// `None` never ends.
        bytes: Option<u64>,
    },
    /// An HTML page, as a proxy or a starting web service sends it.
    Html {
        /// The HTTP status code.
        code: u16,
    },
    /// The right body under another `Content-Type`.
    ContentType {
        /// The value of the header.
        value: String,
    },
    /// The connection is reset (RST) instead of an answer.
    Reset,
    /// The connection is reset in the middle of the body.
    ResetBody,
    /// The right type, but the body is cut and mixed up: no JSON.
    Garbage,
    /// Some records have a number as text, an empty time, an unknown enum value, null or no attributes.
    MalformedRecords,
    /// Every page is the first one, and says that there is a next one.
    StuckCursor,
}

/// The forms of `Retry-After`, each so many seconds from the server's now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// `30` (RFC 9110).
    Seconds(u32),
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110).
    HttpDate(u32),
    /// `2022-01-14T14:46:01.311Z`, which the NetBackup API reference declares.
    Iso8601(u32),
}

/// Why a fault was not understood.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The fault itself.
    #[error(
        "unknown fault '{0}': use latency, stall, stall-body, status, truncate, oversized, html, content-type, reset, \
         reset-body, garbage, odd-records or stuck-cursor"
    )]
    Unknown(String),
    /// Something that the fault needs.
    #[error("the fault '{fault}' needs '{key}'")]
    Missing {
        /// The fault.
        fault: String,
        /// What it needs.
        key: &'static str,
    },
    /// The status code.
    #[error("{0} is not an HTTP status code that ends a request (200 to 599)")]
    Status(u16),
    /// A `Retry-After` that is none of the forms.
    #[error("'{0}' is not seconds:N, http-date:N or iso-8601:N")]
    RetryAfter(String),
    /// A part of the command line form.
    #[error("'{0}' is not KEY=VALUE")]
    NoPair(String),
    /// A key or value of the wrong kind.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
}

impl Rule {
    /// `fault` on every path, every time.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { path: String::new(), times: None, fault }
    }

    /// Only on paths that start with `prefix`.
    #[must_use]
    pub fn on(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.path);
        self
    }

    /// Only for the next `times` requests.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

/// `status,code=503,retryAfter=seconds:30,path=/admin/jobs,times=3`: the fault, then the keys of the JSON form.
impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let mut parts = text.split(',');
        let fault = parts.next().unwrap_or_default();
        let mut object = serde_json::Map::new();
        object.insert("fault".into(), fault.into());
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| RuleError::NoPair(part.to_owned()))?;
            let number = value.parse::<u64>().map(serde_json::Value::from);
            object.insert(key.to_owned(), number.unwrap_or_else(|_| value.into()));
        }
        serde_json::from_value::<RuleForm>(object.into())?.try_into()
    }
}

/// The JSON form.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleForm {
    fault: String,
    #[serde(default)]
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl TryFrom<RuleForm> for Rule {
    type Error = RuleError;

    fn try_from(form: RuleForm) -> Result<Self, RuleError> {
        let missing = |key| RuleError::Missing { fault: form.fault.clone(), key };
        let fault = match form.fault.as_str() {
            "latency" => {
                Fault::Latency { milliseconds: form.milliseconds.ok_or_else(|| missing("milliseconds"))? }
            }
            "stall" => Fault::Stall,
            "stall-body" => Fault::StallBody,
            "status" => Fault::Status {
                code: status(form.code.ok_or_else(|| missing("code"))?)?,
                retry_after: form.retry_after.as_deref().map(str::parse).transpose()?,
            },
            "truncate" => Fault::Truncate,
            "oversized" => Fault::Oversized { bytes: form.bytes },
            "html" => Fault::Html { code: status(form.code.unwrap_or(502))? },
            "content-type" => {
                Fault::ContentType { value: form.value.clone().ok_or_else(|| missing("value"))? }
            }
            "reset" => Fault::Reset,
            "reset-body" => Fault::ResetBody,
            "garbage" => Fault::Garbage,
            "odd-records" => Fault::MalformedRecords,
            "stuck-cursor" => Fault::StuckCursor,
            unknown => return Err(RuleError::Unknown(unknown.to_owned())),
        };
        Ok(Self { path: form.path, times: form.times, fault })
    }
}

fn status(code: u16) -> Result<u16, RuleError> {
    (200..600).contains(&code).then_some(code).ok_or(RuleError::Status(code))
}

impl From<Rule> for RuleForm {
    fn from(rule: Rule) -> Self {
        let mut form = Self {
            fault: rule.fault.name().to_owned(),
            path: rule.path,
            times: rule.times,
            ..Self::default()
        };
        match rule.fault {
            Fault::Latency { milliseconds } => form.milliseconds = Some(milliseconds),
            Fault::Status { code, retry_after } => {
                form.code = Some(code);
                form.retry_after = retry_after.map(|retry_after| retry_after.to_string());
            }
            Fault::Html { code } => form.code = Some(code),
            Fault::Oversized { bytes } => form.bytes = bytes,
            Fault::ContentType { value } => form.value = Some(value),
            _ => {}
        }
        form
    }
}

impl Fault {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Stall => "stall",
            Self::StallBody => "stall-body",
            Self::Status { .. } => "status",
            Self::Truncate => "truncate",
            Self::Oversized { .. } => "oversized",
            Self::Html { .. } => "html",
            Self::ContentType { .. } => "content-type",
            Self::Reset => "reset",
            Self::ResetBody => "reset-body",
            Self::Garbage => "garbage",
            Self::MalformedRecords => "odd-records",
            Self::StuckCursor => "stuck-cursor",
        }
    }
}

impl FromStr for RetryAfter {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let parsed = text.split_once(':').and_then(|(form, seconds)| {
            let seconds = seconds.parse().ok()?;
            match form {
                "seconds" => Some(Self::Seconds(seconds)),
                "http-date" => Some(Self::HttpDate(seconds)),
                "iso-8601" => Some(Self::Iso8601(seconds)),
                _ => None,
            }
        });
        parsed.ok_or_else(|| RuleError::RetryAfter(text.to_owned()))
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(formatter, "seconds:{seconds}"),
            Self::HttpDate(seconds) => write!(formatter, "http-date:{seconds}"),
            Self::Iso8601(seconds) => write!(formatter, "iso-8601:{seconds}"),
        }
    }
}

impl RetryAfter {
    /// The value of the header at `now`, in milliseconds since the Unix epoch.
    pub(crate) fn value(self, now: i64) -> String {
        let then = |seconds: u32| now.saturating_add(i64::from(seconds) * 1_000);
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::HttpDate(seconds) => jiff::Timestamp::from_millisecond(then(seconds))
                .unwrap_or_default()
                .strftime("%a, %d %b %Y %H:%M:%S GMT")
                .to_string(),
            Self::Iso8601(seconds) => DateTime(then(seconds)).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Rule) {
        assert_eq!(&text.parse::<Rule>().unwrap(), expected, "{text}");
        let json = serde_json::to_string(expected).unwrap();
        assert_eq!(&serde_json::from_str::<Rule>(&json).unwrap(), expected, "{json}");
    }

    #[test]
    fn a_fault_reads_the_same_from_text_and_json() {
        check(
            "status,code=503,retryAfter=iso-8601:30,path=/admin/jobs,times=3",
            &Rule::new(Fault::Status { code: 503, retry_after: Some(RetryAfter::Iso8601(30)) })
                .on("/admin/jobs")
                .times(3),
        );
        check("latency,milliseconds=50", &Rule::new(Fault::Latency { milliseconds: 50 }));
        check("oversized", &Rule::new(Fault::Oversized { bytes: None }));
        check("html", &Rule::new(Fault::Html { code: 502 }));
        check("content-type,value=text/plain", &Rule::new(Fault::ContentType { value: "text/plain".into() }));
        for (name, fault) in [
            ("stall", Fault::Stall),
            ("stall-body", Fault::StallBody),
            ("truncate", Fault::Truncate),
            ("reset", Fault::Reset),
            ("reset-body", Fault::ResetBody),
            ("garbage", Fault::Garbage),
            ("odd-records", Fault::MalformedRecords),
            ("stuck-cursor", Fault::StuckCursor),
        ] {
            check(name, &Rule::new(fault));
        }
    }

    #[test]
    fn a_wrong_fault_is_refused() {
        for text in [
            "",
            "fire",
            "latency",
            "latency,milliseconds=soon",
            "status",
            "status,code=99",
            "status,code=429,retryAfter=30",
            "stall,time=3",
            "stall,path",
            "content-type",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn retry_after_has_three_forms() {
        let now = 784_111_777_000 - 30_000;
        assert_eq!(RetryAfter::Seconds(30).value(now), "30");
        assert_eq!(RetryAfter::HttpDate(30).value(now), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(RetryAfter::Iso8601(30).value(now), "1994-11-06T08:49:37.000Z");
    }
}
