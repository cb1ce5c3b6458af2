//! `GET /security/ping`: the server's time in milliseconds, as text or as a JSON number; needs no key.

use http::Method;

use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/security/ping",
    access: Access::Open,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Text, Format::Json],
    answer: |call: &Call<'_>| -> Result<Reply, ApiError> { Ok(call.now.to_string().into_bytes().into()) },
};
