//! What is asked of `/admin/jobs`.

use jiff::Timestamp;

use super::watermark::Range;
use crate::collector::contract::Context;
use crate::config::ApiVersion;
use crate::netbackup::Listing;

pub(in crate::collector) const RESOURCE: &str = "/admin/jobs";

/// The most that `/admin/jobs` takes.
const PAGE_SIZE: u64 = 100;
/// 200 000 finished jobs a run: two days of a very large domain. The run's deadline is usually nearer.
pub(super) const MAX_FINISHED_PAGES: u64 = 2000;
/// 20 000 jobs that run or wait at the same time.
pub(super) const MAX_UNFINISHED_PAGES: u64 = 200;
/// All pages of two ranges of end times and of the unfinished jobs, with some tries that failed.
pub(in crate::collector) const MAX_REQUESTS: u32 = 5000;
/// From this version on the pages of jobs have cursors ("NetBackup API reference, versioning of /admin/jobs").
const CURSORS_SINCE: ApiVersion = ApiVersion { major: 9, minor: 0 };

pub(super) fn listing(context: &Context<'_>, filter: String, sort: &str, max_pages: u64) -> Listing {
    let cursors = context.client.version().is_none_or(|version| version >= CURSORS_SINCE);
    let list = if cursors { Listing::by_cursor } else { Listing::by_offset };
    list(RESOURCE, PAGE_SIZE, max_pages).with("filter", filter).with("sort", sort)
}

/// Date-times stand without quotes in a filter ("NetBackup API reference, /admin/jobs, filter").
pub(super) fn filter(range: Range) -> String {
    let from = format!("endTime ge {}", date_time(range.from));
    match range.until {
        Some(until) => format!("{from} and endTime le {}", date_time(until)),
        None => from,
    }
}

pub(super) fn date_time(second: i64) -> String {
    let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}
