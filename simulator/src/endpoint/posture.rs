//! `GET /security/status`, `/security/mpa-tickets` and `/self-profile`.

use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Text, Time};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::keys::USER;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{DAY, HOUR, ORIGIN};

pub(super) const STATUS: Endpoint =
    Endpoint::read("/security/status", Access::ApiLevel, ApiVersion::new(12, 0), status);

pub(super) const TICKETS: Endpoint =
    Endpoint::read("/security/mpa-tickets", Access::ApiLevel, ApiVersion::new(10, 0), tickets);

/// Needs no permission.
pub(super) const PROFILE: Endpoint =
    Endpoint::read("/self-profile", Access::Authenticated, ApiVersion::new(13, 0), profile);

static TICKET_FIELDS: &[Field] = &[
    field("operationId", Text, Operators::Text),
    field("currentState", Text, Operators::Equality),
    field("requesterName", Text, Operators::Text),
    field("isMyTicket", Boolean, Operators::Equality),
    field("createdDateTime", Time, Operators::Ordered),
    field("expirationDateTime", Time, Operators::Ordered),
];

fn status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let newest = call.version >= ApiVersion::new(14, 0);
    let kind = if newest { "securityStatus" } else { "statusResponse" };
    let score = if call.site.world.scenario.is_bad() { 71.5 } else { 34.5 };
    let setting = |current: Value, base: Value| {
        json!({
            "currentConfigState": current,
            "baseConfigState": base,
            "configWeightage": 10,
            "currentConfigRiskScore": 5,
            "baseConfigRiskScore": 0
        })
    };
    Reply::json(&json!({"data": {
        "type": kind,
        "id": kind,
        "attributes": {
            "templateVersion": 1,
            "platformRiskScore": score,
            "securitySettingsDetail": {
                "ssoEnabled": setting(json!(false), json!(true)),
                "mfaEnforced": setting(json!(false), json!(true)),
                "dteGlobalMode": setting(json!("PREFERRED_OFF"), json!("ENFORCED"))
            }
        }
    }}))
}

/// One ticket a day of the last ten days; those of the last two wait, and after that every third was refused.
fn tickets(call: &Call<'_>) -> Result<Reply, ApiError> {
    let list = List { fields: TICKET_FIELDS, largest: 100, form: Form::Full };
    let today = (call.now - ORIGIN).div_euclid(DAY);
    let count = if call.site.world.policies.is_empty() { 0 } else { 10 };
    let entry = |number: i64| {
        let created = ORIGIN + number * DAY;
        let state = match (today - number, number % 3) {
            (0 | 1, _) => "PENDING",
            (_, 0) => "REJECTED",
            _ => "DONE",
        };
        json!({
            "type": "mpaTicketDetails",
            "id": number.to_string(),
            "links": {"self": {"href": format!("/security/mpa-tickets/{number}")}},
            "attributes": {
                "operationId": "IMAGE_EXPIRE",
                "operationName": "Expire image",
                "requestMetaData": "{}",
                "requesterName": "operator",
                "requesterDomainName": call.site.server_name,
                "requesterDomainType": "UNIXPWD",
                "responseStatusCode": 0,
                "currentState": state,
                "conflictedBy": 0,
                "isMyTicket": false,
                "expirationDateTime": DateTime(created + 3 * DAY).to_string(),
                "createdDateTime": DateTime(created).to_string(),
                "lastUpdatedDateTime": DateTime(created + HOUR).to_string()
            }
        })
    };
    listing::by_offset(call, &list, (today - count + 1..=today).rev().map(entry).collect())
}

fn profile(call: &Call<'_>) -> Result<Reply, ApiError> {
    Reply::json(&json!({"data": {
        "type": "userProfileResponse",
        "id": USER,
        "links": {"self": {"href": "/self-profile"}},
        "attributes": {
            "userName": USER,
            "userDomainName": call.site.server_name,
            "userDomainType": "UNIXPWD",
            "emailNotificationFlag": 0,
            "roleFlag": 0,
            "userId": "1001",
            "lastLoginDateTime": DateTime(call.now).to_string(),
            "lastModifiedDateTime": DateTime(ORIGIN).to_string(),
            "createdDateTime": DateTime(ORIGIN).to_string()
        }
    }}))
}
