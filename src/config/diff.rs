//! What a new configuration changes.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Config, Site, SiteId};

/// What a new configuration changes, as a pure value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfigDiff {
    /// Sites that are new.
    pub added: Vec<SiteId>,
    /// Sites that are gone.
    pub removed: Vec<SiteId>,
    /// Sites that stay, with what changed of them.
    pub changed: Vec<(SiteId, SiteChange)>,
    /// Names of the global settings that changed, such as `server.port`.
    pub settings: Vec<&'static str>,
}

/// What a new configuration means for a site that stays, with the names of what changed, such as `timeout`.
///
/// It alone says what a change means: the log shows it, the supervisor gives a site that is flushed another poller, and a poller does
/// what is left, to make connections anew or to try a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SiteChange {
    /// It is another server, or another label: everything that was learned goes, and the site begins anew.
    Flush(FlushReason, Vec<&'static str>),
    /// It is reached in another way: its connections are made anew, what was learned stays, and it is asked at once.
    Reconnect(Vec<&'static str>),
    /// Only the API key is another one: it takes over once NetBackup has accepted it.
    NewKey,
}

/// Why everything that was learned from a site goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum FlushReason {
    /// Scheme, host, port or base path: it is another server.
    Endpoint,
    /// Only the `site` label, where the identity stayed (the legacy block): nothing is known under the new one.
    Renamed,
}

impl ConfigDiff {
    /// What changes from `old` to `new`. The order of the sites does not count.
    pub(crate) fn between(old: &Config, new: &Config) -> Self {
        let old_sites: HashMap<&SiteId, &Site> = old.sites.iter().map(|site| (&site.id, site)).collect();
        let mut removed: HashSet<&SiteId> = old_sites.keys().copied().collect();
        let mut diff = Self { settings: settings(old, new), ..Self::default() };
        for site in &new.sites {
            removed.remove(&site.id);
            match old_sites.get(&site.id) {
                None => diff.added.push(site.id.clone()),
                Some(before) => {
                    let change = SiteChange::between(before, site);
                    diff.changed.extend(change.map(|change| (site.id.clone(), change)));
                }
            }
        }
        let gone = old.sites.iter().filter(|site| removed.contains(&site.id));
        diff.removed = gone.map(|site| site.id.clone()).collect();
        diff
    }
}

impl SiteChange {
    /// What changes from `old` to `new`, two configurations of one site.
    pub(crate) fn between(old: &Site, new: &Site) -> Option<Self> {
        let is_same_way = old.verification == new.verification
            && old.tls_server_name == new.tls_server_name
            && old.proxy == new.proxy;
        let keys = changed(&[
            ("endpoint", old.endpoint == new.endpoint),
            ("credentials", old.api_key == new.api_key),
            ("connection", is_same_way),
            ("name", old.name == new.name),
            ("apiVersion", old.api_version == new.api_version),
            ("timeout", old.timeout == new.timeout),
            ("maxConcurrentRequests", old.max_concurrent_requests == new.max_concurrent_requests),
        ]);
        match keys.as_slice() {
            [] => None,
            ["credentials"] => Some(Self::NewKey),
            ["endpoint", ..] => Some(Self::Flush(FlushReason::Endpoint, keys)),
            _ if old.name != new.name => Some(Self::Flush(FlushReason::Renamed, keys)),
            _ => Some(Self::Reconnect(keys)),
        }
    }

    /// The names of what changed.
    fn keys(&self) -> &[&'static str] {
        match self {
            Self::Flush(_, keys) | Self::Reconnect(keys) => keys,
            Self::NewKey => &["credentials"],
        }
    }
}

fn settings(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut settings = changed(&[
        ("server.host", old.server.host == new.server.host),
        ("server.port", old.server.port == new.server.port),
        ("server.uri", old.server.metrics_path == new.server.metrics_path),
        ("server.webConfigFile", old.web == new.web),
        ("server.collectionInterval", old.collection.interval == new.collection.interval),
        ("server.scrapingInterval", old.collection.window == new.collection.window),
        ("server.maxStaleCycles", old.collection.max_stale_cycles == new.collection.max_stale_cycles),
        ("metrics.names", old.names == new.names),
        ("log.level", old.log.level == new.log.level),
        ("log.format", old.log.format == new.log.format),
        ("opentelemetry", old.opentelemetry == new.opentelemetry),
    ]);
    settings.extend(old.collectors.changed(&new.collectors));
    settings
}

fn changed(keys: &[(&'static str, bool)]) -> Vec<&'static str> {
    keys.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect()
}

impl fmt::Display for ConfigDiff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sites: Vec<String> = (self.added.iter().map(|id| format!("+{id}")))
            .chain(self.removed.iter().map(|id| format!("-{id}")))
            .chain(self.changed.iter().map(|(id, change)| format!("~{id}({change})")))
            .collect();
        let mut parts = Vec::new();
        if !sites.is_empty() {
            parts.push(format!("sites: {}", sites.join(" ")));
        }
        if !self.settings.is_empty() {
            parts.push(format!("settings: {}", self.settings.join(" ")));
        }
        formatter.write_str(if parts.is_empty() { "no changes" } else { "" })?;
        formatter.write_str(&parts.join("; "))
    }
}

impl fmt::Display for SiteChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.keys().join(","))
    }
}

#[cfg(test)]
mod tests;
