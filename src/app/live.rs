use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;

use super::RunError;
use crate::config::ConfigDiff;
use crate::http::{Listeners, PreparedListener};
use crate::reload::{ActiveConfig, ConfigWriter, PrepareError, Publisher};
use crate::supervisor::SupervisorHandle;
use crate::telemetry::LogControl;

/// Everything that a configuration is put to work by.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) writer: ConfigWriter,
    pub(super) listeners: Listeners,
    pub(super) pollers: SupervisorHandle,
    pub(super) log: LogControl,
    pub(super) listen_address: Option<SocketAddr>,
}

impl Live {
    /// Puts the first configuration to work; where it listens then.
    pub(super) async fn begin(&mut self, first: &Arc<ActiveConfig>) -> Result<SocketAddr, RunError> {
        let prepared = self.bind(first).await.map_err(|PrepareError(why)| anyhow!(why))?;
        self.commit(first.clone(), prepared).await;
        Ok(self.listeners.local_addr().ok_or_else(|| anyhow!("nothing listens; this is a bug"))?)
    }

    async fn bind(&mut self, next: &ActiveConfig) -> Result<PreparedListener, PrepareError> {
        let prepared = self.listeners.prepare(&next.config.server, self.listen_address).await;
        prepared.map_err(|error| PrepareError(error.to_string()))
    }
}

impl Publisher for Live {
    type Prepared = PreparedListener;

    async fn prepare(
        &mut self,
        next: &Arc<ActiveConfig>,
        _: &ConfigDiff,
    ) -> Result<PreparedListener, PrepareError> {
        // The one thing that can fail, so it is the only one to prepare.
        self.bind(next).await
    }

    async fn commit(&mut self, next: Arc<ActiveConfig>, prepared: PreparedListener) {
        self.writer.publish(next.clone());
        self.log.apply(&next.config.log);
        self.pollers.apply(next).await;
        let moves_to = prepared.local_addr();
        self.listeners.commit(prepared).await;
        if let Some(address) = moves_to {
            tracing::info!(%address, "Listening");
        }
    }
}
