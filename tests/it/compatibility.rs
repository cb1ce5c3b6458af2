//! The Go exporter's users switch by changing the image: its files, names and labels, with right values where it was
//! wrong. `docs/migration.md` says the same in prose.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use nbu_exporter_simulator::{ApiVersion, Clock, Fault, Options, Rule, SiteOptions, Tls};
use tempfile::TempDir;

use crate::golden::NOW;
use crate::harness::{Exporter, Port, Sites, eventually, get, read, request};

/// Every core family of the Go exporter 4.1 that it ever emitted, with its labels after `site`.
const FAMILIES: [(&str, &str, &[&str]); 17] = [
    ("nbu_up", "gauge", &[]),
    ("nbu_api_version", "gauge", &["version"]),
    ("nbu_last_scrape_timestamp_seconds", "gauge", &["source"]),
    ("nbu_disk_bytes", "gauge", &["name", "type", "size"]),
    ("nbu_disk_capacity_bytes", "gauge", &["name", "type"]),
    ("nbu_storage_max_concurrent_jobs", "gauge", &["name", "type"]),
    ("nbu_storage_max_fragment_size_bytes", "gauge", &["name", "type"]),
    (
        "nbu_storage_info",
        "gauge",
        &[
            "name",
            "type",
            "subtype",
            "is_cloud",
            "worm_capable",
            "use_worm",
            "replication_capable",
            "instant_access",
        ],
    ),
    ("nbu_jobs_bytes", "gauge", &["action", "policy_type", "status"]),
    ("nbu_jobs_count", "gauge", &["action", "policy_type", "status"]),
    ("nbu_status_count", "gauge", &["action", "status"]),
    ("nbu_jobs_state_count", "gauge", &["action", "state"]),
    ("nbu_jobs_queued_count", "gauge", &["action", "reason"]),
    ("nbu_jobs_files_count", "gauge", &["action", "policy_type"]),
    ("nbu_jobs_dedup_ratio", "gauge", &["action", "policy_type"]),
    ("nbu_job_duration_seconds", "histogram", &["action", "policy_type"]),
    ("nbu_exporter_build_info", "gauge", &["version", "goversion"]),
];

/// The bounds of its histogram.
const BOUNDS: [&str; 10] = ["60", "300", "900", "1800", "3600", "7200", "14400", "28800", "86400", "+Inf"];

/// What its alert rules select of the core families: each must find at least one series.
const ALERTS: [(&str, &[&str]); 9] = [
    ("nbu_up", &[]),
    ("nbu_last_scrape_timestamp_seconds", &["source=\"jobs\""]),
    ("nbu_last_scrape_timestamp_seconds", &["source=\"storage\""]),
    ("nbu_jobs_count", &["action=\"BACKUP\""]),
    ("nbu_jobs_count", &["action=\"BACKUP\"", "status=\"0\""]),
    ("nbu_jobs_queued_count", &["reason="]),
    ("nbu_disk_bytes", &["size=\"used\"", "name="]),
    ("nbu_disk_capacity_bytes", &["name="]),
    ("nbu_jobs_bytes", &["action=\"BACKUP\""]),
];

/// A server in the evening, with jobs that run and wait.
fn evening() -> Options {
    Options {
        sites: vec![SiteOptions::named("paris")],
        clock: Clock::manual(NOW),
        jobs_per_day: 600,
        ..Options::default()
    }
}

fn written(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, text).unwrap();
    (directory, file)
}

/// A file with only the Go exporter's keys.
fn several(collection: &str, sites: &[(&str, u16, &str)]) -> String {
    let sites = sites.iter().map(|(name, port, key)| {
        format!(
            "  - site: \"{name}\"\n    host: \"127.0.0.1\"\n    port: \"{port}\"\n    scheme: http\n    uri: /netbackup\n    \
             apiKey: \"{key}\"\n    apiVersion: \"\"\n    insecureSkipVerify: false\n"
        )
    });
    format!(
        "---\nserver:\n  host: \"0.0.0.0\"\n  port: \"9440\"\n  uri: \"/metrics\"\n  scrapingInterval: \"6h\"\n  \
         collectionInterval: \"{collection}\"\n  cacheTTL: \"5m\"\n  logName: stdout\nnbuservers:\n{}\
         opentelemetry:\n  enabled: false\ncollectors:\n  alerts: {{enabled: false}}\n",
        sites.collect::<String>()
    )
}

