//! `GET /security/serverinfo`: name and release of the server; needs no key.

use http::Method;
use serde_json::json;

use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/security/serverinfo",
    access: Access::Open,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut answer = json!({
        "serverName": call.site.server_name,
        "nbuVersion": call.site.api_version().release(),
        "nbuKeySize": 2048,
        "masterHostId": call.site.host_id(),
        "externalCaUsage": 0,
        "cacpivEnabled": 0,
        "ssoEnabled": false,
        "domainType": "NBU"
    });
    // Since NetBackup 11.2.
    if let (Some(answer), true) = (answer.as_object_mut(), call.version >= ApiVersion::new(14, 0)) {
        answer.insert("freezeModeEnabled".into(), call.site.world.scenario.is_bad().into());
    }
    Reply::json(&answer)
}
