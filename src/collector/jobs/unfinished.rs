//! The jobs that run or wait.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashSet};

use super::labels::{Labels, Word};
use crate::collector::job_record::Job;
use crate::metric::label_value;

/// The jobs that are not done.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    /// By job type and state.
    pub(super) states: BTreeMap<(Word, Word), u64>,
    /// Those that run, by job type.
    pub(super) active: BTreeMap<Word, u64>,
    /// When the oldest of those that run started, by job type.
    pub(super) oldest_active: BTreeMap<Word, i64>,
    /// Those that wait, be it for the first time or again, by job type and reason.
    pub(super) queued: BTreeMap<(Word, QueueReason), u64>,
    /// Those of them that wait for the first time, by job type and reason code.
    pub(super) queued_first: BTreeMap<(Word, QueueReason), u64>,
    /// When the oldest of those that wait started, by job type.
    pub(super) oldest_queued: BTreeMap<Word, i64>,
    /// Those that wait, by the resource that they wait for.
    waiting_for: HashMap<String, u64>,
    /// What those that run and have no children move, in kilobytes a second, by job type.
    pub(super) transfer_rates: BTreeMap<Word, u64>,
    known: HashSet<u32>,
}

/// Why a job waits: `jobQueueReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueReason(pub(super) i64);

/// The names of the codes from 1 on ("NetBackup API reference, /admin/jobs, jobQueueReason").
const REASONS: [&str; 31] = [
    "MEDIA_IN_USE",
    "DRIVES_IN_USE",
    "MEDIA_SERVER_OFFLINE",
    "ROBOT_DOWN",
    "MAX_STORAGE_UNIT_JOBS",
    "MEDIA_REQUEST_DELAY",
    "LOCAL_DRIVES_DOWN",
    "MEDIA_IN_DRIVE_IN_USE",
    "PHYSICAL_DRIVE_UNAVAILABLE",
    "CLEANING_MEDIA_UNAVAILABLE",
    "DRIVE_SCAN_HOST_OFFLINE",
    "DISK_MEDIA_SERVER_OFFLINE",
    "NO_MASTER_MEDIA_CONNECTIVITY",
    "MEDIA_SERVER_NON_ACTIVE_MODE",
    "STORAGEUNIT_JOB_COUNTS_THROTTLED",
    "JOB_HISTORY_DRIVES_IN_USE",
    "DISK_VOLUME_UNAVAILABLE",
    "MAX_CONCURRENT_VOLUME_READERS",
    "DISK_GROUP_UNAVAILABLE",
    "FAT_PIPE_IN_USE",
    "DISK_VOLUME_UNMOUNTING",
    "DISK_VOLUME_IN_USE",
    "MAX_PARTIAL_MEDIA",
    "LOGICAL_RESOURCE",
    "DRIVES_IN_STORAGE_UNIT_IN_USE",
    "STOP_DRIVE_SCAN",
    "DISK_VOLUME_MOUNTING",
    "MOUNT_FILE_EXISTS",
    "PENDING_ACTION",
    "DISK_VOLUME_STREAM_LIMIT",
    "MEDIA_SERVER_JOBS_THROTTLED",
];

impl QueueReason {
    /// Where the server says nothing of it.
    const NONE: Self = Self(0);

    fn of(job: &Job<'_>) -> Self {
        // Later releases may add some; anything else is no code, and would make label sets without end.
        job.queue_reason.filter(|code| matches!(code, -99 | 0..=99)).map_or(Self::NONE, Self)
    }

    /// The reference's name.
    pub(super) fn name(self) -> &'static str {
        match self.0 {
            0 => "NONE",
            code => usize::try_from(code - 1).ok().and_then(|index| REASONS.get(index)).unwrap_or(&"UNKNOWN"),
        }
    }
}

impl Unfinished {
    /// Takes in a job, unless it is done or was there already.
    pub(super) fn add(&mut self, job: &Job<'_>, labels: &mut Labels) {
        if job.state == "DONE" || !self.known.insert(job.id) {
            return;
        }
        let job_type = labels.intern(&job.job_type);
        let state = if job.state.is_empty() { "UNKNOWN" } else { &job.state };
        *self.states.entry((job_type, labels.intern(state))).or_default() += 1;
        match state {
            "ACTIVE" => {
                *self.active.entry(job_type).or_default() += 1;
                note_oldest(&mut self.oldest_active, job_type, job.start);
                if let Some(rate) = job.transfer_rate.filter(|_| job.is_leaf()) {
                    let sum = self.transfer_rates.entry(job_type).or_default();
                    *sum = sum.saturating_add(rate);
                }
            }
            "QUEUED" | "REQUEUED" => {
                let reason = QueueReason::of(job);
                *self.queued.entry((job_type, reason)).or_default() += 1;
                if state == "QUEUED" {
                    *self.queued_first.entry((job_type, reason)).or_default() += 1;
                }
                note_oldest(&mut self.oldest_queued, job_type, job.start);
                self.wait_for(&job.queue_resource);
            }
            _ => {}
        }
    }
}

