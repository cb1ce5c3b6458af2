//! `GET /ping`: the server's time, and its API version in a header; needs no key.

use http::{HeaderName, Method};

use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/ping",
    access: Access::Open,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Text],
    answer,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every endpoint")]
fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply {
        body: call.now.to_string().into_bytes(),
        headers: vec![(
            HeaderName::from_static("x-netbackup-api-version"),
            call.site.api_version().to_string(),
        )],
    })
}
