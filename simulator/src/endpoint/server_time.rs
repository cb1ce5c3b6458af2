//! `GET /security/servertime`: the server's time and time zone; needs no key.

use http::Method;
use serde_json::json;

use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/security/servertime",
    access: Access::Open,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    Reply::json(&json!({
        "serverTime": call.now,
        "timeZoneName": "Coordinated Universal Time",
        "timeZoneId": "UTC"
    }))
}
