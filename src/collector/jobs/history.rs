//! How many jobs the server has records of, and how far back they reach.

use std::time::Duration;

use tokio::time::Instant;

use super::descs::{HISTORY_START, RECORDS};
use super::fold;
use crate::collector::contract::{Context, Diagnostics};
use crate::collector::hold::REFUSED_PAUSE;
use crate::collector::job_list::{count, listing};
use crate::metric::Family;
use crate::netbackup::Error;

/// What is asked beside the jobs themselves, and much more rarely.
#[derive(Debug, Default)]
pub(super) struct History {
    records: RareAnswer<u64>,
    /// When the oldest finished job ended.
    start: RareAnswer<i64>,
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
/// The jobs were read and wait to be shown, so neither answer is worth a longer time.
const PATIENCE: Duration = Duration::from_secs(10);

impl History {
    /// Asks what is due. Nothing of it fails the run.
    pub(super) async fn ask(&mut self, context: &Context<'_>) {
        if self.records.is_due() && !context.is_over() {
            self.records.pause(FAILED_PAUSE);
            let records = count(context.client, None, patience(context)).await;
            self.records.note(records.map(Some), RECORDS_INTERVAL);
        }
        if self.start.is_due() && !context.is_over() {
            self.start.pause(FAILED_PAUSE);
            self.start.note(oldest_end(context).await, START_INTERVAL);
        }
    }

    /// What is known.
    pub(super) fn families(&self, site: &str) -> [Family; 2] {
        let records = self.records.answer.map(|records| ([], records as f64));
        let start = self.start.answer.map(|start| ([], start as f64));
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
    fn note(&mut self, outcome: Result<Option<T>, Error>, interval: Duration) {
        match outcome {
            Ok(answer) => {
                self.answer = answer;
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

/// When the oldest finished job ended; `None` if there is none, or if it does not say.
async fn oldest_end(context: &Context<'_>) -> Result<Option<i64>, Error> {
    let listing = listing(context, "state eq 'DONE'".to_owned(), "endTime", 1, 1);
    let mut oldest = None;
    let first = |text: &str| fold(text, &mut Diagnostics::default(), |job, _| oldest = oldest.or(job.end));
    context.client.walk(&listing, patience(context), first).await?;
    Ok(oldest)
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
        records.note(Ok(Some(7)), RECORDS_INTERVAL);
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
