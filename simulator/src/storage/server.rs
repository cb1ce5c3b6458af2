//! One storage server: what its pools have together (NetBackup API reference, `/storage/storage-servers`).

use serde_json::{Value, json};

use super::unit::{Category, Unit};

/// A storage server with its units.
pub(super) struct StorageServer {
    pub(super) id: String,
    pub(super) units: Vec<Unit>,
    pub(super) down: bool,
    pub(super) release: &'static str,
}

impl StorageServer {
    pub(super) fn to_json(&self, seed: u64, now: i64, minimal: bool) -> Value {
        let first = self.units.first();
        let name = self.id.split_once(':').map_or("", |(_, name)| name);
        let deduplicates = first.is_some_and(|unit| unit.category == Category::Msdp);
        let names: Vec<_> = self.units.iter().map(|unit| unit.name.as_str()).collect();
        let mut attributes = json!({
            "name": name,
            "storageCategory": first.map_or("", Unit::category),
            "sType": first.map_or("", Unit::server_type),
            "nbuHostVersion": self.release,
            "additionalMediaServersDetails": [],
            "encryptionEnabled": deduplicates,
            "kmsEnabled": false,
            "isSnapshotSupported": false,
            "isAcceleratorSupported": deduplicates,
            "isAIRSupported": deduplicates,
            "storageServerState": if self.down { "DOWN" } else { "UP" },
            "storageServerCapabilities": ["OPEN_STORAGE", "ADMIN_UP"],
            "storageUnits": names,
            "isWormSupported": deduplicates,
            "isUshareSupported": false
        });
        if let (Some(attributes), true, false) = (attributes.as_object_mut(), deduplicates, minimal) {
            attributes.insert("msdpAttributes".into(), self.deduplication(seed, now));
        }
        json!({
            "type": "storageServer",
            "id": self.id,
            "links": {"self": {"href": format!("/storage/storage-servers/{}", self.id.replace(':', "%3A"))}},
            "attributes": attributes
        })
    }

    fn deduplication(&self, seed: u64, now: i64) -> Value {
        let capacities = self.units.iter().filter_map(|unit| unit.capacity(seed, now));
        let (total, used) =
            capacities.fold((0_i64, 0_i64), |sum, (total, used)| (sum.0 + total, sum.1 + used));
        // MSDP keeps 4 % for itself (NetBackup deduplication guide).
        let reserved = total / 25;
        json!({
            "storagePath": "/msdp",
            "spaLogPath": "/msdp/log",
            "deduplicationDBPath": "/msdp/databases",
            "specificNetworkInterface": "",
            "spaLogRetention": 90,
            "verboseLevel": 0,
            "replicationTargets": [],
            "fipsEnabled": false,
            "storagePoolDetails": {
                "rawSizeBytes": total,
                "reservedSpaceBytes": reserved,
                "sizeBytes": total - reserved,
                "usedSpaceBytes": used,
                "availableSpaceBytes": (total - reserved - used).max(0)
            },
            "catalogLogicalSizeBytes": used.saturating_mul(11),
            "catalogFilesCount": used / 190_000,
            "deduplicationRatioPercentage": 90.9,
            "extendedCapabilities": []
        })
    }
}
