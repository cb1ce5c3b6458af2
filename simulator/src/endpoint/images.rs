//! `GET /catalog/images`: filtered and paged by offset, not sorted.

use serde_json::json;

use super::listing::Offset;
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::jobs;
use crate::version::ApiVersion;

const LARGEST_PAGE: usize = 100;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::read("/catalog/images", Access::ApiLevel, ApiVersion::new(3, 0), answer);

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    if call.query.get("sort")?.is_some() {
        return Err(ApiError::invalid("sort", &"not supported"));
    }
    let page = Offset::of(call, LARGEST_PAGE)?;
    let filter = call.query.filter(jobs::image_fields(call.version))?;
    let (images, count) = call.site.jobs.images(filter.as_ref(), page.offset, page.limit);
    let data: Vec<_> = images.iter().map(|image| image.to_json(call.version)).collect();
    Reply::json(&json!({"data": data, "meta": page.meta_without_pages(count)}))
}
