use std::collections::BTreeMap;

use super::Counters;
use super::labels::{Group, Labels, Word};
use super::live::Live;
use super::window::{Summary, Totals};
use crate::collector::Context;
use crate::metric::{Desc, Family, Histogram, Kind, Naming};

/// Everything that [`render`] gives, in its order.
pub(in crate::collector) static FAMILIES: &[&Desc] = &[
    &WINDOW,
    &WINDOW_JOBS,
    &WINDOW_BYTES,
    &WINDOW_FILES,
    &WINDOW_DEDUP,
    &UNFINISHED,
    &ACTIVE,
    &QUEUED,
    &OLDEST_ACTIVE,
    &OLDEST_QUEUED,
    &FINISHED_TOTAL,
    &FAILED_TOTAL,
    &BYTES_TOTAL,
    &FILES_TOTAL,
    &ELAPSED,
    &V4_BYTES,
    &V4_JOBS,
    &V4_STATUS,
    &V4_STATE,
    &V4_QUEUED,
    &V4_FILES,
    &V4_DEDUP,
    &V4_DURATION,
];

const fn native(kind: Kind, name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    Desc { name, help, kind, labels, naming: Naming::Native }
}

const fn v4(kind: Kind, name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    Desc { name, help, kind, labels, naming: Naming::V4 }
}

static WINDOW: Desc = native(
    Kind::Gauge,
    "nbu_jobs_window_seconds",
    "How far back the nbu_jobs_window_* families look at finished jobs.",
    &[],
);
static WINDOW_JOBS: Desc = native(
    Kind::Gauge,
    "nbu_jobs_window_jobs",
    "Jobs that ended (endTime) in the window, by jobType, policyType and status.",
    &["job_type", "policy_type", "status"],
);
static WINDOW_BYTES: Desc = native(
    Kind::Gauge,
    "nbu_jobs_window_transferred_bytes",
    "Data of the jobs that ended in the window (kilobytesTransferred).",
    &["job_type", "policy_type", "status"],
);
static WINDOW_FILES: Desc = native(
    Kind::Gauge,
    "nbu_jobs_window_files",
    "Files of the jobs that ended in the window (numberOfFiles).",
    &["job_type", "policy_type"],
);
static WINDOW_DEDUP: Desc = native(
    Kind::Gauge,
    "nbu_jobs_window_dedup_ratio",
    "Space saved (dedupRatio), 0 to 1: the mean of the jobs that ended in the window and have one.",
    &["job_type", "policy_type"],
);
static UNFINISHED: Desc = native(
    Kind::Gauge,
    "nbu_jobs_unfinished",
    "Jobs that are not done, by jobType and state.",
    &["job_type", "state"],
);
static ACTIVE: Desc = native(Kind::Gauge, "nbu_jobs_active", "Jobs in state ACTIVE.", &["job_type"]);
static QUEUED: Desc = native(
    Kind::Gauge,
    "nbu_jobs_queued",
    "Jobs in state QUEUED or REQUEUED, by why they wait (jobQueueReason).",
    &["job_type", "reason"],
);
static OLDEST_ACTIVE: Desc = native(
    Kind::Gauge,
    "nbu_jobs_oldest_active_start_timestamp_seconds",
    "When the oldest job in state ACTIVE started (startTime).",
    &["job_type"],
);
static OLDEST_QUEUED: Desc = native(
    Kind::Gauge,
    "nbu_jobs_oldest_queued_start_timestamp_seconds",
    "When the oldest job in state QUEUED or REQUEUED started (startTime).",
    &["job_type"],
);
static FINISHED_TOTAL: Desc = native(
    Kind::Counter,
    "nbu_jobs_finished_total",
    "Jobs that ended since the exporter began to watch; result is success (status 0), partial (1) or failed.",
    &["job_type", "policy_type", "schedule_type", "result"],
);
static FAILED_TOTAL: Desc = native(
    Kind::Counter,
    "nbu_jobs_failed_total",
    "Jobs that ended with a status above 1 since the exporter began to watch.",
    &["job_type", "status"],
);
static BYTES_TOTAL: Desc = native(
    Kind::Counter,
    "nbu_jobs_transferred_bytes_total",
    "Data of the jobs that ended since the exporter began to watch (kilobytesTransferred).",
    &["job_type", "policy_type"],
);
static FILES_TOTAL: Desc = native(
    Kind::Counter,
    "nbu_jobs_files_total",
    "Files of the jobs that ended since the exporter began to watch (numberOfFiles).",
    &["job_type", "policy_type"],
);
static ELAPSED: Desc = native(
    Kind::Histogram,
    "nbu_job_elapsed_seconds",
    "Time from startTime to endTime of the jobs that ended since the exporter began to watch.",
    &["job_type", "policy_type"],
);
static V4_BYTES: Desc = v4(
    Kind::Gauge,
    "nbu_jobs_bytes",
    "Data of the jobs that ended in the window (kilobytesTransferred).",
    &["action", "policy_type", "status"],
);
static V4_JOBS: Desc =
    v4(Kind::Gauge, "nbu_jobs_count", "Jobs that ended in the window.", &["action", "policy_type", "status"]);
