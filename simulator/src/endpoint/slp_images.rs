//! `GET /catalog/slp-images`: the images that storage lifecycle policies have not completed.

use serde_json::{Value, json};

use super::listing::{self, CursorEntry, Cursors, Form, Links, List};
use super::{Access, Call, Endpoint, Reply};
use crate::base64;
use crate::draw::Draw;
use crate::error::ApiError;
use crate::filter::AttributeType::{Text, Time};
use crate::filter::{self, Field, Operators, Record};
use crate::iso::DateTime;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{DAY, HOUR, Policy, Slp};

pub(super) const IMAGES: Endpoint =
    Endpoint::read("/catalog/slp-images", Access::ApiLevel, ApiVersion::new(5, 0), images);

static IMAGE_FIELDS: &[Field] = &[
    field("backupId", Text, Operators::Equal),
    field("backupTime", Time, Operators::Ordered),
    field("slpName", Text, Operators::Equal),
    field("policyName", Text, Operators::Equal),
    field("clientName", Text, Operators::Equal),
    field("slpImageState", Text, Operators::Equal),
    field("copies.copyType", Text, Operators::Equal),
    field("copies.copyState", Text, Operators::Equal),
];

const IMAGE_LIST: List = List { fields: IMAGE_FIELDS, largest: 1_000, form: Form::Full };

/// `backupTime:base64(clientName)`, as the reference says; the unit of the time is inferred.
fn cursors<'a>() -> Cursors<Waiting<'a>> {
    Cursors {
        default: 100,
        write: write_cursor,
        is_behind: is_behind_cursor,
        is_place: true,
        links: Links::Plain,
    }
}

/// An image that waits for its SLP. What the filters name is at hand; the rest is computed for the page alone.
struct Waiting<'a> {
    slp: &'a Slp,
    policy: &'a Policy,
    client: &'a str,
    /// In milliseconds, as is `age`.
    time: i64,
    age: i64,
    /// Where it stands in the list.
    place: (i64, String),
    state: &'static str,
    copy_state: &'static str,
    /// The source of what is left.
    draw: Draw,
}

/// Those that are not complete; complete ones are not kept here (a server keeps them for a while, which nobody asks for).
fn images(call: &Call<'_>) -> Result<Reply, ApiError> {
    if call.query.get("sort")?.is_some() {
        return Err(ApiError::invalid("sort", &"not supported"));
    }
    let mut data: Vec<_> = call.site.world.slps.iter().flat_map(|slp| backlog(call, slp)).collect();
    data.sort_by(|one, other| one.place.cmp(&other.place));
    listing::by_cursor(call, &IMAGE_LIST, &cursors(), data)
}

/// The images of an SLP that wait: one for each step of time, so that they stay the same while time goes on.
fn backlog<'a>(call: &'a Call<'_>, slp: &'a Slp) -> impl Iterator<Item = Waiting<'a>> + 'a {
    let world = &call.site.world;
    let policy = world.policies.iter().find(|policy| {
        world.slp_of(policy).is_some_and(|own| own.name == slp.name) && !policy.clients.is_empty()
    });
    let (count, step) = slp.backlog;
    let newest = call.now.div_euclid(step);
    let steps = policy.map_or(0..0, |_| newest - count..newest);
    steps.filter_map(move |number| {
        let draw = world.draw(&slp.name, number);
        Some(Waiting::new(slp, policy?, draw, number * step, newest - number))
    })
}

impl<'a> Waiting<'a> {
    /// `steps` counts those since the backup.
    fn new(slp: &'a Slp, policy: &'a Policy, mut draw: Draw, time: i64, steps: i64) -> Self {
        let choice = usize::try_from(draw.below(1 << 20)).unwrap_or(0) % policy.clients.len().max(1);
        let client = policy.clients.get(choice).map_or("", String::as_str);
        let started = steps > 3 && draw.per_mille(700);
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
        let place = (time / 1_000, base64::encode(client.as_bytes()));
        Self { slp, policy, client, time, age: steps * slp.backlog.1, place, state, copy_state, draw }
    }

    fn id(&self) -> String {
        format!("{}_{}", self.client, self.time / 1_000)
    }

    fn copy_type(&self) -> &'static str {
        if self.slp.replicates { "REPLICATE_TO_REMOTE_MASTER" } else { "DUPLICATE" }
    }

    fn copy(&self, call: &Call<'_>) -> Value {
        let world = &call.site.world;
        let (id, mut draw) = (self.id(), self.draw.clone());
        let retries = if self.age > 12 * HOUR { draw.between(1, 6) } else { 0 };
        json!({
            "primaryServer": world.server_name,
            "backupId": id,
            "copyNumber": 2,
            "copyType": self.copy_type(),
            "copyState": self.copy_state,
            "expireTime": DateTime(self.time + 28 * DAY).to_string(),
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
        })
    }
}

impl Record for Waiting<'_> {
    fn value(&self, field: &'static Field) -> filter::Value<'_> {
        use filter::Value;
        match field.attribute {
            "backupId" => Value::Text(self.id().into()),
            "backupTime" => Value::Integer(self.time),
            "slpName" => Value::text(&self.slp.name),
            "policyName" => Value::text(&self.policy.name),
            "clientName" => Value::text(self.client),
            "slpImageState" => Value::text(self.state),
            "copies.copyType" => Value::text(self.copy_type()),
            "copies.copyState" => Value::text(self.copy_state),
            _ => Value::Absent,
        }
    }
}

impl CursorEntry for Waiting<'_> {
    fn json(&self, call: &Call<'_>) -> Value {
        let (time, id) = (self.time, self.id());
        json!({
            "type": "slpImage",
            "id": id,
            "attributes": {
                "primaryServer": call.site.world.server_name,
                "backupId": id,
                "policyName": self.policy.name,
                "clientName": self.client,
                "backupTime": DateTime(time).to_string(),
                "policyType": self.policy.workload.policy_spelling,
                "scheduleType": "DIFFERENTIAL_INCREMENTAL",
                "slpName": self.slp.name,
                "slpImageState": self.state,
                "isStorageLifecycleInactive": !self.slp.active,
                "timeInProcess": DateTime(time + HOUR / 4).to_string(),
                "slpVersion": 1,
                "expirationTime": DateTime(time + 28 * DAY).to_string(),
                "creationTime": DateTime(time).to_string(),
                "copies": [self.copy(call)]
            }
        })
    }
}

fn write_cursor(image: &Waiting<'_>) -> String {
    let (time, client) = &image.place;
    format!("{time}:{client}")
}

/// A cursor is a place, and stays one when its image is complete and gone.
fn is_behind_cursor(image: &Waiting<'_>, cursor: &str) -> Result<bool, ApiError> {
    let unknown = || ApiError::invalid("page[after]", &"must be backupTime:base64(clientName)");
    let (time, client) = cursor.split_once(':').ok_or_else(unknown)?;
    let time: i64 = time.parse().map_err(|_| unknown())?;
    let (own_time, own_client) = &image.place;
    Ok((*own_time, own_client.as_str()) > (time, client))
}
