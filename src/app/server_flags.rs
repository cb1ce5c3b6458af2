//! What the command line fixes of our own server.

use crate::config::{DEFAULT_METRICS_PATH, ListenAddress, Server};

/// What the command line fixes of our own server; it wins over the configuration.
#[derive(Debug)]
pub(super) struct ServerFlags {
    addresses: Vec<ListenAddress>,
    path: Option<String>,
    names_web_config: bool,
    last_address: ListenAddress,
    last_path: String,
}

impl ServerFlags {
    pub(super) fn new(addresses: Vec<ListenAddress>, path: Option<String>) -> Self {
        let (last_address, last_path) = (ListenAddress::default(), DEFAULT_METRICS_PATH.to_owned());
        Self { addresses, path, names_web_config: false, last_address, last_path }
    }

    /// The same with a flag that names a web config, or without.
    pub(super) fn with_web_config(self, names_web_config: bool) -> Self {
        Self { names_web_config, ..self }
    }

    /// Whether a flag names a web config.
    pub(super) fn names_web_config(&self) -> bool {
        self.names_web_config
    }

    /// The addresses to listen on.
    pub(super) fn listen_addresses(&self, configured: ListenAddress) -> Vec<ListenAddress> {
        if self.addresses.is_empty() { vec![configured] } else { self.addresses.clone() }
    }

    /// Warns once that nothing is served where the file says, since somebody may look for the exporter there.
    pub(super) fn warn_about(&mut self, server: &Server) {
        let configured = server.listen_address();
        if self.overrules_address(&configured) {
            tracing::warn!(
                address = %joined(&self.addresses),
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
        self.last_address = configured;
        self.last_path.clone_from(&server.metrics_path);
    }

    /// Whether the file newly says another address. The default does not count, since the file need not say it, and
    /// port 0 does not, since whoever takes any port looks for it in the log.
    fn overrules_address(&self, configured: &ListenAddress) -> bool {
        let is_said = *configured != ListenAddress::default() && *configured != self.last_address;
        let found = |address: &ListenAddress| address.port == 0 || address.covers(configured);
        is_said && !self.addresses.is_empty() && !self.addresses.iter().any(found)
    }

    fn overrules_path(&self, configured: &str) -> bool {
        let is_said = configured != DEFAULT_METRICS_PATH && configured != self.last_path;
        is_said && self.path.as_ref().is_some_and(|path| path != configured)
    }
}

fn joined(addresses: &[ListenAddress]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
        let mut flags = ServerFlags::new(vec![address("0.0.0.0:9440"), address("[::1]:9441")], None);
        assert_eq!(flags.listen_addresses(address(":2112")).len(), 2);
        for (configured, expected) in [
            (":9440", false),
            ("127.0.0.1:9440", false),
            ("[::1]:9441", false),
            ("[::1]:9440", true),
            (":2112", true),
            (":2112", false),
            (":2113", true),
        ] {
            assert_eq!(flags.overrules_address(&address(configured)), expected, "{configured}");
            flags.warn_about(&server(&address(configured), "/metrics"));
        }
        for silent in [vec![], vec![address(":0")]] {
            assert!(!ServerFlags::new(silent, None).overrules_address(&address(":2112")));
        }
        assert_eq!(ServerFlags::new(vec![], None).listen_addresses(address(":2112")), [address(":2112")]);
    }

    #[test]
    fn the_flag_for_the_path_says_once_what_it_overrules() {
        let mut flags = ServerFlags::new(vec![], Some("/nbu".to_owned()));
        for (configured, expected) in
            [("/metrics", false), ("/nbu", false), ("/stats", true), ("/stats", false), ("/more", true)]
        {
            assert_eq!(flags.overrules_path(configured), expected, "{configured}");
            flags.warn_about(&server(&ListenAddress::default(), configured));
        }
        assert!(!ServerFlags::new(vec![], None).overrules_path("/stats"));
    }
}