static V4_STATUS: Desc =
    v4(Kind::Gauge, "nbu_status_count", "Jobs that ended in the window, by status.", &["action", "status"]);
static V4_STATE: Desc = v4(
    Kind::Gauge,
    "nbu_jobs_state_count",
    "Jobs by state: those that ended in the window, and all that are not done.",
    &["action", "state"],
);
static V4_QUEUED: Desc = v4(
    Kind::Gauge,
    "nbu_jobs_queued_count",
    "Jobs in state QUEUED, by the code of why they wait (jobQueueReason).",
    &["action", "reason"],
);
static V4_FILES: Desc = v4(
    Kind::Gauge,
    "nbu_jobs_files_count",
    "Files of the jobs that ended in the window (numberOfFiles).",
    &["action", "policy_type"],
);
static V4_DEDUP: Desc = v4(
    Kind::Gauge,
    "nbu_jobs_dedup_ratio",
    "Mean dedupRatio, a percentage, of all jobs that ended in the window; jobs without one count as 0.",
    &["action", "policy_type"],
);
static V4_DURATION: Desc = v4(
    Kind::Histogram,
    "nbu_job_duration_seconds",
    "Time from startTime to endTime of the jobs that ended in the window; not cumulative over time.",
    &["action", "policy_type"],
);

/// NetBackup's kilobyte.
const KILOBYTE: f64 = 1024.0;

/// The families of one cycle.
pub(super) fn render(
    context: &Context<'_>,
    summary: &Summary,
    counters: &Counters,
    live: &Live,
    labels: &Labels,
) -> Vec<Family> {
    let page = Page { site: context.site, labels };
    let mut window = Family::new(&WINDOW, context.site);
    window.sample(&[], context.window.as_secs_f64());
    let mut families = vec![window];
    families.extend(page.windowed(summary));
    families.extend(page.live(live));
    families.extend(page.counted(counters));
    families.extend(page.v4(summary, live));
    families
}

/// What every family of a page needs.
struct Page<'a> {
    site: &'a str,
    labels: &'a Labels,
}

