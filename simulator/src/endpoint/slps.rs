//! `GET /config/slps`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Integer, Text};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{ORIGIN, Slp};

pub(super) const SLPS: Endpoint =
    Endpoint::read("/config/slps", Access::ApiLevel, ApiVersion::new(4, 0), slps);

static SLP_FIELDS: &[Field] = &[
    field("slpName", Text, Operators::Contains),
    field("dataClassification", Text, Operators::None),
    field("duplicationPriority", Integer, Operators::None),
    field("active", Boolean, Operators::None),
];

const SLP_LIST: List = List { fields: SLP_FIELDS, largest: 100, form: Form::WithoutPages };

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
