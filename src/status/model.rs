//! The picture as data. It is what `/api/v1/status` shows, so its fields are stable: new ones may come, none goes or changes its
//! meaning. Times are RFC 3339, durations seconds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::counts::SiteCounts;
use super::fleet::FleetPicture;

/// What runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusPicture {
    /// When it was made.
    pub at: Timestamp,
    /// Whether something is wrong that somebody should mend: the newest configuration is rejected, or a site is down or failing.
    pub wrong: bool,
    /// The program's version.
    pub version: String,
    /// The commit that it was built from.
    pub commit: String,
    /// When the process began.
    pub started_at: Timestamp,
    /// Whether the process is about to end.
    pub ending: bool,
    /// The configuration.
    pub configuration: ConfigurationPicture,
    /// The fleet, where replicas share the sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetPicture>,
    /// The admission webhook, where it is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookPicture>,
    /// The sites, those that are wrong first, else in the order of the configuration. Of a fleet only this member's.
    pub sites: Vec<SitePicture>,
}

/// The admission webhook of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookPicture {
    /// When the API server last asked; none if it never did.
    pub last_asked_at: Option<Timestamp>,
    /// When the certificate ends that it is shown; none while there is none.
    pub certificate_ends_at: Option<Timestamp>,
    /// Why the certificate can not be kept, or the API server not be told its authority, as of the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The configuration: what runs, what was rejected, and what came of the last reloads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigurationPicture {
    /// What runs; none until there is one.
    pub running: Option<RunningPicture>,
    /// The newest one, if it can not run.
    pub rejected: Option<RejectedPicture>,
    /// What came of the last 20 reloads that brought news or that somebody asked for, the newest first.
    pub verdicts: Vec<VerdictPicture>,
}

/// The configuration that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunningPicture {
    /// A path, or `configmap NAMESPACE/NAME`, or where it was kept.
    pub origin: String,
    /// The `resourceVersion` of the object, where one is known.
    pub revision: Option<String>,
    /// The digest of its text, as in the log.
    pub hash: String,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// What the reader should know though it is valid.
    pub warnings: Vec<String>,
    /// The sites that it runs without at a start, since they lack something, such as the file with their key.
    pub lacking_sites: Vec<String>,
}

/// The newest configuration, which can not run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RejectedPicture {
    /// When it was rejected.
    pub at: Timestamp,
    /// What asked for the reload.
    pub trigger: String,
    /// The `resourceVersion` of the object, where one is known.
    pub revision: Option<String>,
    /// The digest of its text, if one could be read.
    pub hash: Option<String>,
    /// Its mistakes, each with its place.
    pub mistakes: Vec<String>,
    /// What it says otherwise than what runs, in words.
    pub changes: Vec<String>,
}

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerdictPicture {
    /// When.
    pub at: Timestamp,
    /// What asked for it.
    pub trigger: String,
    /// What came of it.
    pub outcome: String,
    /// The `resourceVersion` of the object, where one is known.
    pub revision: Option<String>,
    /// The digest of the text that it is about, if one could be read.
    pub hash: Option<String>,
    /// How long it took.
    pub duration_seconds: f64,
    /// What changed, or the mistakes.
    pub detail: Vec<String>,
}

/// How a site is, the worst first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum SiteHealth {
    /// Nothing comes of it.
    Down,
    /// Its key is refused, or a collector fails.
    Failing,
    /// It works, and something should be done.
    Warning,
    /// Nothing is known yet.
    Waiting,
    /// All collectors bring what they are there for; it may be bad news.
    Collected,
}

