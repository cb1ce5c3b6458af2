//! Disk pools.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "diskPools: {enabled: true}";

#[test]
fn the_pools_of_a_bad_night_are_shown_as_the_server_has_them() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("disk_pools");
    let pools = collected.answer("/storage/disk-pools?page%5Blimit%5D=100");
    let pools = pools["data"].as_array().unwrap();
    assert!(pools.len() > 1);
    let mut full = 0;
    for pool in pools {
        let attributes = &pool["attributes"];
        let of = |family: &str| {
            let series = format!("{family}{{site=\"paris\",disk_pool={}}}", attributes["name"]);
            crate::harness::sample(&page, &series)
        };
        assert_eq!(of("nbu_disk_pool_up"), Some(f64::from(attributes["diskPoolState"] == "UP")));
        assert_eq!(of("nbu_disk_pool_used_bytes"), attributes["usedCapacityBytes"].as_f64());
        assert_eq!(of("nbu_disk_pool_usable_bytes"), attributes["usableSizeBytes"].as_f64());
        let (Some(used), Some(usable)) = (of("nbu_disk_pool_used_bytes"), of("nbu_disk_pool_usable_bytes"))
        else {
            continue;
        };
        let mark = of("nbu_disk_pool_high_water_mark_ratio").unwrap();
        full += u32::from(used / usable >= mark - 0.02);
    }
    assert_eq!(full, 1, "one pool is full in a bad night");
    assert!(value(&page, "nbu_scrape_collector_records{site=\"paris\",collector=\"disk_pools\"}") > 1.0);
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "disk_pools", "/storage/disk-pools");
}

#[test]
fn a_release_before_10_3_has_no_list_of_pools() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "disk_pools");
}
