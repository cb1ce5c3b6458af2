//! `GET /storage/disk-pools`.

use http::Method;

use super::{Access, Call, Endpoint, Reply, listing};
use crate::error::ApiError;
use crate::storage::POOL_FIELDS;
use crate::version::{ApiVersion, Format};

const LARGEST_PAGE: usize = 500;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/storage/disk-pools",
    access: Access::ApiLevel,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let pools = call.site.storage.pools(call.now);
    listing::answer(call, ENDPOINT.path, pools, POOL_FIELDS, LARGEST_PAGE)
}
