//! What a configuration is put to work by.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;

use super::run_error::RunError;
use super::server_flags::ServerFlags;
use crate::http::{Listeners, PreparedListeners};
use crate::reload::{ActiveConfig, ConfigWriter, PrepareError, Publisher};
use crate::supervisor::SupervisorHandle;
use crate::telemetry::LogControl;

/// All that a configuration is put to work by: those who read it, the listeners, the pollers and the log.
#[derive(Debug)]
pub(super) struct ConfigPublisher {
    pub(super) writer: ConfigWriter,
    pub(super) listeners: Listeners,
    pub(super) pollers: SupervisorHandle,
    pub(super) log: LogControl,
    pub(super) flags: ServerFlags,
}

impl ConfigPublisher {
    /// Puts the first configuration to work and gives the first address that is served. Without a configuration nothing
    /// is collected, and the default address is served.
    pub(super) async fn begin(&mut self, first: Option<&Arc<ActiveConfig>>) -> Result<SocketAddr, RunError> {
        let prepared = self.bind(first.map(AsRef::as_ref)).await;
        let prepared = prepared.map_err(|PrepareError(error)| anyhow!(error))?;
        match first {
            Some(first) => self.commit(first.clone(), prepared).await,
            None => self.listen(prepared),
        }
        let addresses = self.listeners.local_addrs();
        Ok(addresses.first().copied().ok_or_else(|| anyhow!("nothing listens; this is a bug"))?)
    }

    async fn bind(&mut self, next: Option<&ActiveConfig>) -> Result<PreparedListeners, PrepareError> {
        let configured = next.map(|next| next.config.server.listen_address()).unwrap_or_default();
        let prepared = self.listeners.prepare(&self.flags.listen_addresses(configured)).await;
        prepared.map_err(|error| PrepareError(error.to_string()))
    }

    fn listen(&mut self, prepared: PreparedListeners) {
        for address in self.listeners.commit(prepared) {
            tracing::info!(%address, "Listening");
        }
    }
}

impl Publisher for ConfigPublisher {
    type Prepared = PreparedListeners;

    async fn prepare(&mut self, next: &Arc<ActiveConfig>) -> Result<PreparedListeners, PrepareError> {
        // The one thing that can fail, so it is the only one to prepare.
        self.bind(Some(next)).await
    }

    async fn commit(&mut self, next: Arc<ActiveConfig>, prepared: PreparedListeners) {
        self.writer.publish(next.clone());
        self.log.apply(&next.config.log);
        self.flags.warn_about(&next.config.server);
        self.pollers.apply(next).await;
        self.listen(prepared);
    }

    async fn asked(&mut self) {
        self.pollers.ask_refused().await;
    }
}
