//! One policy as `/config/policies/{policyName}` shows it: in the schema of its type, or in the generic one.

use serde_json::{Map, Value, json};

use super::{Call, effective};
use crate::world::{Policy, Rhythm};

const DAY: i64 = 86_400;

/// What both the list and the details have.
pub(super) fn common_attributes(call: &Call<'_>, policy: &Policy) -> Value {
    let world = &call.site.world;
    json!({
        "active": policy.is_active(),
        "effectiveDateUTC": effective(),
        "jobLimit": 99,
        "keyword": "",
        "priority": 0,
        "dataClassification": "",
        "mediaOwner": "*ANY*",
        "storage": world.destination(policy, &call.site.storage.names()),
        "storageIsSLP": policy.slp.is_some(),
        "volumePool": if policy.is_catalog() { "CatalogBackup" } else { "NetBackup" },
        "autoManagedType": policy.managed
    })
}

pub(super) fn attributes(call: &Call<'_>, policy: &Policy, generic: bool) -> Value {
    let mut own = common_attributes(call, policy);
    let without_generation = generic || matches!(policy.workload.policy_type, "SQL_SERVER" | "OBACKUP");
    if let (Some(own), false) = (own.as_object_mut(), without_generation) {
        own.insert("generationId".into(), policy.generation(call.now).into());
    }
    if let (Some(own), "HYPERV") = (own.as_object_mut(), policy.workload.policy_type) {
        own.insert("hypervServer".into(), format!("hyperv1.{}", call.site.world.domain).into());
    }
    let clients: Vec<_> = listed_clients(policy).into_iter().map(|client| entry(policy, &client)).collect();
    let object = json!({
        "policyName": policy.name,
        "policyType": policy.workload.policy_spelling,
        "policyAttributes": own,
        "schedules": schedules(policy, generic),
        "clients": clients,
        "backupSelections": {"selections": [selection(policy)]}
    });
    let name = if generic { "policyGeneric" } else { policy.workload.policy_object };
    Value::Object(Map::from_iter([(name.to_owned(), object)]))
}

/// A query stands for the clients that it finds. Somebody typed the mail servers in capitals.
pub(super) fn listed_clients(policy: &Policy) -> Vec<String> {
    if policy.workload.by_query {
        return vec!["MEDIA_SERVER".to_owned()];
    }
    let typed = |client: &String| {
        if policy.workload.policy_type == "EXCHANGE" { client.to_uppercase() } else { client.clone() }
    };
    policy.clients.iter().map(typed).collect()
}

fn entry(policy: &Policy, client: &str) -> Value {
    json!({"hostName": client, "OS": policy.workload.os, "hardware": "Linux"})
}

fn selection(policy: &Policy) -> &'static str {
    match policy.workload.policy_type {
        "VMWARE" => "vmware:/?filter=Displayname Contains 'vm'",
        "HYPERV" => "hyperv:/?filter=Displayname Contains 'hv'",
        "NBU_CATALOG" => "CATALOG_DRIVEN_BACKUP",
        "SQL_SERVER" | "OBACKUP" => "WHOLE_DATABASE",
        _ => "ALL_LOCAL_DRIVES",
    }
}

