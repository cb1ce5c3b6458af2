//! Policies, and how often each is due.

use nbu_exporter_simulator::{ApiVersion, PolicyChange};
use serde_json::Value;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};
use crate::harness::{eventually, sample};

const ON: &str = "protection: {enabled: true}";
const OFTEN: &str = "protection: {enabled: true, interval: 1s}";
const HOUR: f64 = 3_600.0;

fn policies(collected: &Collected) -> Vec<Value> {
    let list = collected.answer("/config/policies/?page%5Blimit%5D=500&sort=policyName");
    list["data"].as_array().unwrap().clone()
}

fn of(page: &str, family: &str, policy: &Value) -> Option<f64> {
    sample(page, &format!("{family}{{site=\"paris\",policy={}}}", policy["id"]))
}

/// In hours, the least and the most that the names of its schedules mean at the simulated server.
fn expected(collected: &Collected, policy: &Value) -> (f64, f64) {
    let details = collected.answer(&format!("/config/policies/{}", policy["id"].as_str().unwrap()));
    let attributes = details["data"]["attributes"].as_object().unwrap();
    let schedules = attributes.values().next().unwrap()["schedules"].as_array().unwrap();
    let names: Vec<_> = schedules.iter().map(|schedule| schedule["scheduleName"].as_str().unwrap()).collect();
    let hours = match (names.contains(&"daily"), names.contains(&"weekly-full")) {
        (true, true) => 24.0,
        // Monday to Friday.
        (true, false) => 72.0,
        (false, true) => 7.0 * 24.0,
        (false, false) if names.contains(&"logs") => 4.0,
        (false, false) => return (28.0 * 24.0, 31.0 * 24.0),
    };
    (hours, hours)
}

fn are_shown_as_the_server_has_them(version: ApiVersion) {
    let collected = Collected::start(version, ON);
    let page = collected.page("protection");
    let policies = policies(&collected);
    assert!(policies.len() > 10);
    let (mut due, mut active, mut catalogs) = (0, 0.0, 0.0);
    for policy in &policies {
        let is_active = policy["attributes"]["active"] == true;
        assert_eq!(of(&page, "nbu_policy_active", policy), Some(f64::from(u8::from(is_active))));
        active += f64::from(u8::from(is_active));
        catalogs += f64::from(u8::from(is_active && policy["type"] == "NBU-Catalog"));
        let Some(interval) = of(&page, "nbu_policy_expected_interval_seconds", policy) else { continue };
        let (least, most) = expected(&collected, policy);
        assert!((least * HOUR..=most * HOUR).contains(&interval), "{interval} of {policy}");
        assert!(is_active);
        due += 1;
    }
    assert!(due > 8, "{due} policies have an interval");
    assert_eq!(value(&page, "nbu_catalog_backup_policies{site=\"paris\"}"), catalogs);
    let counted =
        page.lines().filter(|line| line.starts_with("nbu_policies{") && line.contains("active=\"true\""));
    assert_eq!(
        counted.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum::<f64>(),
        active
    );
    assert_eq!(collected.run("odd_records_total", "protection"), Some(0.0));
}

#[test]
fn the_policies_of_a_bad_night_are_shown_as_the_server_has_them() {
    are_shown_as_the_server_has_them(ApiVersion::new(14, 0));
}

#[test]
fn before_the_generic_schema_they_are_shown_all_the_same() {
    are_shown_as_the_server_has_them(ApiVersion::new(10, 0));
}

#[test]
fn an_unchanged_domain_costs_one_request_a_run_and_a_policy_that_is_deleted_loses_its_series() {
    let collected = Collected::start(ApiVersion::new(12, 0), OFTEN);
    collected.until("nbu_scrape_collector_requests{site=\"paris\",collector=\"protection\"} 1");
    let policies = policies(&collected);
    let [first, second] = &policies[..2] else { panic!() };
    collected.server().change_policy(first["id"].as_str().unwrap(), PolicyChange::Delete);
    collected.server().change_policy(second["id"].as_str().unwrap(), PolicyChange::Deactivate);
    eventually("one policy is gone and one is inactive", || {
        let page = collected.exporter.metrics();
        of(&page, "nbu_policy_active", first).is_none() && of(&page, "nbu_policy_active", second) == Some(0.0)
    });
    let page = collected.exporter.metrics();
    assert!(
        [first, second]
            .iter()
            .all(|policy| of(&page, "nbu_policy_expected_interval_seconds", policy).is_none())
    );
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "protection", "/config/policies/");
}

#[test]
fn a_role_that_may_not_see_images_lacks_a_part_of_the_policies_and_nothing_of_jobs() {
    let collected = Collected::prepared(ApiVersion::new(14, 0), OFTEN, |server| {
        server.set_denied(vec!["/catalog/images".to_owned()]);
    });
    collected.rewrite("collectionInterval: 1h", "collectionInterval: 1s");
    let unauthorized =
        |name: &str| format!("nbu_scrape_collector_unauthorized{{site=\"paris\",collector=\"{name}\"}}");
    let page = collected.until(&format!("{} 1", unauthorized("protection")));
    assert_eq!(value(&page, &unauthorized("jobs")), 0.0);
    for name in ["jobs", "protection"] {
        assert_eq!(collected.run("success", name), Some(1.0));
    }
    assert_eq!(collected.server().requests().matching("/catalog/images").len(), 1);
    collected.server().set_denied(Vec::new());
    collected.exporter.signal("HUP");
    collected.until(&format!("{} 0", unauthorized("protection")));
    collected.until("nbu_backup_history_read_ratio{site=\"paris\"} 1");
}

#[test]
fn a_release_before_10_3_is_not_asked_for_policies() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "protection");
}
