use std::sync::Arc;

use super::SiteId;

/// What a new configuration changes, as a pure value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigDiff {
    /// Sites that are new.
    pub added: Vec<SiteId>,
    /// Sites that are gone.
    pub removed: Vec<SiteId>,
    /// Sites that stay, with what changed of them.
    pub changed: Vec<(SiteId, SiteChange)>,
    /// Names of the global settings that changed, such as `server.port`.
    pub settings: Vec<&'static str>,
}

/// What changed of a site that stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteChange {
    /// Scheme, host, port or base path: everything learned from the old endpoint goes.
    pub endpoint: bool,
    /// The API key.
    pub credentials: bool,
    /// Verification, server name or proxy: the connections are made anew.
    pub connection: bool,
    /// The `site` label, where the identity stayed (the legacy block).
    pub name: Option<Arc<str>>,
    /// Names of the other keys that changed, such as `timeout`.
    pub options: Vec<&'static str>,
}
