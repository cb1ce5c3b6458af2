//! `GET /config/slps` and `GET /catalog/slp-images`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::listing::{self, Cursors, Form, Links, List};
use super::{Access, Call, Endpoint, Reply};
use crate::base64;
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Integer, Text, Time};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::{field, field_at};
use crate::version::ApiVersion;
use crate::world::{DAY, HOUR, ORIGIN, Policy, Slp};

pub(super) const SLPS: Endpoint =
    Endpoint::read("/config/slps", Access::ApiLevel, ApiVersion::new(4, 0), slps);

pub(super) const IMAGES: Endpoint =
    Endpoint::read("/catalog/slp-images", Access::ApiLevel, ApiVersion::new(5, 0), images);

static SLP_FIELDS: &[Field] = &[
    field("slpName", Text, Operators::Contains),
    field("dataClassification", Text, Operators::None),
    field("duplicationPriority", Integer, Operators::None),
    field("active", Boolean, Operators::None),
];

static IMAGE_FIELDS: &[Field] = &[
    field("backupId", Text, Operators::Equal),
    field("backupTime", Time, Operators::Ordered),
    field("slpName", Text, Operators::Equal),
    field("policyName", Text, Operators::Equal),
    field("clientName", Text, Operators::Equal),
    field("slpImageState", Text, Operators::Equal),
    field_at("copies.copyType", "copies/0/copyType", Text, Operators::Equal),
    field_at("copies.copyState", "copies/0/copyState", Text, Operators::Equal),
];

const SLP_LIST: List = List { fields: SLP_FIELDS, largest: 100, form: Form::WithoutPages };

const IMAGE_LIST: List = List { fields: IMAGE_FIELDS, largest: 1_000, form: Form::Full };

/// `backupTime:base64(clientName)`, as the reference says; the unit of the time is inferred.
const CURSORS: Cursors = Cursors {
    default: 100,
    write: write_cursor,
    is_behind: is_behind_cursor,
    is_place: true,
    links: Links::Plain,
};

fn slps(call: &Call<'_>) -> Result<Reply, ApiError> {
    let data = call.site.world.slps.iter().map(|slp| slp_entry(call, slp)).collect();
    listing::by_offset(call, &SLP_LIST, data)
}

fn slp_entry(call: &Call<'_>, slp: &Slp) -> Value {
    let units = call.site.storage.names();
    let unit = |index: usize| units.get(index % units.len().max(1)).cloned().unwrap_or_default();
    let operation = |index: i64, kind: &str, source: i64, storage: String| {
        json!({
            "flagValues": [],
            "operationIndex": index,
            "operationType": kind,
            "retentionPeriod": {"value": 4, "unit": "WEEKS"},
            "retentionType": "FIXED",
            "sourceOperationIndex": source,
            "storage": {"name": storage, "stype": ""},
            "volumePool": "NetBackup"
        })
    };
    let second = if slp.replicates {
        operation(2, "REPLICATE_TO_REMOTE_MASTER", 1, String::new())
    } else {
        operation(2, "DUPLICATION", 1, unit(3))
    };
    json!({
        "type": "slp",
        "id": slp.name,
        "links": {"self": {"href": format!("/config/slps/{}", utf8_percent_encode(&slp.name, NON_ALPHANUMERIC))}},
        "attributes": {
            "slpName": slp.name,
            "versionNumber": 1,
            "flagValues": if slp.active { json!([]) } else { json!(["inactive"]) },
            "active": slp.active,
            "activationTime": DateTime(ORIGIN).to_string(),
            "dataClassification": "",
            "duplicationPriority": 0,
            "operationList": [operation(1, "BACKUP", 0, unit(0)), second]
        }
    })
}

/// Those that are not complete; complete ones are not kept here (a server keeps them for a while, which nobody asks for).
fn images(call: &Call<'_>) -> Result<Reply, ApiError> {
    if call.query.get("sort")?.is_some() {
        return Err(ApiError::invalid("sort", &"not supported"));
    }
    let mut data: Vec<_> = call.site.world.slps.iter().flat_map(|slp| backlog(call, slp)).collect();
    data.sort_by_cached_key(|image| {
        let (time, client) = place(image);
        (time, base64::encode(client.as_bytes()))
    });
    listing::by_cursor(call, &IMAGE_LIST, &CURSORS, data)
}

