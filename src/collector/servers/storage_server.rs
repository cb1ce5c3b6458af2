//! A storage server, as the API gives it and as it is shown.

use crate::collector::walk::{FromRecord, Named, label};
use crate::metric::{Desc, Family, Labelled, flag};
use crate::netbackup::{Field, Part, Size, Text};

static UP: Labelled<1> = Labelled::gauge(
    "nbu_storage_server_up",
    "Whether a storage server is up (storageServerState UP, 1) or not (0).",
    ["storage_server"],
);
static INFO: Labelled<4> = Labelled::gauge(
    "nbu_storage_server_info",
    "What a storage server is, as labels (storageCategory, sType, nbuHostVersion); always 1.",
    ["storage_server", "storage_category", "storage_server_type", "release"],
);
static POOL_SIZE: Labelled<1> = Labelled::gauge(
    "nbu_msdp_pool_size_bytes",
    "Size of the deduplication pool of a storage server (storagePoolDetails.sizeBytes).",
    ["storage_server"],
);
static POOL_USED: Labelled<1> = Labelled::gauge(
    "nbu_msdp_pool_used_bytes",
    "Used space of the deduplication pool of a storage server (storagePoolDetails.usedSpaceBytes).",
    ["storage_server"],
);
static POOL_AVAILABLE: Labelled<1> = Labelled::gauge(
    "nbu_msdp_pool_available_bytes",
    "Space that is left in the deduplication pool of a storage server (storagePoolDetails.availableSpaceBytes).",
    ["storage_server"],
);
static POOL_RESERVED: Labelled<1> = Labelled::gauge(
    "nbu_msdp_pool_reserved_bytes",
    "Space that the deduplication pool of a storage server keeps for itself (storagePoolDetails.reservedSpaceBytes).",
    ["storage_server"],
);
static CATALOG_LOGICAL: Labelled<1> = Labelled::gauge(
    "nbu_msdp_catalog_logical_bytes",
    "Size before deduplication of what a storage server holds (catalogLogicalSizeBytes).",
    ["storage_server"],
);
static CATALOG_FILES: Labelled<1> = Labelled::gauge(
    "nbu_msdp_catalog_files",
    "Files in the deduplication catalog of a storage server (catalogFilesCount).",
    ["storage_server"],
);
static DEDUP_RATIO: Labelled<1> = Labelled::gauge(
    "nbu_msdp_dedup_ratio",
    "Deduplication ratio of a storage server (deduplicationRatioPercentage / 100); the API reference does not say of what.",
    ["storage_server"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] = &[
    &UP,
    &INFO,
    &POOL_SIZE,
    &POOL_USED,
    &POOL_AVAILABLE,
    &POOL_RESERVED,
    &CATALOG_LOGICAL,
    &CATALOG_FILES,
    &DEDUP_RATIO,
];

/// A record of `/storage/storage-servers` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct StorageServerRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Part<StorageServerAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct StorageServerAttributes<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    storage_category: Text<'a>,
    #[serde(borrow, default)]
    s_type: Text<'a>,
    #[serde(borrow, default)]
    nbu_host_version: Text<'a>,
    #[serde(borrow, default)]
    storage_server_state: Text<'a>,
    #[serde(default)]
    msdp_attributes: Part<MsdpRecord>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct MsdpRecord {
    #[serde(default)]
    storage_pool_details: Part<MsdpPoolRecord>,
    #[serde(default)]
    catalog_logical_size_bytes: Field<Size>,
    #[serde(default)]
    catalog_files_count: Field<Size>,
    #[serde(default)]
    deduplication_ratio_percentage: Field<f64>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct MsdpPoolRecord {
    #[serde(default)]
    size_bytes: Field<Size>,
    #[serde(default)]
    used_space_bytes: Field<Size>,
    #[serde(default)]
    available_space_bytes: Field<Size>,
    #[serde(default)]
    reserved_space_bytes: Field<Size>,
}

/// A storage server; what the record leaves out is empty or `None`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct StorageServer {
    id: String,
    /// What tells it from all others: its name, or its id where another one has the same name.
    pub(super) name: String,
    category: String,
    server_type: String,
    release: String,
    is_up: Option<bool>,
    msdp: Msdp,
}

/// What a storage server with a deduplication pool says of it.
#[derive(Debug, Default, PartialEq)]
struct Msdp {
    size: Option<u64>,
    used: Option<u64>,
    available: Option<u64>,
    reserved: Option<u64>,
    catalog_logical: Option<u64>,
    catalog_files: Option<u64>,
    /// In percent.
    dedup_ratio: Option<f64>,
}

impl FromRecord for StorageServer {
    type Record<'a> = StorageServerRecord<'a>;

    fn new(record: StorageServerRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes.take(malformed)?;
        let id = label(record.id, malformed);
        let name = label(attributes.name, malformed);
        Some(Self {
            name: name.or_else(|| id.clone())?,
            id: id.unwrap_or_default(),
            category: label(attributes.storage_category, malformed).unwrap_or_default(),
            server_type: label(attributes.s_type, malformed).unwrap_or_default(),
            release: label(attributes.nbu_host_version, malformed).unwrap_or_default(),
            is_up: attributes.storage_server_state.take(malformed).map(|state| state == "UP"),
            msdp: attributes
                .msdp_attributes
                .take(malformed)
                .map(|record| Msdp::new(record, malformed))
                .unwrap_or_default(),
        })
    }
}

impl Msdp {
    fn new(record: MsdpRecord, malformed: &mut u64) -> Self {
        let catalog = Self {
            catalog_logical: record.catalog_logical_size_bytes.size(malformed),
            catalog_files: record.catalog_files_count.size(malformed),
            dedup_ratio: record.deduplication_ratio_percentage.take(malformed),
            ..Self::default()
        };
        let Some(pool) = record.storage_pool_details.take(malformed) else { return catalog };
        Self {
            size: pool.size_bytes.size(malformed),
            used: pool.used_space_bytes.size(malformed),
            available: pool.available_space_bytes.size(malformed),
            reserved: pool.reserved_space_bytes.size(malformed),
            ..catalog
        }
    }
}

/// One host may have storage servers of several types.
impl Named for StorageServer {
    fn name(&mut self) -> &mut String {
        &mut self.name
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// The families of a site's storage servers.
pub(super) fn render(site: &str, servers: &[StorageServer]) -> Vec<Family> {
    let family = |desc: &'static Labelled<1>, value: fn(&StorageServer) -> Option<f64>| {
        desc.family(
            site,
            servers.iter().filter_map(move |server| Some(([server.name.as_str()], value(server)?))),
        )
    };
    vec![
        family(&UP, |server| server.is_up.map(flag)),
        INFO.family(site, servers.iter().map(|server| (info(server), 1.0))),
        family(&POOL_SIZE, |server| count(server.msdp.size)),
        family(&POOL_USED, |server| count(server.msdp.used)),
        family(&POOL_AVAILABLE, |server| count(server.msdp.available)),
        family(&POOL_RESERVED, |server| count(server.msdp.reserved)),
        family(&CATALOG_LOGICAL, |server| count(server.msdp.catalog_logical)),
        family(&CATALOG_FILES, |server| count(server.msdp.catalog_files)),
        family(&DEDUP_RATIO, |server| server.msdp.dedup_ratio.map(|percent| percent / 100.0)),
    ]
}

fn count(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

fn info(server: &StorageServer) -> [&str; 4] {
    [&server.name, &server.category, &server.server_type, &server.release]
}