fn collected(exporter: &Exporter, site: &str) -> String {
    eventually("jobs and storage are collected", || {
        let page = exporter.metrics();
        let last =
            |source| format!("nbu_last_scrape_timestamp_seconds{{site=\"{site}\",source=\"{source}\"}}");
        exporter.is_up(site) && page.contains(&last("jobs")) && page.contains(&last("storage"))
    });
    exporter.metrics()
}

/// The series of a family: for each, its label names in order and the whole line.
fn series<'a>(page: &'a str, family: &str) -> Vec<(Vec<&'a str>, &'a str)> {
    let suffixes = ["", "_bucket", "_sum", "_count"];
    let own = page.lines().filter(|line| {
        let name = line.split(['{', ' ']).next().unwrap();
        suffixes.iter().any(|suffix| name.strip_suffix(suffix) == Some(family))
    });
    own.map(|line| {
        // No value here holds `="`.
        let labels = line.split("=\"").map(|part| part.rsplit([',', '{']).next().unwrap());
        let count = line.matches("=\"").count();
        (labels.take(count).collect(), line)
    })
    .collect()
}

fn check_families(page: &str, site: &str) {
    for (family, kind, labels) in FAMILIES {
        assert!(page.contains(&format!("# TYPE {family} {kind}\n")), "{family} is no {kind}");
        let found = series(page, family);
        assert!(!found.is_empty(), "{family} has no series");
        if family == "nbu_exporter_build_info" {
            assert!(labels.iter().all(|label| found[0].0.contains(label)), "{}", found[0].1);
            continue;
        }
        let expected: BTreeSet<_> = labels.iter().copied().chain(["site"]).collect();
        for (names, line) in found {
            let names: BTreeSet<_> = names.into_iter().filter(|name| *name != "le").collect();
            assert_eq!(names, expected, "{line}");
            assert!(line.contains(&format!("site=\"{site}\"")), "{line}");
        }
    }
    let buckets = series(page, "nbu_job_duration_seconds");
    for bound in BOUNDS {
        assert!(buckets.iter().any(|(_, line)| line.contains(&format!("le=\"{bound}\""))), "{bound}");
    }
    let bounds = buckets.iter().filter_map(|(_, line)| line.split("le=\"").nth(1)?.split('"').next());
    assert_eq!(bounds.collect::<BTreeSet<_>>().len(), BOUNDS.len());
}

