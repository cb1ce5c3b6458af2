//! `GET /security/api-keys`: without any permission a user sees the key that the request carries.

use http::Method;
use serde_json::json;

use super::listing::Offset;
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::iso::DateTime;
use crate::version::{ApiVersion, Format};

const LARGEST_PAGE: usize = 100;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/security/api-keys",
    access: Access::Authenticated,
    since: ApiVersion::new(3, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = Offset::of(call, LARGEST_PAGE)?;
    let keys: Vec<_> = call
        .key
        .iter()
        .map(|key| {
            json!({
                "type": "apiKeyDetails",
                "id": key.fingerprint,
                "links": {"self": {"href": format!("/security/api-keys/{}", key.fingerprint)}},
                "attributes": {
                    "userName": "exporter",
                    "userDomain": call.site.server_name,
                    "userDomainType": "unixpwd",
                    "createdDateTime": DateTime(key.created).to_string(),
                    "expiryDateTime": DateTime(key.expires).to_string(),
                    "lastModifiedDateTime": DateTime(key.created).to_string(),
                    "description": "read-only monitoring",
                    "samlSessionValidated": false
                }
            })
        })
        .collect();
    let count = keys.len();
    let data: Vec<_> = keys.into_iter().skip(page.offset).take(page.limit).collect();
    Reply::json(&json!({
        "data": data,
        "links": page.links(call, ENDPOINT.path, count),
        "meta": page.meta(count)
    }))
}