/// How a collector is, the worst first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum CollectorHealth {
    /// Its last run failed.
    Failing,
    /// It has not succeeded for five intervals, although nothing failed.
    Stale,
    /// The role of the key lacks the permission.
    Refused,
    /// The role of the key sees only a part.
    Partial,
    /// The list was longer than one run may read.
    Truncated,
    /// Its first run has not ended.
    Waiting,
    /// This release of NetBackup does not have what it reads.
    Unsupported,
    /// All is well.
    Good,
}

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FaultPicture {
    /// What is wrong.
    pub what: String,
    /// What to do; empty where nobody knows.
    pub cure: String,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SitePicture {
    /// The value of the `site` label.
    pub name: String,
    /// Where its API is, if that is known.
    pub endpoint: Option<String>,
    /// How it is.
    pub state: SiteHealth,
    /// What is wrong with the site as a whole, the worst first.
    pub faults: Vec<FaultPicture>,
    /// The version of the API in use.
    pub api_version: Option<String>,
    /// Whether NetBackup accepts the configured key; none while nobody has asked.
    pub key_accepted: Option<bool>,
    /// When the key ends, where the server tells it.
    pub key_ends_at: Option<Timestamp>,
    /// When the certificate ends that the server shows.
    pub certificate_ends_at: Option<Timestamp>,
    /// Until when the server is left alone, since it asked for that.
    pub quiet_until: Option<Timestamp>,
    /// When something was collected last.
    pub collected_at: Option<Timestamp>,
    /// How much of the history of backups was read back after the start; 1 when all was.
    pub history_read_ratio: Option<f64>,
    /// How much of the window of finished jobs was read after the start; 1 when all was.
    pub jobs_read_ratio: Option<f64>,
    /// What counts at the site.
    pub counts: SiteCounts,
    /// Its collectors, those that are wrong first.
    pub collectors: Vec<CollectorPicture>,
}

/// A collector of a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CollectorPicture {
    /// The value of the `collector` label.
    pub name: String,
    /// How it is.
    pub state: CollectorHealth,
    /// Why it has nothing new, or not all.
    pub fault: Option<FaultPicture>,
    /// The time between two runs.
    pub interval_seconds: f64,
    /// When a run last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// How long ago that was.
    pub age_seconds: Option<f64>,
    /// Records that its last run met.
    pub records: Option<u64>,
    /// How long its last run took.
    pub duration_seconds: Option<f64>,
    /// How many requests its last run sent.
    pub requests: Option<u32>,
    /// Since when a run is under way.
    pub running_since: Option<Timestamp>,
    /// When it runs next; a time that has passed is now. While a run is under way, when the one after it is due.
    pub next_run_at: Timestamp,
}

impl StatusPicture {
    /// How many sites are in a state.
    pub(crate) fn count(&self, state: SiteHealth) -> usize {
        self.sites.iter().filter(|site| site.state == state).count()
    }
}

impl SitePicture {
    /// What is wrong with one of its collectors, where it is not said of the whole site: where nobody answers, each would say the same.
    pub(crate) fn own_fault<'a>(&self, collector: &'a CollectorPicture) -> Option<&'a FaultPicture> {
        let is_said = |fault: &&FaultPicture| self.faults.iter().any(|known| known.what == fault.what);
        collector.fault.as_ref().filter(|fault| !is_said(fault))
    }

    /// Whether one of its collectors says something that is not said of the whole site.
    pub(crate) fn is_to_be_seen(&self, collector: &CollectorPicture) -> bool {
        let is_well = matches!(collector.state, CollectorHealth::Good | CollectorHealth::Unsupported);
        !is_well && (collector.fault.is_none() || self.own_fault(collector).is_some())
    }
}

/// How bad a state is: what its sign and its colour say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Somebody should mend it now.
    Bad,
    /// Somebody should look at it.
    Warning,
    /// There is nothing to say of it.
    Unknown,
    /// All is well.
    Good,
}

impl SiteHealth {
    /// How bad it is.
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Down | Self::Failing => Severity::Bad,
            Self::Warning => Severity::Warning,
            Self::Waiting => Severity::Unknown,
            Self::Collected => Severity::Good,
        }
    }

    /// Whether somebody should mend it.
    pub(crate) fn is_wrong(self) -> bool {
        self.severity() == Severity::Bad
    }
}

impl CollectorHealth {
    /// How bad it is.
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Failing | Self::Stale => Severity::Bad,
            Self::Refused | Self::Partial | Self::Truncated => Severity::Warning,
            Self::Waiting | Self::Unsupported => Severity::Unknown,
            Self::Good => Severity::Good,
        }
    }

    /// What it makes of its site.
    pub(super) fn of_site(self) -> SiteHealth {
        match self.severity() {
            Severity::Bad => SiteHealth::Failing,
            Severity::Warning => SiteHealth::Warning,
            Severity::Unknown | Severity::Good => SiteHealth::Collected,
        }
    }
}
