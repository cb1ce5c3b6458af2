//! How the supervisor is told what to do.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::reload::ActiveConfig;

/// Tells the supervisor what to do.
#[derive(Clone, Debug)]
pub(crate) struct SupervisorHandle(pub(super) mpsc::Sender<SupervisorCommand>);

/// What the supervisor is told to do.
#[derive(Debug)]
pub(super) enum SupervisorCommand {
    /// To follow a configuration, and to say when it does.
    Follow(Arc<ActiveConfig>, oneshot::Sender<()>),
    /// To have every site ask again for what was refused.
    AskRefused,
    /// To follow the newest assignment, and to say when the pollers that it stops have ended.
    Settle(oneshot::Sender<()>),
}

impl SupervisorHandle {
    /// Returns when every poller follows `active`, and removed sites are gone from the page.
    pub(crate) async fn apply(&self, active: Arc<ActiveConfig>) {
        let (sender, done) = oneshot::channel();
        if self.0.send(SupervisorCommand::Follow(active, sender)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Somebody asked for a reload, so the role of a key may see more than before: what was refused is asked for again.
    pub(crate) async fn ask_refused(&self) {
        // At the end nobody listens.
        let _ = self.0.send(SupervisorCommand::AskRefused).await;
    }

    /// Returns when the newest assignment is followed and no poller asks that should not; at the end of the supervisor at the latest.
    pub(crate) async fn settle(&self) {
        let (sender, done) = oneshot::channel();
        if self.0.send(SupervisorCommand::Settle(sender)).await.is_ok() {
            let _ = done.await;
        }
    }
}