#[test]
fn the_go_exporters_first_example_gives_its_names_and_labels() {
    let sites =
        Sites::with(Options { tls: Tls::SelfSigned, api_version: ApiVersion::new(13, 0), ..evening() });
    let text =
        read("tests/fixtures/config/valid-root-sample.yaml").replace("1556", &sites.port(0).to_string());
    let (_directory, file) = written(&text.replace("scrapingInterval: 1h", "scrapingInterval: 6h"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
    let variables =
        [("NBU1_HOSTNAME", "127.0.0.1"), ("NBU1_APIKEY", "simulated-key"), ("NBU1_SKIP_CERTIFICATE", "true")];
    command.envs(variables).arg("-c").arg(&file).args(["-d", "--web.listen-address", "127.0.0.1:0"]);
    let exporter = Exporter::spawn(command);
    // The site of the older form is named by its host.
    let page = collected(&exporter, "127.0.0.1");
    check_families(&page, "127.0.0.1");
    assert_eq!(exporter.sample("nbu_api_version{site=\"127.0.0.1\",version=\"13.0\"}"), Some(1.0));
}

#[test]
fn a_list_of_sites_gives_the_names_and_labels_for_each() {
    let mut options = evening();
    options.sites.push(SiteOptions::named("lyon"));
    let sites = Sites::with(options);
    let servers = [("paris", sites.port(0), "simulated-key"), ("lyon", sites.port(1), "simulated-key")];
    let (_directory, file) = written(&several("1h", &servers));
    let exporter = Exporter::start(&file);
    collected(&exporter, "lyon");
    let page = collected(&exporter, "paris");
    let without = |other: &str| -> String {
        let other = format!("site=\"{other}\"");
        page.split_inclusive('\n').filter(|line| !line.contains(&other)).collect()
    };
    check_families(&without("lyon"), "paris");
    check_families(&without("paris"), "lyon");
}

#[test]
fn the_alert_rules_of_the_go_exporter_find_their_series() {
    let sites = Sites::with(evening());
    let (_directory, file) = written(&several("1h", &[("paris", sites.port(0), "simulated-key")]));
    let exporter = Exporter::start(&file);
    let page = collected(&exporter, "paris");
    for (family, selectors) in ALERTS {
        let found = series(&page, family)
            .into_iter()
            .any(|(_, line)| selectors.iter().all(|part| line.contains(part)));
        assert!(found, "{family} with {selectors:?}");
    }
}

/// A page of the simulated server as it is, not by way of our client.
fn raw_units(server: SocketAddr, offset: usize) -> String {
    let path = format!("/netbackup/storage/storage-units?page%5Blimit%5D=100&page%5Boffset%5D={offset}");
    let head = "Accept: application/vnd.netbackup+json;version=12.0\r\nAuthorization: simulated-key\r\nConnection: close";
    let answer = request(server, &format!("GET {path} HTTP/1.1\r\nHost: test\r\n{head}\r\n\r\n")).unwrap();
    assert_eq!(answer.status, 200);
    answer.body()
}

#[test]
fn all_pages_of_storage_are_read_and_a_cloud_unit_has_no_capacity() {
    let sites = Sites::with(Options { storage_units: 151, ..evening() });
    let server = sites.simulation().sites()[0].address();
    let raw = raw_units(server, 0) + &raw_units(server, 100);
    let (units, tapes) = (
        raw.matches("\"type\":\"storageUnit\"").count(),
        raw.matches("\"storageCategory\":\"TAPE\"").count(),
    );
    assert_eq!(units, 151);
    let (_directory, file) = written(&several("1h", &[("paris", sites.port(0), "simulated-key")]));
    let exporter = Exporter::start(&file);
    let page = collected(&exporter, "paris");
    let info = series(&page, "nbu_storage_info");
    assert_eq!(info.len(), units - tapes, "the Go exporter stopped at 100");
    let name = |line: &str| line.split("name=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let cloud: BTreeSet<_> = info
        .iter()
        .filter(|(_, line)| line.contains("is_cloud=\"true\""))
        .map(|(_, line)| name(line))
        .collect();
    let sized: BTreeSet<_> =
        series(&page, "nbu_disk_capacity_bytes").iter().map(|(_, line)| name(line)).collect();
    assert!(!cloud.is_empty() && !sized.is_empty());
    assert!(cloud.is_disjoint(&sized), "a capacity that NetBackup does not give is absent, not 0");
}

#[test]
fn jobs_that_run_or_wait_are_in_the_state_and_queued_families_and_in_no_other() {
    let sites = Sites::with(evening());
    let (_directory, file) = written(&several("1h", &[("paris", sites.port(0), "simulated-key")]));
    let exporter = Exporter::start(&file);
    let page = collected(&exporter, "paris");
    let sum = |family, part: &str| -> f64 {
        let own = series(&page, family).into_iter().filter(|(_, line)| line.contains(part));
        own.map(|(_, line)| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let state = "nbu_jobs_state_count";
    assert!(sum(state, "state=\"ACTIVE\"") > 0.0);
    assert!(sum(state, "state=\"QUEUED\"") > 0.0);
    assert_eq!(sum("nbu_jobs_queued_count", ""), sum(state, "state=\"QUEUED\""));
    let finished = sum(state, "state=\"DONE\"");
    assert!(finished > 0.0);
    for family in ["nbu_jobs_count", "nbu_status_count"] {
        assert_eq!(sum(family, "{"), finished, "{family}");
    }
}

#[test]
fn the_time_of_the_last_success_stays_when_a_source_fails() {
    let sites = Sites::with(evening());
    let text = several("1s", &[("paris", sites.port(0), "simulated-key")]);
    let (_directory, file) = written(&text.replace("  logName: stdout\n", "  maxStaleCycles: 0\n"));
    let exporter = Exporter::start(&file);
    collected(&exporter, "paris");
    sites.simulation().sites()[0]
        .faults()
        .add(Rule::new(Fault::Status { code: 404, retry_after: None }).on("/storage"));
    eventually("the values of the failing source are gone", || {
        series(&exporter.metrics(), "nbu_disk_bytes").is_empty()
    });
    assert!(exporter.is_up("paris"), "the other source works");
    assert!(
        exporter.sample("nbu_last_scrape_timestamp_seconds{site=\"paris\",source=\"storage\"}").is_some()
    );
}

#[test]
fn one_dead_site_does_not_hold_back_another() {
    let mut options = evening();
    options.sites.push(SiteOptions::named("dead"));
    let sites = Sites::with(options);
    sites.simulation().sites()[1].faults().add(Rule::new(Fault::Stall));
    let servers = [("dead", sites.port(1), "simulated-key"), ("paris", sites.port(0), "simulated-key")];
    let (_directory, file) = written(&several("1h", &servers));
    let exporter = Exporter::start(&file);
    let page = collected(&exporter, "paris");
    assert!(!page.contains("nbu_up{site=\"dead\"}"), "its first cycle still waits");
    assert_eq!(exporter.get("/health").body(), "OK\n");
}

#[test]
fn a_wrong_key_costs_few_requests() {
    let sites = Sites::with(evening());
    let (_directory, file) = written(&several("1h", &[("paris", sites.port(0), "wrong-key")]));
    let exporter = Exporter::start(&file);
    let accepted = "nbu_api_credential_accepted{site=\"paris\"}";
    eventually("the key is refused", || exporter.sample(accepted) == Some(0.0));
    // The question about the key may be answered before the collectors are.
    eventually("the site is down", || exporter.sample("nbu_up{site=\"paris\"}") == Some(0.0));
    let offered = sites.simulation().sites()[0].requests().recent(100);
    let with_key = offered.iter().filter(|request| request.key_fingerprint.is_some()).count();
    // One for each collector, and one that tells a wrong key from a missing permission; the Go exporter took 16.
    assert_eq!(with_key, 3, "{offered:#?}");
}

#[test]
fn health_stays_200_while_no_server_answers() {
    let nobody = Port::reserve();
    let (_directory, file) = written(&several("1h", &[("paris", nobody.number(), "simulated-key")]));
    let exporter = Exporter::start(&file);
    eventually("the site is down", || exporter.sample("nbu_up{site=\"paris\"}") == Some(0.0));
    let health = get(exporter.address(), "/health").unwrap();
    assert_eq!((health.status, health.body().as_str()), (200, "UNHEALTHY: NetBackup API unreachable\n"));
    assert_eq!(exporter.get("/-/healthy").status, 200);
}

#[test]
fn another_set_of_names_is_served_without_waiting_for_the_next_cycle() {
    let sites = Sites::with(evening());
    let text = several("1h", &[("paris", sites.port(0), "simulated-key")]);
    let (_directory, file) = written(&format!("{text}metrics: {{names: native}}\n"));
    let exporter = Exporter::start(&file);
    eventually("it is collected", || exporter.metrics().contains("nbu_jobs_window_jobs{"));
    assert!(!exporter.metrics().contains("nbu_jobs_count{"));
    std::fs::write(&file, format!("{text}metrics: {{names: v4}}\n")).unwrap();
    eventually("the other names are there", || exporter.metrics().contains("nbu_jobs_count{"));
    assert!(!exporter.metrics().contains("nbu_jobs_window_jobs{"));
}
