//! `GET /admin/jobs/{jobId}`.

use http::{Method, StatusCode};
use serde_json::json;

use super::jobs::Entry;
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/admin/jobs/{jobId}",
    access: Access::ApiLevel,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.parameter.parse().map_err(|_| ApiError::invalid("jobId", &"must be an integer"))?;
    let job = call.site.jobs.find(id).ok_or_else(|| ApiError::of(StatusCode::NOT_FOUND))?;
    Reply::json(&json!({"data": Entry::new(call, &job, None)}))
}
