//! `GET /config/policies/`, `GET /config/policies/{policyName}` and `GET /config/unique-policy-clients`.

mod details;

use std::collections::BTreeMap;

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Integer, Text};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::{field, field_at};
use crate::version::ApiVersion;
use crate::world::{ORIGIN, Policy};

/// `generationId` and the generic schema are documented from this version on.
const GENERIC_SINCE: ApiVersion = ApiVersion::new(12, 0);

pub(super) const LIST: Endpoint =
    Endpoint::read("/config/policies/", Access::ApiLevel, ApiVersion::new(3, 0), list);

pub(super) const POLICY: Endpoint =
    Endpoint::read("/config/policies/{policyName}", Access::ApiLevel, ApiVersion::new(3, 0), policy);

pub(super) const CLIENTS: Endpoint =
    Endpoint::read("/config/unique-policy-clients", Access::ApiLevel, ApiVersion::new(7, 0), clients);

static POLICY_FIELDS: &[Field] = &[
    field_at("policyName", "id", Text, Operators::Contains),
    field_at("policyType", "type", Text, Operators::Contains),
    field("dataClassification", Text, Operators::Contains),
    field("storage", Text, Operators::Contains),
    field("volumePool", Text, Operators::Contains),
    field("active", Boolean, Operators::None),
    field("jobLimit", Integer, Operators::None),
    field("priority", Integer, Operators::None),
];

static CLIENT_FIELDS: &[Field] = &[field("id", Text, Operators::Text)];

const POLICIES: List = List { fields: POLICY_FIELDS, largest: 500, form: Form::WithoutPages };

const UNIQUE_CLIENTS: List = List { fields: CLIENT_FIELDS, largest: 5_000, form: Form::Full };

fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let data = policies(call).map(|policy| entry(call, policy)).collect();
    listing::by_offset(call, &POLICIES, data)
}

fn policies<'a>(call: &Call<'a>) -> impl Iterator<Item = &'a Policy> {
    call.site.world.policies.iter().filter(|policy| !policy.is_deleted())
}

fn entry(call: &Call<'_>, policy: &Policy) -> Value {
    let mut attributes = details::common_attributes(call, policy);
    if let (Some(attributes), true) = (attributes.as_object_mut(), call.version >= GENERIC_SINCE) {
        attributes.insert("generationId".into(), policy.generation(call.now).into());
    }
    json!({
        "type": policy.workload.policy_spelling,
        "id": policy.name,
        "links": {"self": {"href": href(&policy.name)}},
        "attributes": attributes
    })
}

fn href(name: &str) -> String {
    format!("/config/policies/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// Which of the type-specific schemas exist before the generic one is inferred: those of the older workloads.
fn policy(call: &Call<'_>) -> Result<Reply, ApiError> {
    let name = percent_decode_str(call.parameter)
        .decode_utf8()
        .map_err(|_| ApiError::invalid("policyName", &"not UTF-8"))?;
    let policy = call.site.world.policy(&name).ok_or_else(|| ApiError::of(StatusCode::NOT_FOUND))?;
    let asked = call.headers.get("X-NetBackup-Policy-Use-Generic-Schema");
    let generic = call.version >= GENERIC_SINCE && asked.is_some_and(|value| value == "true");
    let newer = matches!(policy.workload.policy_type, "CLOUD" | "BIGDATA" | "HYPERV");
    if newer && call.version < GENERIC_SINCE {
        return Err(ApiError::of(StatusCode::NOT_IMPLEMENTED));
    }
    Reply::json(&json!({"data": {
        "type": "policy",
        "id": policy.name,
        "links": {"self": {"href": href(&policy.name)}},
        "attributes": details::attributes(call, policy, generic)
    }}))
}

/// Clients that a query finds are not among them (inferred). Some names are written as nobody else writes them.
fn clients(call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut clients: BTreeMap<String, Vec<&Policy>> = BTreeMap::new();
    for policy in policies(call).filter(|policy| !policy.workload.by_query) {
        for client in details::listed_clients(policy) {
            clients.entry(client).or_default().push(policy);
        }
    }
    let entry = |(name, policies): (String, Vec<&Policy>)| {
        let first = policies.first();
        json!({
            "type": "uniqueClient",
            "id": name,
            "attributes": {
                "hardware": "Linux",
                "OS": first.map_or("", |policy| policy.workload.os),
                "priority": 0,
                "clientInfoType": if first.is_some_and(|policy| policy.workload.database) {
                    "INSTANCE"
                } else {
                    "HOST"
                },
                "policyTypes": policies.iter().map(|policy| policy.workload.policy_spelling).collect::<Vec<_>>(),
                "policyNames": policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>()
            }
        })
    };
    listing::by_offset(call, &UNIQUE_CLIENTS, clients.into_iter().map(entry).collect())
}

/// When the policies of a site went into effect.
fn effective() -> String {
    DateTime(ORIGIN).to_string()
}
