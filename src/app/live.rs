use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;

use super::RunError;
use crate::config::{DEFAULT_METRICS_PATH, ListenAddress, Server};
use crate::http::{Listeners, PreparedListeners};
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
    pub(super) pinned: Pinned,
}

/// What the command line fixes of our own server; it wins over the configuration.
#[derive(Debug)]
pub(super) struct Pinned {
    addresses: Vec<ListenAddress>,
    path: Option<String>,
    noted_address: ListenAddress,
    noted_path: String,
}

impl Pinned {
    pub(super) fn new(addresses: Vec<ListenAddress>, path: Option<String>) -> Self {
        let (noted_address, noted_path) = (ListenAddress::default(), DEFAULT_METRICS_PATH.to_owned());
        Self { addresses, path, noted_address, noted_path }
    }

    /// The addresses to listen on.
    fn over(&self, configured: ListenAddress) -> Vec<ListenAddress> {
        if self.addresses.is_empty() { vec![configured] } else { self.addresses.clone() }
    }

    /// Says once that nothing is served where the file says: somebody may look for us there.
    fn note(&mut self, server: &Server) {
        let configured = server.listen_address();
        if self.overrules_address(&configured) {
            tracing::warn!(
                address = %shown(&self.addresses),
                %configured,
                "--web.listen-address wins over server.host and server.port of the configuration"
            );
        }
        if let Some(path) = self.path.as_ref().filter(|_| self.overrules_path(&server.metrics_path)) {
            tracing::warn!(
                path,
                configured = server.metrics_path,
                "--web.telemetry-path wins over server.uri of the configuration"
            );
        }
        self.noted_address = configured;
        self.noted_path.clone_from(&server.metrics_path);
    }

    /// Whether it is news that the file says otherwise. The default is no word of the file's, and who takes any port
    /// looks for it in the log.
    fn overrules_address(&self, configured: &ListenAddress) -> bool {
        let is_word = *configured != ListenAddress::default() && *configured != self.noted_address;
        let found = |address: &ListenAddress| address.port == 0 || address.covers(configured);
        is_word && !self.addresses.is_empty() && !self.addresses.iter().any(found)
    }

    fn overrules_path(&self, configured: &str) -> bool {
        let is_word = configured != DEFAULT_METRICS_PATH && configured != self.noted_path;
        is_word && self.path.as_ref().is_some_and(|path| path != configured)
    }
}

fn shown(addresses: &[ListenAddress]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Live {
    /// Puts the first configuration to work; where it listens then, first of all. Without one nothing is collected, and
    /// it listens where it does by default.
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
        let prepared = self.listeners.prepare(&self.pinned.over(configured)).await;
        prepared.map_err(|error| PrepareError(error.to_string()))
    }

    fn listen(&mut self, prepared: PreparedListeners) {
        for address in self.listeners.commit(prepared) {
            tracing::info!(%address, "Listening");
        }
    }
}

impl Publisher for Live {
    type Prepared = PreparedListeners;

    async fn prepare(&mut self, next: &Arc<ActiveConfig>) -> Result<PreparedListeners, PrepareError> {
        // The one thing that can fail, so it is the only one to prepare.
        self.bind(Some(next)).await
    }

    async fn commit(&mut self, next: Arc<ActiveConfig>, prepared: PreparedListeners) {
        self.writer.publish(next.clone());
        self.log.apply(&next.config.log);
        self.pinned.note(&next.config.server);
        self.pollers.apply(next).await;
        self.listen(prepared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ListenAddress {
        text.parse().unwrap()
    }

    fn server(address: &ListenAddress, path: &str) -> Server {
        Server { host: address.host.clone(), port: address.port, metrics_path: path.to_owned() }
    }

    #[test]
    fn the_flag_wins_and_says_once_what_it_overrules() {
        let mut pinned = Pinned::new(vec![address("0.0.0.0:9440"), address("[::1]:9441")], None);
        assert_eq!(pinned.over(address(":2112")).len(), 2);
        for (configured, expected) in [
            (":9440", false),
            ("127.0.0.1:9440", false),
            ("[::1]:9441", false),
            ("[::1]:9440", true),
            (":2112", true),
            (":2112", false),
            (":2113", true),
        ] {
            assert_eq!(pinned.overrules_address(&address(configured)), expected, "{configured}");
            pinned.note(&server(&address(configured), "/metrics"));
        }
        for silent in [vec![], vec![address(":0")]] {
            assert!(!Pinned::new(silent, None).overrules_address(&address(":2112")));
        }
        assert_eq!(Pinned::new(vec![], None).over(address(":2112")), [address(":2112")]);
    }

    #[test]
    fn the_flag_for_the_path_says_once_what_it_overrules() {
        let mut pinned = Pinned::new(vec![], Some("/nbu".to_owned()));
        for (configured, expected) in
            [("/metrics", false), ("/nbu", false), ("/stats", true), ("/stats", false), ("/more", true)]
        {
            assert_eq!(pinned.overrules_path(configured), expected, "{configured}");
            pinned.note(&server(&ListenAddress::default(), configured));
        }
        assert!(!Pinned::new(vec![], None).overrules_path("/stats"));
    }
}
