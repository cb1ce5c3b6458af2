//! A storage unit, as the API gives it and as it is used.

use std::borrow::Cow;

use crate::metric::label_value;
use crate::netbackup::{Field, Size};

/// A record of `/storage/storage-units` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct UnitRecord<'a> {
    #[serde(borrow, default)]
    id: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    attributes: Option<UnitAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnitAttributes<'a> {
    #[serde(borrow, default)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    storage_type: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    storage_sub_type: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    storage_server_type: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    storage_category: Field<Cow<'a, str>>,
    #[serde(default)]
    free_capacity_bytes: Field<Size>,
    #[serde(default)]
    used_capacity_bytes: Field<Size>,
    #[serde(default)]
    total_capacity_bytes: Field<Size>,
    #[serde(default)]
    max_concurrent_jobs: Field<u64>,
    #[serde(default)]
    max_fragment_size_megabytes: Field<u64>,
    #[serde(default, rename = "isCloudSTU")]
    is_cloud: Field<bool>,
    #[serde(default)]
    worm_capable: Field<bool>,
    #[serde(default)]
    use_worm: Field<bool>,
    #[serde(default)]
    replication_capable: Field<bool>,
    #[serde(default)]
    instant_access_enabled: Field<bool>,
}

/// A storage unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) storage_type: String,
    pub(super) storage_subtype: String,
    pub(super) server_type: String,
    pub(super) category: String,
    pub(super) is_tape: bool,
    /// Cloud units have no capacities: the reference calls them not applicable.
    pub(super) free_bytes: Option<u64>,
    pub(super) used_bytes: Option<u64>,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) max_concurrent_jobs: Option<u64>,
    pub(super) max_fragment_bytes: Option<u64>,
    /// Cloud, WORM capable, WORM in use, replication, instant access.
    pub(super) capabilities: [bool; 5],
}

impl Unit {
    /// What the record says; `None` if it does not even name the unit. Malformed fields are counted.
    pub(super) fn new(record: UnitRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes?;
        // Units are kept until all pages are read, so their texts are cut here as they are when they are served.
        let mut text = |field: Field<Cow<'_, str>>| {
            field.take(malformed).map(|text| label_value(&text).into_owned()).unwrap_or_default()
        };
        let (id, name) = (text(record.id), text(attributes.name));
        let storage_type = text(attributes.storage_type);
        let storage_subtype = text(attributes.storage_sub_type);
        let server_type = text(attributes.storage_server_type);
        let category = text(attributes.storage_category);
        // `storageType` is a free string; the category is an enumeration, where there is one.
        let is_tape = category.eq_ignore_ascii_case("tape")
            || (category.is_empty() && storage_type.eq_ignore_ascii_case("tape"));
        let name = if name.is_empty() { id } else { name };
        let unit = Self {
            name,
            storage_type,
            storage_subtype,
            server_type,
            category,
            is_tape,
            free_bytes: attributes.free_capacity_bytes.size(malformed),
            used_bytes: attributes.used_capacity_bytes.size(malformed),
            capacity_bytes: attributes.total_capacity_bytes.size(malformed),
            max_concurrent_jobs: attributes.max_concurrent_jobs.take(malformed),
            // The reference says megabytes; the Go exporter takes them as binary.
            max_fragment_bytes: attributes
                .max_fragment_size_megabytes
                .take(malformed)
                .map(|size| size.saturating_mul(1 << 20)),
            capabilities: [
                attributes.is_cloud,
                attributes.worm_capable,
                attributes.use_worm,
                attributes.replication_capable,
                attributes.instant_access_enabled,
            ]
            .map(|capability| capability.take(malformed).unwrap_or(false)),
        };
        (!unit.name.is_empty()).then_some(unit)
    }
}
