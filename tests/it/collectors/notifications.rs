//! Notifications of the event log.

use std::time::Duration;

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};
use crate::harness::eventually;

const ON: &str = "notifications: {enabled: true}";

/// How many there are of all.
fn sum(page: &str) -> f64 {
    let mut sum = 0.0;
    for severity in ["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "RCA"] {
        for priority in ["HIGH", "MEDIUM", "LOW"] {
            let labels = format!("{{site=\"paris\",severity=\"{severity}\",priority=\"{priority}\"}}");
            sum += value(page, &format!("nbu_notifications_created_total{labels}"));
        }
    }
    sum
}

#[test]
fn the_past_is_not_counted_and_what_comes_later_counts_once() {
    let collected = Collected::start(ApiVersion::new(14, 0), "notifications: {enabled: true, interval: 1s}");
    assert_eq!(sum(&collected.page("notifications")), 0.0);
    // One in 50 minutes.
    collected.clock.advance(Duration::from_mins(100));
    eventually("the notifications of 100 minutes", || sum(&collected.exporter.metrics()) == 2.0);
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "notifications", "/eventlog/notifications");
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "notifications");
}
