//! The families of storage units, to the letter.

use super::*;

/// Shapes as in the API reference: a deduplicating unit, a cloud unit without capacities, tape in both spellings.
const UNITS: &str = r#"{"data":[
 {"type":"storageUnit","id":"stu-msdp-1","attributes":{"name":"stu-msdp-1","storageType":"Disk","storageSubType":"DiskPool",
  "storageServerType":"PureDisk","storageCategory":"MSDP","accelerator":true,"replicationCapable":true,
  "instantAccessEnabled":true,"isCloudSTU":false,"freeCapacityBytes":41231686041600,"totalCapacityBytes":105553116266496,
  "usedCapacityBytes":64321430224896,"maxFragmentSizeMegabytes":51200,"maxConcurrentJobs":60,"wormCapable":true,"useWorm":false}},
 {"type":"storageUnit","id":"cloud","attributes":{"storageType":"Disk","storageServerType":"amazon","storageCategory":"CLOUD",
  "isCloudSTU":true,"maxConcurrentJobs":"12","maxFragmentSizeMegabytes":{"malformed":1}}},
 {"type":"storageUnit","id":"tape-1","attributes":{"name":"tape-1","storageCategory":"TAPE","storageType":"Media Manager"}},
 {"type":"storageUnit","id":"tape-2","attributes":{"name":"tape-2","storageType":"tape"}},
 {"type":"storageUnit","attributes":null}, 7
],"meta":{"pagination":{"count":6,"offset":0,"limit":100,"first":0,"last":0}}}"#;

#[test]
fn units_become_exactly_these_families() {
    let (mut units, mut diagnostics) = (Vec::new(), Diagnostics::default());
    let page = fold(UNITS, &mut units, &mut diagnostics).unwrap();
    assert_eq!((page.records, units.len()), (6, 2));
    // A malformed field, a record without attributes, and one that is no object.
    assert_eq!(diagnostics.malformed, 3);
    let families = families::render("paris", &units);
    let text: String = families.iter().map(Family::text).collect();
    assert_eq!(text, include_str!("units.prom"));
    let descs: Vec<_> = families.iter().map(|family| family.desc().name).collect();
    assert_eq!(descs, families::FAMILIES.iter().map(|desc| desc.name).collect::<Vec<_>>());
}
