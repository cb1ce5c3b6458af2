//! How jobs that nobody has scheduled come about, and how jobs end: weights of the job types and status codes (NetBackup
//! API reference, `/admin/jobs`; NetBackup status codes reference guide).

use crate::draw::Draw;

/// Beside the scheduled backups: users and applications ask for more, images are duplicated and replicated, old ones deleted.
pub(super) fn job_type(draw: &mut Draw) -> &'static str {
    match draw.below(1_000) {
        0..=639 => "BACKUP",
        640..=749 => "DUPLICATE",
        750..=829 => "REPLICATE",
        830..=849 => "REPLICA_IMPORT",
        850..=924 => "IMAGEDELETE",
        925..=954 => "SNAPSHOT",
        955..=972 => "RESTORE",
        973..=981 => "VERIFY",
        982..=987 => "IMPORT",
        988..=990 => "INSTANT_RECOVERY",
        991..=995 => "INDEXING",
        _ => "GENERIC",
    }
}

/// 0 is success, 1 partial success, every other code a failure.
pub(super) fn status(draw: &mut Draw) -> i64 {
    match draw.below(1_000) {
        0..=899 => 0,
        900..=949 => 1,
        _ => draw.pick(
            6,
            &[
                13, 14, 24, 25, 41, 42, 48, 50, 54, 58, 84, 96, 129, 150, 156, 191, 196, 636, 2_074, 2_106,
                4_207, 4_239, 6_654,
            ],
        ),
    }
}

/// Name and type of the schedule under which users and applications start backups by themselves.
pub(super) fn asked_schedule(database: bool) -> (&'static str, &'static str) {
    if database { ("default-application", "APPLICATION_BACKUP") } else { ("user", "USER_BACKUP") }
}

/// Reason codes of the queue that a busy site shows most (NetBackup API reference, `jobQueueReason`).
pub(super) fn queue_reason(draw: &mut Draw) -> i64 {
    draw.pick(5, &[5, 5, 2, 3, 12, 15, 18, 24, 25, 30])
}

/// Code of the operation that a running job of this type is at (NetBackup API reference, `currentOperation`).
pub(super) fn operation(job_type: &str) -> i64 {
    match job_type {
        "DUPLICATE" => 11,
        "REPLICATE" => 29,
        "IMPORT" | "REPLICA_IMPORT" => 12,
        "RESTORE" | "INSTANT_RECOVERY" => 14,
        "VERIFY" => 13,
        "SNAPSHOT" => 22,
        "INDEXING" => 28,
        "IMAGEDELETE" | "GENERIC" => 30,
        _ => 3,
    }
}

/// How the catalog spells the schedule types of jobs.
pub(super) fn image_schedule(schedule_type: &str) -> &'static str {
    match schedule_type {
        "DIFFERENTIAL_INCREMENTAL_BACKUP" | "TRANSACTION_LOG_BACKUP" => "DIFFERENTIAL_INCREMENTAL",
        "USER_BACKUP" | "APPLICATION_BACKUP" => "USER_BACKUP",
        _ => "FULL",
    }
}
