//! Certificates.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, value};

const ON: &str = "certificates: {enabled: true}";
const DENIED: &str = "/security/certificates/current";

#[test]
fn a_certificate_of_a_bad_night_was_not_renewed_for_long() {
    let collected = Collected::start(ApiVersion::new(13, 0), ON);
    let page = collected.page("certificates");
    let current = collected.answer("/security/certificates/current");
    let (mut servers, mut clients, mut late) = (0.0, 0.0, Vec::new());
    let now = jiff::Timestamp::now().as_second();
    for certificate in current["certificateList"].as_array().unwrap() {
        if certificate["hostType"] == 2 {
            clients += 1.0;
            continue;
        }
        servers += 1.0;
        let end = certificate["notAfter"].as_i64().unwrap() / 1000;
        let series = format!(
            "nbu_host_certificate_expiry_timestamp_seconds{{site=\"paris\",host={}}}",
            certificate["hostName"]
        );
        assert_eq!(value(&page, &series), end as f64);
        if end - now < 150 * 86_400 {
            late.push(certificate["hostName"].clone());
        }
    }
    assert_eq!(late.len(), 1, "{late:?}");
    let counts = |kind: &str, within: &str| {
        value(
            &page,
            &format!(
                "nbu_host_certificates{{site=\"paris\",host_type=\"{kind}\",expires_within=\"{within}\"}}"
            ),
        )
    };
    assert_eq!((counts("server", "30d"), counts("server", "later")), (1.0, servers - 1.0));
    assert_eq!((counts("client", "expired"), counts("client", "later")), (0.0, clients));
    let authority =
        page.lines().filter(|line| line.starts_with("nbu_ca_certificate_expiry_timestamp_seconds{"));
    assert_eq!(authority.count(), 1, "only the active authority");
    assert!(!page.contains("\nnbu_tls_certificate_expiry_timestamp_seconds{"), "this site speaks no TLS");
}

#[test]
fn a_role_that_may_not_see_hosts_is_told_and_sees_the_authorities() {
    let collected =
        Collected::prepared(ApiVersion::new(12, 0), ON, |server| server.set_denied(vec![DENIED.to_owned()]));
    let page =
        collected.until("nbu_scrape_collector_unauthorized{site=\"paris\",collector=\"certificates\"} 1");
    assert!(
        page.contains("\nnbu_ca_certificate_expiry_timestamp_seconds{")
            && !page.contains("\nnbu_host_certificate")
    );
    assert_eq!(collected.run("success", "certificates"), Some(1.0));
    assert_eq!(collected.run("success", "storage"), Some(1.0));
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "certificates");
}

#[test]
fn a_role_that_sees_the_keys_of_others_learns_the_end_of_its_own_from_11_0_on() {
    let mut end = None;
    let collected = Collected::prepared(ApiVersion::new(13, 0), "certificates: {enabled: false}", |server| {
        server.add_foreign_key("somebody", jiff::Timestamp::now().as_millisecond() + 1_000);
    });
    let keys = collected.answer("/security/api-keys?page%5Blimit%5D=100");
    let keys = keys["data"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys.iter().filter(|key| key["attributes"]["userName"] != "somebody") {
        end = key["attributes"]["expiryDateTime"].as_str().map(|end| end.parse::<jiff::Timestamp>().unwrap());
    }
    let end = end.unwrap().as_second();
    collected.until(&format!("nbu_api_credential_expiry_timestamp_seconds{{site=\"paris\"}} {end}"));
}
