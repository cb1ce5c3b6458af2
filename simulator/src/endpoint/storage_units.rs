//! `GET /storage/storage-units`.

use http::Method;

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::storage::UNIT_FIELDS;
use crate::version::{ApiVersion, Format};

const LIST: List = List { fields: UNIT_FIELDS, largest: 500, form: Form::Full };

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
    listing::by_offset(call, &LIST, units)
}
