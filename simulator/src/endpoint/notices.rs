//! `GET /manage/alerts` and `/eventlog/notifications`: both only grow, until old entries are purged.

use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Text, Time};
use crate::filter::{AttributeType, Field, Operators};
use crate::iso::DateTime;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{DAY, HOUR, MINUTE, ORIGIN};

pub(super) const ALERTS: Endpoint =
    Endpoint::read("/manage/alerts", Access::ApiLevel, ApiVersion::new(7, 0), alerts);

pub(super) const NOTIFICATIONS: Endpoint =
    Endpoint::read("/eventlog/notifications", Access::ApiLevel, ApiVersion::new(7, 0), notifications);

static ALERT_FIELDS: &[Field] = &[
    field("alertId", AttributeType::Integer, Operators::Ordered),
    field("severity", Text, Operators::Equality),
    field("category", Text, Operators::Equality),
    field("subCategory", Text, Operators::Equality),
    field("createdDateTime", Time, Operators::Ordered),
];

static NOTIFICATION_FIELDS: &[Field] = &[
    field("id", Text, Operators::All),
    field("priority", Text, Operators::Equality),
    field("severity", Text, Operators::Equality),
    field("createdDateTime", Time, Operators::Ordered),
    field("notificationType", Text, Operators::All),
    field("producerName", Text, Operators::All),
];

/// The reference names no limit.
const ALERT_LIST: List = List { fields: ALERT_FIELDS, largest: 100_000, form: Form::Full };

const NOTIFICATION_LIST: List = List { fields: NOTIFICATION_FIELDS, largest: 100, form: Form::WithoutPages };

/// The newest first, of the last week: one in two hours, and in a bad night one in ten minutes.
fn alerts(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    if world.policies.is_empty() {
        return listing::by_offset(call, &ALERT_LIST, Vec::new());
    }
    let step = if world.scenario.is_bad() { 10 * MINUTE } else { 2 * HOUR };
    let newest = (call.now - ORIGIN).div_euclid(step);
    let oldest = newest - 7 * DAY / step;
    let data = listing::selected(
        call,
        (oldest..=newest).rev().map(|number| alert(call, number, ORIGIN + number * step)).collect(),
        ALERT_FIELDS,
    )?;
    // The identifier is an integer for filters and no attribute.
    let plain = data.into_iter().map(|mut alert| {
        if let Some(attributes) = alert.get_mut("attributes").and_then(Value::as_object_mut) {
            attributes.remove("alertId");
        }
        alert
    });
    listing::page(call, &ALERT_LIST, plain.collect())
}

fn alert(call: &Call<'_>, number: i64, time: i64) -> Value {
    let world = &call.site.world;
    let mut draw = world.draw("alert", number);
    let policies = &world.policies;
    let index = usize::try_from(draw.below(1 << 20)).unwrap_or(0) % policies.len().max(1);
    let spelling = policies.get(index).map_or("STANDARD", |policy| policy.workload.alert_spelling);
    let (severity, context) = draw.pick(
        ("ERROR", "JOB_STATE_FAILED"),
        &[("ERROR", "JOB_STATE_FAILED"), ("WARNING", "JOB_STATE_SUSPEND"), ("INFO", "JOB_TYPE_BACKUP")],
    );
    let status = draw.pick(156, &[58, 2, 13]).to_string();
    json!({
        "type": "alert",
        "id": number.to_string(),
        "attributes": {
            "alertId": number,
            "titleId": 1,
            "title": "A job needs attention",
            "descriptionId": 1,
            "description": format!("Job status: {status}"),
            "category": "JOB",
            "subCategory": spelling,
            "severity": severity,
            "context": context,
            "createdDateTime": DateTime(time).to_string(),
            "tags": ["JOB", status],
            "systemDefined": true,
            "params": {"jobId": number.to_string(), "status": status}
        }
    })
}

/// The newest first, one in every 50 minutes of the last month.
fn notifications(call: &Call<'_>) -> Result<Reply, ApiError> {
    let step = 50 * MINUTE;
    let newest = (call.now - ORIGIN).div_euclid(step);
    let count = if call.site.world.policies.is_empty() { 0 } else { 30 * DAY / step };
    let data =
        (newest - count + 1..=newest).rev().map(|number| notification(call, number, ORIGIN + number * step));
    listing::by_offset(call, &NOTIFICATION_LIST, data.collect())
}

fn notification(call: &Call<'_>, number: i64, time: i64) -> Value {
    let mut draw = call.site.world.draw("notification", number);
    let (severity, priority) = draw.pick(
        ("INFO", "LOW"),
        &[
            ("INFO", "LOW"),
            ("INFO", "MEDIUM"),
            ("WARNING", "MEDIUM"),
            ("ERROR", "HIGH"),
            ("CRITICAL", "HIGH"),
        ],
    );
    json!({
        "type": "notifications",
        "id": format!("{number:012}"),
        "links": {"self": {"href": format!("/eventlog/notifications/{number:012}")}},
        "attributes": {
            "version": "1.0",
            "priority": priority,
            "severity": severity,
            "createdDateTime": DateTime(time).to_string(),
            "notificationType": "Event",
            "notificationId": format!("{number}"),
            "producerName": call.site.server_name,
            "producerId": call.site.host_id(),
            "producerType": "MASTER",
            "producerSubType": "NBU",
            "displayString": "simulated",
            "namespace": "eventlog",
            "extendedAttributes": {}
        }
    })
}
