use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;

use super::RunError;
use crate::config::{ConfigDiff, ListenAddress};
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
    pub(super) flag: Flag,
}

/// `--web.listen-address`, which wins over `server.host` and `server.port`.
#[derive(Debug)]
pub(super) struct Flag {
    address: Option<ListenAddress>,
    noted: ListenAddress,
}

impl Flag {
    pub(super) fn new(address: Option<ListenAddress>) -> Self {
        Self { address, noted: ListenAddress::default() }
    }

    /// The address to listen on.
    fn over(&self, configured: ListenAddress) -> ListenAddress {
        self.address.clone().unwrap_or(configured)
    }

    /// Says once that nobody listens where the file says: somebody may look for us there.
    fn note(&mut self, configured: ListenAddress) {
        if let Some(address) = self.address.clone().filter(|_| self.overrules(&configured)) {
            tracing::warn!(
                %address,
                %configured,
                "--web.listen-address wins over server.host and server.port of the configuration"
            );
        }
        self.noted = configured;
    }

    /// Whether it is news that the file says otherwise. The default is no word of the file's, and who takes any port
    /// looks for it in the log.
    fn overrules(&self, configured: &ListenAddress) -> bool {
        let is_word = *configured != ListenAddress::default() && *configured != self.noted;
        is_word && self.address.as_ref().is_some_and(|address| address != configured && address.port != 0)
    }
}

impl Live {
    /// Puts the first configuration to work; where it listens then.
    pub(super) async fn begin(&mut self, first: &Arc<ActiveConfig>) -> Result<SocketAddr, RunError> {
        let prepared = self.bind(first).await.map_err(|PrepareError(why)| anyhow!(why))?;
        self.commit(first.clone(), prepared).await;
        Ok(self.listeners.local_addr().ok_or_else(|| anyhow!("nothing listens; this is a bug"))?)
    }

    async fn bind(&mut self, next: &ActiveConfig) -> Result<PreparedListener, PrepareError> {
        let prepared = self.listeners.prepare(&self.flag.over(next.config.server.listen_address())).await;
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
        self.flag.note(next.config.server.listen_address());
        self.pollers.apply(next).await;
        let moves_to = prepared.local_addr();
        self.listeners.commit(prepared).await;
        if let Some(address) = moves_to {
            tracing::info!(%address, "Listening");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_and_says_once_what_it_overrules() {
        let address = |text: &str| text.parse::<ListenAddress>().unwrap();
        let mut flag = Flag::new(Some(address("[::]:9440")));
        assert_eq!(flag.over(address(":2112")), address("[::]:9440"));
        for (configured, expected) in
            [(":9440", false), ("[::]:9440", false), (":2112", true), (":2112", false), (":2113", true)]
        {
            assert_eq!(flag.overrules(&address(configured)), expected, "{configured}");
            flag.note(address(configured));
        }
        for silent in [None, Some(address(":0"))] {
            assert!(!Flag::new(silent).overrules(&address(":2112")));
        }
        assert_eq!(Flag::new(None).over(address(":2112")), address(":2112"));
    }
}
