//! One storage unit and the disk pool under it (NetBackup API reference, `/storage/storage-units`, `/storage/disk-pools`).

use serde_json::{Map, Value, json};

use crate::draw::Draw;

const TEBIBYTE: i64 = 1 << 40;
const DAY: i64 = 86_400_000;

/// What kind of storage a unit stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// Deduplicating storage of NetBackup itself.
    Msdp,
    /// A disk pool without deduplication.
    AdvancedDisk,
    /// Object storage; the API has no capacity of it.
    Cloud,
    /// A tape library, with drives instead of capacity.
    Tape,
    /// A directory, without a disk pool.
    BasicDisk,
    /// Storage of another vendor.
    OpenStorage,
}

/// What is wrong with the storage of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plight {
    /// It fills slowly, and old images expire.
    None,
    /// It is as full as it can be: within the 2 % below the mark.
    Full,
    /// A little below that.
    AlmostFull,
    /// More comes than expires since then, so that it would be full in a few days.
    Filling {
        /// Milliseconds since the Unix epoch.
        since: i64,
    },
    /// Its volume can not be reached, and so the pool is down.
    Down,
}

#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) category: Category,
    pub(super) number: usize,
    pub(super) plight: Plight,
}

impl Unit {
    pub(super) fn numbered(number: usize, plight: Plight) -> Self {
        use Category::{AdvancedDisk, BasicDisk, Cloud, Msdp, OpenStorage, Tape};
        let (category, short) = match number % 8 {
            0 | 4 | 7 => (Msdp, "msdp"),
            1 => (AdvancedDisk, "adv"),
            2 => (Cloud, "cloud"),
            3 => (Tape, "tape"),
            5 => (OpenStorage, "ost"),
            _ => (BasicDisk, "basic"),
        };
        Self { name: format!("stu-{short}-{:02}", number + 1), category, number, plight }
    }

    /// (total, used) in bytes; `None` where the API has no capacity.
    pub(super) fn capacity(&self, seed: u64, now: i64) -> Option<(i64, i64)> {
        if matches!(self.category, Category::Cloud | Category::Tape) {
            return None;
        }
        let mut draw = Draw::new(seed, i64::try_from(self.number).unwrap_or(0));
        let total = draw.between(12, 192) * TEBIBYTE;
        let used = match self.plight {
            Plight::Full => total / 1_000 * 985,
            Plight::AlmostFull => total / 1_000 * 945,
            // 8 % a day, up to where nobody is warned of it as almost full.
            Plight::Filling { since } => {
                total / 1_000_000 * (550_000 + (now - since) / (DAY / 80_000)).clamp(550_000, 920_000)
            }
            Plight::None | Plight::Down => total / 1_000_000 * Self::cycle(&mut draw, now),
        };
        Some((total, used))
    }

    /// Millionths that are used at a time in an ordinary pool.
    fn cycle(draw: &mut Draw, now: i64) -> i64 {
        // Fills for some weeks from a third up to nine tenths, then old images expire.
        let cycle = draw.between(20, 60) * DAY;
        let place = (now + draw.below(cycle)).rem_euclid(cycle);
        (330_000 + place / (cycle / 570_000).max(1)).min(900_000)
    }

    pub(super) fn has_pool(&self) -> bool {
        !matches!(self.category, Category::Tape | Category::BasicDisk)
    }

