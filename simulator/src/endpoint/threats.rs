//! `GET /malware/latest-scan-results`, `/malware/scan-hosts`, `/security/anomalies`.

use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Integer, Text, Time};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{DAY, HOUR, Policy};

pub(super) const SCANS: Endpoint =
    Endpoint::read("/malware/latest-scan-results", Access::ApiLevel, ApiVersion::new(7, 0), scans);

pub(super) const SCAN_HOSTS: Endpoint =
    Endpoint::read("/malware/scan-hosts", Access::ApiLevel, ApiVersion::new(7, 0), scan_hosts);

pub(super) const ANOMALIES: Endpoint =
    Endpoint::read("/security/anomalies", Access::ApiLevel, ApiVersion::new(7, 0), anomalies);

/// From this version on the number of impacted files has its present name.
const RENAMED_SINCE: ApiVersion = ApiVersion::new(12, 0);

static OLD_SCAN_FIELDS: &[Field] = &[
    field("client", Text, Operators::Text),
    field("scanResult", Text, Operators::Text),
    field("backupTime", Integer, Operators::Ordered),
    field("dateOfScan", Time, Operators::None),
    field("scanState", Text, Operators::None),
    field("noOfFilesImpacted", Integer, Operators::None),
];

static SCAN_FIELDS: &[Field] = &[
    field("client", Text, Operators::Text),
    field("scanResult", Text, Operators::Text),
    field("backupTime", Integer, Operators::Ordered),
    field("dateOfScan", Time, Operators::None),
    field("scanState", Text, Operators::None),
    field("numberOfFilesImpacted", Integer, Operators::None),
];

static SCAN_HOST_FIELDS: &[Field] =
    &[field("hostName", Text, Operators::Text), field("state", Text, Operators::Text)];

static ANOMALY_FIELDS: &[Field] = &[
    field("id", Text, Operators::Equal),
    field("jobid", Text, Operators::Ordered),
    field("createdDateTime", Time, Operators::Ordered),
    field("backupTime", Time, Operators::Ordered),
    field("backupId", Text, Operators::Equal),
    field("clientName", Text, Operators::Text),
    field("policyName", Text, Operators::Text),
    field("policyType", Text, Operators::Text),
    field("scheduleName", Text, Operators::Text),
    field("scheduleType", Text, Operators::Text),
    field("anomalyStatus", Text, Operators::Text),
    field("anomalyCount", Integer, Operators::Ordered),
    field("anomalyScore", Text, Operators::Ordered),
    field("anomalySeverity", Text, Operators::Equality),
];

/// Policies in an order that goes round; none on an empty server.
fn policy_of<'a>(call: &Call<'a>, number: i64) -> Option<&'a Policy> {
    let policies = &call.site.world.policies;
    policies.get(usize::try_from(number).unwrap_or(0) % policies.len().max(1))
}

fn client_of(policy: &Policy, number: i64) -> &str {
    let index = usize::try_from(number).unwrap_or(0) % policy.clients.len().max(1);
    policy.clients.get(index).map_or("", String::as_str)
}

/// The newest first, one every five hours of the last 40 days. In a bad night the newest ones are impacted.
fn scans(call: &Call<'_>) -> Result<Reply, ApiError> {
    let fields = if call.version < RENAMED_SINCE { OLD_SCAN_FIELDS } else { SCAN_FIELDS };
    let list = List { fields, largest: 100, form: Form::Full };
    let newest = call.now.div_euclid(5 * HOUR);
    let numbers = (0..192).map(|back| (newest - back, back));
    let data = numbers.filter_map(|(number, back)| Some(scan(call, policy_of(call, number)?, number, back)));
    listing::by_offset(call, &list, data.collect())
}