/// How many resources that jobs wait for have series of their own.
const MOST_RESOURCES: usize = 20;

impl Unfinished {
    fn wait_for(&mut self, resource: &str) {
        let resource = &*label_value(resource.trim());
        match self.waiting_for.get_mut(resource) {
            Some(jobs) => *jobs += 1,
            None if resource.is_empty() => {}
            None => _ = self.waiting_for.insert(resource.to_owned(), 1),
        }
    }

    /// The resources that most jobs wait for, and `other` for all the rest.
    pub(super) fn waited_for(&self) -> BTreeMap<&str, u64> {
        let mut resources: Vec<_> =
            self.waiting_for.iter().map(|(name, jobs)| (name.as_str(), *jobs)).collect();
        resources.sort_unstable_by_key(|(name, jobs)| (Reverse(*jobs), *name));
        let mut waited_for = BTreeMap::new();
        for (index, (name, jobs)) in resources.into_iter().enumerate() {
            *waited_for.entry(if index < MOST_RESOURCES { name } else { "other" }).or_default() += jobs;
        }
        waited_for
    }
}

fn note_oldest(oldest: &mut BTreeMap<Word, i64>, job_type: Word, start: Option<i64>) {
    if let Some(start) = start {
        let oldest = oldest.entry(job_type).or_insert(start);
        *oldest = start.min(*oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(resource: &str) -> Job<'_> {
        let text = r#"{"id":1,"attributes":{"state":"QUEUED"}}"#;
        let job = Job::new(serde_json::from_str(text).unwrap(), &mut 0).unwrap();
        Job { queue_resource: resource.into(), ..job }
    }

    #[test]
    fn the_resources_that_most_jobs_wait_for_have_names_and_all_others_are_one() {
        let mut unfinished = Unfinished::default();
        let mut id = 0;
        let mut wait = |resource: &str, jobs| {
            for _ in 0..jobs {
                id += 1;
                unfinished.add(&Job { id, ..waiting(resource) }, &mut Labels::default());
            }
        };
        wait("stu_full", 7);
        wait("", 9);
        wait("  ", 9);
        for number in 0..30 {
            wait(&format!("drive_{number:02}"), if number == 29 { 3 } else { 1 });
        }
        let waited_for = unfinished.waited_for();
        assert_eq!(waited_for.len(), MOST_RESOURCES + 1);
        assert_eq!((waited_for["stu_full"], waited_for["drive_29"], waited_for["drive_17"]), (7, 3, 1));
        assert_eq!(waited_for["other"], 11, "of those with one job each, the first by name have series");
    }

    #[test]
    fn only_jobs_without_children_move_data() {
        let mut unfinished = Unfinished::default();
        let mut labels = Labels::default();
        for (id, state, children, rate) in [
            (1, "ACTIVE", r#","childCount":2"#, r#","transferRate":300"#),
            (2, "ACTIVE", r#","childCount":0"#, r#","transferRate":100"#),
            (3, "ACTIVE", "", r#","transferRate":"200""#),
            (4, "ACTIVE", "", ""),
            (5, "QUEUED", "", r#","transferRate":50"#),
        ] {
            let text = format!(
                r#"{{"id":{id},"attributes":{{"jobType":"BACKUP","state":"{state}"{children}{rate}}}}}"#
            );
            unfinished.add(&Job::new(serde_json::from_str(&text).unwrap(), &mut 0).unwrap(), &mut labels);
        }
        let backup = labels.intern("BACKUP");
        assert_eq!(unfinished.transfer_rates, BTreeMap::from([(backup, 300)]));
    }

    #[test]
    fn a_reason_has_the_name_in_the_reference_and_an_unknown_one_has_none() {
        for (code, name) in [
            (1, "MEDIA_IN_USE"),
            (5, "MAX_STORAGE_UNIT_JOBS"),
            (31, "MEDIA_SERVER_JOBS_THROTTLED"),
            (32, "UNKNOWN"),
            (-99, "UNKNOWN"),
            (0, "NONE"),
        ] {
            assert_eq!(QueueReason(code).name(), name, "{code}");
        }
    }
}
