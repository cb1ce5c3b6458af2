//! A picture that stands still: a site that is down, one with a bad night and a hostile name, one of which all is well, and a rejected
//! configuration.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{StatusPicture, StatusSource, WebhookPicture};
use crate::config::{ApiVersion, Endpoint, Scheme, SiteId, fixture};
use crate::exposition::BuildInfo;
use crate::fleet::Assignment;
use crate::metric::{Labelled, Naming};
use crate::reload::{ActiveConfig, Digest, Outcome, PastVerdict, ReloadStatus, Trigger, Verdict};
use crate::snapshot::{
    CollectorReport, Fault, Fragment, RunClock, RunReport, SiteReport, Snapshot, SnapshotStore,
};

/// A name that is markup, and has what a path can not have.
pub(crate) const HOSTILE: &str = "lyon <b>\"&'/?#";

static UNFINISHED: Labelled<2> = Labelled::gauge("nbu_jobs_unfinished", "", ["job_type", "state"]);
static INTERVAL: Labelled<1> = Labelled::gauge("nbu_policy_expected_interval_seconds", "", ["policy"]);
static ACTIVE: Labelled<1> = Labelled::gauge("nbu_policy_active", "", ["policy"]);
static LAST: Labelled<3> =
    Labelled::gauge("nbu_policy_last_backup_timestamp_seconds", "", ["policy", "policy_type", "result"]);
static SINCE: Labelled<0> = Labelled::gauge("nbu_backup_history_start_timestamp_seconds", "", []);
static READ: Labelled<0> = Labelled::gauge("nbu_backup_history_read_ratio", "", []);
static MARK: Labelled<1> = Labelled::gauge("nbu_disk_pool_high_water_mark_ratio", "", ["disk_pool"]);
static USED: Labelled<1> = Labelled::gauge("nbu_disk_pool_used_bytes", "", ["disk_pool"]);
static USABLE: Labelled<1> = Labelled::gauge("nbu_disk_pool_usable_bytes", "", ["disk_pool"]);
static SLP_ACTIVE: Labelled<1> = Labelled::gauge("nbu_slp_active", "", ["slp"]);
static OLDEST: Labelled<1> =
    Labelled::gauge("nbu_slp_oldest_incomplete_backup_timestamp_seconds", "", ["slp"]);
static DRIVES: Labelled<2> = Labelled::gauge("nbu_tape_drive_status", "", ["drive", "status"]);
static CATALOG: Labelled<2> =
    Labelled::gauge("nbu_catalog_backup_last_timestamp_seconds", "", ["policy", "result"]);

/// The moment of the picture.
pub(crate) fn now() -> Timestamp {
    "2026-02-03T03:00:00Z".parse().unwrap()
}

