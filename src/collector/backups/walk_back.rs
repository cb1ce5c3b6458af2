//! Reads finished jobs back, from the live data to where every last good backup is known.

use super::Backups;
use super::expected::Expected;
use super::noted::NotedJob;
use super::reading::ReadStep;
use crate::collector::contract::{CollectError, Context, Diagnostics};
use crate::collector::job_list::listing;
use crate::collector::job_record::{Job, JobRecord};
use crate::collector::walk::fold_page;
use crate::netbackup::date_time;

/// The most that `/admin/jobs` takes.
const PAGE_SIZE: u64 = 100;
/// Pages a run: a server with 20 000 jobs a day is asked for a day within an hour, beside its live data.
pub(super) const MOST_PAGES: u64 = 20;

impl Backups {
    /// Reads back as many jobs as one run may.
    pub(super) async fn walk_back(
        &mut self,
        context: &Context<'_>,
        expected: &Expected,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        let floor = self.floor(context);
        let now = context.server_now().as_second();
        let mut pages = MOST_PAGES;
        while pages > 0 && !context.is_over() {
            let Self { memory, reading, .. } = self;
            let step = reading.next_step(now, floor, expected, || expected.all_good_in(memory));
            let Some(step) = step.map(|step| (step.types.last().copied(), step.before)) else {
                self.close_runs();
                return Ok(());
            };
            let (Some(job_type), before) = step else {
                self.end_step(expected);
                continue;
            };
            pages =
                pages.saturating_sub(self.read_type(context, job_type, before, pages, diagnostics).await?);
        }
        self.end_step(expected);
        Ok(())
    }

    /// How far back jobs are looked for.
    fn floor(&self, context: &Context<'_>) -> i64 {
        let look_back = context.collectors.protection.options.look_back;
        let wanted = context.server_now().as_second().saturating_sub_unsigned(look_back.as_secs());
        self.reading.reach.unwrap_or(wanted).max(wanted)
    }

    /// Reads the jobs of one type in the step; returns how many pages that took.
    async fn read_type(
        &mut self,
        context: &Context<'_>,
        job_type: &'static str,
        before: i64,
        most_pages: u64,
        diagnostics: &mut Diagnostics,
    ) -> Result<u64, CollectError> {
        let Self { names, reading, .. } = self;
        let Some(step) = &mut reading.step else { return Ok(0) };
        let (from, until) = (date_time(step.from), date_time(before));
        let filter = format!(
            "jobType eq '{job_type}' and state eq 'DONE' and endTime ge {from} and endTime lt {until}"
        );
        let listing = listing(context, filter, "-endTime", PAGE_SIZE, most_pages);
        step.begin_walk();
        let mut malformed = Diagnostics::default();
        let fold = |text: &str| {
            fold_page(text, &mut malformed, |record: JobRecord<'_>, malformed| {
                let job = Job::new(record, malformed)?;
                note(step, &job, names);
                Some(())
            })
        };
        let walk = context.client.walk(&listing, context.deadline, fold).await;
        diagnostics.malformed += malformed.malformed;
        let walk = walk?;
        if step.is_unsorted || walk.truncated && step.before >= before {
            tracing::warn!("Jobs are not sorted by their ends as asked for, so older ones are not read back");
            reading.give_up();
        } else if !walk.truncated {
            step.end_type();
        }
        Ok(walk.pages.max(1))
    }

    pub(super) fn end_step(&mut self, expected: &Expected) {
        let Some(step) = self.reading.take_whole() else { return };
        for (id, job) in &step.jobs {
            if let Some(job) = job.counted(expected.policies.as_deref()) {
                self.memory.fold(*id, &job);
            }
        }
        self.close_runs();
    }
}

fn note(step: &mut ReadStep, job: &Job<'_>, names: &mut super::noted::Names) {
    let Some(ended) = job.end else { return };
    step.reached(ended);
    if let Some(noted) = NotedJob::new(job, names) {
        step.jobs.insert(job.id, noted);
    }
}
