//! Storage lifecycle policies.

use std::collections::BTreeMap;

use nbu_exporter_simulator::ApiVersion;
use serde_json::Value;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "slp: {enabled: true}";

#[test]
fn the_backlog_of_a_bad_night_is_shown_as_the_server_has_it() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("slp");
    // By SLP and state: how many images, and the oldest backup.
    let mut backlog = BTreeMap::<(String, String), u32>::new();
    let mut oldest = BTreeMap::<String, i64>::new();
    let mut after = String::new();
    loop {
        let answer = collected.answer(&format!("/catalog/slp-images?page%5Blimit%5D=1000{after}"));
        for image in answer["data"].as_array().unwrap() {
            let text = |name: &str| image["attributes"][name].as_str().unwrap().to_owned();
            *backlog.entry((text("slpName"), text("slpImageState"))).or_default() += 1;
            let time = text("backupTime").parse::<jiff::Timestamp>().unwrap().as_second();
            oldest.entry(text("slpName")).or_insert(time);
        }
        let Some(next) = answer["meta"]["pagination"]["next"].as_str() else { break };
        after =
            format!("&page%5Bafter%5D={}", next.replace('+', "%2B").replace(':', "%3A").replace('=', "%3D"));
    }
    assert!(backlog.values().sum::<u32>() > 1_500, "the first SLP is stuck in a bad night");
    for ((slp, state), count) in &backlog {
        let slp = Value::from(slp.as_str());
        let series = format!("nbu_slp_incomplete_images{{site=\"paris\",slp={slp},state=\"{state}\"}}");
        assert_eq!(value(&page, &series), f64::from(*count));
    }
    let slps = collected.answer("/config/slps?page%5Blimit%5D=100");
    let mut inactive = 0;
    for slp in slps["data"].as_array().unwrap() {
        let (name, active) = (&slp["id"], slp["attributes"]["active"] == true);
        assert_eq!(value(&page, &format!("nbu_slp_active{{site=\"paris\",slp={name}}}")), f64::from(active));
        let age = format!("nbu_slp_oldest_incomplete_backup_timestamp_seconds{{site=\"paris\",slp={name}}}");
        let expected = oldest.get(name.as_str().unwrap());
        assert_eq!(crate::harness::sample(&page, &age), expected.map(|second| *second as f64), "{name}");
        inactive += u32::from(!active);
    }
    assert_eq!(inactive, 1, "one of the few is inactive");
    assert!(page.contains("copy_state=\"IMPORT_PENDING\"} "));
}

#[test]
fn a_role_that_may_see_one_of_the_lists_is_shown_it_and_told_of_the_other() {
    says_that_it_is_refused(ON, "slp", "/catalog/slp-images");
    let collected = Collected::prepared(ApiVersion::new(12, 0), ON, |server| {
        server.set_denied(vec!["/config/slps".to_owned()]);
    });
    let page = collected.page("slp");
    assert!(page.contains("nbu_slp_incomplete_images{") && !page.contains("nbu_slp_active{"));
    assert_eq!(collected.run("unauthorized", "slp"), Some(1.0));
}

#[test]
fn a_release_before_10_3_has_no_list_of_images() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "slp");
}
