//! What is backed up at a simulated site. One policy type has three spellings: that of jobs and anomalies, that of policies
//! and images, and that of alerts (NetBackup API reference, the enumerations of each).

/// Whether the backup of several clients or streams has a parent job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Each client has a job of its own.
    None,
    /// A parent job stands over one child per stream.
    Streams,
    /// The same, and the first child makes a snapshot.
    SnapshotFirst,
}

/// One kind of protected system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// As jobs and anomalies spell it.
    pub(crate) policy_type: &'static str,
    /// As policies and images spell it.
    pub(crate) policy_spelling: &'static str,
    /// As alerts spell it.
    pub(crate) alert_spelling: &'static str,
    /// The object of `/config/policies/{policyName}` that carries such a policy.
    pub(crate) policy_object: &'static str,
    /// Beginning of the names of its policies.
    pub(crate) policy: &'static str,
    /// Beginning of the names of its clients.
    pub(crate) client: &'static str,
    pub(crate) application: &'static str,
    pub(crate) os: &'static str,
    pub(crate) family: Family,
    /// Its clients are found by a query, so that no list of clients has them (inferred).
    pub(crate) by_query: bool,
    /// Applications back up their logs by themselves.
    pub(crate) database: bool,
}

const fn workload(
    spellings: [&'static str; 4],
    policy: &'static str,
    client: &'static str,
    os: &'static str,
) -> Workload {
    let [policy_type, policy_spelling, alert_spelling, policy_object] = spellings;
    Workload {
        policy_type,
        policy_spelling,
        alert_spelling,
        policy_object,
        policy,
        client,
        application: "NONE",
        os,
        family: Family::None,
        by_query: false,
        database: false,
    }
}

const fn virtual_machines(base: Workload, application: &'static str) -> Workload {
    Workload { application, family: Family::SnapshotFirst, by_query: true, ..base }
}

pub(super) static STANDARD: Workload =
    workload(["STANDARD", "Standard", "STANDARD", "policyStandard"], "UNIX", "lx", "RedHat");
pub(super) static VMWARE: Workload = virtual_machines(
    workload(["VMWARE", "VMware", "VMWARE", "policyVMware"], "VM", "vm", "VMware"),
    "VMWARE",
);
pub(super) static HYPERV: Workload = virtual_machines(
    workload(["HYPERV", "Hyper-V", "HYPER-V", "policyHyperV"], "HV", "hv", "Hyper-V"),
    "HYPERV",
);
pub(super) static WINDOWS: Workload =
    workload(["WINDOWS_NT", "MS-Windows", "MS-WINDOWS", "policyWindows"], "WIN", "win", "Windows2019");
pub(super) static SQL: Workload = Workload {
    database: true,
    family: Family::Streams,
    ..workload(
        ["SQL_SERVER", "MS-SQL-Server", "MS-SQL-SERVER", "policySQLServer"],
        "MSSQL",
        "sql",
        "Windows2019",
    )
};
pub(super) static ORACLE: Workload = Workload {
    database: true,
    family: Family::Streams,
    ..workload(["OBACKUP", "Oracle", "ORACLE", "policyOracle"], "ORA", "ora", "RedHat")
};
pub(super) static EXCHANGE: Workload = Workload {
    database: true,
    ..workload(
        ["EXCHANGE", "MS-Exchange-Server", "MS-EXCHANGE-SERVER", "policyExchange"],
        "EXCH",
        "mail",
        "Windows2019",
    )
};
pub(super) static SAP: Workload =
    Workload { database: true, ..workload(["SAP", "SAP", "SAP", "policySAP"], "SAP", "sap", "SuSE") };
pub(super) static NDMP: Workload = workload(["NDMP", "NDMP", "NDMP", "policyNDMP"], "NAS", "filer", "NetApp");
pub(super) static CLOUD: Workload = Workload {
    by_query: true,
    ..workload(["CLOUD", "Cloud", "CLOUD", "policyCloud"], "CLOUD", "ec2", "CLOUD")
};
pub(super) static BIGDATA: Workload =
    workload(["BIGDATA", "BigData", "BIGDATA", "policyBigData"], "HADOOP", "hdfs", "RedHat");
pub(super) static CATALOG: Workload = workload(
    ["NBU_CATALOG", "NBU-Catalog", "NBU-CATALOG", "policyNBUCatalog"],
    "CATALOG",
    "primary",
    "RedHat",
);
