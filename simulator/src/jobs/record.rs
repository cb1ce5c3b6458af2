//! One job as the API shows it at a given time.
//!
//! The attributes and their types are those of the NetBackup API reference, `GET /admin/jobs`. No schema says which of
//! them a job has in which state. Inferred: a job that is not done has neither `endTime` nor `status`; only a queued job
//! has a queue reason; an image cleanup job has neither client nor policy.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::JobDatabase;
use super::profile::{Profile, Trouble};
use super::schedule::{Role, Timeline};

/// A job at a moment. What costs time is computed when it is first asked for.
pub(crate) struct Job<'a> {
    pub(super) database: &'a JobDatabase,
    pub(super) timeline: Timeline,
    pub(super) now: i64,
    profile: OnceCell<Profile<'a>>,
    json: OnceCell<serde_json::Value>,
}

impl<'a> Job<'a> {
    pub(super) fn new(database: &'a JobDatabase, number: i64, now: i64) -> Self {
        Self {
            database,
            timeline: database.schedule.timeline(number),
            now,
            profile: OnceCell::new(),
            json: OnceCell::new(),
        }
    }

    pub(crate) fn id(&self) -> i64 {
        self.timeline.number + 1
    }

    pub(super) fn is_done(&self) -> bool {
        self.timeline.updated <= self.now
    }

    pub(super) fn end(&self) -> Option<i64> {
        self.is_done().then_some(self.timeline.end)
    }

    pub(super) fn profile(&self) -> &Profile<'a> {
        self.profile.get_or_init(|| Profile::of(self.database.schedule.world(), &self.timeline))
    }

    /// All attributes as JSON, for filters and sorts on the seldom used ones.
    pub(super) fn json(&self) -> &serde_json::Value {
        self.json.get_or_init(|| serde_json::to_value(self.attributes()).unwrap_or_default())
    }

    pub(super) fn state(&self) -> &'static str {
        let Timeline { active, end, .. } = self.timeline;
        if self.is_done() {
            return "DONE";
        }
        if self.now < active {
            return "QUEUED";
        }
        let trouble = self.profile().trouble;
        // Where in its run the job is, in percent.
        match (self.now - active) * 100 / (end - active).max(1) {
            33..=42 if trouble == Trouble::Retried => "REQUEUED",
            45..=64 if trouble == Trouble::Suspended => "SUSPENDED",
            80.. if trouble == Trouble::Incomplete => "INCOMPLETE",
            _ => "ACTIVE",
        }
    }

    pub(super) fn updated(&self) -> i64 {
        if self.is_done() {
            return self.timeline.updated;
        }
        // The activity monitor's progress is written every half minute (inferred).
        self.now - (self.now - self.timeline.start) % 30_000
    }

    pub(super) fn parent(&self) -> i64 {
        match self.timeline.role {
            Role::Child { parent } => parent + 1,
            Role::Single | Role::Parent { .. } => 0,
        }
    }

    /// Copies of an image are made in the name of its storage lifecycle policy.
    pub(super) fn policy(&self) -> Cow<'a, str> {
        let profile = self.profile();
        let Some(policy) = profile.policy else { return Cow::Borrowed("") };
        match self.database.schedule.world().slp_of(policy) {
            Some(slp) if matches!(profile.job_type, "DUPLICATE" | "REPLICATE") => {
                Cow::Owned(format!("SLP_{}", slp.name))
            }
            _ => Cow::Borrowed(policy.name.as_str()),
        }
    }

    pub(super) fn client(&self) -> &'a str {
        self.profile().client
    }
}
