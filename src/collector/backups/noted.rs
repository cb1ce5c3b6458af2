//! Finished jobs that are noted until it is known what comes of them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::collector::board::Policies;
use crate::collector::client_names::client_key;
use crate::collector::interner::Interner;
use crate::collector::job_record::Job;
use crate::collector::job_result::JobResult;

/// A server that names more policies and clients than this at the same time is not NetBackup.
const MOST_NAMES: usize = 200_000;

/// The names of policies, their types and clients.
pub(super) type Names = Interner<MOST_NAMES>;

/// A job that makes a backup, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct NotedJob {
    pub(super) root: u32,
    pub(super) is_root: bool,
    /// Whether it has no children: data is moved for clients by such jobs only.
    pub(super) is_leaf: bool,
    is_snapshot: bool,
    pub(super) policy: Arc<str>,
    pub(super) policy_type: Arc<str>,
    /// In lower case.
    pub(super) client: Arc<str>,
    pub(super) result: JobResult,
    pub(super) started: i64,
    pub(super) ended: i64,
    pub(super) kilobytes: u64,
}

impl NotedJob {
    /// The job, if it has ended, its type is one that makes backups, and it belongs to a policy.
    pub(super) fn new(job: &Job<'_>, names: &mut Names) -> Option<Self> {
        let is_snapshot = job.job_type == "SNAPSHOT";
        // A suspended job may have an end and go on.
        let is_done = job.state.is_empty() || job.state == "DONE";
        let makes_backups = is_snapshot || matches!(job.job_type.as_ref(), "BACKUP" | "DBBACKUP");
        if !is_done || !makes_backups || job.policy.is_empty() {
            return None;
        }
        let ended = job.end?;
        Some(Self {
            root: job.root,
            is_root: job.is_root(),
            is_leaf: job.is_leaf(),
            is_snapshot,
            policy: names.keep(&job.policy)?,
            policy_type: names.keep(&job.policy_type)?,
            client: names.keep(&client_key(&job.client))?,
            result: JobResult::of_status(job.status?),
            started: job.start.unwrap_or(ended).min(ended),
            ended,
            kilobytes: job.kilobytes.unwrap_or(0),
        })
    }

    /// What of the job counts; `None` if nothing does, or if that is not known yet.
    ///
    /// A snapshot is a backup where the policy makes nothing else. Elsewhere it is a step on the way to one; if such a step is the
    /// root of a run, it says how the run ended.
    pub(super) fn counted(&self, policies: Option<&Policies>) -> Option<Cow<'_, Self>> {
        let is_backup =
            |policies: &Policies| policies.get(&*self.policy).is_some_and(|policy| policy.snapshot_only);
        if !self.is_snapshot || policies.is_some_and(is_backup) {
            return Some(Cow::Borrowed(self));
        }
        let says_how_it_ended = self.is_root && (!self.is_leaf || !self.result.is_good());
        (policies.is_some() && says_how_it_ended).then(|| Cow::Owned(Self { is_leaf: false, ..self.clone() }))
    }

    /// Whether [`NotedJob::counted`] can not be answered yet.
    pub(super) fn is_undecided(&self, policies: Option<&Policies>) -> bool {
        self.is_snapshot && policies.is_none()
    }
}
