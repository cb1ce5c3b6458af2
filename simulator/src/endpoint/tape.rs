//! `GET /storage/drives`, `/storage/tape-volume-pools`, `/storage/volume-groups`, `/storage/robots-device-hosts`,
//! `/storage/tape-media`. The lists that came with NetBackup 10.5 are paged by cursor and nest their links.

mod drive;
mod media;

use serde_json::{Value, json};

use super::listing::{self, Cursors, Form, Links, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Integer, Text, Time};
use crate::filter::{Field, Operators};
use crate::record::{Item, field, field_at};
use crate::version::ApiVersion;
use crate::world::Scenario;
use media::POOLS;

pub(super) const DRIVES: Endpoint =
    Endpoint::read("/storage/drives", Access::ApiLevel, ApiVersion::new(4, 0), drives);

pub(super) const VOLUME_POOLS: Endpoint =
    Endpoint::read("/storage/tape-volume-pools", Access::ApiLevel, ApiVersion::new(12, 0), volume_pools);

pub(super) const VOLUME_GROUPS: Endpoint =
    Endpoint::read("/storage/volume-groups", Access::ApiLevel, ApiVersion::new(12, 0), volume_groups);

pub(super) const ROBOT_HOSTS: Endpoint =
    Endpoint::read("/storage/robots-device-hosts", Access::ApiLevel, ApiVersion::new(12, 0), robot_hosts);

pub(super) const MEDIA: Endpoint =
    Endpoint::read("/storage/tape-media", Access::ApiLevel, ApiVersion::new(12, 0), media);

static DRIVE_FIELDS: &[Field] = &[
    field("id", Text, Operators::All),
    field("driveStatus", Text, Operators::Equality),
    field("driveType", Text, Operators::Equality),
    field("driveControl", Text, Operators::Equality),
    field("robotType", Text, Operators::Equality),
    field("robotNumber", Integer, Operators::Ordered),
    field("cleaningComment", Text, Operators::All),
    field("deviceHost", Text, Operators::All),
    field("ready", Boolean, Operators::Equal),
];

static POOL_FIELDS: &[Field] = &[
    field_at("volumePoolNumber", "id", Text, Operators::Ordered),
    field("volumePoolName", Text, Operators::Text),
    field("poolType", Text, Operators::Equality),
    field("partiallyFullMedia", Integer, Operators::Ordered),
];

static GROUP_FIELDS: &[Field] = &[
    field("volumeGroupName", Text, Operators::Text),
    field("mediaType", Text, Operators::Equality),
    field_at("robotNumber", "robot/robotNumber", Integer, Operators::Ordered),
    field_at("robotType", "robot/robotType", Text, Operators::Equality),
    field("volumeCount", Integer, Operators::None),
];

static MEDIA_FIELDS: &[Field] = &[
    field_at("mediaId", "id", Text, Operators::None),
    field("barcode", Text, Operators::Text),
    field("mediaType", Text, Operators::Equality),
    field_at("robotType", "robot/robotType", Text, Operators::Equality),
    field_at("robotNumber", "robot/robotNumber", Integer, Operators::Ordered),
    field("slot", Integer, Operators::Ordered),
    field("volumeGroup", Text, Operators::Text),
    field("volumePool", Text, Operators::Text),
    field("mounts", Integer, Operators::Ordered),
    field("cleaningsRemaining", Integer, Operators::Ordered),
    field("kiloBytes", Integer, Operators::Ordered),
    field("mediaStatus", Text, Operators::Text),
    field("lastWritten", Time, Operators::Ordered),
];

const DRIVE_LIST: List = List { fields: DRIVE_FIELDS, largest: 100, form: Form::MetaOnly };

const fn by_cursor(fields: &'static [Field]) -> List {
    List { fields, largest: 100, form: Form::Full }
}

/// The identifier of the last entry; those of volume groups have colons in them.
const CURSORS: Cursors<Item> = Cursors {
    default: 10,
    write: identifier,
    is_behind: |_, _| Ok(false),
    is_place: false,
    links: Links::Nested,
};

