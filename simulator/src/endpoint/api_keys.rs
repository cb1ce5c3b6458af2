//! `GET /security/api-keys`: without any permission a user sees the key that the request carries.

use http::Method;
use serde_json::json;

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Text, Time};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::keys::ApiKey;
use crate::record::{field, field_at};
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/security/api-keys",
    access: Access::Authenticated,
    since: ApiVersion::new(3, 0),
    formats: &[Format::Json],
    answer,
};

static FIELDS: &[Field] = &[
    field("userName", Text, Operators::Equal),
    field("userDomainType", Text, Operators::Equal),
    field("userDomain", Text, Operators::Equal),
    field_at("apiKeyTag", "id", Text, Operators::Equal),
    field("createdDateTime", Time, Operators::Ordered),
    field("lastModifiedDateTime", Time, Operators::Ordered),
    field("expiryDateTime", Time, Operators::Ordered),
];

/// A role with the permission also sees the keys of others, if there are any.
fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let foreign = if call.is_denied { Vec::new() } else { call.site.keys.foreign() };
    let entry = |key: &ApiKey| {
        json!({
            "type": "apiKeyDetails",
            "id": key.fingerprint,
            "links": {"self": {"href": format!("/security/api-keys/{}", key.fingerprint)}},
            "attributes": {
                "userName": key.user,
                "userDomain": call.site.server_name,
                "userDomainType": "unixpwd",
                "createdDateTime": DateTime(key.created).to_string(),
                "expiryDateTime": DateTime(key.expires).to_string(),
                "lastModifiedDateTime": DateTime(key.created).to_string(),
                "description": "read-only monitoring",
                "samlSessionValidated": false
            }
        })
    };
    let list = List { fields: FIELDS, largest: 100, form: Form::Full };
    listing::by_offset(call, &list, call.key.into_iter().chain(&foreign).map(entry).collect())
}
