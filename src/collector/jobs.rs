mod count;
mod counters;
mod descs;
mod families;
mod labels;
mod live;
mod progress;
mod window;
mod wire;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::config::ApiVersion;
use crate::metric::Family;
use crate::netbackup::{Cause, DecodeError, Listing, Page, Paging, decode};

use super::{CollectError, Collector, Context, Diagnostics};
use counters::Counters;
use labels::Labels;
use live::Live;
use progress::{OVERLAP, Progress, Range, Reached};
use window::{Finished, Window};
use wire::{Job, Wire};

pub(super) use count::PROBE;
pub(super) use descs::FAMILIES;

pub(super) const NAME: &str = "jobs";
pub(super) const RESOURCE: &str = "/admin/jobs";

/// The most that `/admin/jobs` takes.
const PAGE_SIZE: u64 = 100;
/// 200 000 finished jobs a cycle: two days of a very large domain. The cycle's deadline is usually nearer.
const MAX_FINISHED_PAGES: u64 = 2000;
/// 20 000 jobs that run or wait at the same time.
const MAX_LIVE_PAGES: u64 = 200;
/// From this version on the pages of jobs have cursors ("NetBackup API reference, versioning of /admin/jobs").
const CURSORS_SINCE: ApiVersion = ApiVersion { major: 9, minor: 0 };

/// Finished jobs of a rolling window, read as they end, and the jobs that run or wait now.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    labels: Labels,
    window: Window,
    counters: Counters,
    progress: Progress,
}

impl Collector for Jobs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.cycle(context, diagnostics).boxed()
    }

    fn known_since(&self, since: Timestamp) -> Option<u64> {
        self.progress.is_whole().then(|| self.window.count_since(since.as_second()))
    }
}

impl Jobs {
    async fn cycle(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let now = context.client.server_time(context.now).as_second();
        let from = now.saturating_sub_unsigned(context.window.as_secs());
        self.progress.begin(from, now);
        // A cycle that was cancelled left its jobs unsettled; they must not pile up.
        self.settle(from);
        // First what is few, so that a long backfill does not hide what runs.
        let live = self.read_live(context, diagnostics).await;
        if live.as_ref().is_err_and(CollectError::is_unauthorized) {
            // The same key would be refused again, and each refusal counts towards a lock-out.
            return live.map(|_| Vec::new());
        }
        let finished = self.read_finished(context, now, diagnostics).await;
        self.settle(from);
        let live = live?;
        finished?;
        // What claims to end later than any clock explains is remembered, so that it counts once, but would never leave
        // the window.
        let summary = self.window.summary(from..=now.saturating_add(OVERLAP), &self.labels);
        Ok(families::render(context, &summary, &self.counters, &live, &self.labels))
    }

    async fn read_live(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Live, CollectError> {
        let mut live = Live::default();
        let listing = listing(context, "state ne 'DONE'".to_owned(), "jobId", MAX_LIVE_PAGES);
        let labels = &mut self.labels;
        let fold = |text: &str| fold(text, diagnostics, |job, _| live.add(&job, labels));
        let walk = context.client.walk(&listing, context.deadline, fold).await?;
        diagnostics.truncated |= walk.truncated;
        diagnostics.records += walk.records;
        Ok(live)
    }

    async fn read_finished(
        &mut self,
        context: &Context<'_>,
        now: i64,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        for range in self.progress.ranges() {
            let complete = self.read_range(context, range, now, diagnostics).await?;
            if !complete {
                diagnostics.truncated = true;
                break;
            }
        }
        Ok(())
    }

    /// Reads one range of end times; false if there was more than this cycle could read.
    ///
    /// In the order of their end, jobs that end meanwhile come last, so that the cursor never jumps over one, and what
    /// was read is whole up to the last job that came.
    async fn read_range(
        &mut self,
        context: &Context<'_>,
        range: Range,
        now: i64,
        diagnostics: &mut Diagnostics,
    ) -> Result<bool, CollectError> {
        let listing = listing(context, filter(range), "endTime,jobId", MAX_FINISHED_PAGES);
        let counts = self.progress.counts(range);
        let Self { labels, window, counters, progress } = self;
        let mut reached = Reached::default();
        let fold = |text: &str| {
            fold(text, diagnostics, |job, diagnostics| {
                let Some(finished) = Finished::new(&job, counts, labels, diagnostics) else { return };
                reached.note(finished.ended());
                if !counts {
                    counters.expect(labels.group(finished.group()));
                }
                window.add(finished);
            })
        };
        let walk = context.client.walk(&listing, context.deadline, fold).await;
        diagnostics.records += walk.as_ref().map_or(0, |walk| walk.records);
        let complete = walk.as_ref().is_ok_and(|walk| !walk.truncated);
        progress.end(range, reached, complete, now);
        match walk {
            Ok(_) => Ok(complete),
            // The cycle was too short for all, which is no failure of the server.
            Err(error) if error.cause == Cause::Timeout && reached.any() && context.is_over() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn settle(&mut self, from: i64) {
        let keep = self.progress.keep_from(from);
        let Self { labels, window, counters, .. } = self;
        window.settle(keep, |finished| counters.count(finished, labels.group(finished.group())));
        window.tidy(labels);
    }
}

fn listing(context: &Context<'_>, filter: String, sort: &str, max_pages: u64) -> Listing {
    let cursors = context.client.version().is_none_or(|version| version >= CURSORS_SINCE);
    Listing {
        endpoint: RESOURCE,
        query: vec![("filter", filter), ("sort", sort.to_owned())],
        paging: if cursors { Paging::Cursor } else { Paging::Offset },
        limit: PAGE_SIZE,
        max_pages,
    }
}

/// Date-times stand bare in a filter ("NetBackup API reference, /admin/jobs, filter").
fn filter(range: Range) -> String {
    let from = format!("endTime ge {}", date_time(range.from));
    match range.until {
        Some(until) => format!("{from} and endTime le {}", date_time(until)),
        None => from,
    }
}

fn date_time(second: i64) -> String {
    let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// Decodes one page of jobs as every cycle does, and gives the number of its jobs; benchmarks measure this.
pub fn decode_jobs_page(text: &str) -> Result<u64, DecodeError> {
    let mut jobs = 0;
    fold(text, &mut Diagnostics::default(), |_, _| jobs += 1)?;
    Ok(jobs)
}

/// Decodes a page and hands on each record that says which job it is.
fn fold(
    text: &str,
    diagnostics: &mut Diagnostics,
    mut add: impl FnMut(Job<'_>, &mut Diagnostics),
) -> Result<Page, DecodeError> {
    let decoded = decode::<Wire<'_>>(text)?;
    diagnostics.malformed += decoded.malformed;
    for wire in decoded.records {
        match Job::new(wire, &mut diagnostics.malformed) {
            Some(job) => add(job, diagnostics),
            None => diagnostics.malformed += 1,
        }
    }
    Ok(decoded.page)
}

#[cfg(test)]
mod tests;
