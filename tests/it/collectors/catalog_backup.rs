//! The backups of the catalog.

use nbu_exporter_simulator::ApiVersion;
use serde_json::Value;

use super::{Collected, says_that_it_is_refused, value};

const ON: &str = "catalogBackup: {enabled: true}";

/// The second of an attribute that holds a date-time.
fn second(value: &Value) -> f64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second() as f64
}

#[test]
fn the_catalog_backup_of_a_bad_night_failed_and_the_last_good_one_is_told() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("catalog_backup");
    let jobs = |filter: &str| {
        let filter = format!("policyType%20eq%20'NBU_CATALOG'%20and%20state%20eq%20'DONE'{filter}");
        let path = format!("/admin/jobs?filter={filter}&sort=-endTime&page%5Blimit%5D=50");
        let list = collected.answer(&path)["data"].as_array().unwrap().clone();
        let is_root = |job: &Value| !job["attributes"]["jobPath"].as_str().unwrap().contains('.');
        list.into_iter().find(is_root).unwrap()["attributes"].take()
    };
    let (last, good) = (jobs(""), jobs("%20and%20status%20eq%200"));
    let of = |family: &str, labels: &str| {
        value(
            &page,
            &format!(
                "nbu_catalog_backup_last_{family}{{site=\"paris\",policy={}{labels}}}",
                last["policyName"]
            ),
        )
    };
    assert_eq!(of("status", ""), last["status"].as_f64().unwrap());
    assert!(of("status", "") > 1.0, "it fails in a bad night");
    assert_eq!(of("timestamp_seconds", ",result=\"failed\""), second(&last["endTime"]));
    assert_eq!(of("timestamp_seconds", ",result=\"success\""), second(&good["endTime"]));
    assert!(
        of("timestamp_seconds", ",result=\"failed\"") - of("timestamp_seconds", ",result=\"success\"")
            > 86400.0
    );
    assert_eq!(of("duration_seconds", ""), second(&good["endTime"]) - second(&good["startTime"]));
    assert!(of("bytes", "") > 0.0);
}

#[test]
fn a_role_that_sees_no_jobs_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "catalog_backup", "/admin/jobs");
}
