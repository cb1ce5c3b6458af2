//! Versions of the NetBackup API, and the media types that carry them.
//!
//! `application/vnd.netbackup+json;version=MAJOR.MINOR` (NetBackup API getting started guide, "API versioning").

use std::fmt;
use std::str::FromStr;

/// A version of the API; the simulator knows 7.0 (NetBackup 10.0) to 14.0 (NetBackup 11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// Why a text is no API version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not an API version: write MAJOR.MINOR, for instance 12.0")]
pub struct VersionError(String);

impl ApiVersion {
    /// `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The NetBackup release that brought this version; inferred for 10.0 to 10.2, 10.4 and 11.2.
    #[must_use]
    pub const fn release(self) -> &'static str {
        match self.major {
            ..=7 => "10.0",
            8 => "10.1",
            9 => "10.2",
            10 => "10.3",
            11 => "10.4",
            12 => "10.5",
            13 => "11.0",
            14.. => "11.2",
        }
    }

    /// From 9.0 on the jobs are paged by cursor, before that by offset.
    pub(super) fn pages_jobs_by_cursor(self) -> bool {
        self.major >= 9
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) if major > 0 => Ok(Self { major, minor }),
            _ => Err(VersionError(text.to_owned())),
        }
    }
}

/// What a resource is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Text,
}

impl Format {
    const fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.netbackup+json",
            Self::Text => "text/vnd.netbackup+plain",
        }
    }

    pub(super) fn content_type(self, version: ApiVersion) -> String {
        format!("{};version={version}", self.essence())
    }
}

/// Picks format and version for an `Accept` header, or `None` (406). No header and `*/*` get the newest version; so does
/// a NetBackup type without version (inferred: the guide always sends one).
pub(super) fn negotiate(
    accept: Option<&str>,
    newest: ApiVersion,
    produced: &[Format],
) -> Option<(Format, ApiVersion)> {
    let default = *produced.first()?;
    accept.unwrap_or("*/*").split(',').find_map(|range| acceptable(range, newest, default, produced))
}

fn acceptable(
    range: &str,
    newest: ApiVersion,
    default: Format,
    produced: &[Format],
) -> Option<(Format, ApiVersion)> {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next()?.to_ascii_lowercase();
    let format = if essence == "*/*" {
        default
    } else {
        let wildcard = |format: &Format| {
            essence.strip_suffix("/*").is_some_and(|kind| format.essence().split('/').next() == Some(kind))
        };
        *produced.iter().find(|format| format.essence() == essence || wildcard(format))?
    };
    let parameter = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("version"));
    let version = match parameter {
        None => newest,
        Some((_, version)) => version.trim().trim_matches('"').parse().ok()?,
    };
    (version <= newest).then_some((format, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: Option<&str>, expected: Option<(Format, u16)>) {
        let produced = [Format::Json, Format::Text];
        let found = negotiate(accept, ApiVersion::new(12, 0), &produced);
        assert_eq!(found, expected.map(|(format, major)| (format, ApiVersion::new(major, 0))), "{accept:?}");
    }

    #[test]
    fn the_asked_version_is_answered_up_to_the_servers_own() {
        check(Some("application/vnd.netbackup+json;version=12.0"), Some((Format::Json, 12)));
        check(Some("application/vnd.netbackup+json;version=7.0"), Some((Format::Json, 7)));
        check(
            Some("application/vnd.netbackup+json; Version=\"10.0\";charset=UTF-8"),
            Some((Format::Json, 10)),
        );
        check(Some("application/vnd.netbackup+json;version=13.0"), None);
        check(Some("application/vnd.netbackup+json;version=12.1"), None);
        check(Some("application/vnd.netbackup+json;version=x"), None);
        check(Some("text/vnd.netbackup+plain;version=9.0"), Some((Format::Text, 9)));
    }

    #[test]
    fn ranges_lists_and_no_header_get_what_the_server_has() {
        check(None, Some((Format::Json, 12)));
        check(Some("*/*"), Some((Format::Json, 12)));
        check(Some("text/*"), Some((Format::Text, 12)));
        check(Some("application/json"), None);
        check(Some("text/html"), None);
        check(
            Some("application/vnd.netbackup+json;version=14.0, application/vnd.netbackup+json;version=9.0"),
            Some((Format::Json, 9)),
        );
    }

    #[test]
    fn a_version_is_two_numbers() {
        assert_eq!("12".parse(), Ok(ApiVersion::new(12, 0)));
        assert_eq!("13.1".parse::<ApiVersion>().map(|v| v.to_string()), Ok("13.1".into()));
        for bad in ["", "0.0", "a.0", "12.", "-1.0", "12.0.1"] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad}");
        }
    }
}
