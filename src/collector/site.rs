//! Families about a site as a whole and about the runs of its collectors; whoever runs them fills these.

use std::time::Duration;

use jiff::Timestamp;

use crate::metric::{Desc, Family, MetricKind, Naming, flag, seconds};

use super::Run;

/// Whether the server was reached and let us in.
pub static UP: Desc =
    gauge("nbu_up", "Whether the last cycle brought anything (1) or not (0).", &[], Naming::Shared);
/// The version in use.
pub static API_VERSION: Desc = gauge(
    "nbu_api_version",
    "The NetBackup API version in use, as a label; always 1.",
    &["version"],
    Naming::Shared,
);
/// The Go exporter's last success, by source.
pub static LAST_SCRAPE: Desc = gauge(
    "nbu_last_scrape_timestamp_seconds",
    "When a source (storage, jobs) was last read with success.",
    &["source"],
    Naming::V4,
);
/// When the key ends.
pub static KEY_EXPIRY: Desc = gauge(
    "nbu_api_credential_expiry_timestamp_seconds",
    "When the API key ends (/security/api-keys, expiryDateTime).",
    &[],
    Naming::Native,
);

static SUCCESS: Desc = gauge(
    "nbu_scrape_collector_success",
    "Whether the collector's last run succeeded (1) or not (0).",
    &["collector"],
    Naming::Native,
);
static DURATION: Desc = gauge(
    "nbu_scrape_collector_duration_seconds",
    "How long the collector's last run took.",
    &["collector"],
    Naming::Native,
);
static LAST_SUCCESS: Desc = gauge(
    "nbu_scrape_collector_last_success_timestamp_seconds",
    "When the collector last succeeded; its families are as old as this.",
    &["collector"],
    Naming::Native,
);
static TRUNCATED: Desc = gauge(
    "nbu_scrape_collector_truncated",
    "Whether the collector's list was longer than its last run could read (1) or not (0).",
    &["collector"],
    Naming::Native,
);
static UNAUTHORIZED: Desc = gauge(
    "nbu_scrape_collector_unauthorized",
    "Whether the key's role lacks the permission to see what the collector reads, or a part of it (1) or not (0).",
    &["collector"],
    Naming::Native,
);
static RECORDS: Desc = gauge(
    "nbu_scrape_collector_records",
    "Records that the lists of the collector's last run had: what the API key's role sees of them.",
    &["collector"],
    Naming::Native,
);
static MALFORMED_RECORDS: Desc = counter(
    "nbu_scrape_collector_odd_records_total",
    "Records or fields that were left out since they are not what the API reference says, or were there already.",
);
static CAPPED_RECORDS: Desc = counter(
    "nbu_scrape_collector_capped_records_total",
    "Records without a label set of their own, since there are too many: counted under the label value other, or left out.",
);

/// The families that [`collector_families`] gives.
pub static COLLECTOR_FAMILIES: &[&Desc] = &[
    &SUCCESS,
    &DURATION,
    &LAST_SUCCESS,
    &TRUNCATED,
    &UNAUTHORIZED,
    &RECORDS,
    &MALFORMED_RECORDS,
    &CAPPED_RECORDS,
];

const fn gauge(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    naming: Naming,
) -> Desc {
    Desc { name, help, kind: MetricKind::Gauge, labels, naming }
}

const fn counter(name: &'static str, help: &'static str) -> Desc {
    Desc::native(MetricKind::Counter, name, help, &["collector"])
}

/// How a collector has done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Whether the last run succeeded.
    pub success: bool,
    /// Whether the role of the key may not see what the last run asked for, or only a part of it.
    pub unauthorized: bool,
    /// How many records the last run met; `None` if it did not begin.
    pub records: Option<u64>,
    /// Whether the last run read less than there was.
    pub truncated: bool,
    /// How long the last run took.
    pub duration: Duration,
    /// When a run last succeeded.
    pub last_success: Option<Timestamp>,
    /// Malformed records of all runs.
    pub malformed: u64,
    /// Capped records of all runs.
    pub capped: u64,
}

impl Record {
    /// Takes in a run that ended at `now`.
    pub fn note(&mut self, run: &Run, now: Timestamp) {
        self.success = run.outcome.is_ok();
        self.unauthorized =
            run.outcome.as_ref().is_err_and(super::CollectError::is_unauthorized) || run.partial;
        self.records = Some(run.diagnostics.records);
        self.truncated = run.diagnostics.truncated;
        self.duration = run.duration;
        self.malformed += run.diagnostics.malformed;
        self.capped += run.diagnostics.capped;
        if self.success {
            self.last_success = Some(now);
        }
    }
}

/// The families about the runs of a site's collectors, by their names.
pub fn collector_families(site: &str, records: &[(&str, &Record)]) -> Vec<Family> {
    let family = |desc, value: fn(&Record) -> Option<f64>| {
        let mut family = Family::new(desc, site);
        for (name, record) in records {
            if let Some(value) = value(record) {
                family.sample(&[name], value);
            }
        }
        family
    };
    vec![
        family(&SUCCESS, |record| Some(flag(record.success))),
        family(&DURATION, |record| Some(record.duration.as_secs_f64())),
        family(&LAST_SUCCESS, |record| record.last_success.map(seconds)),
        family(&TRUNCATED, |record| Some(flag(record.truncated))),
        family(&UNAUTHORIZED, |record| Some(flag(record.unauthorized))),
        family(&RECORDS, |record| record.records.map(|records| records as f64)),
        family(&MALFORMED_RECORDS, |record| Some(record.malformed as f64)),
        family(&CAPPED_RECORDS, |record| Some(record.capped as f64)),
    ]
}
