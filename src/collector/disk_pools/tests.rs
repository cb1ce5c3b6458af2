//! Disk pools as they come, and what becomes of them.

use super::*;
use crate::collector::walk::fold_page;

fn pools(data: &str) -> (Vec<Pool>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let mut pools = Vec::new();
    let text = format!(r#"{{"data":[{data}]}}"#);
    fold_page(&text, &mut diagnostics, |record: PoolRecord<'_>, malformed| {
        pools.push(Pool::new(record, malformed)?);
        Some(())
    })
    .unwrap();
    tell_apart(&mut pools);
    (pools, diagnostics)
}

fn page(data: &str) -> String {
    families::render("paris", &pools(data).0).iter().map(Family::text).collect()
}

#[test]
fn a_pool_becomes_series_and_what_it_leaves_out_does_not() {
    let page = page(
        r#"{"id":"a","attributes":{"name":"gold","sType":"PureDisk","storageCategory":"MSDP","diskPoolState":"UP",
        "usableSizeBytes":100.0,"usedCapacityBytes":"93","rawSizeBytes":null,"availableSpaceBytes":9223372036854775807,
        "highWaterMark":98,"wormCapable":"TRUE","readOnly":false,"mediaServersCount":2,
        "diskVolumes":[{"state":"UP"},{"state":"DOWN"},{"state":"NEVER_HEARD_OF"},{"state":"UP"}]}}"#,
    );
    for line in [
        "nbu_disk_pool_up{site=\"paris\",disk_pool=\"gold\"} 1\n",
        "nbu_disk_pool_info{site=\"paris\",disk_pool=\"gold\",storage_category=\"MSDP\",storage_server_type=\"PureDisk\",worm_capable=\"true\"} 1\n",
        "nbu_disk_pool_read_only{site=\"paris\",disk_pool=\"gold\"} 0\n",
        "nbu_disk_pool_usable_bytes{site=\"paris\",disk_pool=\"gold\"} 100\n",
        "nbu_disk_pool_used_bytes{site=\"paris\",disk_pool=\"gold\"} 93\n",
        "nbu_disk_pool_high_water_mark_ratio{site=\"paris\",disk_pool=\"gold\"} 0.98\n",
        "nbu_disk_pool_media_servers{site=\"paris\",disk_pool=\"gold\"} 2\n",
        "nbu_disk_pool_volumes{site=\"paris\",disk_pool=\"gold\",state=\"UP\"} 2\n",
        "nbu_disk_pool_volumes{site=\"paris\",disk_pool=\"gold\",state=\"UNKNOWN\"} 1\n",
        "nbu_disk_pool_volume_count{site=\"paris\",pool_name=\"gold\",storage_category=\"MSDP\",state=\"DOWN\"} 1\n",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    for name in ["raw_bytes", "available_bytes", "low_water_mark"] {
        assert!(!page.contains(name), "{name} is in\n{page}");
    }
}

#[test]
fn a_pool_that_is_down_or_in_transition_is_not_up_and_one_without_a_state_is_neither() {
    let up = |state: &str| {
        let (pools, _) = pools(&format!(r#"{{"id":"a","attributes":{{"name":"a"{state}}}}}"#));
        pools[0].is_up
    };
    assert_eq!(up(r#","diskPoolState":"DOWN""#), Some(false));
    assert_eq!(up(r#","diskPoolState":"TRANSIENT""#), Some(false));
    assert_eq!(up(""), None);
}

#[test]
fn two_pools_of_one_name_are_called_by_their_ids() {
    let (pools, _) = pools(
        r#"{"id":"p:1","attributes":{"name":"gold"}},{"id":"p:2","attributes":{"name":"gold"}},{"id":"p:3","attributes":{"name":"tin"}}"#,
    );
    let names: Vec<_> = pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["p:1", "p:2", "tin"]);
}

#[test]
fn a_record_without_a_name_is_counted_and_malformed_fields_cost_only_themselves() {
    let (pools, diagnostics) = pools(
        r#"{"id":"","attributes":{}},{"id":"x"},17,{"id":"a","attributes":{"usedCapacityBytes":-5,"readOnly":[1],"highWaterMark":"?"}}"#,
    );
    assert_eq!((pools.len(), diagnostics.malformed), (1, 6));
    assert_eq!((pools[0].name.as_str(), pools[0].used), ("a", None));
}
