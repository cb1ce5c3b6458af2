//! Tape drives and tapes.

use std::collections::BTreeMap;

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

#[test]
fn the_drives_and_tapes_of_a_bad_night_are_shown_as_the_server_has_them() {
    let collected = Collected::start(ApiVersion::new(14, 0), "tape: {enabled: true, media: all}");
    let page = collected.page("tape");
    let (mut down, mut alerts) = (0, 0);
    for drive in collected.answer("/storage/drives?page%5Blimit%5D=100")["data"].as_array().unwrap() {
        let (name, attributes) = (&drive["id"], &drive["attributes"]);
        let status = attributes["driveStatus"].as_str().unwrap().strip_prefix("DRIVE_STATUS_").unwrap();
        let of = |family: &str, label: &str| {
            value(&page, &format!("{family}{{site=\"paris\",drive={name}{label}}}"))
        };
        assert_eq!(of("nbu_tape_drive_status", &format!(",status=\"{status}\"")), 1.0);
        assert_eq!(
            of("nbu_tape_drive_needs_cleaning", ""),
            f64::from(attributes["cleaningComment"] == "NEEDS CLEANING")
        );
        down += u32::from(of("nbu_tape_drive_status", ",status=\"DOWN\"") == 1.0);
        alerts += u32::from(attributes.get("tapeAlert1").is_some());
    }
    assert_eq!((down, alerts), (1, 1), "one drive is down in a bad night, and gives an alert");
    assert!(page.contains(",alert=\"HARD_ERROR\"} 1"));
    let mut tapes = BTreeMap::<(String, String), u32>::new();
    let mut after = String::new();
    loop {
        let answer = collected.answer(&format!("/storage/tape-media?page%5Blimit%5D=100{after}"));
        for tape in answer["data"].as_array().unwrap() {
            let text = |name: &str| tape["attributes"][name].as_str().unwrap().to_owned();
            *tapes.entry((text("volumePool"), text("mediaType"))).or_default() += 1;
        }
        let Some(next) = answer["meta"]["pagination"]["next"].as_str() else { break };
        after = format!("&page%5Bafter%5D={next}");
    }
    for ((pool, media_type), count) in tapes {
        let pool = serde_json::Value::from(pool);
        let labels = format!("site=\"paris\",pool={pool},media_type=\"{media_type}\",robot_type=\"TLD\"");
        assert_eq!(value(&page, &format!("nbu_tape_media_count{{{labels}}}")), f64::from(count));
    }
    assert_eq!(value(&page, "nbu_tape_scratch_media{site=\"paris\",volume_pool=\"Scratch\"}"), 0.0);
    assert_eq!(value(&page, "nbu_tape_cleaning_uses_remaining{site=\"paris\",media_type=\"HC_CLN\"}"), 0.0);
    let frozen =
        "nbu_tape_media{site=\"paris\",volume_pool=\"NetBackup\",media_type=\"HCART\",status=\"FROZEN\"}";
    assert!(value(&page, frozen) > 0.0);
}

#[test]
fn a_summary_of_the_tapes_says_the_same_of_scratch_frozen_and_cleaning_tapes() {
    let collected = Collected::start(ApiVersion::new(13, 0), "tape: {enabled: true}");
    let page = collected.page("tape");
    assert_eq!(value(&page, "nbu_tape_scratch_media{site=\"paris\",volume_pool=\"Scratch\"}"), 0.0);
    assert_eq!(value(&page, "nbu_tape_cleaning_uses_remaining{site=\"paris\",media_type=\"HC_CLN\"}"), 0.0);
    let frozen =
        "nbu_tape_media{site=\"paris\",volume_pool=\"NetBackup\",media_type=\"HCART\",status=\"FROZEN\"}";
    assert!(value(&page, frozen) > 0.0);
    assert!(!page.contains("nbu_tape_media_count{"));
}

#[test]
fn a_role_without_the_permission_is_told_and_an_older_release_shows_its_drives() {
    const ON: &str = "tape: {enabled: true}";
    says_that_it_is_refused(ON, "tape", "/storage/drives");
    is_not_supported_at(ApiVersion::new(9, 0), ON, "tape");
    let collected = Collected::start(ApiVersion::new(10, 0), ON);
    let page = collected.page("tape");
    assert!(page.contains("nbu_tape_drive_status{") && !page.contains("nbu_tape_scratch_media{"));
    assert_eq!(collected.run("unauthorized", "tape"), Some(0.0));
}
