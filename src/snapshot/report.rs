//! What is known of a site and of its collectors beside their samples, for people.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::fragment::Fragment;
use super::run_clock::RunClock;
use crate::config::ApiVersion;

/// What is known of a site beside its samples.
#[derive(Clone, Debug, Default)]
pub struct SiteReport {
    /// The version of the API in use.
    pub version: Option<ApiVersion>,
    /// Whether NetBackup accepts the configured key.
    pub key_accepted: Option<bool>,
    /// When the key ends.
    pub key_end: Option<Timestamp>,
    /// When the certificate ends that the server showed last.
    pub certificate_end: Option<Timestamp>,
    /// Until when the server is left alone, since it asked for that.
    pub quiet_until: Option<Timestamp>,
    /// Why the server can not be reached.
    pub fault: Option<Arc<Fault>>,
    /// In the order of the table of collectors.
    pub collectors: Box<[CollectorReport]>,
    /// The samples that are not served, since only the other set of names is.
    pub unserved: Vec<Fragment>,
}

/// What is known of a collector of a site.
#[derive(Clone, Debug)]
pub struct CollectorReport {
    /// Its name.
    pub name: &'static str,
    /// The time between two runs.
    pub interval: Duration,
    /// How its last run went; `None` before the first one ended.
    pub last: Option<RunReport>,
    /// When it runs next.
    pub next: Timestamp,
    /// Whether a run is under way.
    pub clock: RunClock,
    /// Why it has nothing new, or not all.
    pub fault: Option<Arc<Fault>>,
}

/// How the last run of a collector went.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub struct RunReport {
    /// Whether the server has what it reads.
    pub is_supported: bool,
    /// Whether it succeeded.
    pub success: bool,
    /// Whether the role of the key may not see what it asked for, or only a part of it.
    pub unauthorized: bool,
    /// Whether it read less than there was.
    pub truncated: bool,
    /// How many records it met.
    pub records: Option<u64>,
    /// How many requests it sent.
    pub requests: u32,
    /// How long it took.
    pub duration: Duration,
    /// When a run last succeeded.
    pub last_success: Option<Timestamp>,
    /// How many series of its last good run are there still.
    pub series: usize,
}

/// What is wrong, and what to do about it. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub what: Cow<'static, str>,
    /// What to do; empty where nobody knows.
    pub cure: Cow<'static, str>,
}

impl Fault {
    /// Something that is wrong, with its cure.
    pub(crate) fn new(what: impl Into<Cow<'static, str>>, cure: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), cure: cure.into() }
    }
}

impl From<&'static str> for Fault {
    fn from(what: &'static str) -> Self {
        Self::new(what, "")
    }
}
