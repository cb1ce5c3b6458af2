//! `POST /admin/jobs-count-requests`: a read, in spite of its method. Its enforcement is "API level": a role without the
//! permission gets 401.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter;
use crate::jobs::{FIELDS, Plan};
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/admin/jobs-count-requests",
    access: Access::ApiLevel,
    since: ApiVersion::new(6, 0),
    formats: &[Format::Json],
    answer,
};

#[derive(Deserialize)]
struct Request {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    r#type: String,
    attributes: CountAttributes,
}

#[derive(Deserialize)]
struct CountAttributes {
    filter: Option<String>,
}

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let request: Request = serde_json::from_slice(call.body)
        .map_err(|_| ApiError::invalid("data", &"type and attributes are required"))?;
    if request.data.r#type != "jobCount" {
        return Err(ApiError::invalid("type", &"must be jobCount"));
    }
    let filter = request.data.attributes.filter.unwrap_or_default();
    let expression = if filter.is_empty() {
        None
    } else {
        Some(filter::parse(&filter, FIELDS).map_err(|error| ApiError::invalid("filter", &error))?)
    };
    let count = call.site.jobs.count(&Plan::new(expression, Vec::new()));
    Reply::json(&json!({
        "data": {"type": "jobCount", "id": "1", "attributes": {"count": count, "filter": filter}}
    }))
}
