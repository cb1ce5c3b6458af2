//! Disk pools and their volumes.

mod families;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{FromRecord, MOST_OBJECTS, Named, cap, label, stateless, tell_apart};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{Field, Listing, Part, PartList, Size, Text};

static POOLS: Resource =
    Resource::new("/storage/disk-pools", V10_0, families::FAMILIES).viewed_by("|STORAGE|DISK-POOLS|");

/// Disk pools: whether they are up, how full they are, and from where on they are full ("NetBackup API reference,
/// /storage/disk-pools").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::DiskPools,
    main: &POOLS,
    others: &[],
    requests: 40,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    // The most that the reference allows is 500 records a page.
    let listing = Listing::by_offset(POOLS.path, 500, 20).with("sort", "name");
    let mut pools = context.list::<Pool>(&listing, diagnostics).await?;
    tell_apart(&mut pools);
    cap(&mut pools, MOST_OBJECTS, |pool| &pool.name, diagnostics);
    Ok(families::render(context.site, &pools))
}

/// A record of `/storage/disk-pools` as it comes.
#[derive(serde::Deserialize)]
struct PoolRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Part<PoolAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PoolAttributes<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    s_type: Text<'a>,
    #[serde(borrow, default)]
    storage_category: Text<'a>,
    #[serde(borrow, default)]
    disk_pool_state: Text<'a>,
    #[serde(borrow, default)]
    disk_volumes: PartList<Part<VolumeRecord<'a>>>,
    #[serde(default)]
    high_water_mark: Field<f64>,
    #[serde(default)]
    low_water_mark: Field<f64>,
    #[serde(default)]
    raw_size_bytes: Field<Size>,
    #[serde(default)]
    usable_size_bytes: Field<Size>,
    #[serde(default)]
    used_capacity_bytes: Field<Size>,
    #[serde(default)]
    available_space_bytes: Field<Size>,
    #[serde(default)]
    worm_capable: Field<bool>,
    #[serde(default)]
    read_only: Field<bool>,
    #[serde(default)]
    media_servers_count: Field<u64>,
}

#[derive(serde::Deserialize)]
struct VolumeRecord<'a> {
    #[serde(borrow, default)]
    state: Text<'a>,
}

/// A disk pool; what the record leaves out is empty or `None`.
#[derive(Debug, Default, PartialEq)]
struct Pool {
    id: String,
    /// What tells it from all others: its name, or its id where another one has the same name.
    name: String,
    category: String,
    server_type: String,
    is_up: Option<bool>,
    is_read_only: Option<bool>,
    is_worm_capable: bool,
    raw: Option<u64>,
    usable: Option<u64>,
    used: Option<u64>,
    available: Option<u64>,
    /// In percent.
    high_water_mark: Option<f64>,
    low_water_mark: Option<f64>,
    media_servers: Option<u64>,
    /// How many volumes are up, down, and in a state that is not known; `None` if the record lists none.
    volumes: Option<[u64; 3]>,
}

impl FromRecord for Pool {
    type Record<'a> = PoolRecord<'a>;

    fn new(record: PoolRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes.take(malformed)?;
        let id = label(record.id, malformed);
        let name = label(attributes.name, malformed);
        Some(Self {
            name: name.or_else(|| id.clone())?,
            id: id.unwrap_or_default(),
            category: label(attributes.storage_category, malformed).unwrap_or_default(),
            server_type: label(attributes.s_type, malformed).unwrap_or_default(),
            // DOWN and TRANSIENT take no backups.
            is_up: attributes.disk_pool_state.take(malformed).map(|state| state == "UP"),
            is_read_only: attributes.read_only.take(malformed),
            is_worm_capable: attributes.worm_capable.take(malformed).unwrap_or(false),
            raw: attributes.raw_size_bytes.size(malformed),
            usable: attributes.usable_size_bytes.size(malformed),
            used: attributes.used_capacity_bytes.size(malformed),
            available: attributes.available_space_bytes.size(malformed),
            high_water_mark: attributes.high_water_mark.take(malformed),
            low_water_mark: attributes.low_water_mark.take(malformed),
            media_servers: attributes.media_servers_count.take(malformed),
            volumes: attributes.disk_volumes.take(malformed).map(|volumes| by_state(volumes, malformed)),
        })
    }
}

/// How many volumes are up, down, and neither.
fn by_state(volumes: Vec<Part<VolumeRecord<'_>>>, malformed: &mut u64) -> [u64; 3] {
    let mut counts = [0; 3];
    for volume in volumes {
        let state = volume.take(malformed).and_then(|volume| volume.state.take(malformed));
        let [up, down, unknown] = &mut counts;
        *match state.as_deref() {
            Some("UP") => up,
            Some("DOWN") => down,
            _ => unknown,
        } += 1;
    }
    counts
}

/// Two pools may have one name, on storage servers of two types.
impl Named for Pool {
    fn name(&mut self) -> &mut String {
        &mut self.name
    }

    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests;
