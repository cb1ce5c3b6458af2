//! The families about a site as a whole and about the runs of its collectors.

use super::collector::{CollectorState, RunStats};
use super::status::SiteStatus;
use crate::metric::{Desc, Family, Labelled, MetricKind, Naming, flag, seconds};

/// All families of this file.
pub(crate) static FAMILIES: &[&Desc] = &[
    &UP,
    &API_VERSION,
    &LAST_SCRAPE,
    &KEY_EXPIRY,
    &CREDENTIAL_ACCEPTED,
    &SUPPORTED,
    &INTERVAL,
    &SUCCESS,
    &DURATION,
    &LAST_SUCCESS,
    &TRUNCATED,
    &UNAUTHORIZED,
    &REQUESTS,
    &RECORDS,
    &SERIES,
    &MALFORMED_RECORDS,
    &CAPPED_RECORDS,
];

/// Whether the server was reached and let us in.
static UP: Labelled<0> = gauge(
    "nbu_up",
    "Whether the last run of any collector succeeded (1) or none did (0).",
    [],
    Naming::Shared,
);
/// The version in use.
static API_VERSION: Labelled<1> = gauge(
    "nbu_api_version",
    "The NetBackup API version in use, as a label; always 1.",
    ["version"],
    Naming::Shared,
);
/// The Go exporter's last success, by source.
static LAST_SCRAPE: Labelled<1> = gauge(
    "nbu_last_scrape_timestamp_seconds",
    "When a source (storage, jobs) was last read with success.",
    ["source"],
    Naming::V4,
);
/// When the key ends.
static KEY_EXPIRY: Labelled<0> = gauge(
    "nbu_api_credential_expiry_timestamp_seconds",
    "When the API key ends (/security/api-keys, expiryDateTime).",
    [],
    Naming::Native,
);

static CREDENTIAL_ACCEPTED: Labelled<0> = gauge(
    "nbu_api_credential_accepted",
    "Whether NetBackup accepts the configured API key (1) or refuses it (0), even if an older key is still in use.",
    [],
    Naming::Native,
);
static SUPPORTED: Labelled<1> = gauge(
    "nbu_scrape_collector_supported",
    "Whether the server has what the collector reads (1) or its release lacks it (0).",
    ["collector"],
    Naming::Native,
);
static INTERVAL: Labelled<1> = gauge(
    "nbu_scrape_collector_interval_seconds",
    "The time between two runs of the collector.",
    ["collector"],
    Naming::Native,
);
static SUCCESS: Labelled<1> = gauge(
    "nbu_scrape_collector_success",
    "Whether the collector's last run succeeded (1) or not (0).",
    ["collector"],
    Naming::Native,
);
static DURATION: Labelled<1> = gauge(
    "nbu_scrape_collector_duration_seconds",
    "How long the collector's last run took.",
    ["collector"],
    Naming::Native,
);
static LAST_SUCCESS: Labelled<1> = gauge(
    "nbu_scrape_collector_last_success_timestamp_seconds",
    "When the collector last succeeded; its families are as old as this.",
    ["collector"],
    Naming::Native,
);
static TRUNCATED: Labelled<1> = gauge(
    "nbu_scrape_collector_truncated",
    "Whether the collector's list was longer than its last run could read (1) or not (0).",
    ["collector"],
    Naming::Native,
);
static UNAUTHORIZED: Labelled<1> = gauge(
    "nbu_scrape_collector_unauthorized",
    "Whether the key's role lacks the permission to see what the collector reads, or a part of it (1) or not (0).",
    ["collector"],
    Naming::Native,
);
static REQUESTS: Labelled<1> = gauge(
    "nbu_scrape_collector_requests",
    "Requests that the collector's last run sent to the NetBackup API, with those that were sent again.",
    ["collector"],
    Naming::Native,
);
static SERIES: Labelled<1> = gauge(
    "nbu_scrape_collector_series",
    "Series that the collector's last good run gave, under all names.",
    ["collector"],
    Naming::Native,
);
static RECORDS: Labelled<1> = gauge(
    "nbu_scrape_collector_records",
    "Records that the lists of the collector's last run had: what the API key's role sees of them.",
    ["collector"],
    Naming::Native,
);
static MALFORMED_RECORDS: Labelled<1> = counter(
    "nbu_scrape_collector_odd_records_total",
    "Records or fields that were left out since they are not what the API reference says, or were there already.",
);
static CAPPED_RECORDS: Labelled<1> = counter(
    "nbu_scrape_collector_capped_records_total",
    "Records without a label set of their own, since there are too many: counted under the label value other, or left out.",
);

const fn gauge<const N: usize>(
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    naming: Naming,
) -> Labelled<N> {
    Labelled { name, help, kind: MetricKind::Gauge, labels, naming }
}

const fn counter(name: &'static str, help: &'static str) -> Labelled<1> {
    Labelled::native(MetricKind::Counter, name, help, ["collector"])
}

