//! Anomalies.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "anomalies: {enabled: true}";

#[test]
fn the_anomalies_of_a_bad_night_are_counted_by_severity_and_status() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("anomalies");
    let (mut all, mut open) = (0.0, 0.0);
    for severity in ["HIGH", "MEDIUM", "LOW"] {
        for status in ["ANOMALY", "NOT_REVIEWED", "REPORTED_FALSE_POSITIVE", "IGNORED"] {
            let count = value(
                &page,
                &format!("nbu_anomalies{{site=\"paris\",severity=\"{severity}\",status=\"{status}\"}}"),
            );
            all += count;
            open += if (severity, status) == ("HIGH", "ANOMALY") { count } else { 0.0 };
        }
    }
    // One in nine hours for 30 days; the five of the last two days are of high severity.
    assert_eq!(all, 80.0);
    assert!(open >= 5.0, "{open}");
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "anomalies", "/security/anomalies");
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "anomalies");
}
