//! Versions of the REST API.

use std::fmt;
use std::str::FromStr;

/// A version of the NetBackup REST API, such as 12.0 (NetBackup 10.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// Moves on breaking changes only.
    pub major: u16,
    /// Moves on additions.
    pub minor: u16,
}

impl ApiVersion {
    /// NetBackup 10.0, the oldest that we speak.
    pub const OLDEST: Self = Self { major: 7, minor: 0 };
    /// NetBackup 11.2, the newest that we speak.
    pub const NEWEST: Self = Self { major: 14, minor: 0 };
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// The text is not `MAJOR.MINOR`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of the form MAJOR.MINOR, such as 12.0")]
pub struct ParseVersionError;

impl FromStr for ApiVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.trim().split_once('.').ok_or(ParseVersionError)?;
        let number = |part: &str| {
            if part.bytes().all(|byte| byte.is_ascii_digit()) { part.parse().ok() } else { None }
        };
        Ok(Self {
            major: number(major).ok_or(ParseVersionError)?,
            minor: number(minor).ok_or(ParseVersionError)?,
        })
    }
}
