//! Licences.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "licensing: {enabled: true}";

#[test]
fn licences_and_their_use_are_shown_as_the_server_has_them() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("licensing");
    let entitlements = collected.answer("/licensing/entitlements?page%5Blimit%5D=100");
    let entitlements = entitlements["data"].as_array().unwrap();
    assert!(entitlements.len() > 1);
    for entitlement in entitlements {
        let of = &entitlement["attributes"];
        let labels = format!(
            "product={},license_type={},meter={}",
            of["productName"], of["licenseType"], of["licenseMeter"]
        );
        let end: jiff::Timestamp = of["endDate"].as_str().unwrap().parse().unwrap();
        let value = |family: &str| value(&page, &format!("{family}{{site=\"paris\",{labels}}}"));
        assert_eq!(value("nbu_license_expiry_timestamp_seconds"), end.as_second() as f64);
        assert_eq!(value("nbu_license_units"), of["licenseCount"].as_f64().unwrap());
    }
    let capacity = collected.answer("/licensing/capacity");
    let megabytes = capacity["data"][0]["attributes"]["masterConsumptionMB"].as_f64().unwrap();
    assert_eq!(value(&page, "nbu_license_consumed_bytes{site=\"paris\"}"), megabytes * 1_048_576.0);
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "licensing", "/licensing/entitlements");
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "licensing");
}
