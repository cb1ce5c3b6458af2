//! How many jobs there are: the probe of the permission to see them.

use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::query::filter;
use super::watermark::Range;
use crate::collector::probe::Probe;
use crate::netbackup::{Client, Error};

/// Counts jobs ("NetBackup API reference, /admin/jobs-count-requests").
const RESOURCE: &str = "/admin/jobs-count-requests";

/// Without the permission `/admin/jobs` gives an empty list, and this request is refused.
pub(in crate::collector) static PROBE: Probe = Probe {
    request: "POST /admin/jobs-count-requests",
    count: |client, since, deadline| count(client, since, deadline).boxed(),
};

async fn count(client: &Client, since: Timestamp, deadline: Instant) -> Result<u64, Error> {
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

    let filter = filter(Range { from: since.as_second(), until: None });
    let question = json!({"data": {"type": "jobCount", "attributes": {"filter": filter}}});
    let counted: CountAnswer = client.query(RESOURCE, &question, deadline).await?;
    Ok(counted.data.attributes.count)
}
