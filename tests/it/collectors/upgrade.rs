//! A server that is upgraded, or restored to an older release, while the exporter runs.

use std::time::Duration;

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, samples};
use crate::harness::{Scraper, collector_keys, eventually};

/// What catalog backups are is told by jobs, which every release has.
const IN_EVERY_RELEASE: &str = "catalog_backup";

const NEW: ApiVersion = ApiVersion::new(13, 0);

/// A collector's name on the page, from its key in the file.
fn in_snake_case(key: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        small if small == letter => small.to_string(),
        small => format!("_{small}"),
    };
    key.chars().map(letter).collect()
}

/// All collectors with these intervals: the one of notifications, by which the server is asked for its version as often, and that of the
/// others.
fn all(notifications: &str, others: &str) -> String {
    let interval = |key: &str| if key == "notifications" { notifications } else { others };
    let keys = collector_keys().into_iter();
    let sections = keys.map(|key| format!("{key}: {{enabled: true, interval: {}}}", interval(&key)));
    sections.collect::<Vec<_>>().join(", ")
}

/// Scrapes all the time; no page may show a failure or a refusal.
fn watch(collected: &Collected) -> Scraper {
    Scraper::watching(&collected.exporter, |page| {
        let is_bad = |family: &str, bad: f64| samples(page, family).into_values().any(|value| value == bad);
        !is_bad("nbu_scrape_collector_success", 0.0) && !is_bad("nbu_scrape_collector_unauthorized", 1.0)
    })
}

/// Upgrades or restores the server, and waits until the exporter says so.
fn turn_to(collected: &Collected, version: ApiVersion) {
    collected.server().set_api_version(version);
    let page = collected.until(&format!("nbu_api_version{{site=\"paris\",version=\"{version}\"}} 1"));
    assert_eq!(samples(&page, "nbu_api_version").len(), 1);
}

fn until_supported(collected: &Collected, is_supported: bool) {
    let supported = f64::from(u8::from(is_supported));
    for name in collector_keys().iter().map(|key| in_snake_case(key)).filter(|name| name != IN_EVERY_RELEASE)
    {
        let name = name.as_str();
        eventually(name, || {
            collected.run("supported", name) == Some(supported)
                && collected.run("success", name) == is_supported.then_some(1.0)
        });
        let series = collected.run("series", name).unwrap();
        assert_eq!(series > 0.0, is_supported && name != "per_client", "{name}: {series}");
    }
}

fn asked_for_storage(collected: &Collected) -> usize {
    collected.server().requests().matching("/storage/storage-units").len()
}

fn warnings(collected: &Collected) -> Vec<String> {
    let is_bad = |line: &String| line.contains("level=warn") || line.contains("level=error");
    collected.exporter.log().into_iter().filter(is_bad).collect()
}

#[test]
fn what_the_old_release_lacked_is_asked_for_at_once_after_an_upgrade_and_goes_when_the_old_one_is_restored() {
    let old = ApiVersion::new(9, 0);
    let collected = Collected::start(old, &all("1s", "24h"));
    until_supported(&collected, false);
    collected.page("storage");
    collected.page("jobs");
    let (asked, scraper) = (asked_for_storage(&collected), watch(&collected));
    let failures = || samples(&collected.exporter.metrics(), "nbu_api_request_failures_total");
    let before = failures();
    turn_to(&collected, NEW);
    until_supported(&collected, true);
    assert_eq!(failures(), before);
    turn_to(&collected, old);
    until_supported(&collected, false);
    turn_to(&collected, NEW);
    until_supported(&collected, true);
    assert_eq!(asked_for_storage(&collected), asked, "what did not change keeps its rhythm");
    scraper.stop();
    assert_eq!(warnings(&collected), Vec::<String>::new());
}

#[test]
fn the_parts_of_collectors_that_the_old_release_lacked_come_and_go_with_the_release() {
    let old = ApiVersion::new(10, 0);
    let collected = Collected::start(old, &all("1s", "24h"));
    until_supported(&collected, true);
    let parts = ["nbu_security_risk_score", "nbu_tape_scratch_media", "nbu_tape_volume_group_media"];
    let shown = || {
        let page = collected.exporter.metrics();
        parts.map(|family| !samples(&page, family).is_empty())
    };
    assert_eq!(shown(), [false; 3]);
    let intervals = || samples(&collected.exporter.metrics(), "nbu_policy_expected_interval_seconds");
    let (known, scraper) = (intervals(), watch(&collected));
    assert!(!known.is_empty());
    for version in [ApiVersion::new(14, 0), old, ApiVersion::new(12, 0), old] {
        turn_to(&collected, version);
        eventually("the parts follow the release", || shown() == [version > old; 3]);
        assert_eq!(intervals(), known);
    }
    scraper.stop();
    assert_eq!(warnings(&collected), Vec::<String>::new());
}

#[test]
fn whatever_release_a_server_is_turned_to_while_collectors_run_no_job_is_lost_or_counted_twice() {
    let start = ApiVersion::new(12, 0);
    let collected = Collected::start(start, &all("1s", "1s"));
    collected.rewrite("collectionInterval: 1h", "collectionInterval: 1s");
    collected.until("nbu_scrape_collector_interval_seconds{site=\"paris\",collector=\"jobs\"} 1");
    until_supported(&collected, true);
    let (began, scraper) = (collected.now(), watch(&collected));
    let finished = || samples(&collected.exporter.metrics(), "nbu_jobs_finished_total");
    let mut last = finished();
    for major in [14, 9, 13, 7, 14, 10, 12] {
        collected.clock.advance(Duration::from_mins(20));
        turn_to(&collected, ApiVersion::new(major, 0));
        until_supported(&collected, major >= 10);
        let now = finished();
        for (series, count) in &last {
            assert!(now.get(series).is_some_and(|now| now >= count), "{series}: {count} and then {now:?}");
        }
        last = now;
    }
    let filter = format!("state%20eq%20'DONE'%20and%20endTime%20gt%20{began}");
    let ended = collected.jobs(&filter).len() as f64;
    assert!(ended > 20.0, "{ended}");
    eventually("all jobs that ended are counted", || finished().into_values().sum::<f64>() >= ended);
    assert_eq!(finished().into_values().sum::<f64>(), ended);
    scraper.stop();
    assert_eq!(warnings(&collected), Vec::<String>::new());
}
