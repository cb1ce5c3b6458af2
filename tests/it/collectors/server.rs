//! The primary server itself.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, value};

const ON: &str = "server: {enabled: true}";

#[test]
fn the_server_of_a_bad_night_is_frozen_and_has_paused_clients() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("server");
    let info = collected.answer("/security/serverinfo");
    let series = format!(
        "nbu_server_info{{site=\"paris\",server={},release={}}}",
        info["serverName"], info["nbuVersion"]
    );
    assert_eq!(value(&page, &series), 1.0);
    assert_eq!(value(&page, "nbu_server_freeze_mode{site=\"paris\"}"), 1.0);
    let paused = collected.answer("/config/paused-clients?page%5Blimit%5D=100");
    let paused = paused["data"].as_array().unwrap();
    for trigger in ["AUTOMATIC", "MANUAL"] {
        let count = paused.iter().filter(|client| client["attributes"]["triggerMethod"] == trigger).count();
        assert_eq!(
            value(&page, &format!("nbu_paused_clients{{site=\"paris\",trigger=\"{trigger}\"}}")),
            count as f64
        );
        assert!(count > 0);
    }
}

#[test]
fn a_role_that_may_not_see_paused_clients_is_told_and_sees_the_rest() {
    let collected = Collected::prepared(ApiVersion::new(12, 0), ON, |server| {
        server.set_denied(vec!["/config/paused-clients".to_owned()]);
    });
    let page = collected.until("nbu_scrape_collector_unauthorized{site=\"paris\",collector=\"server\"} 1");
    assert!(page.contains("\nnbu_server_info{") && !page.contains("\nnbu_paused_clients{"));
    assert_eq!(collected.run("success", "server"), Some(1.0));
    assert_eq!(collected.run("success", "storage"), Some(1.0));
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "server");
}