/// The images of an SLP that wait: one for each step of time, so that they stay the same while time goes on.
fn backlog<'a>(call: &'a Call<'_>, slp: &'a Slp) -> impl Iterator<Item = Value> + 'a {
    let world = &call.site.world;
    let policy = world.policies.iter().find(|policy| {
        world.slp_of(policy).is_some_and(|own| own.name == slp.name) && !policy.clients.is_empty()
    });
    let (count, step) = slp.backlog;
    let newest = call.now.div_euclid(step);
    let steps = policy.map_or(0..0, |_| newest - count..newest);
    steps.filter_map(move |number| Some(image(call, slp, policy?, number, (newest - number, step))))
}

/// `age` counts the steps since the backup.
fn image(call: &Call<'_>, slp: &Slp, policy: &Policy, number: i64, (age, step): (i64, i64)) -> Value {
    let world = &call.site.world;
    let time = number * step;
    let mut draw = world.draw(&slp.name, number);
    let choice = usize::try_from(draw.below(1 << 20)).unwrap_or(0) % policy.clients.len().max(1);
    let client = policy.clients.get(choice).map_or("", String::as_str);
    let id = format!("{client}_{}", time / 1_000);
    let started = age > 3 && draw.per_mille(700);
    let state = match (started, slp.active) {
        (false, true) => "NOT_STARTED",
        (true, true) => "IN_PROCESS",
        (false, false) => "NOT_STARTED|INACTIVE",
        (true, false) => "IN_PROCESS|INACTIVE",
    };
    let copy_state = match (started, slp.replicates) {
        (false, _) => "NOT_STARTED",
        (true, true) => draw.pick("IMPORT_PENDING", &["IN_PROCESS", "REPLICATION_INCOMPLETE"]),
        (true, false) => "IN_PROCESS",
    };
    let retries = if age * step > 12 * HOUR { draw.between(1, 6) } else { 0 };
    let copy = json!({
        "primaryServer": world.server_name,
        "backupId": id,
        "copyNumber": 2,
        "copyType": if slp.replicates { "REPLICATE_TO_REMOTE_MASTER" } else { "DUPLICATE" },
        "copyState": copy_state,
        "expireTime": DateTime(time + 28 * DAY).to_string(),
        "retentionType": "FIXED",
        "jobId": 0,
        "mpx": false,
        "retryCount": retries,
        "lastRetryTime": DateTime(if retries > 0 { call.now - HOUR } else { 0 }).to_string(),
        "dataFormat": "TAR",
        "fragments": [{
            "primaryServer": world.server_name,
            "backupId": id,
            "copyNumber": 2,
            "fragmentNumber": 1,
            "mediaId": "@aaaab",
            "mediaServer": world.media_server(1),
            "mediaType": "DISK",
            "fragmentState": "ACTIVE",
            "fragmentSize": draw.between(1_000, 52_428_800)
        }]
    });
    json!({
        "type": "slpImage",
        "id": id,
        "attributes": {
            "primaryServer": world.server_name,
            "backupId": id,
            "policyName": policy.name,
            "clientName": client,
            "backupTime": DateTime(time).to_string(),
            "policyType": policy.workload.policy_spelling,
            "scheduleType": "DIFFERENTIAL_INCREMENTAL",
            "slpName": slp.name,
            "slpImageState": state,
            "isStorageLifecycleInactive": !slp.active,
            "timeInProcess": DateTime(time + HOUR / 4).to_string(),
            "slpVersion": 1,
            "expirationTime": DateTime(time + 28 * DAY).to_string(),
            "creationTime": DateTime(time).to_string(),
            "copies": [copy]
        }
    })
}

fn place(image: &Value) -> (i64, String) {
    let text = |name: &str| image.pointer(&format!("/attributes/{name}")).and_then(Value::as_str);
    let time = text("backupTime").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    (time.map_or(0, jiff::Timestamp::as_second), text("clientName").unwrap_or_default().to_owned())
}

fn write_cursor(image: &Value) -> String {
    let (time, client) = place(image);
    format!("{time}:{}", base64::encode(client.as_bytes()))
}

/// A cursor is a place, and stays one when its image is complete and gone.
fn is_behind_cursor(image: &Value, cursor: &str) -> Result<bool, ApiError> {
    let unknown = || ApiError::invalid("page[after]", &"must be backupTime:base64(clientName)");
    let (time, client) = cursor.split_once(':').ok_or_else(unknown)?;
    let time: i64 = time.parse().map_err(|_| unknown())?;
    let (own_time, own_client) = place(image);
    Ok((own_time, base64::encode(own_client.as_bytes()).as_str()) > (time, client))
}
