//! The families of disk pools.

use crate::metric::{Desc, Family, Labelled, flag};

use super::Pool;

static UP: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_up",
    "Whether a disk pool takes backups (diskPoolState UP, 1) or not (DOWN, TRANSIENT, 0).",
    ["disk_pool"],
);
static INFO: Labelled<4> = Labelled::gauge(
    "nbu_disk_pool_info",
    "What a disk pool is, as labels (storageCategory, sType, wormCapable); always 1.",
    ["disk_pool", "storage_category", "storage_server_type", "worm_capable"],
);
static READ_ONLY: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_read_only",
    "Whether a disk pool is read-only, for image sharing (readOnly, 1) or not (0).",
    ["disk_pool"],
);
static RAW: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_raw_bytes",
    "Raw size of a disk pool (rawSizeBytes); cloud pools have none.",
    ["disk_pool"],
);
static USABLE: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_usable_bytes",
    "Size of a disk pool that can be used (usableSizeBytes); cloud pools have none.",
    ["disk_pool"],
);
static USED: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_used_bytes",
    "Used space of a disk pool (usedCapacityBytes); cloud pools have none.",
    ["disk_pool"],
);
static AVAILABLE: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_available_bytes",
    "Space of a disk pool that is left (availableSpaceBytes); cloud pools have none.",
    ["disk_pool"],
);
static HIGH_WATER_MARK: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_high_water_mark_ratio",
    "The share of used space at which a disk pool counts as full and refuses backups (highWaterMark / 100).",
    ["disk_pool"],
);
static LOW_WATER_MARK: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_low_water_mark_ratio",
    "The share of used space at which the cleanup of images ends (lowWaterMark / 100).",
    ["disk_pool"],
);
static MEDIA_SERVERS: Labelled<1> = Labelled::gauge(
    "nbu_disk_pool_media_servers",
    "Media servers that have access to a disk pool (mediaServersCount).",
    ["disk_pool"],
);
static VOLUMES: Labelled<2> = Labelled::gauge(
    "nbu_disk_pool_volumes",
    "Volumes of a disk pool by state: UP, DOWN or UNKNOWN (diskVolumes).",
    ["disk_pool", "state"],
);
static V4_VOLUMES: Labelled<3> = Labelled::v4_gauge(
    "nbu_disk_pool_volume_count",
    "Volumes of disk pools by state (diskVolumes).",
    ["pool_name", "storage_category", "state"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] = &[
    &UP,
    &INFO,
    &READ_ONLY,
    &RAW,
    &USABLE,
    &USED,
    &AVAILABLE,
    &HIGH_WATER_MARK,
    &LOW_WATER_MARK,
    &MEDIA_SERVERS,
    &VOLUMES,
    &V4_VOLUMES,
];

const STATES: [&str; 3] = ["UP", "DOWN", "UNKNOWN"];

/// The families of a site's disk pools.
pub(super) fn render(site: &str, pools: &[Pool]) -> Vec<Family> {
    let family = |desc: &'static Labelled<1>, value: fn(&Pool) -> Option<f64>| {
        desc.family(site, pools.iter().filter_map(move |pool| Some(([pool.name.as_str()], value(pool)?))))
    };
    vec![
        family(&UP, |pool| pool.is_up.map(flag)),
        INFO.family(site, pools.iter().map(|pool| (info(pool), 1.0))),
        family(&READ_ONLY, |pool| pool.is_read_only.map(flag)),
        family(&RAW, |pool| pool.raw.map(|bytes| bytes as f64)),
        family(&USABLE, |pool| pool.usable.map(|bytes| bytes as f64)),
        family(&USED, |pool| pool.used.map(|bytes| bytes as f64)),
        family(&AVAILABLE, |pool| pool.available.map(|bytes| bytes as f64)),
        family(&HIGH_WATER_MARK, |pool| pool.high_water_mark.map(|percent| percent / 100.0)),
        family(&LOW_WATER_MARK, |pool| pool.low_water_mark.map(|percent| percent / 100.0)),
        family(&MEDIA_SERVERS, |pool| pool.media_servers.map(|count| count as f64)),
        VOLUMES.family(site, pools.iter().flat_map(volumes)),
        V4_VOLUMES.family(site, pools.iter().flat_map(v4_volumes)),
    ]
}

fn info(pool: &Pool) -> [&str; 4] {
    let worm = if pool.is_worm_capable { "true" } else { "false" };
    [&pool.name, &pool.category, &pool.server_type, worm]
}

fn volumes(pool: &Pool) -> impl Iterator<Item = ([&str; 2], f64)> {
    let counts = pool.volumes.into_iter().flat_map(|counts| STATES.into_iter().zip(counts));
    counts.map(|(state, count)| ([pool.name.as_str(), state], count as f64))
}

/// The Go exporter has no series for a state in which no volume is.
fn v4_volumes(pool: &Pool) -> impl Iterator<Item = ([&str; 3], f64)> {
    let counts = pool.volumes.into_iter().flat_map(|counts| STATES.into_iter().zip(counts));
    counts
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| ([pool.name.as_str(), pool.category.as_str(), state], count as f64))
}
