//! One tape drive. Its name is the identifier; no attribute repeats it.

use serde_json::{Value, json};

use crate::iso::DateTime;
use crate::world::{DAY, World};

/// In a bad night the first drive is down and the second has one path that is. Every fifth one wants to be cleaned.
pub(super) fn to_json(world: &World, number: i64, now: i64) -> Value {
    let is_bad = world.scenario.is_bad();
    let status = match number {
        0 if is_bad => "DRIVE_STATUS_DOWN",
        1 if is_bad => "DRIVE_STATUS_MIXED",
        4 => "DRIVE_STATUS_DISABLED",
        _ => "DRIVE_STATUS_UP",
    };
    let name = format!("HP.ULTRIUM8-SCSI.{number:03}");
    let path = |index: i64| {
        let down = status == "DRIVE_STATUS_DOWN" || (status == "DRIVE_STATUS_MIXED" && index == 1);
        json!({
            "pathIndex": index,
            "deviceHost": world.media_server(index + 1),
            "driveName": name,
            "devicePath": format!("/dev/nst{number}"),
            "port": 0,
            "bus": 0,
            "target": number,
            "lun": 0,
            "driveControl": if down { "DRIVE_CONTROL_DOWN" } else { "DRIVE_CONTROL_AVR" },
            "isEnabled": !down,
            "pathStatus": match status {
                "DRIVE_STATUS_DISABLED" => "PATH_STATUS_DISABLED",
                _ if down => "PATH_STATUS_DOWN",
                _ => "PATH_STATUS_UP",
            },
            "isNdmp": false,
            "robotControl": "TLD",
            "scsiProtection": "SCSI_DEFAULT"
        })
    };
    let mut attributes = json!({
        "controlHostname": world.media_server(1),
        "serialNumber": format!("HU{number:08}"),
        "driveIndex": number,
        "devicePaths": [path(0), path(1)],
        "driveType": "DT_HCART",
        "robotType": "TLD",
        "robotNumber": 0,
        "robotDriveNumber": number + 1,
        "cleaningFrequency": 0,
        "cleaningComment": if number % 5 == 3 { "NEEDS CLEANING" } else { "" },
        "tapeAlertEnabled": true,
        "sharedDrive": true,
        "driveControl": if number == 0 && is_bad { "DRIVE_CONTROL_DOWN" } else { "DRIVE_CONTROL_AVR" },
        "driveStatus": status,
        "enabled": true,
        "isControlUp": status == "DRIVE_STATUS_UP",
        "lastCleaningTime": DateTime(now - 40 * DAY).to_string(),
        "mountTime": "PT0S",
        "lastMountTime": DateTime(now - DAY).to_string(),
        "ready": number % 2 == 1,
        "writeEnabled": true,
        "deviceHost": "<multiple>",
        "devicePath": "<multiple>",
        "port": "<multiple>",
        "bus": "<multiple>",
        "target": "<multiple>",
        "lun": "<multiple>"
    });
    if let (Some(attributes), true) = (attributes.as_object_mut(), number == 0 && is_bad) {
        // The comma belongs to the value, as the reference has it.
        attributes.insert("tapeAlert1".into(), "HARD_ERROR,".into());
    }
    json!({"type": "drive", "id": name, "attributes": attributes})
}