fn before(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn at(seconds: i64) -> f64 {
    before(seconds).as_second() as f64
}

/// The picture of a member of a fleet of two, of the same sites.
pub(crate) fn shared() -> StatusPicture {
    picture_of(Some(&Assignment::fixture("nbu-1", &["nbu-0", "nbu-1"])))
}

/// The picture.
pub(crate) fn picture() -> StatusPicture {
    picture_of(None)
}

fn picture_of(fleet: Option<&Assignment>) -> StatusPicture {
    let store = SnapshotStore::default();
    let writers = [berlin(), lyon(), paris()].map(|snapshot| {
        let writer = store.writer(SiteId::Named(snapshot.site.clone()));
        assert!(writer.publish(snapshot));
        writer
    });
    let site = |name| fixture::site(name, Endpoint::new(Scheme::Https, "nbu.example", 1556, "/netbackup"));
    let sites = ["paris", HOSTILE, "berlin", "nice"].map(site).into();
    let mut active = ActiveConfig::fixture(fixture::config(sites), "x");
    active.loaded_at = before(7_300);
    active.warnings = vec!["config.yaml:3:5: server.port: the flag --web.listen-address wins".to_owned()];
    let webhook = WebhookPicture {
        last_asked_at: Some(before(7_300)),
        certificate_ends_at: Some(before(-30 * 86_400)),
        trouble: None,
    };
    let picture = StatusSource {
        build: BuildInfo { version: "1.2.3", revision: "abc", rust_version: "", target: "" },
        started: before(90_000),
        ending: false,
        active: Some(&active),
        reload: &reload(),
        snapshots: &store.load(),
        fleet,
        // One of the two has none.
        webhook: fleet.is_none().then_some(&webhook),
        now: now(),
    }
    .picture();
    drop(writers);
    picture
}

fn reload() -> ReloadStatus {
    let verdict = |outcome, detail: &str| {
        Arc::new(Verdict {
            trigger: Trigger::File,
            outcome,
            text_digest: Some(Digest::of_text(detail.as_bytes())),
            revision: None,
            detail: detail.into(),
            lacks_reference: false,
        })
    };
    let rejected = verdict(
        Outcome::Rejected,
        "config.yaml:7:11: nbuservers[0].port: must be a port\nconfig.yaml:9:1: <script>: no such key",
    );
    let applied = verdict(Outcome::Applied, "sites: +nice");
    let past =
        |verdict, ago, took| PastVerdict { at: before(ago), took: Duration::from_millis(took), verdict };
    ReloadStatus {
        newest_runs: false,
        last_success: Some(before(7_300)),
        last_verdict: None,
        rejection: Some((before(60), rejected.clone())),
        rejected_changes: ["nbuservers[paris].port is x and was 1556".to_owned()].into(),
        past: [past(rejected, 60, 4), past(applied, 7_300, 230)].into(),
    }
}

fn good() -> RunReport {
    RunReport {
        is_supported: true,
        success: true,
        unauthorized: false,
        truncated: false,
        records: Some(1_204),
        requests: 13,
        duration: Duration::from_millis(840),
        last_success: Some(before(170)),
        series: 50,
    }
}

fn collector(name: &'static str, last: RunReport, fault: Option<Fault>) -> CollectorReport {
    CollectorReport {
        name,
        interval: Duration::from_mins(5),
        last: Some(last),
        next: before(-130),
        clock: RunClock::default(),
        fault: fault.map(Arc::new),
    }
}

fn snapshot(site: &str, up: bool, report: SiteReport, fragments: Vec<Fragment>) -> Snapshot {
    Snapshot {
        site: site.into(),
        taken_at: before(1),
        up: Some(up),
        complete: true,
        unauthorized: Vec::new(),
        fragments,
        report,
    }
}

/// Nobody is reached there.
fn berlin() -> Snapshot {
    let fault = Fault::new("/ping: the connection failed (Connection refused)", "see that the port is right");
    let failed = RunReport {
        success: false,
        records: None,
        requests: 0,
        last_success: Some(before(4_000)),
        series: 0,
        ..good()
    };
    let report = SiteReport {
        fault: Some(Arc::new(fault.clone())),
        key_accepted: Some(true),
        collectors: [collector("jobs", failed, Some(fault))].into(),
        ..SiteReport::default()
    };
    snapshot("berlin", false, report, Vec::new())
}

fn paris() -> Snapshot {
    let report = SiteReport {
        version: Some(ApiVersion::NEWEST),
        key_accepted: Some(true),
        key_end: Some(before(-200 * 86_400)),
        collectors: ["jobs", "storage"].map(|name| collector(name, good(), None)).into(),
        ..SiteReport::default()
    };
    snapshot("paris", true, report, Vec::new())
}

/// Where much is to be seen.
fn lyon() -> Snapshot {
    let refused = RunReport { success: false, unauthorized: true, last_success: None, ..good() };
    let role = Fault::new(
        "/storage/drives: 401: the API key is not valid, or its role lacks the permission for this endpoint",
        "add to the role of the key's user: operation |OPERATIONS|VIEW| on the namespace |STORAGE|TAPE-DEVICES|",
    );
    let cut = RunReport { truncated: true, ..good() };
    let hung = RunReport { last_success: Some(before(9_000)), ..good() };
    let none = RunReport { is_supported: false, success: false, records: None, last_success: None, ..good() };
    let mut collectors = vec![collector("alerts", refused, Some(role))];
    collectors.extend(
        ["jobs", "protection", "disk_pools", "tape", "catalog_backup"]
            .map(|name| collector(name, good(), None)),
    );
    collectors.push(collector("slp", cut, None));
    collectors.push(collector("storage", hung, None));
    collectors.push(collector("slo", none, None));
    let clock = RunClock::running_since(before(12));
    collectors.push(CollectorReport { last: None, clock, ..collector("posture", good(), None) });
    let report = SiteReport {
        version: Some(ApiVersion::NEWEST),
        key_accepted: Some(true),
        key_end: Some(before(-12 * 86_400)),
        certificate_end: Some(before(-90 * 86_400)),
        quiet_until: Some(before(-42)),
        collectors: collectors.into(),
        // Where only the names of the Go exporter are served, ours are read all the same.
        unserved: vec![
            CATALOG
                .family(HOSTILE, [(["CATALOG", "success"], at(9 * 3_600)), (["CATALOG", "failed"], at(60))])
                .into(),
        ],
        ..SiteReport::default()
    };
    snapshot(HOSTILE, true, report, counted())
}

fn counted() -> Vec<Fragment> {
    let site = HOSTILE;
    let daily = 86_400.0;
    let families = [
        UNFINISHED.family(
            site,
            [(["BACKUP", "ACTIVE"], 4.0), (["RESTORE", "ACTIVE"], 1.0), (["BACKUP", "QUEUED"], 60.0)],
        ),
        INTERVAL.family(site, ["GOOD", "LATE", "NEVER", "OFF"].map(|policy| ([policy], daily))),
        ACTIVE.family(site, [(["GOOD"], 1.0), (["LATE"], 1.0), (["NEVER"], 1.0), (["OFF"], 0.0)]),
        LAST.family(
            site,
            [
                (["GOOD", "VMWARE", "partial"], at(3_600)),
                (["LATE", "VMWARE", "success"], at(40 * 3_600)),
                (["LATE", "VMWARE", "failed"], at(60)),
                (["OFF", "VMWARE", "success"], at(90 * 86_400)),
            ],
        ),
        SINCE.family(site, [([], at(35 * 86_400))]),
        READ.family(site, [([], 0.427)]),
        MARK.family(site, [(["dp-1"], 0.98), (["dp-2"], 0.9), (["cloud"], 0.98)]),
        USED.family(site, [(["dp-1"], 94e12), (["dp-2"], 50e12)]),
        USABLE.family(site, [(["dp-1"], 100e12), (["dp-2"], 100e12)]),
        SLP_ACTIVE.family(site, [(["GOLD"], 1.0), (["SILVER"], 1.0)]),
        OLDEST.family(site, [(["GOLD"], at(4 * 86_400)), (["SILVER"], at(600))]),
        DRIVES.family(
            site,
            [(["d0", "UP"], 1.0), (["d0", "DOWN"], 0.0), (["d1", "UP"], 0.0), (["d1", "DOWN"], 1.0)],
        ),
    ];
    assert!(families.iter().all(|family| family.desc().naming == Naming::Native));
    families.into_iter().map(Fragment::from).collect()
}
