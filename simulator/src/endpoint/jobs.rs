//! `GET /admin/jobs`: paged by cursor from API version 9.0 on, by offset before.
//!
//! Its enforcement is "API level or object level", and 401 is not among its answers: a role that covers no job at all gets
//! none (inferred from the enforcement, and seen in the field).

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::listing::Offset;
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::jobs::{Attributes, FIELDS, Job, Page, Plan};
use crate::version::{ApiVersion, Format};

const LARGEST_PAGE: usize = 100;
/// Room for one job in an answer; most take 2.2 kB.
const JOB_BYTES: usize = 2_400;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/admin/jobs",
    access: Access::ObjectLevel,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let plan = Plan::new(call.query.filter(FIELDS)?, call.query.sort(FIELDS)?);
    if call.version.pages_jobs_by_cursor() { by_cursor(call, &plan) } else { by_offset(call, &plan) }
}

#[derive(Serialize)]
struct Listing<'a> {
    data: Vec<Entry<'a>>,
    links: Value,
    meta: Value,
}

/// The reference allows a limit of 0 here: an empty page.
fn by_cursor(call: &Call<'_>, plan: &Plan) -> Result<Reply, ApiError> {
    let limit = call.query.integer("page[limit]", 0..=LARGEST_PAGE, 10)?;
    let after = call.query.get("page[after]")?;
    let before = call.query.get("page[before]")?;
    let page = if call.is_denied {
        Some(Page { jobs: Vec::new(), prev: None, next: None, truncated: false })
    } else {
        call.site.jobs.page(plan, after, before, limit)
    };
    let page = page.ok_or_else(|| ApiError::invalid("page[after]", &"unknown cursor"))?;
    let bytes = JOB_BYTES * (page.jobs.len() + 1);
    let listing = Listing {
        data: page.jobs.iter().map(|job| Entry::new(call, job, Some(plan.cursor(job)))).collect(),
        links: links(call, &page, limit),
        meta: meta(&page, limit),
    };
    Reply::json_of_about(bytes, &listing)
}

fn meta(page: &Page<'_>, limit: usize) -> Value {
    let mut pagination = Map::new();
    pagination.insert("limit".into(), limit.into());
    if let Some(next) = &page.next {
        pagination.insert("next".into(), next.as_str().into());
    }
    if let Some(prev) = &page.prev {
        pagination.insert("prev".into(), prev.as_str().into());
    }
    if page.truncated {
        pagination.insert("rangeTruncated".into(), true.into());
    }
    json!({"pagination": pagination})
}

fn links(call: &Call<'_>, page: &Page<'_>, limit: usize) -> Value {
    let href = |after: Option<&String>, before: Option<&String>| {
        let changes = [
            ("page[limit]", Some(limit.to_string())),
            ("page[after]", after.cloned()),
            ("page[before]", before.cloned()),
        ];
        json!({"href": call.site.href(ENDPOINT.path, &call.query.with(&changes))})
    };
    let mut links = Map::new();
    let own = call.site.href(ENDPOINT.path, &call.query.with(&[]));
    links.insert("self".into(), json!({"href": own}));
    links.insert("first".into(), href(None, None));
    if page.next.is_some() {
        links.insert("next".into(), href(page.next.as_ref(), None));
    }
    if page.prev.is_some() {
        links.insert("prev".into(), href(None, page.prev.as_ref()));
    }
    Value::Object(links)
}

fn by_offset(call: &Call<'_>, plan: &Plan) -> Result<Reply, ApiError> {
    let page = Offset::of(call, LARGEST_PAGE)?;
    let (jobs, count) =
        if call.is_denied { (Vec::new(), 0) } else { call.site.jobs.slice(plan, page.offset, page.limit) };
    Reply::json(&Listing {
        data: jobs.iter().map(|job| Entry::new(call, job, None)).collect(),
        links: page.links(call, count),
        meta: page.meta(count),
    })
}

/// One entry of `data`.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    links: EntryLinks,
    r#type: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<EntryMeta>,
    attributes: Attributes<'a>,
}

#[derive(Serialize)]
struct EntryLinks {
    #[serde(rename = "self")]
    own: Link,
    #[serde(rename = "file-lists")]
    file_lists: Link,
    #[serde(rename = "try-logs")]
    try_logs: Link,
}

#[derive(Serialize)]
struct Link {
    href: String,
}

#[derive(Serialize)]
struct EntryMeta {
    page: EntryPage,
}

#[derive(Serialize)]
struct EntryPage {
    cursor: String,
}

impl<'a> Entry<'a> {
    pub(super) fn new(call: &Call<'_>, job: &'a Job<'_>, cursor: Option<String>) -> Self {
        let id = job.id();
        let base = call.site.base_url();
        Self {
            links: EntryLinks {
                own: Link { href: format!("/admin/jobs/{id}") },
                file_lists: Link { href: format!("{base}/admin/jobs/{id}/file-lists") },
                try_logs: Link { href: format!("{base}/admin/jobs/{id}/try-logs") },
            },
            r#type: "job",
            id: id.to_string(),
            meta: cursor.map(|cursor| EntryMeta { page: EntryPage { cursor } }),
            attributes: job.attributes(),
        }
    }
}
