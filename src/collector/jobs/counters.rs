//! Counters of finished jobs.

use std::collections::BTreeMap;

use super::labels::{Group, JobStatus, Level, MOST_GROUPS, Word};
use super::window::Finished;
use crate::collector::job_result::JobResult;
use crate::metric::Histogram;

/// What finished since we began to watch; it only grows.
///
/// A label set starts at 0 when a job of it is met in the first backfill, so that Prometheus sees its first increase.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// By job, policy and schedule type.
    pub(super) finished: BTreeMap<(Word, Word, Word, Level, JobResult), u64>,
    /// By job type; only failures.
    pub(super) failed: BTreeMap<(Word, Level, JobStatus), u64>,
    /// By job and policy type.
    pub(super) moved: BTreeMap<(Word, Word), Moved>,
}

/// What the jobs of one job and policy type did.
#[derive(Debug)]
pub(super) struct Moved {
    /// Of jobs without children, as are `files`.
    pub(super) kilobytes: u64,
    pub(super) files: u64,
    pub(super) elapsed: Histogram,
}

/// One minute to two days, twice or three times as long from each to the next.
const ELAPSED_BOUNDS: &[f64] =
    &[60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 172_800.0];

impl Counters {
    /// Makes sure that a label set exists; it begins at 0.
    pub(super) fn expect(&mut self, group: Group) {
        self.entry(group);
    }

    /// Counts a job that was never counted.
    pub(super) fn count(&mut self, job: &Finished, group: Group) {
        let entry = self.entry(group);
        *entry.finished += 1;
        if let Some(failed) = entry.failed {
            *failed += 1;
        }
        if group.kin.is_leaf {
            entry.moved.kilobytes = entry.moved.kilobytes.saturating_add(job.kilobytes());
            entry.moved.files += job.files();
        }
        if let Some(seconds) = job.elapsed() {
            entry.moved.elapsed.observe(seconds);
        }
    }

    fn entry(&mut self, group: Group) -> CountersOf<'_> {
        let Group { job_type, policy_type, schedule_type, kin, status } = group;
        let (level, result) = (kin.level, status.result());
        let other = Word::OTHER;
        CountersOf {
            finished: at(
                &mut self.finished,
                (job_type, policy_type, schedule_type, level, result),
                (other, other, other, level, result),
            ),
            failed: (result == JobResult::Failed)
                .then(|| at(&mut self.failed, (job_type, level, status), (other, level, JobStatus::OTHER))),
            moved: at(&mut self.moved, (job_type, policy_type), (other, other)),
        }
    }
}

/// The counter of a label set, or the one that all label sets share for which there is no room. Counters are never removed.
fn at<K: Ord + Copy, V: Default>(counters: &mut BTreeMap<K, V>, key: K, other: K) -> &mut V {
    let has_room = counters.len() < MOST_GROUPS || counters.contains_key(&key);
    counters.entry(if has_room { key } else { other }).or_default()
}

/// The counters that the jobs of one group move.
struct CountersOf<'a> {
    finished: &'a mut u64,
    failed: Option<&'a mut u64>,
    moved: &'a mut Moved,
}

impl Default for Moved {
    fn default() -> Self {
        Self { kilobytes: 0, files: 0, elapsed: Histogram::new(ELAPSED_BOUNDS) }
    }
}
