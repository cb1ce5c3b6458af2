//! Volume pools, volume groups and the hosts of robots, as the API gives them and as they are shown.

use std::collections::BTreeMap;

use crate::collector::walk::{FromRecord, label};
use crate::metric::{Desc, Family, Labelled};
use crate::netbackup::{Field, Part, Text};

static PARTIALLY_FULL: Labelled<2> = Labelled::gauge(
    "nbu_tape_pool_partially_full_media",
    "Tapes of a volume pool that are partially full (partiallyFullMedia).",
    ["volume_pool", "pool_type"],
);
static V4_PARTIALLY_FULL: Labelled<2> = Labelled::v4_gauge(
    "nbu_tape_pool_partially_full",
    "Tapes of a volume pool that are partially full (partiallyFullMedia).",
    ["pool_name", "pool_type"],
);
static GROUP_MEDIA: Labelled<3> = Labelled::gauge(
    "nbu_tape_volume_group_media",
    "Tapes of a volume group (volumeCount), by media type and robot type.",
    ["volume_group", "media_type", "robot_type"],
);
static ROBOT_HOSTS: Labelled<0> = Labelled::gauge(
    "nbu_tape_robot_hosts",
    "Hosts to which robots are attached (the records of /storage/robots-device-hosts).",
    [],
);
static V4_ROBOT_HOSTS: Labelled<0> = Labelled::v4_gauge(
    "nbu_tape_robot_device_hosts",
    "Hosts to which robots are attached (the records of /storage/robots-device-hosts).",
    [],
);

/// What comes of the volume pools.
pub(super) static POOL_FAMILIES: &[&Desc] = &[&PARTIALLY_FULL, &V4_PARTIALLY_FULL];
/// What comes of the volume groups.
pub(super) static GROUP_FAMILIES: &[&Desc] = &[&GROUP_MEDIA];
/// What comes of the hosts of robots.
pub(super) static ROBOT_FAMILIES: &[&Desc] = &[&ROBOT_HOSTS, &V4_ROBOT_HOSTS];

/// A record of `/storage/tape-volume-pools` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct VolumePoolRecord<'a> {
    #[serde(borrow, default)]
    attributes: Part<VolumePoolAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumePoolAttributes<'a> {
    #[serde(borrow, default)]
    volume_pool_name: Text<'a>,
    #[serde(borrow, default)]
    pool_type: Text<'a>,
    #[serde(default)]
    partially_full_media: Field<u64>,
}

/// A volume pool; what the record leaves out is empty or `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct VolumePool {
    pub(super) name: String,
    pool_type: String,
    partially_full: Option<u64>,
}

impl FromRecord for VolumePool {
    type Record<'a> = VolumePoolRecord<'a>;

    fn new(record: VolumePoolRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes.take(malformed)?;
        Some(Self {
            name: label(attributes.volume_pool_name, malformed)?,
            pool_type: label(attributes.pool_type, malformed).unwrap_or_default(),
            partially_full: attributes.partially_full_media.take(malformed),
        })
    }
}

impl VolumePool {
    /// Whether other pools take their tapes from it.
    pub(super) fn is_scratch(&self) -> bool {
        self.pool_type == "SCRATCH_MEDIA_POOL"
    }
}

/// A record of `/storage/volume-groups` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct VolumeGroupRecord<'a> {
    #[serde(borrow, default)]
    attributes: Part<VolumeGroupAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeGroupAttributes<'a> {
    #[serde(borrow, default)]
    volume_group_name: Text<'a>,
    #[serde(borrow, default)]
    media_type: Text<'a>,
    #[serde(borrow, default)]
    robot: Part<RobotRecord<'a>>,
    #[serde(default)]
    volume_count: Field<u64>,
}

/// The robot in which tapes lie.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RobotRecord<'a> {
    #[serde(borrow, default)]
    pub(super) robot_type: Text<'a>,
}

/// Volume group, media type and robot type.
pub(super) type GroupKey = [String; 3];

impl VolumeGroupRecord<'_> {
    /// `None` if it does not name the group or does not say how many tapes it has. Malformed fields are counted.
    pub(super) fn key_and_count(self, malformed: &mut u64) -> Option<(GroupKey, u64)> {
        let attributes = self.attributes.take(malformed)?;
        let name = label(attributes.volume_group_name, malformed)?;
        let media_type = label(attributes.media_type, malformed).unwrap_or_default();
        let robot = attributes.robot.take(malformed).and_then(|robot| label(robot.robot_type, malformed));
        Some(([name, media_type, robot.unwrap_or_default()], attributes.volume_count.take(malformed)?))
    }
}

/// The families of a site's volume pools.
pub(super) fn render_pools(site: &str, pools: &[VolumePool]) -> [Family; 2] {
    [&PARTIALLY_FULL, &V4_PARTIALLY_FULL].map(|desc| {
        let samples = pools.iter().filter_map(|pool| {
            Some(([pool.name.as_str(), pool.pool_type.as_str()], pool.partially_full? as f64))
        });
        desc.family(site, samples)
    })
}

/// The family of a site's volume groups.
pub(super) fn render_groups(site: &str, groups: &BTreeMap<GroupKey, u64>) -> Family {
    let samples = groups.iter().map(|(key, count)| (key.each_ref().map(String::as_str), *count as f64));
    GROUP_MEDIA.family(site, samples)
}

/// The families of the hosts to which a site's robots are attached.
pub(super) fn render_robot_hosts(site: &str, count: u64) -> [Family; 2] {
    [&ROBOT_HOSTS, &V4_ROBOT_HOSTS].map(|desc| desc.family(site, [([], count as f64)]))
}
