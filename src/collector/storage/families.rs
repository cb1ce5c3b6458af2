//! The families of storage units.

use crate::metric::{Desc, Family, MetricKind};

use super::unit::Unit;

static FREE: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_storage_unit_free_bytes",
    "Free space of a storage unit (freeCapacityBytes); cloud units have none.",
    &["storage_unit"],
);
static USED: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_storage_unit_used_bytes",
    "Used space of a storage unit (usedCapacityBytes); cloud units have none.",
    &["storage_unit"],
);
static CAPACITY: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_storage_unit_capacity_bytes",
    "Size of a storage unit (totalCapacityBytes); cloud units have none.",
    &["storage_unit"],
);
static MAX_JOBS: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_storage_unit_max_concurrent_jobs",
    "Most jobs that a storage unit takes at a time (maxConcurrentJobs).",
    &["storage_unit"],
);
static MAX_FRAGMENT: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_storage_unit_max_fragment_size_bytes",
    "Largest fragment that a storage unit writes (maxFragmentSizeMegabytes).",
    &["storage_unit"],
);
static INFO: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_storage_unit_info",
    "What a storage unit is, as labels (storageType, storageSubType, storageServerType, storageCategory and its \
     capabilities); always 1.",
    &[
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
static V4_BYTES: Desc = Desc::v4(
    MetricKind::Gauge,
    "nbu_disk_bytes",
    "Free and used space of a storage unit (freeCapacityBytes, usedCapacityBytes).",
    &["name", "type", "size"],
);
static V4_CAPACITY: Desc = Desc::v4(
    MetricKind::Gauge,
    "nbu_disk_capacity_bytes",
    "Size of a storage unit (totalCapacityBytes).",
    &["name", "type"],
);
static V4_MAX_JOBS: Desc = Desc::v4(
    MetricKind::Gauge,
    "nbu_storage_max_concurrent_jobs",
    "Most jobs that a storage unit takes at a time (maxConcurrentJobs).",
    &["name", "type"],
);
static V4_MAX_FRAGMENT: Desc = Desc::v4(
    MetricKind::Gauge,
    "nbu_storage_max_fragment_size_bytes",
    "Largest fragment that a storage unit writes (maxFragmentSizeMegabytes).",
    &["name", "type"],
);
static V4_INFO: Desc = Desc::v4(
    MetricKind::Gauge,
    "nbu_storage_info",
    "What a storage unit is and can do, as labels; always 1.",
    &[
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
    let native = |desc, value: fn(&Unit) -> Option<u64>| {
        let values = units.iter().filter_map(move |unit| Some((vec![unit.name.as_str()], value(unit)?)));
        family(desc, site, values)
    };
    let v4 = |desc, value: fn(&Unit) -> Option<u64>| {
        let values =
            units.iter().filter_map(move |unit| Some((vec![&*unit.name, &*unit.server_type], value(unit)?)));
        family(desc, site, values)
    };
    vec![
        native(&FREE, |unit| unit.free_bytes),
        native(&USED, |unit| unit.used_bytes),
        native(&CAPACITY, |unit| unit.capacity_bytes),
        native(&MAX_JOBS, |unit| unit.max_concurrent_jobs),
        native(&MAX_FRAGMENT, |unit| unit.max_fragment_bytes),
        family(&INFO, site, units.iter().map(|unit| (info(unit), 1))),
        family(&V4_BYTES, site, units.iter().flat_map(v4_bytes)),
        v4(&V4_CAPACITY, |unit| unit.capacity_bytes),
        v4(&V4_MAX_JOBS, |unit| unit.max_concurrent_jobs),
        v4(&V4_MAX_FRAGMENT, |unit| unit.max_fragment_bytes),
        family(&V4_INFO, site, units.iter().map(|unit| (v4_info(unit), 1))),
    ]
}

fn family<'a>(desc: &'static Desc, site: &str, samples: impl Iterator<Item = (Vec<&'a str>, u64)>) -> Family {
    let mut family = Family::new(desc, site);
    for (labels, value) in samples {
        family.sample(&labels, value as f64);
    }
    family
}

fn info(unit: &Unit) -> Vec<&str> {
    let mut labels =
        vec![&*unit.name, &*unit.storage_type, &*unit.storage_subtype, &*unit.server_type, &*unit.category];
    labels.extend(capabilities(unit));
    labels
}

fn v4_info(unit: &Unit) -> Vec<&str> {
    let mut labels = vec![&*unit.name, &*unit.server_type, &*unit.storage_subtype];
    labels.extend(capabilities(unit));
    labels
}

fn capabilities(unit: &Unit) -> [&'static str; 5] {
    unit.capabilities.map(|capability| if capability { "true" } else { "false" })
}

fn v4_bytes(unit: &Unit) -> impl Iterator<Item = (Vec<&str>, u64)> {
    [("free", unit.free_bytes), ("used", unit.used_bytes)]
        .into_iter()
        .filter_map(|(size, bytes)| Some((vec![&*unit.name, &*unit.server_type, size], bytes?)))
}
