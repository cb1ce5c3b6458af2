//! `GET /licensing/entitlements`, `/licensing/capacity` and `/servicecatalog/slos`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::Text;
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{DAY, ORIGIN, Policy, uuid};

pub(super) const ENTITLEMENTS: Endpoint =
    Endpoint::read("/licensing/entitlements", Access::ApiLevel, ApiVersion::new(7, 0), entitlements);

pub(super) const CAPACITY: Endpoint =
    Endpoint::read("/licensing/capacity", Access::ApiLevel, ApiVersion::new(3, 0), capacity);

/// Its enforcement is "object level": a role that covers no protection plan gets none.
pub(super) const SLOS: Endpoint =
    Endpoint::read("/servicecatalog/slos", Access::ObjectLevel, ApiVersion::new(3, 0), slos);

static ENTITLEMENT_FIELDS: &[Field] = &[
    field("entitlementId", Text, Operators::Contains),
    field("productName", Text, Operators::Contains),
    field("status", Text, Operators::Equal),
];

static CAPACITY_FIELDS: &[Field] = &[field("masterServer", Text, Operators::Equal)];

static SLO_FIELDS: &[Field] = &[
    field("id", Text, Operators::All),
    field("name", Text, Operators::All),
    field("workloadType", Text, Operators::All),
];

/// The kind of each entitlement of a site: type, meter, count and days until its end.
const LICENSES: [(&str, &str, i64, i64); 3] =
    [("SUBSCRIPTION", "FETB", 300, 400), ("PERPETUAL", "SERVER", 12, 20_000), ("DEMO", "CPU", 4, 40)];

fn entitlements(call: &Call<'_>) -> Result<Reply, ApiError> {
    let list = List { fields: ENTITLEMENT_FIELDS, largest: 100, form: Form::LinksOnly };
    let count = if call.site.world.policies.is_empty() { 0 } else { LICENSES.len() };
    let data =
        (1..).zip(LICENSES.iter().take(count)).map(|(number, license)| entitlement(call, number, license));
    listing::by_offset(call, &list, data.collect())
}

/// Days are counted from the beginning of the present month, so that the ends stand still for a while.
fn entitlement(call: &Call<'_>, number: i64, license: &(&str, &str, i64, i64)) -> Value {
    let (kind, meter, count, days) = *license;
    let start = DateTime(ORIGIN).to_string();
    let month = 30 * DAY;
    let end = DateTime(call.now - call.now.rem_euclid(month) + days * DAY).to_string();
    json!({
        "type": "entitlementDetails",
        "id": format!("E{number:09}"),
        "attributes": {
            "entitlementId": format!("E{number:09}"),
            "fulfillmentId": format!("F{number:09}"),
            "licenseFormat": 1,
            "iplProductId": "NBU",
            "account": "simulated",
            "productName": "NetBackup Platform Base",
            "productId": "NETBACKUP",
            "productVersion": "10",
            "productDescription": "NetBackup",
            "platform": "ANY",
            "serviceStartDate": start,
            "serviceExpiration": end,
            "signDate": start,
            "startDate": start,
            "endDate": end,
            "licenseMeter": meter,
            "licenseType": kind,
            "licenseCount": count,
            "countMultiplier": 1.0,
            "warnPolicy": 60,
            "gracePolicy": 60,
            "countPolicy": "SOFT",
            "svcPolicy": "SOFT",
            "status": "ACTIVE",
            "entitledVersion": "10",
            "serviceContractNumber": "",
            "coverageType": "",
            "supportId": "",
            "countGracePeriod": 0,
            "countGracePercentage": 0,
            "reporting": "",
            "meterId": meter,
            "stackingGroup": 0,
            "reportingCategory": "",
            "reportingFrequency": 0,
            "features": []
        }
    })
}

/// One row with every client in it; 404 as long as there is no report.
fn capacity(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    if world.policies.is_empty() {
        return Err(ApiError::of(StatusCode::NOT_FOUND));
    }
    let list = List { fields: CAPACITY_FIELDS, largest: 100_000, form: Form::MetaOnly };
    let clients =
        world.policies.iter().flat_map(|policy| policy.clients.iter().map(move |name| (policy, name)));
    let mut sum = 0.0;
    let details: Vec<_> = clients
        .map(|(policy, name)| {
            let used = consumed(call, name);
            sum += used;
            json!({
                "clientName": name,
                "clientConsumptionMB": used,
                "policyDetails": [{
                    "backupId": format!("{name}_{}", call.now / DAY * 86_400),
                    "policyName": policy.name,
                    "masterServer": world.server_name,
                    "policyType": policy.workload.policy_spelling,
                    "policyConsumptionMB": used
                }]
            })
        })
        .collect();
    let row = json!({
        "type": "capacity",
        "id": world.server_name,
        "attributes": {
            "masterServer": world.server_name,
            "masterConsumptionMB": sum,
            "clientDetails": details
        }
    });
    let mut rows = listing::selected(call, vec![row], CAPACITY_FIELDS)?;
    for row in &mut rows {
        if let Some(attributes) = row.get_mut("attributes").and_then(Value::as_object_mut) {
            // What it is filtered by is no attribute.
            attributes.remove("masterServer");
        }
    }
    listing::page(call, &list, rows)
}

fn consumed(call: &Call<'_>, client: &str) -> f64 {
    let megabytes = call.site.world.draw(client, -7).between(20_000, 900_000);
    f64::from(i32::try_from(megabytes).unwrap_or(0)) + 0.5
}

fn slos(call: &Call<'_>) -> Result<Reply, ApiError> {
    let list = List { fields: SLO_FIELDS, largest: 100_000, form: Form::Bare };
    let world = &call.site.world;
    let mut workloads: Map<String, Value> = Map::new();
    for policy in world.policies.iter().filter(|policy| policy.managed == 1 && !call.is_denied) {
        let known = workloads.entry(workload(policy)).or_insert(json!(0));
        *known = json!(known.as_i64().unwrap_or(0) + 40);
    }
    let entry = |(number, (workload, subscriptions)): (i64, (&String, &Value))| {
        let id = uuid(&mut world.draw("slo", number));
        json!({
            "type": "slov3",
            "id": id,
            "links": {"self": {"href": format!("/servicecatalog/slos/{id}")}},
            "attributes": {
                "name": format!("Plan {workload}"),
                "description": "",
                "policyNamePrefix": workload.to_lowercase(),
                "workloadType": workload,
                "subscribeAllowed": true,
                "subscriptionCount": subscriptions,
                "schedules": [],
                "capabilities": []
            }
        })
    };
    listing::by_offset(call, &list, (0..).zip(&workloads).map(entry).collect())
}

fn workload(policy: &Policy) -> String {
    match policy.workload.policy_type {
        "VMWARE" => "VMWARE",
        "SQL_SERVER" => "SQL_SERVER",
        _ => "CLOUD",
    }
    .to_owned()
}
