//! How many jobs the server has records of, and how far back they reach.

use std::time::Duration;

use tokio::time::Instant;

use super::descs::{HISTORY_START, RECORDS};
use super::fold;
use crate::collector::backups::OldestJob;
use crate::collector::contract::{Context, Diagnostics};
use crate::collector::hold::REFUSED_PAUSE;
use crate::collector::job_list::{count, listing};
use crate::metric::Family;
use crate::netbackup::Error;

/// What is asked beside the jobs themselves, and much more rarely.
#[derive(Debug, Default)]
pub(super) struct History {
    records: RareAnswer<u64>,
    start: RareAnswer<OldestJob>,
}

/// The last answer to a question, and when it was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RareAnswer<T> {
    answer: Option<T>,
    due: Option<Instant>,
}

/// As often as the permission is asked about, since both answers come from the same resource.
const RECORDS_INTERVAL: Duration = Duration::from_hours(1);
/// A site keeps its jobs for hours to weeks.
const START_INTERVAL: Duration = Duration::from_hours(24);
/// After any other failure.
const FAILED_PAUSE: Duration = Duration::from_hours(1);
/// The read-back waits for both.
const PATIENCE: Duration = Duration::from_mins(1);

impl History {
    /// Whether there is something to ask. Who was refused the probe of the permission would be refused the number of records, too.
    pub(super) fn is_due(&self, context: &Context<'_>) -> bool {
        self.is_number_due(context) || self.start.is_due()
    }

    fn is_number_due(&self, context: &Context<'_>) -> bool {
        self.records.is_due() && !context.is_probe_refused
    }

    /// Asks what is due. Nothing of it fails the run.
    pub(super) async fn ask(&mut self, context: &Context<'_>) {
        if context.is_probe_refused {
            self.records = RareAnswer::default();
        }
        if self.is_number_due(context) && !context.is_over() {
            self.records.pause(FAILED_PAUSE);
            let records = count(context.client, None, patience(context)).await;
            self.records.note(records, RECORDS_INTERVAL);
        }
        if self.start.is_due() && !context.is_over() {
            // What was never answered is asked for in each run: the read-back waits for it.
            self.start.pause(if self.start.answer.is_some() { FAILED_PAUSE } else { Duration::ZERO });
            self.start.note(oldest_job(context).await, START_INTERVAL);
        }
    }

    /// How far back the server's finished jobs reach; `None` while that is not known.
    pub(super) fn oldest_job(&self) -> Option<OldestJob> {
        self.start.answer
    }

    /// What is known.
    pub(super) fn families(&self, site: &str) -> [Family; 2] {
        let records = self.records.answer.map(|records| ([], records as f64));
        let start = match self.start.answer {
            Some(OldestJob::Ended(start)) => Some(([], start as f64)),
            Some(OldestJob::None | OldestJob::Silent) | None => None,
        };
        [RECORDS.family(site, records), HISTORY_START.family(site, start)]
    }
}

impl<T> Default for RareAnswer<T> {
    fn default() -> Self {
        Self { answer: None, due: None }
    }
}

impl<T> RareAnswer<T> {
    fn is_due(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }

    /// Not before so long: also if the run ends before there is an answer.
    fn pause(&mut self, pause: Duration) {
        self.due = Some(Instant::now() + pause);
    }

    /// An older answer stands where there is no new one, unless the role of the key may not have it any more.
    fn note(&mut self, outcome: Result<T, Error>, interval: Duration) {
        match outcome {
            Ok(answer) => {
                self.answer = Some(answer);
                self.pause(interval);
            }
            Err(error) => {
                tracing::debug!(%error, "The records of jobs were asked for");
                if error.is_unauthorized() {
                    self.answer = None;
                    self.pause(REFUSED_PAUSE);
                }
            }
        }
    }
}

fn patience(context: &Context<'_>) -> Instant {
    context.deadline.min(Instant::now() + PATIENCE)
}

async fn oldest_job(context: &Context<'_>) -> Result<OldestJob, Error> {
    let listing = listing(context, "state eq 'DONE'".to_owned(), "endTime", 1, 1);
    let mut oldest = None;
    let first = |text: &str| fold(text, &mut Diagnostics::default(), |job, _| oldest = oldest.or(job.end));
    let walk = context.client.walk(&listing, patience(context), first).await?;
    let no_end = if walk.records == 0 { OldestJob::None } else { OldestJob::Silent };
    Ok(oldest.map_or(no_end, OldestJob::Ended))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netbackup::Cause;

    fn error(cause: Cause) -> Error {
        Error { endpoint: "/admin/jobs", cause }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_stands_until_there_is_another_or_it_is_refused() {
        let mut records = RareAnswer::default();
        assert!(records.is_due());
        records.note(Ok(7), RECORDS_INTERVAL);
        assert!(!records.is_due());
        tokio::time::advance(RECORDS_INTERVAL).await;
        assert!(records.is_due());
        records.pause(FAILED_PAUSE);
        records.note(Err(error(Cause::Timeout)), RECORDS_INTERVAL);
        assert_eq!((records.answer, records.is_due()), (Some(7), false));
        records.note(Err(error(Cause::Unauthorized)), RECORDS_INTERVAL);
        assert_eq!(records.answer, None);
        tokio::time::advance(FAILED_PAUSE).await;
        assert!(!records.is_due(), "a refusal is not asked for twice in six hours");
        tokio::time::advance(REFUSED_PAUSE).await;
        assert!(records.is_due());
    }
}
