//! Alerts.

use std::time::Duration;

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};
use crate::harness::eventually;

const ON: &str = "alerts: {enabled: true}";

/// The sum of a family whose labels are severity and context.
fn sum(page: &str, family: &str) -> f64 {
    let mut sum = 0.0;
    for severity in ["ERROR", "WARNING", "INFO"] {
        for context in ["CREDENTIAL", "GENERAL", "JOB_STATE_FAILED", "JOB_STATE_SUSPEND", "JOB_TYPE_BACKUP"] {
            let labels = format!("{{site=\"paris\",severity=\"{severity}\",context=\"{context}\"}}");
            sum += value(page, &format!("{family}{labels}"));
        }
    }
    sum
}

#[test]
fn the_alerts_of_a_bad_night_are_all_those_of_a_day_and_none_of_them_is_new() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("alerts");
    let old_name = |severity: &str| {
        value(&page, &format!("nbu_alerts_count{{site=\"paris\",severity=\"{severity}\",category=\"JOB\"}}"))
    };
    let old_names: f64 = ["ERROR", "WARNING", "INFO"].map(old_name).iter().sum();
    // One in ten minutes, which is more than the one page that the Go exporter read.
    assert!([144.0, 145.0].contains(&old_names), "{old_names}");
    assert_eq!(sum(&page, "nbu_alerts_window_alerts"), old_names);
    assert_eq!(sum(&page, "nbu_alerts_created_total"), 0.0);
}

#[test]
fn alerts_that_come_later_count_once() {
    let collected = Collected::start(ApiVersion::new(12, 0), "alerts: {enabled: true, interval: 1s}");
    collected.page("alerts");
    collected.clock.advance(Duration::from_hours(1));
    eventually("the alerts of an hour", || {
        sum(&collected.exporter.metrics(), "nbu_alerts_created_total") == 6.0
    });
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "alerts", "/manage/alerts");
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "alerts");
}
