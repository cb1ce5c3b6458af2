//! What all have in common that ask for jobs.

use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::contract::Context;
use super::probe::{Enforcement, Probe};
use super::resource::{Resource, Trial};
use crate::config::ApiVersion;
use crate::metric::Desc;
use crate::netbackup::{Client, Error, Listing, date_time};

/// The list of jobs.
const RESOURCE: &str = "/admin/jobs";
/// Counts jobs ("NetBackup API reference, /admin/jobs-count-requests").
const COUNT: &str = "/admin/jobs-count-requests";
/// From this version on the pages of jobs have cursors ("NetBackup API reference, versioning of /admin/jobs").
const CURSORS_SINCE: ApiVersion = ApiVersion { major: 9, minor: 0 };

/// Without the permission `/admin/jobs` gives an empty list, and this request is refused.
static PROBE: Probe = Probe {
    request: "POST /admin/jobs-count-requests",
    count: |client, since, deadline| count(client, Some(since), deadline).boxed(),
};

/// The list of jobs, of which these families come.
pub(super) const fn resource(families: &'static [&'static Desc]) -> Resource {
    Resource::new(RESOURCE, ApiVersion::OLDEST, families)
        .viewed_by("|MANAGE|JOBS|")
        .enforced(Enforcement::Object(&PROBE))
}

/// The list of jobs, of which these families come that the collector of jobs gives: it reads them, with the probe of the permission, and
/// shows what another collector is asked to show.
pub(super) const fn read_by_jobs(families: &'static [&'static Desc]) -> Resource {
    resource(families).enforced(Enforcement::Api).tried(Trial::None)
}

/// Jobs by a filter, `limit` on a page; 100 are the most.
pub(super) fn listing(
    context: &Context<'_>,
    filter: String,
    sort: &str,
    limit: u64,
    max_pages: u64,
) -> Listing {
    let cursors = context.client.version().is_none_or(|version| version >= CURSORS_SINCE);
    let list = if cursors { Listing::by_cursor } else { Listing::by_offset };
    list(RESOURCE, limit, max_pages).with("filter", filter).with("sort", sort)
}

/// How many jobs ended since a moment, or how many there are at all.
pub(super) async fn count(
    client: &Client,
    since: Option<Timestamp>,
    deadline: Instant,
) -> Result<u64, Error> {
    #[derive(serde::Deserialize)]
    struct CountAnswer {
        data: CountData,
    }
    #[derive(serde::Deserialize)]
    struct CountData {
        attributes: CountAttributes,
    }
    #[derive(serde::Deserialize)]
    struct CountAttributes {
        count: u64,
    }

    let filter = since.map(|since| format!("endTime ge {}", date_time(since.as_second())));
    let attributes = filter.map_or_else(|| json!({}), |filter| json!({"filter": filter}));
    let question = json!({"data": {"type": "jobCount", "attributes": attributes}});
    let counted: CountAnswer = client.query(COUNT, &question, deadline).await?;
    Ok(counted.data.attributes.count)
}