/// What is known of the site and its collectors, as families.
pub(super) fn of_site<'a>(
    status: &SiteStatus,
    collectors: impl Iterator<Item = &'a CollectorState>,
    site: &str,
) -> Vec<Family> {
    let mut families = Vec::with_capacity(FAMILIES.len());
    let mut single = |desc: &'static Labelled<0>, value: Option<f64>| {
        if let Some(value) = value {
            let mut family = desc.of_site(site);
            family.sample([], value);
            families.push(family.build());
        }
    };
    single(&UP, status.up.map(flag));
    single(&KEY_EXPIRY, status.key_expiry.map(seconds));
    single(&CREDENTIAL_ACCEPTED, status.credential.map(flag));
    if let Some(version) = status.version {
        let mut family = API_VERSION.of_site(site);
        family.sample([&version.to_string()], 1.0);
        families.push(family.build());
    }
    let ran: Vec<_> =
        collectors.filter_map(|collector| Some((collector, collector.runs.as_ref()?))).collect();
    let mut last = LAST_SCRAPE.of_site(site);
    for (collector, runs) in &ran {
        // The Go exporter knows these two sources.
        if let (Some(moment), "jobs" | "storage") = (runs.last_success, collector.name) {
            last.sample([collector.name], seconds(moment));
        }
    }
    families.push(last.build());
    families.extend(of_collectors(site, &ran));
    families
}

/// The families about the runs of a site's collectors, by their names. Of one that the server does not support nothing failed.
fn of_collectors(site: &str, ran: &[(&CollectorState, &RunStats)]) -> Vec<Family> {
    let family = |desc: &'static Labelled<1>, value: fn(&CollectorState, &RunStats) -> Option<f64>| {
        let mut family = desc.of_site(site);
        for (collector, runs) in ran {
            if let Some(value) = value(collector, runs) {
                family.sample([collector.name], value);
            }
        }
        family.build()
    };
    vec![
        family(&SUPPORTED, |collector, _| Some(flag(collector.is_supported))),
        family(&INTERVAL, |collector, _| Some(collector.interval.as_secs_f64())),
        family(&SUCCESS, |collector, runs| collector.is_supported.then(|| flag(runs.success))),
        family(&DURATION, |_, runs| Some(runs.duration.as_secs_f64())),
        family(&LAST_SUCCESS, |_, runs| runs.last_success.map(seconds)),
        family(&TRUNCATED, |_, runs| Some(flag(runs.truncated))),
        family(&UNAUTHORIZED, |_, runs| Some(flag(runs.unauthorized))),
        family(&REQUESTS, |_, runs| Some(f64::from(runs.requests))),
        family(&RECORDS, |_, runs| runs.records.map(|records| records as f64)),
        family(&SERIES, |collector, _| Some(collector.series as f64)),
        family(&MALFORMED_RECORDS, |_, runs| Some(runs.malformed as f64)),
        family(&CAPPED_RECORDS, |_, runs| Some(runs.capped as f64)),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_runs_of_collectors_become_families() {
        let good = RunStats {
            success: true,
            last_success: Timestamp::from_millisecond(1500).ok(),
            malformed: 3,
            records: Some(12),
            ..Default::default()
        };
        let (jobs, mut storage) = (CollectorState::new("jobs"), CollectorState::new("storage"));
        let mut tape = CollectorState::new("tape");
        tape.is_supported = false;
        storage.interval = std::time::Duration::from_mins(5);
        let none = RunStats::default();
        let families = of_collectors("paris", &[(&jobs, &good), (&storage, &none), (&tape, &none)]);
        let text: String = families.iter().map(Family::text).collect();
        for line in [
            "nbu_scrape_collector_success{site=\"paris\",collector=\"jobs\"} 1\n",
            "nbu_scrape_collector_success{site=\"paris\",collector=\"storage\"} 0\n",
            "nbu_scrape_collector_last_success_timestamp_seconds{site=\"paris\",collector=\"jobs\"} 1.5\n",
            "nbu_scrape_collector_records{site=\"paris\",collector=\"jobs\"} 12\n",
            "nbu_scrape_collector_interval_seconds{site=\"paris\",collector=\"storage\"} 300\n",
            "nbu_scrape_collector_supported{site=\"paris\",collector=\"jobs\"} 1\n",
            "nbu_scrape_collector_supported{site=\"paris\",collector=\"tape\"} 0\n",
            "nbu_scrape_collector_odd_records_total{site=\"paris\",collector=\"jobs\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(
            !text.contains("records{site=\"paris\",collector=\"storage\""),
            "a run that did not begin saw nothing"
        );
        assert!(!text.contains("success{site=\"paris\",collector=\"tape\""), "nothing failed");
        assert!(!text.contains("last_success_timestamp_seconds{site=\"paris\",collector=\"storage\""));
        let of_collectors = FAMILIES.iter().filter(|desc| desc.labels == ["collector"]);
        assert!(families.iter().map(Family::desc).eq(of_collectors.copied()));
    }
}
