//! What is backed up at a simulated site, and what can go wrong: names and weights of the policy types, job types and
//! status codes (NetBackup API reference, `/admin/jobs`; NetBackup status codes reference guide).

use crate::draw::Draw;

/// One kind of protected system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    pub(super) policy_type: &'static str,
    pub(super) policy: &'static str,
    pub(super) client: &'static str,
    pub(super) clients: i64,
    pub(super) application: &'static str,
    /// In its policies a parent job stands over one child per stream.
    pub(super) snapshot_first: bool,
}

const fn workload(
    policy_type: &'static str,
    policy: &'static str,
    client: &'static str,
    clients: i64,
) -> Workload {
    Workload { policy_type, policy, client, clients, application: "NONE", snapshot_first: false }
}

const STANDARD: Workload = workload("STANDARD", "UNIX", "lx", 180);
const VMWARE: Workload =
    Workload { application: "VMWARE", snapshot_first: true, ..workload("VMWARE", "VM", "vm", 400) };
const HYPERV: Workload =
    Workload { application: "HYPERV", snapshot_first: true, ..workload("HYPERV", "HV", "hv", 60) };
const WINDOWS: Workload = workload("WINDOWS_NT", "WIN", "win", 120);
const SQL: Workload = workload("SQL_SERVER", "MSSQL", "sql", 40);
const ORACLE: Workload = workload("OBACKUP", "ORA", "ora", 30);
const EXCHANGE: Workload = workload("EXCHANGE", "EXCH", "mail", 6);
const SAP: Workload = workload("SAP", "SAP", "sap", 12);
const NDMP: Workload = workload("NDMP", "NAS", "filer", 8);
const CLOUD: Workload = workload("CLOUD", "CLOUD", "ec2", 80);
const BIGDATA: Workload = workload("BIGDATA", "HADOOP", "hdfs", 4);
const CATALOG: Workload = workload("NBU_CATALOG", "CATALOG", "primary", 1);

/// The workload of a family (parent and children) of jobs.
pub(super) fn family(draw: &mut Draw) -> Workload {
    draw.pick(VMWARE, &[VMWARE, VMWARE, HYPERV, SQL, ORACLE, STANDARD, WINDOWS, NDMP])
}

/// The workload of a job by itself.
pub(super) fn single(draw: &mut Draw) -> Workload {
    if draw.per_mille(6) {
        return CATALOG;
    }
    draw.pick(
        STANDARD,
        &[
            STANDARD, STANDARD, VMWARE, VMWARE, WINDOWS, WINDOWS, SQL, SQL, ORACLE, EXCHANGE, SAP, NDMP,
            CLOUD, BIGDATA,
        ],
    )
}

/// Backups are most of the work; their images are then duplicated and replicated, and old ones deleted.
pub(super) fn job_type(draw: &mut Draw) -> &'static str {
    match draw.below(1_000) {
        0..=649 => "BACKUP",
        650..=749 => "DUPLICATE",
        750..=829 => "REPLICATE",
        830..=849 => "REPLICA_IMPORT",
        850..=919 => "IMAGEDELETE",
        920..=949 => "SNAPSHOT",
        950..=969 => "RESTORE",
        970..=979 => "VERIFY",
        980..=985 => "IMPORT",
        986..=989 => "INSTANT_RECOVERY",
        990..=995 => "INDEXING",
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

/// Schedule name and type.
pub(super) fn schedule(draw: &mut Draw, workload: &Workload) -> (&'static str, &'static str) {
    let database = matches!(workload.policy_type, "SQL_SERVER" | "OBACKUP" | "SAP" | "EXCHANGE");
    match draw.below(10) {
        0 => ("weekly-full", "FULL_BACKUP"),
        1 => ("monthly-full", "FULL_BACKUP"),
        2 | 3 if database => ("default-application", "APPLICATION_BACKUP"),
        4..=6 if database => ("logs", "TRANSACTION_LOG_BACKUP"),
        2 => ("cumulative", "CUMULATIVE_INCREMENTAL_BACKUP"),
        3 => ("user", "USER_BACKUP"),
        _ => ("daily", "DIFFERENTIAL_INCREMENTAL_BACKUP"),
    }
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