fn scan(call: &Call<'_>, policy: &Policy, number: i64, back: i64) -> Value {
    let mut draw = call.site.world.draw("scan", number);
    let time = number * 5 * HOUR;
    let bad = call.site.world.scenario.is_bad() && back < 4;
    let (state, result) = match draw.below(20) {
        _ if bad => ("SCAN_COMPLETED", "IMPACTED"),
        0 => ("SCAN_FAILED", "NOT_SCANNED"),
        1 => ("SCAN_COMPLETED", "NOT_SUPPORTED"),
        2 if back == 0 => ("IN_PROGRESS", "NOT_SCANNED"),
        _ => ("SCAN_COMPLETED", "CLEAN"),
    };
    let files = draw.between(2_000, 400_000);
    let impacted = if bad { draw.between(3, 900) } else { 0 };
    let mut attributes = json!({
        "scanState": state,
        "scanResult": result,
        "policyType": if number % 2 == 0 { "STANDARD" } else { "MS-WINDOWS" },
        "backupType": "FULL",
        "malwareToolId": "1",
        "scanHostId": "1",
        "signature": "2026.1",
        "dateOfScan": DateTime(time).to_string(),
        "endDateOfScan": DateTime(time + HOUR / 2).to_string(),
        "client": client_of(policy, number),
        "backupTime": (time - DAY) / 1_000,
        "triggerMethod": "AUTOMATIC",
        "numberOfFilesScanned": files,
        "totalNumberOfFiles": files
    });
    let name = if call.version < RENAMED_SINCE { "noOfFilesImpacted" } else { "numberOfFilesImpacted" };
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.insert(name.into(), impacted.into());
    }
    json!({
        "type": "scanResult",
        "id": number.to_string(),
        "links": {"self": {"href": format!("/malware/scan-results/{number}")}},
        "attributes": attributes
    })
}

fn scan_hosts(call: &Call<'_>) -> Result<Reply, ApiError> {
    let list = List { fields: SCAN_HOST_FIELDS, largest: 100, form: Form::Full };
    let world = &call.site.world;
    let count = if world.policies.is_empty() { 0 } else { 2 };
    let entry = |number: i64| {
        json!({
            "type": "scanHost",
            "id": number.to_string(),
            "links": {"self": {"href": format!("/malware/scan-hosts/{number}")}},
            "attributes": {
                "hostName": format!("scan{number}.{}", world.domain),
                "maxNoOfParallelScans": 3,
                "state": if number == 1 { "ACTIVE" } else { "INACTIVE" },
                "scanHostCredentialName": "scan"
            }
        })
    };
    listing::by_offset(call, &list, (1..=count).map(entry).collect())
}

/// One every nine hours of the last 50 days; some are of high severity, in a bad night all of the last two days.
fn anomalies(call: &Call<'_>) -> Result<Reply, ApiError> {
    let list = List { fields: ANOMALY_FIELDS, largest: 100, form: Form::WithoutPages };
    let newest = call.now.div_euclid(9 * HOUR);
    let data = (0..133).filter_map(|back| {
        let number = newest - back;
        Some(anomaly(call, policy_of(call, number)?, number, back))
    });
    listing::by_offset(call, &list, data.collect())
}

fn anomaly(call: &Call<'_>, policy: &Policy, number: i64, back: i64) -> Value {
    let mut draw = call.site.world.draw("anomaly", number);
    let time = number * 9 * HOUR;
    let bad = call.site.world.scenario.is_bad() && back < 5;
    let severity = if bad { "HIGH" } else { draw.pick("LOW", &["LOW", "LOW", "MEDIUM", "HIGH"]) };
    let status = match (bad, back) {
        (true, _) => "ANOMALY",
        (false, ..3) => "NOT_REVIEWED",
        _ => draw.pick("IGNORED", &["REPORTED_FALSE_POSITIVE", "ANOMALY"]),
    };
    let client = client_of(policy, number);
    let (schedule, schedule_type) = policy.schedule_at(time);
    json!({
        "type": "anomaly",
        "id": number.to_string(),
        "links": {"self": {"href": format!("/security/anomalies/{number}")}},
        "attributes": {
            "createdDateTime": DateTime(time).to_string(),
            "backupTime": DateTime(time - HOUR).to_string(),
            "jobid": (number % 100_000).to_string(),
            "backupId": format!("{client}_{}", (time - HOUR) / 1_000),
            "clientName": client,
            "policyName": policy.name,
            "policyType": policy.workload.policy_type,
            "scheduleName": schedule,
            "scheduleType": schedule_type,
            "destinationStorage": "stu-msdp-01",
            "anomalyStatus": status,
            "anomalyType": "JOB_BASED",
            "anomalyCount": draw.between(1, 4),
            "anomalyScore": format!("{}.{}", draw.between(1, 40), draw.between(0, 99)),
            "anomalySeverity": severity,
            "anomalySummary": "image size",
            "extendedAttributes": {}
        }
    })
}
