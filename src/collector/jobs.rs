//! Jobs: those that finished in a rolling window, and those that run or wait.

mod counters;
mod descs;
mod families;
mod history;
mod labels;
mod query;
mod unfinished;
mod watermark;
mod window;

use std::ops::RangeInclusive;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{Cause, DecodeError, Page, decode};

use super::backups::Backups;
use super::client_jobs::ClientJobs;
use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::job_list;
use super::job_record::{Job, JobRecord};
use super::resource::Resource;
use super::spec::CollectorSpec;
use counters::Counters;
use history::History;
use labels::Labels;
use query::{MAX_FINISHED_PAGES, MAX_UNFINISHED_PAGES, filter, listing};
use unfinished::Unfinished;
use watermark::{OVERLAP, Range, Reached, Watermark};
use window::{Finished, Window};

static JOBS: Resource = job_list::resource(descs::FAMILIES);

/// What `list-metrics`, the doctor and the poller know of the collector.
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Jobs,
    main: &JOBS,
    others: &[],
    requests: query::MAX_REQUESTS,
    awaits_facts: true,
    new: |_| Box::new(Jobs::default()),
};

/// Finished jobs of a rolling window, read as they end, and the jobs that run or wait now.
#[derive(Debug, Default)]
struct Jobs {
    labels: Labels,
    window: Window,
    counters: Counters,
    watermark: Watermark,
    history: History,
    backups: Backups,
    clients: ClientJobs,
    /// What the last run showed beside what is remembered.
    shown: Option<LiveJobs>,
}

/// What a run shows beside what is remembered.
#[derive(Debug)]
struct LiveJobs {
    /// The ends of the jobs in the window.
    window: RangeInclusive<i64>,
    /// How much of the window was read.
    read_ratio: f64,
    unfinished: Unfinished,
}

impl Collector for Jobs {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.run(context, diagnostics).boxed()
    }

    fn has_rest(&mut self, context: &Context<'_>) -> bool {
        self.history.is_due(context) || self.backups.has_more(context)
    }

    fn collect_rest<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Vec<Family>> {
        self.read_rest(context, diagnostics).boxed()
    }

    fn known_since(&self, since: Timestamp) -> Option<u64> {
        self.watermark.is_whole().then(|| self.window.count_since(since.as_second()))
    }
}

impl Jobs {
    async fn run(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let now = context.client.server_time(context.now).as_second();
        let from = now.saturating_sub_unsigned(context.window.as_secs());
        self.watermark.begin(from, now);
        if self.clients.follow(context.collectors) | self.backups.follow(context.collectors) {
            self.watermark.read_again();
        }
        // A run that was cancelled left its jobs unsettled; they must not pile up.
        self.settle(context, from, diagnostics);
        // The unfinished jobs are few; they come first, so that a long backfill does not hide them.
        let unfinished = self.read_unfinished(context, diagnostics).await;
        if unfinished.as_ref().is_err_and(CollectError::is_unauthorized) {
            // The same key would be refused again, and each refusal counts towards a lock-out.
            return unfinished.map(|_| Vec::new());
        }
        let finished = self.read_finished(context, from..now, diagnostics).await;
        self.settle(context, from, diagnostics);
        let is_read = !self.backups.is_new() || self.watermark.is_whole();
        let read = self.watermark.read_until().filter(|_| is_read).map(|until| from..until);
        self.backups.settle(read, now, context.collectors, context.board);
        let unfinished = unfinished?;
        finished?;
        // A job whose end lies further in the future than clocks differ is kept, so that it counts once, but is in no
        // window: it would never leave it.
        let range = from..=now.saturating_add(OVERLAP);
        let shown = LiveJobs { window: range, read_ratio: self.watermark.read_ratio(now), unfinished };
        let families = self.render(context, &shown, diagnostics);
        self.shown = Some(shown);
        Ok(families)
    }

    /// Behind the jobs themselves, so that they never wait for it.
    async fn read_rest(&mut self, context: &Context<'_>, diagnostics: &mut Diagnostics) -> Vec<Family> {
        self.history.ask(context).await;
        self.backups.read_back(context, self.history.oldest_job(), diagnostics).await;
        // What has no room was counted when it was left out at first.
        let shown = self.shown.take();
        shown.map(|shown| self.render(context, &shown, &mut Diagnostics::default())).unwrap_or_default()
    }