    pub(super) fn server_type(&self) -> &'static str {
        match self.category {
            Category::Msdp => "PureDisk",
            Category::AdvancedDisk => "AdvancedDisk",
            Category::Cloud => "amazon_crypt",
            Category::OpenStorage => "DataDomain",
            Category::Tape | Category::BasicDisk => "",
        }
    }

    pub(super) fn category(&self) -> &'static str {
        match self.category {
            Category::Msdp => "MSDP",
            Category::AdvancedDisk => "ADVANCED_DISK",
            Category::Cloud => "CLOUD",
            Category::Tape => "TAPE",
            Category::BasicDisk => "BASIC_DISK",
            Category::OpenStorage => "OPEN_STORAGE",
        }
    }

    /// The storage server of its pool; a type and a media server.
    pub(super) fn server_id(&self, domain: &str) -> String {
        format!("{}:media{}.{domain}", self.server_type(), self.number / 8 % 4 + 1)
    }

    fn pool_id(&self) -> String {
        format!("{}:dp-{}", self.server_type(), self.name)
    }

    pub(super) fn to_json(&self, seed: u64, domain: &str, release: &str, now: i64) -> Value {
        let mut relationships = Map::new();
        if self.has_pool() {
            let related = self.pool_id().replace(':', "%3A");
            relationships.insert(
                "diskPool".into(),
                json!({
                    "links": {"related": {"href": format!("/storage/disk-pools/{related}")}},
                    "data": {"type": "diskPool", "id": self.pool_id()}
                }),
            );
        }
        json!({
            "links": {"self": {"href": format!("/storage/storage-units/{}", self.name)}},
            "type": "storageUnit",
            "id": self.name,
            "attributes": self.attributes(seed, domain, release, now),
            "relationships": relationships,
        })
    }

    fn attributes(&self, seed: u64, domain: &str, release: &str, now: i64) -> Value {
        let tape = self.category == Category::Tape;
        let deduplicates = self.category == Category::Msdp;
        let replicates = matches!(self.category, Category::Msdp | Category::OpenStorage);
        let mut attributes = json!({
            "name": self.name,
            "storageType": if tape { "Media Manager" } else { "Disk" },
            "storageSubType": if tape { "Media Manager" } else if self.has_pool() { "DiskPool" } else { "Basic" },
            "storageServerType": self.server_type(),
            "storageCategory": self.category(),
            "useAnyAvailableMediaServer": !tape,
            "accelerator": deduplicates || self.category == Category::Cloud,
            "replicationCapable": replicates,
            "replicationSourceCapable": replicates,
            "replicationTargetCapable": false,
            "snapshot": false,
            "mirror": false,
            "independent": false,
            "primary": false,
            "instantAccessEnabled": deduplicates,
            "scaleOutEnabled": false,
            "isCloudSTU": self.category == Category::Cloud,
            "mediaServerDetails": [
                {"name": format!("media1.{domain}"), "operatingSystem": "RedHat", "netbackupVersion": release}
            ],
            "maxFragmentSizeMegabytes": if tape { 1_048_576 } else { 51_200 },
            "onDemandOnly": false,
            "wormCapable": deduplicates,
            "useWorm": false,
            "capabilities": []
        });
        let more = match (self.capacity(seed, now), self.category) {
            (Some((total, used)), _) => json!({
                "maxConcurrentJobs": 60,
                "totalCapacityBytes": total,
                "usedCapacityBytes": used,
                "freeCapacityBytes": total - used
            }),
            (None, Category::Tape) => json!({
                "maxConcurrentDrives": 4,
                "robotType": "TLD",
                "robotNumber": 0,
                "density": "DHCART",
                "multiplexing": 8
            }),
            (None, _) => json!({"maxConcurrentJobs": 20}),
        };
        merge(&mut attributes, more);
        if self.category == Category::BasicDisk {
            merge(&mut attributes, json!({"path": format!("/backup/{}", self.name), "okOnRoot": false}));
        }
        attributes
    }

    pub(super) fn pool_to_json(&self, seed: u64, domain: &str, now: i64) -> Option<Value> {
        if !self.has_pool() {
            return None;
        }
        // Two pools of one name, on big sites: only their identifiers differ.
        let namesake =
            if self.number % 48 == 40 { Some(Self::numbered(self.number - 8, Plight::None)) } else { None };
        let name =
            format!("dp-{}", namesake.as_ref().map_or(self.name.as_str(), |other| other.name.as_str()));
        let capacity = self.capacity(seed, now);
        let deduplicates = self.category == Category::Msdp;
        let state = if self.plight == Plight::Down { "DOWN" } else { "UP" };
        let mut volume = json!({
            "name": if deduplicates { "PureDiskVolume" } else { "volume1" },
            "id": format!("{}:{}:volume1", self.server_type(), name),
            "diskMediaId": format!("@aaa{:02x}", self.number % 256),
            "state": state,
            "isReplicationSource": deduplicates,
            "isReplicationTarget": false,
            "wormIndelibleMinimumInterval": 0,
            "wormIndelibleMaximumInterval": 0
        });
        let mut attributes = json!({
            "name": name,
            "sType": self.server_type(),
            "storageCategory": self.category(),
            "highWaterMark": 98,
            "lowWaterMark": 80,
            "maximumIoStreams": {"limitIoStreams": true, "streamsPerVolume": 60},
            "diskPoolState": state,
            "wormCapable": deduplicates,
            "readOnly": false,
            "comment": "",
            "diskPoolCapabilities": ["VISIBLE", "OPEN_STORAGE", "ADMIN_UP", "INTERNAL_UP"],
            "mediaServersCount": 2
        });
        if let Some((total, used)) = capacity {
            merge(&mut volume, json!({"rawSizeBytes": total, "freeSizeBytes": total - used}));
            merge(
                &mut attributes,
                json!({
                    "rawSizeBytes": total,
                    "usableSizeBytes": total,
                    "availableSpaceBytes": total - used,
                    "usedCapacityBytes": used
                }),
            );
        }
        if self.category == Category::Cloud && self.number % 16 == 10 {
            // Some servers show the largest number where a cloud has no capacity.
            merge(&mut attributes, json!({"rawSizeBytes": i64::MAX, "usableSizeBytes": i64::MAX}));
        }
        merge(&mut attributes, json!({"diskVolumes": [volume]}));
        let id = self.pool_id();
        Some(json!({
            "links": {"self": {"href": format!("/storage/disk-pools/{}", id.replace(':', "%3A"))}},
            "type": "diskPool",
            "id": id,
            "attributes": attributes,
            "relationships": {"storageServers": {"data": [
                {"type": "storageServer", "id": self.server_id(domain)}
            ]}}
        }))
    }
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_fills_slowly_and_never_over() {
        for number in 0..16 {
            let unit = Unit::numbered(number, Plight::None);
            let Some((total, used)) = unit.capacity(5, 1_770_000_000_000) else {
                continue;
            };
            let (_, later) = unit.capacity(5, 1_770_000_000_000 + DAY).unwrap();
            assert!(0 < used && used <= total / 10 * 9 + total / 1_000);
            assert_ne!(used, later, "{number} does not move in a day");
        }
    }
}
