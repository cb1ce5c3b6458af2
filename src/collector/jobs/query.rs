//! What is asked of `/admin/jobs`.

use super::watermark::Range;
use crate::collector::contract::Context;
use crate::collector::job_list;
use crate::netbackup::{Listing, date_time};

/// The most that `/admin/jobs` takes.
const PAGE_SIZE: u64 = 100;
/// 200 000 finished jobs a run: two days of a very large domain. The run's deadline is usually nearer.
pub(super) const MAX_FINISHED_PAGES: u64 = 2000;
/// 20 000 jobs that run or wait at the same time.
pub(super) const MAX_UNFINISHED_PAGES: u64 = 200;
/// All pages of two ranges of end times and of the unfinished jobs, with some tries that failed.
pub(in crate::collector) const MAX_REQUESTS: u32 = 5000;

pub(super) fn listing(context: &Context<'_>, filter: String, sort: &str, max_pages: u64) -> Listing {
    job_list::listing(context, filter, sort, PAGE_SIZE, max_pages)
}

pub(super) fn filter(range: Range) -> String {
    let from = format!("endTime ge {}", date_time(range.from));
    match range.until {
        Some(until) => format!("{from} and endTime le {}", date_time(until)),
        None => from,
    }
}
