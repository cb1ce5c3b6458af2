//! `GET /config/paused-clients`: no `meta` tells how many there are.

use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Text, Time};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{DAY, Host, HostKind};

pub(super) const ENDPOINT: Endpoint =
    Endpoint::read("/config/paused-clients", Access::ApiLevel, ApiVersion::new(7, 0), answer);

static FIELDS: &[Field] = &[
    field("clientUniqueIdentifier", Text, Operators::Equal),
    field("triggerMethod", Text, Operators::Equal),
    field("displayName", Text, Operators::Equal),
    field("blockedTime", Time, Operators::Ordered),
    field("blockedUntilTime", Time, Operators::Ordered),
    field("addInLegacyFlag", Boolean, Operators::None),
];

const LIST: List = List { fields: FIELDS, largest: 100, form: Form::Bare };

/// One by hand; in a bad night three more that NetBackup itself has paused.
fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    let paused = if world.scenario.is_bad() { 4 } else { 1 };
    let clients = world.hosts.iter().filter(|host| host.kind == HostKind::Client).take(paused);
    let entry = |(number, host): (i64, &Host)| -> Value {
        json!({
            "type": "pausedClient",
            "id": host.id,
            "attributes": {
                "clientUniqueIdentifier": host.id,
                "displayName": host.name,
                "blockedTime": DateTime(call.now - DAY).to_string(),
                "blockedUntilTime": DateTime(call.now + 6 * DAY).to_string(),
                "reason": if number == 0 { "maintenance" } else { "an anomaly of its backups" },
                "details": "",
                "clientProtectedBy": "POLICY",
                "triggerMethod": if number == 0 { "MANUAL" } else { "AUTOMATIC" },
                "blockedBy": if number == 0 { "root" } else { "system" },
                "addInLegacyFlag": false
            }
        })
    };
    listing::by_offset(call, &LIST, (0..).zip(clients).map(entry).collect())
}
