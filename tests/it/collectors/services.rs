//! The daemons of hosts.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "services: {enabled: true}";

/// Holds that each daemon of a host is shown as the server has it; returns how many are.
fn check(collected: &Collected, page: &str, host: &str, id: &str) -> usize {
    let services = collected.answer(&format!("/admin/hosts/{id}/services"));
    let mut shown = 0;
    for service in services["data"].as_array().unwrap() {
        let series = format!("nbu_service_up{{site=\"paris\",host=\"{host}\",daemon={}}}", service["id"]);
        match service["attributes"]["status"].as_str().unwrap() {
            "DISABLED" => assert!(!page.contains(&series)),
            status => assert_eq!(value(page, &series), f64::from(status == "RUNNING")),
        }
        shown += usize::from(page.contains(&series));
    }
    shown
}

#[test]
fn the_daemons_of_the_primary_server_and_of_a_named_media_server_are_shown() {
    let domain = Collected::start(ApiVersion::new(12, 0), "services: {enabled: false}");
    let hosts = domain.answer("/config/hosts?filter=nbuHostType%20eq%20'MEDIA_SERVER'");
    let media = hosts["hosts"][0]["hostName"].as_str().unwrap().to_owned();
    drop(domain);
    let collected = Collected::start(
        ApiVersion::new(12, 0),
        &format!("services: {{enabled: true, hosts: [primary, {media}]}}"),
    );
    let page = collected.page("services");
    let info = collected.answer("/security/serverinfo");
    let (primary, id) = (info["serverName"].as_str().unwrap(), info["masterHostId"].as_str().unwrap());
    let of_primary = check(&collected, &page, primary, id);
    assert_eq!(
        value(&page, &format!("nbu_service_up{{site=\"paris\",host=\"{primary}\",daemon=\"nbpem\"}}")),
        0.0
    );
    let hosts = collected.answer("/config/hosts?filter=nbuHostType%20eq%20'MEDIA_SERVER'");
    let of_media = check(&collected, &page, &media, hosts["hosts"][0]["uuid"].as_str().unwrap());
    assert_eq!(
        value(&page, "nbu_scrape_collector_series{site=\"paris\",collector=\"services\"}"),
        (of_primary + of_media) as f64
    );
    assert!(of_primary > of_media && of_media > 0);
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "services", "/admin/hosts");
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "services");
}
