//! The families of storage units.

use crate::metric::{Desc, Family, Labelled, MetricKind};

use super::unit::Unit;

static FREE: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_storage_unit_free_bytes",
    "Free space of a storage unit (freeCapacityBytes); cloud units have none.",
    ["storage_unit"],
);
static USED: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_storage_unit_used_bytes",
    "Used space of a storage unit (usedCapacityBytes); cloud units have none.",
    ["storage_unit"],
);
static CAPACITY: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_storage_unit_capacity_bytes",
    "Size of a storage unit (totalCapacityBytes); cloud units have none.",
    ["storage_unit"],
);
static MAX_JOBS: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_storage_unit_max_concurrent_jobs",
    "Most jobs that a storage unit takes at a time (maxConcurrentJobs).",
    ["storage_unit"],
);
static MAX_FRAGMENT: Labelled<1> = Labelled::native(
    MetricKind::Gauge,
    "nbu_storage_unit_max_fragment_size_bytes",
    "Largest fragment that a storage unit writes (maxFragmentSizeMegabytes).",
    ["storage_unit"],
);
static INFO: Labelled<10> = Labelled::native(
    MetricKind::Gauge,
    "nbu_storage_unit_info",
    "What a storage unit is, as labels (storageType, storageSubType, storageServerType, storageCategory and its \
     capabilities); always 1.",
    [
        "storage_unit",
        "storage_type",
        "storage_subtype",
        "storage_server_type",
        "storage_category",
        "cloud",
        "worm_capable",
        "use_worm",
        "replication_capable",
        "instant_access",
    ],
);
static V4_BYTES: Labelled<3> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_disk_bytes",
    "Free and used space of a storage unit (freeCapacityBytes, usedCapacityBytes).",
    ["name", "type", "size"],
);
static V4_CAPACITY: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_disk_capacity_bytes",
    "Size of a storage unit (totalCapacityBytes).",
    ["name", "type"],
);
static V4_MAX_JOBS: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_storage_max_concurrent_jobs",
    "Most jobs that a storage unit takes at a time (maxConcurrentJobs).",
    ["name", "type"],
);
static V4_MAX_FRAGMENT: Labelled<2> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_storage_max_fragment_size_bytes",
    "Largest fragment that a storage unit writes (maxFragmentSizeMegabytes).",
    ["name", "type"],
);
static V4_INFO: Labelled<8> = Labelled::v4(
    MetricKind::Gauge,
    "nbu_storage_info",
    "What a storage unit is and can do, as labels; always 1.",
    [
        "name",
        "type",
        "subtype",
        "is_cloud",
        "worm_capable",
        "use_worm",
        "replication_capable",
        "instant_access",
    ],
);

/// Everything that [`render`] gives, in its order.
pub(in crate::collector) static FAMILIES: &[&Desc] = &[
    &FREE,
    &USED,
    &CAPACITY,
    &MAX_JOBS,
    &MAX_FRAGMENT,
    &INFO,
    &V4_BYTES,
    &V4_CAPACITY,
    &V4_MAX_JOBS,
    &V4_MAX_FRAGMENT,
    &V4_INFO,
];

/// The families of a site's storage units.
pub(super) fn render(site: &str, units: &[Unit]) -> Vec<Family> {
    let native = |desc: &'static Labelled<1>, value: fn(&Unit) -> Option<u64>| {
        let values = units.iter().filter_map(move |unit| Some(([unit.name.as_str()], value(unit)? as f64)));
        desc.family(site, values)
    };
    let v4 = |desc: &'static Labelled<2>, value: fn(&Unit) -> Option<u64>| {
        let values = units
            .iter()
            .filter_map(move |unit| Some(([&*unit.name, &*unit.server_type], value(unit)? as f64)));
        desc.family(site, values)
    };
    vec![
        native(&FREE, |unit| unit.free_bytes),
        native(&USED, |unit| unit.used_bytes),
        native(&CAPACITY, |unit| unit.capacity_bytes),
        native(&MAX_JOBS, |unit| unit.max_concurrent_jobs),
        native(&MAX_FRAGMENT, |unit| unit.max_fragment_bytes),
        INFO.family(site, units.iter().map(|unit| (info(unit), 1.0))),
        V4_BYTES.family(site, units.iter().flat_map(v4_bytes)),
        v4(&V4_CAPACITY, |unit| unit.capacity_bytes),
        v4(&V4_MAX_JOBS, |unit| unit.max_concurrent_jobs),
        v4(&V4_MAX_FRAGMENT, |unit| unit.max_fragment_bytes),
        V4_INFO.family(site, units.iter().map(|unit| (v4_info(unit), 1.0))),
    ]
}

fn info(unit: &Unit) -> [&str; 10] {
    let [cloud, worm, uses_worm, replication, instant_access] = capabilities(unit);
    [
        &unit.name,
        &unit.storage_type,
        &unit.storage_subtype,
        &unit.server_type,
        &unit.category,
        cloud,
        worm,
        uses_worm,
        replication,
        instant_access,
    ]
}

fn v4_info(unit: &Unit) -> [&str; 8] {
    let [cloud, worm, uses_worm, replication, instant_access] = capabilities(unit);
    [
        &unit.name,
        &unit.server_type,
        &unit.storage_subtype,
        cloud,
        worm,
        uses_worm,
        replication,
        instant_access,
    ]
}

fn capabilities(unit: &Unit) -> [&'static str; 5] {
    unit.capabilities.map(|capability| if capability { "true" } else { "false" })
}

fn v4_bytes(unit: &Unit) -> impl Iterator<Item = ([&str; 3], f64)> {
    [("free", unit.free_bytes), ("used", unit.used_bytes)]
        .into_iter()
        .filter_map(|(size, bytes)| Some(([&*unit.name, &*unit.server_type, size], bytes? as f64)))
}