impl Page<'_> {
    fn windowed(&self, summary: &Summary) -> [Family; 4] {
        let mut jobs = Family::new(&WINDOW_JOBS, self.site);
        let mut bytes = Family::new(&WINDOW_BYTES, self.site);
        self.by_status(summary, &mut jobs, &mut bytes);
        let mut files = Family::new(&WINDOW_FILES, self.site);
        let mut dedup = Family::new(&WINDOW_DEDUP, self.site);
        for (types, totals) in by_types(summary) {
            files.sample(&self.pair(types), totals.files as f64);
            if let Some(ratio) = totals.mean_dedup_ratio() {
                dedup.sample(&self.pair(types), ratio);
            }
        }
        [jobs, bytes, files, dedup]
    }

    fn live(&self, live: &Live) -> [Family; 5] {
        let mut queued = Family::new(&QUEUED, self.site);
        for ((job_type, reason), jobs) in &live.queued {
            queued.sample(&[self.word(*job_type), reason.name()], *jobs as f64);
        }
        let by_type = |desc, values: &mut dyn Iterator<Item = (Word, f64)>| {
            let mut family = Family::new(desc, self.site);
            values.for_each(|(job_type, value)| family.sample(&[self.word(job_type)], value));
            family
        };
        let oldest = |desc, oldest: &BTreeMap<Word, i64>| {
            by_type(desc, &mut oldest.iter().map(|(job_type, start)| (*job_type, *start as f64)))
        };
        [
            self.states(&UNFINISHED, &live.states),
            by_type(&ACTIVE, &mut live.active.iter().map(|(job_type, jobs)| (*job_type, *jobs as f64))),
            queued,
            oldest(&OLDEST_ACTIVE, &live.oldest_active),
            oldest(&OLDEST_QUEUED, &live.oldest_queued),
        ]
    }

    fn counted(&self, counters: &Counters) -> [Family; 5] {
        let mut finished = Family::new(&FINISHED_TOTAL, self.site);
        for ((job_type, policy_type, schedule_type, outcome), jobs) in &counters.finished {
            let [job_type, policy_type] = self.pair((*job_type, *policy_type));
            let labels = [job_type, policy_type, self.word(*schedule_type), outcome.as_str()];
            finished.sample(&labels, *jobs as f64);
        }
        let mut failed = Family::new(&FAILED_TOTAL, self.site);
        for ((job_type, status), jobs) in &counters.failed {
            failed.sample(&[self.word(*job_type), &status.label()], *jobs as f64);
        }
        let mut bytes = Family::new(&BYTES_TOTAL, self.site);
        let mut files = Family::new(&FILES_TOTAL, self.site);
        let mut elapsed = Family::new(&ELAPSED, self.site);
        for (types, moved) in &counters.moved {
            let labels = self.pair(*types);
            bytes.sample(&labels, moved.kilobytes as f64 * KILOBYTE);
            files.sample(&labels, moved.files as f64);
            elapsed.histogram(&labels, &moved.elapsed);
        }
        [finished, failed, bytes, files, elapsed]
    }

    fn v4(&self, summary: &Summary, live: &Live) -> [Family; 8] {
        let mut jobs = Family::new(&V4_JOBS, self.site);
        let mut bytes = Family::new(&V4_BYTES, self.site);
        self.by_status(summary, &mut jobs, &mut bytes);
        let mut status = Family::new(&V4_STATUS, self.site);
        for ((job_type, code), totals) in add_up(summary, |group| (group.job_type, group.status)) {
            status.sample(&[self.word(job_type), &code.label()], totals.jobs as f64);
        }
        let mut state = self.states(&V4_STATE, &live.states);
        for (job_type, totals) in add_up(summary, |group| group.job_type) {
            state.sample(&[self.word(job_type), "DONE"], totals.jobs as f64);
        }
        let mut queued = Family::new(&V4_QUEUED, self.site);
        for ((job_type, reason), jobs) in &live.queued_first {
            queued.sample(&[self.word(*job_type), &reason.0.to_string()], *jobs as f64);
        }
        let mut files = Family::new(&V4_FILES, self.site);
        let mut dedup = Family::new(&V4_DEDUP, self.site);
        for (types, totals) in by_types(summary) {
            files.sample(&self.pair(types), totals.files as f64);
            dedup.sample(&self.pair(types), totals.mean_dedup_percent(totals.jobs));
        }
        let duration = self.histograms(&V4_DURATION, &summary.elapsed);
        [bytes, jobs, status, state, queued, files, dedup, duration]
    }

    fn by_status(&self, summary: &Summary, jobs: &mut Family, bytes: &mut Family) {
        let key = |group: &Group| (group.job_type, group.policy_type, group.status);
        for ((job_type, policy_type, status), totals) in add_up(summary, key) {
            let [job_type, policy_type] = self.pair((job_type, policy_type));
            let labels = [job_type, policy_type, &status.label()];
            jobs.sample(&labels, totals.jobs as f64);
            bytes.sample(&labels, totals.kilobytes as f64 * KILOBYTE);
        }
    }

    fn states(&self, desc: &'static Desc, states: &BTreeMap<(Word, Word), u64>) -> Family {
        let mut family = Family::new(desc, self.site);
        for (types, jobs) in states {
            family.sample(&self.pair(*types), *jobs as f64);
        }
        family
    }

    fn histograms(&self, desc: &'static Desc, histograms: &[((Word, Word), Histogram)]) -> Family {
        let mut family = Family::new(desc, self.site);
        for (types, histogram) in histograms {
            family.histogram(&self.pair(*types), histogram);
        }
        family
    }

    fn word(&self, word: Word) -> &str {
        self.labels.word(word)
    }

    fn pair(&self, (first, second): (Word, Word)) -> [&str; 2] {
        [self.word(first), self.word(second)]
    }
}

fn by_types(summary: &Summary) -> BTreeMap<(Word, Word), Totals> {
    add_up(summary, |group| (group.job_type, group.policy_type))
}

fn add_up<K: Ord>(summary: &Summary, key: impl Fn(&Group) -> K) -> BTreeMap<K, Totals> {
    let mut sums: BTreeMap<K, Totals> = BTreeMap::new();
    for (group, totals) in &summary.by_group {
        sums.entry(key(group)).or_default().merge(totals);
    }
    sums
}
