//! What a configuration is put to work by.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;
use tokio::task::spawn_blocking;

use super::run_error::RunError;
use super::server_flags::ServerFlags;
use crate::config::WebConfig;
use crate::http::{Entrance, Listeners, PreparedListeners, Rules};
use crate::reload::{ActiveConfig, ConfigWriter, PrepareError, Publisher};
use crate::supervisor::SupervisorHandle;
use crate::telemetry::LogControl;

/// All that a configuration is put to work by: those who read it, the listeners, the pollers and the log.
#[derive(Debug)]
pub(super) struct ConfigPublisher {
    pub(super) writer: ConfigWriter,
    pub(super) listeners: Listeners,
    /// What the clients of the listeners meet first.
    pub(super) entrance: Entrance,
    pub(super) pollers: SupervisorHandle,
    pub(super) log: LogControl,
    pub(super) flags: ServerFlags,
}

/// What is ready to serve.
#[derive(Debug)]
pub(super) struct PreparedServer {
    listeners: PreparedListeners,
    /// `None` leaves those that there are.
    rules: Option<Rules>,
}

impl ConfigPublisher {
    /// Puts the first configuration to work and gives the first address that is served. Without a configuration nothing
    /// is collected, and the default address is served; nobody is let in there if a flag names a web config, which has not
    /// been read yet.
    pub(super) async fn begin(&mut self, first: Option<&Arc<ActiveConfig>>) -> Result<SocketAddr, RunError> {
        let prepared = self.ready(first.map(AsRef::as_ref)).await;
        let prepared = prepared.map_err(|PrepareError(error)| anyhow!(error))?;
        match first {
            Some(first) => self.commit(first.clone(), prepared).await,
            None => self.serve(prepared),
        }
        let addresses = self.listeners.local_addrs();
        Ok(addresses.first().copied().ok_or_else(|| anyhow!("nothing listens; this is a bug"))?)
    }

    async fn ready(&mut self, next: Option<&ActiveConfig>) -> Result<PreparedServer, PrepareError> {
        let rules = match next {
            Some(next) => Some(self.rules(next.config.web.clone()).await?),
            None if self.flags.names_web_config() => None,
            None => Some(self.rules(None).await?),
        };
        let configured = next.map(|next| next.config.server.listen_address()).unwrap_or_default();
        let listeners = self.listeners.prepare(&self.flags.listen_addresses(configured)).await;
        let listeners = listeners.map_err(|error| PrepareError(error.to_string()))?;
        Ok(PreparedServer { listeners, rules })
    }

    async fn rules(&self, web: Option<Arc<WebConfig>>) -> Result<Rules, PrepareError> {
        let entrance = self.entrance.clone();
        // The certificates that the system trusts may have to be read.
        let prepared = spawn_blocking(move || entrance.prepare(web.as_deref())).await;
        let prepared = prepared.map_err(|_| PrepareError("a check panicked; this is a bug".to_owned()))?;
        prepared.map_err(|error| PrepareError(error.to_string()))
    }

    /// The rules come first, so that nobody is met by older ones on a new address.
    fn serve(&mut self, prepared: PreparedServer) {
        let PreparedServer { listeners, rules } = prepared;
        if let Some(rules) = rules {
            self.entrance.commit(rules);
        }
        self.listen(listeners);
    }

    fn listen(&mut self, prepared: PreparedListeners) {
        for address in self.listeners.commit(prepared) {
            tracing::info!(%address, "Listening");
        }
    }
}

impl Publisher for ConfigPublisher {
    type Prepared = PreparedServer;

    async fn prepare(&mut self, next: &Arc<ActiveConfig>) -> Result<PreparedServer, PrepareError> {
        // What we serve is the one thing that can fail, so it is the only one to prepare.
        self.ready(Some(next)).await
    }

    async fn commit(&mut self, next: Arc<ActiveConfig>, prepared: PreparedServer) {
        self.writer.publish(next.clone());
        self.log.apply(&next.config.log);
        self.flags.warn_about(&next.config.server);
        self.pollers.apply(next).await;
        self.serve(prepared);
    }

    async fn asked(&mut self) {
        self.pollers.ask_refused().await;
    }
}
