//! One run of one collector: it owns what it needs, so that nobody waits for it, and gives the collector back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::collector::{Absences, Board, Context, Run, Runner};
use crate::config::{CollectorId, Collectors};
use crate::netbackup::{Client, RequestBudget};

/// A run ends by itself at its deadline; one that has not ended so much later is ended.
const GRACE: Duration = Duration::from_secs(5);

/// What a run is given.
pub(super) struct RunSetting {
    /// Tells the newest run of a collector from an earlier one that was given up.
    pub(super) number: u64,
    pub(super) client: Arc<Client>,
    pub(super) site: Arc<str>,
    pub(super) collectors: Collectors,
    pub(super) board: Arc<Board>,
    pub(super) window: Duration,
    pub(super) deadline: Instant,
    /// Ends the run early.
    pub(super) cancelled: CancellationToken,
}

/// A run that has ended.
pub(super) struct EndedRun {
    pub(super) id: CollectorId,
    pub(super) number: u64,
    /// The collector; `None` if it panicked, since it may be in any state then.
    pub(super) runner: Option<Runner>,
    pub(super) end: RunEnd,
    /// How many requests were sent.
    pub(super) requests: u32,
}

/// How a run ended.
pub(super) enum RunEnd {
    /// By itself, well or badly.
    Done(Run),
    /// By a bug.
    Panicked,
    /// It had not ended at its deadline.
    Late,
    /// It was given up, since it is to be asked in another way.
    Cancelled,
}

/// Runs a collector once.
pub(super) async fn run(mut runner: Runner, setting: RunSetting) -> EndedRun {
    let RunSetting { number, client, site, collectors, board, window, deadline, cancelled } = setting;
    let (id, budget) = (runner.spec().id, RequestBudget::new(runner.spec().requests));
    let end = {
        let context = Context {
            client: &client,
            site: &site,
            collectors: &collectors,
            board: &board,
            // The runner has its own.
            absences: &Absences::default(),
            window,
            deadline,
            now: Timestamp::now(),
        };
        let run = AssertUnwindSafe(budget.clone().scope(runner.run(context))).catch_unwind();
        tokio::select! {
            biased;
            () = cancelled.cancelled() => RunEnd::Cancelled,
            ended = timeout_at(deadline + GRACE, run) => match ended {
                Ok(Ok(run)) => RunEnd::Done(run),
                Ok(Err(_)) => RunEnd::Panicked,
                Err(_) => RunEnd::Late,
            },
        }
    };
    let runner = (!matches!(end, RunEnd::Panicked)).then_some(runner);
    EndedRun { id, number, runner, end, requests: budget.sent() }
}

/// What every line about a run carries. It has the level of an error, so that it is there at every level of logging.
pub(super) fn span(collector: CollectorId) -> Span {
    tracing::error_span!("collector", collector = collector.name())
}
