//! `GET /storage/storage-units`.

use http::Method;

use super::{Access, Call, Endpoint, Reply, listing};
use crate::error::ApiError;
use crate::storage::UNIT_FIELDS;
use crate::version::{ApiVersion, Format};

const LARGEST_PAGE: usize = 500;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/storage/storage-units",
    access: Access::ApiLevel,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let units = call.site.storage.units(call.now);
    listing::answer(call, ENDPOINT.path, units, UNIT_FIELDS, LARGEST_PAGE)
}