fn schedules(policy: &Policy, generic: bool) -> Vec<Value> {
    let (start, length) = policy.window;
    let on = |open: fn(i64) -> bool| {
        let window = |day: i64| {
            let length = if open(day) { length } else { 0 };
            json!({"dayOfWeek": day + 1, "startSeconds": start, "durationSeconds": length})
        };
        (0..7).map(window).collect::<Vec<_>>()
    };
    let every_day = || on(|_| true);
    let mut schedules = match policy.rhythm {
        Rhythm::Daily => vec![
            schedule(policy, "weekly-full", "Full Backup", 7 * DAY, &on(|day| day == 0)),
            schedule(policy, "daily", "Differential Incremental Backup", DAY, &every_day()),
        ],
        Rhythm::Weekdays => vec![schedule(
            policy,
            "daily",
            "Differential Incremental Backup",
            DAY,
            &on(|day| (1..=5).contains(&day)),
        )],
        Rhythm::Hours => {
            let all_day: Vec<_> = (1..=7)
                .map(|day| json!({"dayOfWeek": day, "startSeconds": 0, "durationSeconds": DAY}))
                .collect();
            vec![schedule(policy, "logs", "Transaction Log Backup", DAY / 6, &all_day)]
        }
        Rhythm::Weekly(due) => {
            let window = |day: i64| {
                let length = if day == due { length } else { 0 };
                json!({"dayOfWeek": day + 1, "startSeconds": start, "durationSeconds": length})
            };
            vec![schedule(
                policy,
                "weekly-full",
                "Full Backup",
                7 * DAY,
                &(0..7).map(window).collect::<Vec<_>>(),
            )]
        }
        Rhythm::Monthly => vec![by_calendar(policy, &every_day())],
    };
    schedules.extend(asked_schedule(policy));
    if policy.workload.policy_type == "SAP" {
        for schedule in &mut schedules {
            make_automatic(schedule, generic);
        }
    }
    schedules
}

/// What runs when users and applications ask for it; an open window is no due date.
fn asked_schedule(policy: &Policy) -> Option<Value> {
    let all_day: Vec<_> =
        (1..=7).map(|day| json!({"dayOfWeek": day, "startSeconds": 0, "durationSeconds": DAY})).collect();
    match policy.workload.policy_type {
        "STANDARD" | "WINDOWS_NT" | "EXCHANGE" => {
            Some(schedule(policy, "user", "User Backup", 7 * DAY, &all_day))
        }
        "SAP" | "SQL_SERVER" | "OBACKUP" => {
            Some(schedule(policy, "default-application", "Application Backup", DAY, &all_day))
        }
        _ => None,
    }
}

fn schedule(policy: &Policy, name: &str, backup_type: &str, every: i64, window: &[Value]) -> Value {
    let backup_type = match (policy.workload.policy_type, backup_type) {
        ("OBACKUP", "Transaction Log Backup") => "Archived Redo Log Backup",
        (_, other) => other,
    };
    json!({
        "scheduleName": name,
        "scheduleType": "Frequency",
        "backupType": backup_type,
        "frequencySeconds": every,
        "startWindow": window,
        "includeDates": dates(&[]),
        "excludeDates": dates(&[]),
        "mediaMultiplexing": 1,
        "retriesAllowedAfterRunDay": false,
        "snapshotOnly": false,
        "syntheticBackup": false,
        "storageIsSLP": false,
        "backupCopies": {"priority": -1, "copies": [{
            "failStrategy": if policy.workload.policy_type == "CLOUD" { "Fail All Copies" } else { "Continue" },
            "mediaOwner": "",
            "retentionLevel": 1,
            "retentionPeriod": {"value": 2, "unit": "WEEKS"},
            "storage": "",
            "volumePool": ""
        }]}
    })
}

/// SAP has words of its own for what the server starts, the generic schema one for all of them.
fn make_automatic(schedule: &mut Value, generic: bool) {
    let Some(backup_type) = schedule.get_mut("backupType") else { return };
    let word = match backup_type.as_str() {
        Some("Full Backup" | "Differential Incremental Backup") if generic => "Automatic Backup",
        Some("Full Backup") => "Automatic Full Backup",
        Some("Differential Incremental Backup") => "Automatic Differential Incremental Backup",
        _ => return,
    };
    *backup_type = word.into();
}

fn by_calendar(policy: &Policy, window: &[Value]) -> Value {
    let mut schedule = schedule(policy, "monthly-full", "Full Backup", 0, window);
    if let Some(schedule) = schedule.as_object_mut() {
        schedule.insert("scheduleType".into(), "Calendar".into());
        schedule.insert("includeDates".into(), dates(&[1]));
    }
    schedule
}

fn dates(days_of_month: &[i64]) -> Value {
    json!({
        "lastDayOfMonth": false,
        "recurringDaysOfMonth": days_of_month,
        "recurringDaysOfWeek": [],
        "specificDates": []
    })
}
