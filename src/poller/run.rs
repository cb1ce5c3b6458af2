//! One run of one collector: it owns what it needs, so that nobody waits for it, and gives the collector back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::collector::{Absences, Board, Context, Run, RunRest, Runner};
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

/// A run that has ended, or a part of one whose families are to be shown before it goes on.
pub(super) struct EndedRun {
    pub(super) id: CollectorId,
    pub(super) number: u64,
    pub(super) next: AfterRun,
    pub(super) end: RunEnd,
    /// How many requests were sent.
    pub(super) requests: u32,
}

/// What becomes of the collector.
pub(super) enum AfterRun {
    /// It waits for its next run.
    Idle(Runner),
    /// The run goes on: the future owns the collector.
    Rest(BoxFuture<'static, EndedRun>),
    /// It panicked, so that it may be in any state.
    Lost,
}

/// How a run ended.
pub(super) enum RunEnd {
    /// By itself, well or badly.
    Done(Run),
    /// By itself, after its families were shown.
    DoneRest(RunRest),
    /// By a bug.
    Panicked,
    /// It had not ended at its deadline.
    Late,
    /// It was given up, since it is to be asked in another way.
    Cancelled,
    /// It failed, and the version of the API changed meanwhile: it may have asked for one version in the words of another.
    Overtaken,
}

impl RunSetting {
    fn context<'a>(&'a self, absences: &'a Absences) -> Context<'a> {
        Context {
            client: &self.client,
            site: &self.site,
            collectors: &self.collectors,
            board: &self.board,
            // The runner has its own.
            absences,
            is_probe_refused: false,
            window: self.window,
            deadline: self.deadline,
            now: Timestamp::now(),
        }
    }

    /// Does a part of the run within the limits of the whole.
    async fn limited<T>(
        &self,
        budget: &Arc<RequestBudget>,
        part: impl Future<Output = T>,
    ) -> Result<T, RunEnd> {
        let part = AssertUnwindSafe(budget.clone().scope(part)).catch_unwind();
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(RunEnd::Cancelled),
            ended = timeout_at(self.deadline + GRACE, part) => match ended {
                Ok(Ok(done)) => Ok(done),
                Ok(Err(_)) => Err(RunEnd::Panicked),
                Err(_) => Err(RunEnd::Late),
            },
        }
    }
}

/// Runs a collector once.
pub(super) async fn run(mut runner: Runner, setting: RunSetting) -> EndedRun {
    let budget = RequestBudget::new(runner.spec().requests);
    let version = setting.client.version();
    let absences = Absences::default();
    let context = setting.context(&absences);
    let end = match setting.limited(&budget, runner.run(context)).await {
        Ok(run) if run.outcome.is_err() && setting.client.version() != version => RunEnd::Overtaken,
        Ok(run) => RunEnd::Done(run),
        Err(end) => end,
    };
    let (id, number, requests) = (runner.spec().id, setting.number, budget.sent());
    let is_good = matches!(&end, RunEnd::Done(run) if run.outcome.is_ok());
    let next = if is_good && runner.has_rest(context) {
        AfterRun::Rest(run_rest(runner, setting, budget).boxed())
    } else {
        after(runner, &end)
    };
    EndedRun { id, number, next, end, requests }
}

/// Goes on with a run whose families are shown.
async fn run_rest(mut runner: Runner, setting: RunSetting, budget: Arc<RequestBudget>) -> EndedRun {
    let absences = Absences::default();
    let rest = setting.limited(&budget, runner.run_rest(setting.context(&absences))).await;
    let end = match rest {
        Ok(rest) => RunEnd::DoneRest(rest),
        Err(RunEnd::Late) => {
            tracing::debug!("What could wait was stopped at the deadline of the run");
            // What is shown is as good as before.
            RunEnd::Cancelled
        }
        Err(end) => end,
    };
    let (id, number, requests) = (runner.spec().id, setting.number, budget.sent());
    EndedRun { id, number, next: after(runner, &end), end, requests }
}

fn after(runner: Runner, end: &RunEnd) -> AfterRun {
    if matches!(end, RunEnd::Panicked) { AfterRun::Lost } else { AfterRun::Idle(runner) }
}

/// What every line about a run carries. It has the level of an error, so that it is there at every level of logging.
pub(super) fn span(collector: CollectorId) -> Span {
    tracing::error_span!("collector", collector = collector.name())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::collector::{CollectError, Collector, CollectorSpec, Diagnostics, Resource};
    use crate::config::fixture;
    use crate::metric::Family;
    use crate::netbackup::fixture::{Answer, Server, soon};

    static FAKE: Resource = Resource::fake("/fake");
    static SPEC: CollectorSpec = CollectorSpec {
        id: CollectorId::Tape,
        main: &FAKE,
        others: &[],
        requests: 10,
        awaits_facts: false,
        new: |_| Box::new(Asking { fails: false }),
    };

    /// Asks for the version, as a request does that the server does not take any more.
    struct Asking {
        fails: bool,
    }

    impl Collector for Asking {
        fn collect<'a>(
            &'a mut self,
            context: &'a Context<'a>,
            _: &'a mut Diagnostics,
        ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
            async move {
                context.client.negotiate(context.deadline).await?;
                if self.fails { Err(CollectError::Unsupported("nothing is there")) } else { Ok(Vec::new()) }
            }
            .boxed()
        }
    }

    /// Whether a run was overtaken, that fails or not while the server is turned to this version.
    async fn is_overtaken(fails: bool, version: &'static str) -> bool {
        let is_turned = Arc::new(AtomicBool::new(false));
        let turned = is_turned.clone();
        let answer = move |_: &_| Answer::ping(if turned.load(Ordering::Relaxed) { version } else { "10.0" });
        let server = Server::start(answer).await;
        let client = Arc::new(server.client());
        client.negotiate(soon()).await.unwrap();
        is_turned.store(true, Ordering::Relaxed);
        let setting = RunSetting {
            number: 1,
            client,
            site: "paris".into(),
            collectors: fixture::collectors(),
            board: Arc::default(),
            window: Duration::from_hours(1),
            deadline: soon(),
            cancelled: CancellationToken::new(),
        };
        let ended = run(Runner::new(&SPEC, Box::new(Asking { fails })), setting).await;
        matches!(ended.end, RunEnd::Overtaken)
    }

    #[tokio::test]
    async fn a_run_that_failed_while_the_version_changed_says_nothing_of_the_server() {
        assert!(is_overtaken(true, "12.0").await && is_overtaken(true, "9.0").await);
        assert!(!is_overtaken(false, "12.0").await, "what succeeded counts");
        assert!(!is_overtaken(true, "10.0").await);
    }
}
