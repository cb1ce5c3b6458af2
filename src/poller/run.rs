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
    /// It failed, and the version of the API changed meanwhile: it may have asked for one version in the words of another.
    Overtaken,
}

/// Runs a collector once.
pub(super) async fn run(mut runner: Runner, setting: RunSetting) -> EndedRun {
    let RunSetting { number, client, site, collectors, board, window, deadline, cancelled } = setting;
    let (id, budget) = (runner.spec().id, RequestBudget::new(runner.spec().requests));
    let version = client.version();
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
                Ok(Ok(run)) if run.outcome.is_err() && client.version() != version => RunEnd::Overtaken,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::future::BoxFuture;

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
