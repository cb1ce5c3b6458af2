//! How the backups of a policy or of a client ended.

use std::collections::BTreeSet;

use crate::collector::job_result::JobResult;

/// More failures in a row than this are not told apart: a job every few minutes for days.
const MOST_FAILURES: usize = 1000;

/// The last backups, and the failures since the last good one. The order in which they are added does not matter, nor how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    success: Option<i64>,
    partial: Option<i64>,
    failed: Option<i64>,
    /// Those that ended after the last good one: their ends and their jobs.
    failures: BTreeSet<(i64, u32)>,
}

impl Outcomes {
    /// Takes in a backup that ended then, by the job of this number.
    pub(super) fn add(&mut self, result: JobResult, ended: i64, job: u32) {
        let last = match result {
            JobResult::Success => &mut self.success,
            JobResult::Partial => &mut self.partial,
            JobResult::Failed => &mut self.failed,
        };
        *last = (*last).max(Some(ended));
        if !result.is_good() && self.good().is_none_or(|good| ended > good) {
            self.failures.insert((ended, job));
        }
        if result.is_good()
            && !self.failures.is_empty()
            && let Some(good) = self.good()
        {
            self.failures = self.failures.split_off(&(good + 1, 0));
        }
        if self.failures.len() > MOST_FAILURES {
            self.failures.pop_first();
        }
    }

    /// When the last backup with this result ended.
    pub(super) fn last(&self, result: JobResult) -> Option<i64> {
        match result {
            JobResult::Success => self.success,
            JobResult::Partial => self.partial,
            JobResult::Failed => self.failed,
        }
    }

    /// When the last good backup ended.
    pub(super) fn good(&self) -> Option<i64> {
        self.success.max(self.partial)
    }

    /// How many failed since the last good one, of those that ended at `from` or later; `None` if nothing is known.
    pub(super) fn failures_since(&self, from: i64) -> Option<usize> {
        let is_known = self.good().is_some() || self.failed.is_some();
        is_known.then(|| self.failures.range((from, 0)..).count())
    }
}
