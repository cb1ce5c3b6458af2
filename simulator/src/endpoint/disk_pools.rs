//! `GET /storage/disk-pools`.

use http::Method;

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::storage::POOL_FIELDS;
use crate::version::{ApiVersion, Format};

const LIST: List = List { fields: POOL_FIELDS, largest: 500, form: Form::Full };

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
    listing::by_offset(call, &LIST, pools)
}
