//! Whether the server answers, and which version it speaks: asked beside the collectors, so that it holds none of them up.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::plan::{Plan, next_run};
use crate::config::ApiVersion;
use crate::netbackup::{Client, NO_ANSWER};
use crate::snapshot::Fault;

/// What is known of the way to the server.
#[derive(Default)]
pub(super) struct Reach {
    /// The version in use; `None` while the server has not answered the client in use, or does not answer any more.
    pub(super) version: Option<ApiVersion>,
    asking: Option<(Instant, BoxFuture<'static, Result<ApiVersion, Fault>>)>,
    /// When it is asked again; at once if nothing was asked yet.
    due: Option<Instant>,
}

/// What came of the question.
pub(super) struct ReachAnswer {
    /// When it was asked.
    pub(super) began: Instant,
    /// The version, or why there is none.
    pub(super) outcome: Result<ApiVersion, Fault>,
}

impl Reach {
    /// When the server is to be asked; `None` while it is being asked.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asking.is_none().then(|| self.due.unwrap_or_else(Instant::now))
    }

    /// Asks the server.
    pub(super) fn ask(&mut self, plan: &Plan, client: Result<Arc<Client>, String>) {
        let now = Instant::now();
        self.due = Some(next_run(now, plan.reach_interval()));
        self.asking = Some((now, reach(client, plan.deadline(plan.reach_interval())).boxed()));
    }

    /// Another client is in use, or the same way is to be tried anew: what was known of the other one does not count.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The plan may want it asked more often.
    pub(super) fn follow(&mut self, plan: &Plan) {
        self.due = self.due.map(|due| due.min(Instant::now() + plan.reach_interval()));
    }

    /// Waits for the answer. Dropping the future loses nothing.
    pub(super) async fn answered(&mut self) -> ReachAnswer {
        let Some((began, asking)) = &mut self.asking else { return std::future::pending().await };
        let (outcome, began) = (asking.await, *began);
        self.asking = None;
        ReachAnswer { began, outcome }
    }
}

async fn reach(client: Result<Arc<Client>, String>, deadline: Instant) -> Result<ApiVersion, Fault> {
    let client = client.map_err(|why| Fault::new(why, "correct the site's settings"))?;
    match timeout_at(deadline, client.negotiate(deadline)).await {
        Ok(Ok(version)) => Ok(version),
        Ok(Err(error)) => Err(Fault::new(error.to_string(), error.cause.cure())),
        Err(_) => Err(Fault::new("no answer before the deadline", NO_ANSWER)),
    }
}