fn identifier(item: &Item) -> String {
    item.0.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// How many drives and tapes a site has.
fn sizes(scenario: Scenario) -> (i64, i64) {
    match scenario {
        Scenario::Ordinary | Scenario::BadNight | Scenario::Disaster => (6, 240),
        Scenario::Huge => (50, 20_000),
        Scenario::Empty => (0, 0),
    }
}

fn drives(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (drives, _) = sizes(call.site.world.scenario);
    let data = (0..drives).map(|number| drive::to_json(&call.site.world, number, call.now)).collect();
    listing::by_offset(call, &DRIVE_LIST, data)
}

fn volume_pools(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (_, tapes) = sizes(call.site.world.scenario);
    let entry = |(number, (name, kind)): (i64, &(&str, &str))| {
        json!({
            "type": "volumePoolDetails",
            "id": number.to_string(),
            "attributes": {
                "volumePoolName": name,
                "description": "",
                "partiallyFullMedia": if *kind == "REGULAR_MEDIA_POOL" { tapes / 40 } else { 0 },
                "poolType": kind
            }
        })
    };
    listing::by_cursor(
        call,
        &by_cursor(POOL_FIELDS),
        &CURSORS,
        (0..).zip(&POOLS).map(entry).map(Item).collect(),
    )
}

fn volume_groups(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (_, tapes) = sizes(call.site.world.scenario);
    let cleaning = (0..tapes).filter(|number| media::is_cleaning(*number)).count();
    let cleaning = i64::try_from(cleaning).unwrap_or(0);
    let entry = |kind: &str, count: i64| {
        json!({
            "type": "volumeGroupInfo",
            "id": format!("0:{kind}:{}", media::GROUP),
            "links": {"self": {"href": format!("/storage/volume-groups/0%3A{kind}%3A{}", media::GROUP)}},
            "attributes": {
                "volumeGroupName": media::GROUP,
                "mediaType": kind,
                "robot": media::robot(&call.site.world),
                "volumeCount": count
            }
        })
    };
    let groups = [("HCART", tapes - cleaning), ("HC_CLN", cleaning)];
    let data = groups
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| Item(entry(kind, *count)))
        .collect();
    // Only these have no links around the list.
    let cursors = Cursors { links: Links::None, ..CURSORS };
    listing::by_cursor(call, &by_cursor(GROUP_FIELDS), &cursors, data)
}

fn robot_hosts(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    let (drives, _) = sizes(world.scenario);
    let hosts = 1..=2.min(drives);
    let data: Vec<_> =
        hosts.map(|number| json!({"type": "deviceHost", "id": world.media_server(number)})).collect();
    Reply::json(&json!({"data": data}))
}

/// The tapes of the page and its neighbours: where all are listed in order, the others need not be made.
fn around_page(call: &Call<'_>, tapes: i64) -> Result<std::ops::Range<i64>, ApiError> {
    let limit = call.query.integer("page[limit]", 0..=100, CURSORS.default)?;
    let limit = i64::try_from(limit).unwrap_or(0);
    let cursor = call.query.get("page[after]")?.or(call.query.get("page[before]")?);
    let at = match cursor {
        None => return Ok(0..tapes.min(limit + 1)),
        Some(cursor) => cursor.strip_prefix('A').and_then(|number| number.parse::<i64>().ok()),
    };
    let at = at.filter(|number| (0..tapes).contains(number));
    let at = at.ok_or_else(|| ApiError::invalid("page[after]", &"unknown cursor"))?;
    Ok((at - limit - 1).max(0)..(at + limit + 2).min(tapes))
}

fn media(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    let (_, tapes) = sizes(world.scenario);
    let numbers = if call.query.get("filter")?.is_some() || call.query.get("sort")?.is_some() {
        0..tapes
    } else {
        around_page(call, tapes)?
    };
    let data = numbers.map(|number| Item(media::to_json(world, number, call.now))).collect();
    listing::by_cursor(call, &by_cursor(MEDIA_FIELDS), &CURSORS, data)
}
