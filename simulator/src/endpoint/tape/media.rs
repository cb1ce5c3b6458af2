//! One tape, and the pools and group that tapes lie in.

use serde_json::{Value, json};

use crate::iso::DateTime;
use crate::world::{DAY, ORIGIN, World};

pub(super) const GROUP: &str = "000_00000_TLD";

/// Name and type of the volume pools; their number is their place.
pub(super) const POOLS: [(&str, &str); 6] = [
    ("None", "AVAILABLE_MEDIA_POOL"),
    ("NetBackup", "REGULAR_MEDIA_POOL"),
    ("DataStore", "REGULAR_MEDIA_POOL"),
    ("CatalogBackup", "CATALOG_MEDIA_POOL"),
    ("Scratch", "SCRATCH_MEDIA_POOL"),
    ("Off-site & \"vault\"", "REGULAR_MEDIA_POOL"),
];

pub(super) fn is_cleaning(number: i64) -> bool {
    number % 60 == 59
}

pub(super) fn robot(world: &World) -> Value {
    json!({"robotType": "TLD", "robotNumber": 0, "robotHost": world.media_server(1)})
}

/// In a bad night no tape is left in the scratch pool, some are frozen, and the cleaning tapes are used up.
pub(super) fn to_json(world: &World, number: i64, now: i64) -> Value {
    let is_bad = world.scenario.is_bad();
    let (pool, status) = match number % 20 {
        _ if is_cleaning(number) => ("None", "ACTIVE"),
        0..=3 if !is_bad => ("Scratch", "ACTIVE"),
        4..=9 => ("NetBackup", "FULL"),
        10 => ("CatalogBackup", "ACTIVE"),
        11 => ("DataStore", "SUSPENDED"),
        12 if is_bad => ("NetBackup", "FROZEN MULTIPLEXED"),
        13 | 14 => ("Off-site & \"vault\"", "FULL IMPORTED"),
        15 => ("NetBackup", "ACTIVE MULTIPLEXED"),
        _ => ("NetBackup", "ACTIVE"),
    };
    let blank = pool == "Scratch" || is_cleaning(number);
    let images = if blank { 0 } else { 40 + number % 90 };
    let mut attributes = json!({
        "barcode": format!("A{number:05}L8"),
        "mediaType": if is_cleaning(number) { "HC_CLN" } else { "HCART" },
        "robot": robot(world),
        "slot": number + 1,
        "volumeGroup": GROUP,
        "volumePool": pool,
        "mounts": images / 4,
        "application": if pool == "CatalogBackup" { "CATALOG" } else { "NETBACKUP" },
        "maxMounts": 0,
        "created": DateTime(ORIGIN).to_string(),
        // A number, not always an integer.
        "kiloBytes": if blank { json!(0) } else { json!(f64::from(i32::try_from(images).unwrap_or(0)) * 104_857_600.0) },
        "images": images,
        "validImages": images - images / 10,
        "numberOfRestores": 0,
        "originHost": "NONE",
        "mediaStatus": status,
        "mediaOwner": "NONE",
        "lastWriteHost": if blank { "NONE".to_owned() } else { world.media_server(1) }
    });
    if let Some(attributes) = attributes.as_object_mut() {
        if is_cleaning(number) {
            attributes.insert("cleaningsRemaining".into(), if is_bad { 0 } else { 17 }.into());
        }
        // What was never written has no time, or the beginning of all times.
        let written = if blank { 0 } else { now - now.rem_euclid(DAY) - number % 90 * DAY };
        attributes.insert("lastWritten".into(), DateTime(written).to_string().into());
    }
    json!({"type": "volumeInfo", "id": format!("A{number:05}"), "attributes": attributes})
}
