//! The families of jobs.

use crate::metric::{Desc, Labelled, MetricKind};

/// Every family of the collector, in the order in which they are rendered.
pub(in crate::collector) static FAMILIES: &[&Desc] = &[
    &WINDOW,
    &WINDOW_READ,
    &WINDOW_JOBS,
    &WINDOW_BYTES,
    &WINDOW_FILES,
    &WINDOW_DEDUP,
    &UNFINISHED,
    &ACTIVE,
    &QUEUED,
    &OLDEST_ACTIVE,
    &OLDEST_QUEUED,
    &TRANSFER_RATE,
    &QUEUED_BY_RESOURCE,
    &FINISHED_TOTAL,
    &FAILED_TOTAL,
    &BYTES_TOTAL,
    &FILES_TOTAL,
    &ELAPSED,
    &RECORDS,
    &HISTORY_START,
    &V4_BYTES,
    &V4_JOBS,
    &V4_STATUS,
    &V4_STATE,
    &V4_QUEUED,
    &V4_FILES,
    &V4_DEDUP,
    &V4_DURATION,
];

pub(super) static WINDOW: Labelled<0> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_window_seconds",
    "How far back the nbu_jobs_window_* families look at finished jobs.",
    [],
);
pub(super) static WINDOW_READ: Labelled<0> = Labelled::gauge(
    "nbu_jobs_window_read_ratio",
    "How much of the window of finished jobs was read, after a start or since it became longer; 1 when all was.",
    [],
);
pub(super) static WINDOW_JOBS: Labelled<3> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_window_jobs",
    "Jobs that ended (endTime) in the window, by jobType, policyType and status.",
    ["job_type", "policy_type", "status"],
);
pub(super) static WINDOW_BYTES: Labelled<3> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_window_transferred_bytes",
    "Data of the jobs without children that ended in the window (kilobytesTransferred): what a parent job shows may be its children's.",
    ["job_type", "policy_type", "status"],
);
pub(super) static WINDOW_FILES: Labelled<2> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_window_files",
    "Files of the jobs without children that ended in the window (numberOfFiles).",
    ["job_type", "policy_type"],
);
pub(super) static WINDOW_DEDUP: Labelled<2> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_window_dedup_ratio",
    "Space saved (dedupRatio), 0 to 1: the mean of the jobs that ended in the window and have one.",
    ["job_type", "policy_type"],
);
pub(super) static UNFINISHED: Labelled<2> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_unfinished",
    "Jobs that are not done, by jobType and state.",
    ["job_type", "state"],
);
pub(super) static ACTIVE: Labelled<1> =
    Labelled::native(MetricKind::Gauge, "nbu_jobs_active", "Jobs in state ACTIVE.", ["job_type"]);
pub(super) static QUEUED: Labelled<2> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_queued",
    "Jobs in state QUEUED or REQUEUED, by why they wait (jobQueueReason).",
    ["job_type", "reason"],
);
pub(super) static OLDEST_ACTIVE: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_oldest_active_start_timestamp_seconds",
    "When the oldest job in state ACTIVE started (startTime).",
    ["job_type"],
);
pub(super) static OLDEST_QUEUED: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_jobs_oldest_queued_start_timestamp_seconds",
    "When the oldest job in state QUEUED or REQUEUED started (startTime).",
    ["job_type"],
);
pub(super) static TRANSFER_RATE: Labelled<1> = Labelled::gauge(
    "nbu_jobs_active_transfer_bytes_per_second",
    "What the jobs in state ACTIVE that have no children move now (transferRate).",
    ["job_type"],
);
pub(super) static QUEUED_BY_RESOURCE: Labelled<1> = Labelled::gauge(
    "nbu_jobs_queued_by_resource",
    "Jobs in state QUEUED or REQUEUED, by what they wait for (jobQueueResource): the 20 resources of most jobs, and other.",
    ["queue_resource"],
);
pub(super) static FINISHED_TOTAL: Labelled<5> = Labelled::native(
    MetricKind::Counter,
    "nbu_jobs_finished_total",
    "Jobs that ended since the exporter began to watch; level is root, or child if another job started it; result is success (status 0), partial (1) or failed.",
    ["job_type", "policy_type", "schedule_type", "level", "result"],
);
pub(super) static FAILED_TOTAL: Labelled<3> = Labelled::native(
    MetricKind::Counter,
    "nbu_jobs_failed_total",
    "Jobs that ended with a status above 1 since the exporter began to watch; level is root, or child if another job started it.",
    ["job_type", "level", "status"],
);
pub(super) static BYTES_TOTAL: Labelled<2> = Labelled::native(
    MetricKind::Counter,
    "nbu_jobs_transferred_bytes_total",
    "Data of the jobs without children that ended since the exporter began to watch (kilobytesTransferred): what a parent job shows may be its children's.",
    ["job_type", "policy_type"],
);
pub(super) static FILES_TOTAL: Labelled<2> = Labelled::native(
    MetricKind::Counter,
    "nbu_jobs_files_total",
    "Files of the jobs without children that ended since the exporter began to watch (numberOfFiles).",
    ["job_type", "policy_type"],
);
pub(super) static ELAPSED: Labelled<2> = Labelled::native(
    MetricKind::Histogram,
    "nbu_job_elapsed_seconds",
    "Time from startTime to endTime of the jobs that ended since the exporter began to watch.",
    ["job_type", "policy_type"],
);
pub(super) static RECORDS: Labelled<0> = Labelled::gauge(
    "nbu_jobs_records",
    "Jobs of which the server has records, whatever their state, counted every hour (/admin/jobs-count-requests).",
    [],
);
pub(super) static HISTORY_START: Labelled<0> = Labelled::gauge(
    "nbu_jobs_history_start_timestamp_seconds",
    "When the oldest finished job ended of which the server has a record (endTime), asked for every day.",
    [],
);
pub(super) static V4_BYTES: Labelled<3> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_jobs_bytes",
    "Data of the jobs that ended in the window (kilobytesTransferred).",
    ["action", "policy_type", "status"],
);
pub(super) static V4_JOBS: Labelled<3> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_jobs_count",
    "Jobs that ended in the window.",
    ["action", "policy_type", "status"],
);
pub(super) static V4_STATUS: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_status_count",
    "Jobs that ended in the window, by status.",
    ["action", "status"],
);
pub(super) static V4_STATE: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_jobs_state_count",
    "Jobs by state: those that ended in the window, and all that are not done.",
    ["action", "state"],
);
pub(super) static V4_QUEUED: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_jobs_queued_count",
    "Jobs in state QUEUED, by the code of why they wait (jobQueueReason).",
    ["action", "reason"],
);
pub(super) static V4_FILES: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_jobs_files_count",
    "Files of the jobs that ended in the window (numberOfFiles).",
    ["action", "policy_type"],
);
pub(super) static V4_DEDUP: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_jobs_dedup_ratio",
    "Mean dedupRatio, a percentage, of all jobs that ended in the window; jobs without one count as 0.",
    ["action", "policy_type"],
);
pub(super) static V4_DURATION: Labelled<2> = Labelled::v4(
    MetricKind::Histogram,
    "nbu_job_duration_seconds",
    "Time from startTime to endTime of the jobs that ended in the window; not cumulative over time.",
    ["action", "policy_type"],
);