    fn render(
        &mut self,
        context: &Context<'_>,
        shown: &LiveJobs,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Family> {
        let summary = self.window.summary(shown.window.clone(), &self.labels);
        let mut families =
            families::render(context, &summary, &self.counters, &shown.unfinished, &self.labels);
        families.push(descs::WINDOW_READ.family(context.site, [([], shown.read_ratio)]));
        families.extend(self.history.families(context.site));
        families.extend(self.backups.families(context, diagnostics));
        let last_successes = self.backups.last_successes();
        families.extend(self.clients.families(context, shown.window.clone(), last_successes, diagnostics));
        families
    }

    async fn read_unfinished(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Unfinished, CollectError> {
        let mut unfinished = Unfinished::default();
        let listing = listing(context, "state ne 'DONE'".to_owned(), "jobId", MAX_UNFINISHED_PAGES);
        let labels = &mut self.labels;
        let fold = |text: &str| fold(text, diagnostics, |job, _| unfinished.add(&job, labels));
        let walk = context.client.walk(&listing, context.deadline, fold).await?;
        diagnostics.truncated |= walk.truncated;
        diagnostics.records += walk.records;
        Ok(unfinished)
    }

    async fn read_finished(
        &mut self,
        context: &Context<'_>,
        window: std::ops::Range<i64>,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        for range in self.watermark.ranges() {
            let complete = self.read_range(context, range, &window, diagnostics).await?;
            if !complete {
                diagnostics.truncated = true;
                break;
            }
        }
        Ok(())
    }

    /// Reads one range of end times; false if there was more than this run could read.
    ///
    /// Jobs come in the order of their ends. So those that end meanwhile come last, the cursor never skips one, and
    /// everything up to the last job that came has been read.
    async fn read_range(
        &mut self,
        context: &Context<'_>,
        range: Range,
        wanted: &std::ops::Range<i64>,
        diagnostics: &mut Diagnostics,
    ) -> Result<bool, CollectError> {
        let listing = listing(context, filter(range), "endTime,jobId", MAX_FINISHED_PAGES);
        let counts = self.watermark.counts(range);
        let is_first = range.until.is_none() && !counts;
        let Self { labels, window, counters, watermark, backups, clients, .. } = self;
        let mut reached = Reached::default();
        let fold = |text: &str| {
            fold(text, diagnostics, |job, diagnostics| {
                let Some(finished) = Finished::new(&job, counts, labels, diagnostics) else { return };
                reached.note(finished.ended());
                if !counts {
                    counters.expect(labels.group(finished.group()));
                }
                window.add(finished);
                backups.note(&job);
                clients.note(&job);
            })
            .inspect(|_| match reached.newest() {
                Some(_) if is_first && !reached.is_in_order() => backups.start_over(),
                Some(newest) if is_first && backups.have_piled_up() => {
                    backups.advance(wanted.start..newest.min(wanted.end) - OVERLAP, context.board);
                }
                _ => {}
            })
        };
        let walk = context.client.walk(&listing, context.deadline, fold).await;
        diagnostics.records += walk.as_ref().map_or(0, |walk| walk.records);
        let complete = walk.as_ref().is_ok_and(|walk| !walk.truncated);
        watermark.end(range, reached, complete, wanted.end);
        match walk {
            Ok(_) => Ok(complete),
            // The run was too short to read all; the server has not failed.
            Err(error)
                if error.cause == Cause::Timeout && reached.newest().is_some() && context.is_over() =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn settle(&mut self, context: &Context<'_>, from: i64, diagnostics: &mut Diagnostics) {
        let keep = self.watermark.keep_from(from);
        let Self { labels, window, counters, .. } = self;
        window.settle(keep, |finished| counters.count(finished, labels.group(finished.group())));
        window.tidy(labels);
        let forget_after = context.collectors.per_client.options.forget_after;
        let forget_before = context.server_now().as_second().saturating_sub_unsigned(forget_after.as_secs());
        self.clients.settle(from, forget_before, context.board.clients().as_deref(), diagnostics);
    }
}

/// Decodes one page of jobs as every run does, and gives the number of its jobs; benchmarks measure this.
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
    let decoded = decode::<JobRecord<'_>>(text)?;
    diagnostics.malformed += decoded.malformed;
    for record in decoded.records {
        match Job::new(record, &mut diagnostics.malformed) {
            Some(job) => add(job, diagnostics),
            None => diagnostics.malformed += 1,
        }
    }
    Ok(decoded.page)
}

#[cfg(test)]
mod tests;
