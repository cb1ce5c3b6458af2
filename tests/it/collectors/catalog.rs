//! Images of the catalog.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "catalog: {enabled: true}";

#[test]
fn the_images_of_a_bad_night_are_counted_by_what_each_release_can_tell() {
    let count = |version, malware: &str, anomalies: &[&str]| {
        let collected = Collected::start(version, ON);
        let page = collected.page("catalog");
        let of = |family: &str, anomaly: &str| {
            let labels = format!("malware_status=\"{malware}\",anomaly_status=\"{anomaly}\"");
            value(&page, &format!("{family}{{site=\"paris\",{labels}}}"))
        };
        for anomaly in anomalies {
            assert_eq!(of("nbu_catalog_images_count", anomaly), of("nbu_catalog_window_images", anomaly));
        }
        anomalies.iter().map(|anomaly| of("nbu_catalog_window_images", anomaly)).sum::<f64>()
    };
    let told_apart = ["ANOMALOUS", "NOT_ANOMALOUS", "NOT_PROCESSED"];
    let newest = count(ApiVersion::new(14, 0), "NOT_SCANNED", &told_apart);
    assert!(newest > 50.0, "{newest}");
    // Some are not reviewed, which is none of the three, and the night goes on between two runs of the test.
    let middle = count(ApiVersion::new(12, 0), "NOT_SCANNED", &told_apart);
    let oldest = count(ApiVersion::new(10, 0), "NOT_SCANNED", &["UNKNOWN"]);
    assert!((newest - middle).abs() < 5.0 && oldest + 5.0 > middle, "{newest} {middle} {oldest}");
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "catalog", "/catalog/images");
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "catalog");
}
