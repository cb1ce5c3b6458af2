//! What the runs of collectors are given in tests.

use std::time::Duration;

use jiff::Timestamp;

use super::absence::Absences;
use super::board::Board;
use super::contract::Context;
use crate::config::{Collectors, fixture};
use crate::netbackup::Client;
use crate::netbackup::fixture::{Answer, Server, soon};

/// What a run is given: a client, and what holds of a site where nothing else is said.
pub(crate) struct Given {
    pub(crate) client: Client,
    pub(crate) collectors: Collectors,
    pub(crate) board: Board,
    pub(crate) absences: Absences,
    pub(crate) window: Duration,
    pub(crate) now: Timestamp,
    /// Keeps the server alive whose client it is.
    _server: Option<Server>,
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
            _server: None,
        }
    }

    /// By the client of a server that speaks this version and holds nothing; the version is known.
    pub(crate) async fn of_version(version: &'static str) -> Self {
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping(version),
            _ => Answer::json(r#"{"data":[]}"#),
        })
        .await;
        let client = server.client();
        client.negotiate(soon()).await.unwrap();
        Self { _server: Some(server), ..Self::by(client) }
    }

    /// What a run is given now.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            client: &self.client,
            site: "paris",
            collectors: &self.collectors,
            board: &self.board,
            absences: &self.absences,
            window: self.window,
            deadline: soon(),
            now: self.now,
        }
    }
}
