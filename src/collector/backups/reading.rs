//! How far the history of backups was read back.

use std::sync::Arc;

use foldhash::HashMap;

use super::expected::Expected;
use super::noted::NotedJob;

/// Jobs are read back in steps of this many seconds.
const STEP: i64 = 6 * 3600;
/// So much is read back even if every last good backup is known already, for the failures that nobody has seen: a healthy site needs as
/// much for its daily backups.
const LEAST: i64 = 86_400;

/// The oldest finished job that the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::collector) enum OldestJob {
    /// There is none.
    None,
    /// When it ended.
    Ended(i64),
    /// It does not say when it ended.
    Silent,
}

impl OldestJob {
    /// How far back jobs are worth asking for.
    pub(super) fn reach(self, now: i64) -> i64 {
        match self {
            Self::None => now,
            Self::Ended(ended) => ended,
            Self::Silent => i64::MIN,
        }
    }
}

/// What is read back, newest first: jobs in steps, and then the images of what has no good backup among them.
#[derive(Debug, Default)]
pub(super) struct ReadBack {
    /// When the oldest job of the server ended, as far as it matters.
    pub(super) reach: Option<i64>,
    /// Everything that ended between this and the live data was read.
    pub(super) frontier: Option<i64>,
    /// What is being read.
    pub(super) step: Option<ReadStep>,
    /// Whether no more jobs are read back.
    pub(super) is_walked: bool,
    /// Whose images were looked for, and whether the server answered.
    pub(super) searched: HashMap<BackupSubject, bool>,
    /// How far back images were looked for when all that had to be were.
    pub(super) searched_from: Option<i64>,
}

/// Whose last good backup is looked for in the images.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum BackupSubject {
    Policy(Arc<str>),
    Client(Arc<str>),
}

/// A part of the history that is being read.
#[derive(Debug)]
pub(super) struct ReadStep {
    pub(super) from: i64,
    /// Behind its last second.
    to: i64,
    /// The types of jobs that are still to be read; the last one is next.
    pub(super) types: Vec<&'static str>,
    /// Jobs of the next type that ended at this time or later were read.
    pub(super) before: i64,
    /// Whether jobs came in another order than asked for, so that nobody knows which are missing.
    pub(super) is_unsorted: bool,
    last_end: Option<i64>,
    pub(super) jobs: HashMap<u32, NotedJob>,
}

impl ReadBack {
    /// What is to be read next, not further back than `floor`; `None` when enough was read. `is_all_good` says whether each last good
    /// backup is known.
    pub(super) fn next_step(
        &mut self,
        now: i64,
        floor: i64,
        expected: &Expected,
        is_all_good: impl FnOnce() -> bool,
    ) -> Option<&mut ReadStep> {
        let frontier = self.frontier?;
        if self.step.is_none() {
            if frontier <= floor || frontier <= now - LEAST && is_all_good() {
                self.is_walked = true;
                return None;
            }
            self.step = Some(ReadStep::new((frontier - STEP).max(floor), frontier, types(expected)));
        }
        self.step.as_mut()
    }

    /// The step that was read whole, if it is.
    pub(super) fn take_whole(&mut self) -> Option<ReadStep> {
        let step = self.step.take_if(|step| step.types.is_empty())?;
        self.frontier = Some(step.from);
        Some(step)
    }

    /// Reads no further: the server does not do as it is asked.
    pub(super) fn give_up(&mut self) {
        self.step = None;
        self.is_walked = true;
    }

    /// Which part of what is looked for was read, from 0 to 1; `began` is where the live data begin.
    pub(super) fn progress(&self, began: i64, floor: i64) -> f64 {
        if self.searched_from.is_some() {
            return 1.0;
        }
        let (read, all) = (began - self.frontier.unwrap_or(began), began - floor);
        // The images are the rest.
        let most = 0.99;
        if self.is_walked || all <= 0 { most } else { most * (read as f64 / all as f64).clamp(0.0, 1.0) }
    }
}

/// The types of jobs that make the backups of a site, the first one last.
fn types(expected: &Expected) -> Vec<&'static str> {
    let any = |is: fn(&crate::collector::board::Policy) -> bool| {
        expected.policies.as_ref().is_some_and(|policies| policies.values().any(is))
    };
    let mut types = Vec::new();
    if any(|policy| policy.snapshot_only) {
        types.push("SNAPSHOT");
    }
    if any(|policy| policy.policy_type == "NBU_CATALOG") {
        types.push("DBBACKUP");
    }
    types.push("BACKUP");
    types
}

impl ReadStep {
    pub(super) fn new(from: i64, to: i64, types: Vec<&'static str>) -> Self {
        let jobs = HashMap::default();
        Self { from, to, types, before: to, is_unsorted: false, last_end: None, jobs }
    }

    /// Begins or goes on with a walk over the jobs of the next type.
    pub(super) fn begin_walk(&mut self) {
        self.last_end = None;
    }

    /// Notes the end of the next job of a walk from the newest to the oldest: a walk that is given up goes on there.
    pub(super) fn reached(&mut self, ended: i64) {
        self.is_unsorted |= self.last_end.is_some_and(|last| ended > last);
        self.last_end = Some(ended);
        // Another one may have ended in the same second.
        self.before = self.before.min(ended + 1);
    }

    /// All jobs of the type were read.
    pub(super) fn end_type(&mut self) {
        self.types.pop();
        self.before = self.to;
    }
}
