//! What the runs of collectors are given in tests.

use std::time::Duration;

use jiff::Timestamp;

use super::absence::Absences;
use super::board::Board;
use super::contract::{Collector, Context};
use super::runner::{self, Run};
use super::spec::CollectorSpec;
use crate::config::{Collectors, fixture};
use crate::metric::Family;
use crate::netbackup::Client;
use crate::netbackup::fixture::{Answer, Received, Server, soon};

/// What a run is given: a client, and what holds of a site where nothing else is said.
pub(crate) struct Given {
    pub(crate) client: Client,
    pub(crate) collectors: Collectors,
    pub(crate) board: Board,
    pub(crate) absences: Absences,
    pub(crate) window: Duration,
    pub(crate) now: Timestamp,
    /// Keeps the server alive whose client it is.
    server: Option<Server>,
}

impl Given {
    /// By this client.
    pub(crate) fn by(client: Client) -> Self {
        Self {
            client,
            collectors: fixture::collectors(),
            board: Board::default(),
            absences: Absences::default(),
            window: Duration::from_hours(1),
            now: Timestamp::now(),
            server: None,
        }
    }

    /// By the client of a server that speaks this version and holds nothing; the version is known.
    pub(crate) async fn of_version(version: &'static str) -> Self {
        Self::at(version, |_| Answer::json(r#"{"data":[]}"#)).await
    }

    /// By the client of a server that speaks this version and answers so; the version is known.
    pub(crate) async fn at(
        version: &'static str,
        answer: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping(version),
            _ => answer(request),
        })
        .await;
        let client = server.client();
        client.negotiate(soon()).await.unwrap();
        Self { server: Some(server), ..Self::by(client) }
    }

    /// What the server was asked under this path; see [`Given::at`].
    pub(crate) fn asked(&self, path: &str) -> Vec<Received> {
        self.server.as_ref().map(|server| server.received_at(path)).unwrap_or_default()
    }

    /// One run of a collector in its first state.
    pub(crate) async fn run(&self, spec: &CollectorSpec) -> Run {
        self.run_again((spec.new)(&self.collectors).as_mut()).await
    }

    /// One run of a collector that remembers something.
    pub(crate) async fn run_again(&self, collector: &mut dyn Collector) -> Run {
        runner::run(collector, &self.context()).await
    }

    /// What a run is given now.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            client: &self.client,
            site: "paris",
            collectors: &self.collectors,
            board: &self.board,
            absences: &self.absences,
            is_probe_refused: false,
            window: self.window,
            deadline: soon(),
            now: self.now,
        }
    }
}

/// The lines of a run's families.
pub(crate) fn page_of(run: &Run) -> String {
    run.families.iter().map(Family::text).collect()
}

/// Holds that a page has these lines.
#[track_caller]
pub(crate) fn has_lines(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.contains(&format!("{line}\n")), "{line} is not in\n{page}");
    }
}
