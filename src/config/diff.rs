//! What a new configuration changes.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::{Config, Site, SiteId};

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

impl ConfigDiff {
    /// What changes from `old` to `new`. The order of the sites does not count.
    pub fn between(old: &Config, new: &Config) -> Self {
        let old_sites: HashMap<&SiteId, &Site> = old.sites.iter().map(|site| (&site.id, site)).collect();
        let mut removed: HashSet<&SiteId> = old_sites.keys().copied().collect();
        let mut diff = Self { settings: settings(old, new), ..Self::default() };
        for site in &new.sites {
            removed.remove(&site.id);
            match old_sites.get(&site.id) {
                None => diff.added.push(site.id.clone()),
                Some(before) => {
                    let change = SiteChange::between(before, site);
                    if !change.is_empty() {
                        diff.changed.push((site.id.clone(), change));
                    }
                }
            }
        }
        let gone = old.sites.iter().filter(|site| removed.contains(&site.id));
        diff.removed = gone.map(|site| site.id.clone()).collect();
        diff
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl SiteChange {
    /// What changes from `old` to `new`, two configurations of one site.
    pub fn between(old: &Site, new: &Site) -> Self {
        let options = [
            ("apiVersion", old.api_version == new.api_version),
            ("timeout", old.timeout == new.timeout),
            ("maxConcurrentRequests", old.max_concurrent_requests == new.max_concurrent_requests),
        ];
        Self {
            endpoint: old.endpoint != new.endpoint,
            credentials: old.api_key != new.api_key,
            connection: old.verification != new.verification
                || old.tls_server_name != new.tls_server_name
                || old.proxy != new.proxy,
            name: (old.name != new.name).then(|| new.name.clone()),
            options: changed(&options),
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn settings(old: &Config, new: &Config) -> Vec<&'static str> {
    changed(&[
        ("server.host", old.server.host == new.server.host),
        ("server.port", old.server.port == new.server.port),
        ("server.uri", old.server.metrics_path == new.server.metrics_path),
        ("server.collectionInterval", old.collection.interval == new.collection.interval),
        ("server.scrapingInterval", old.collection.window == new.collection.window),
        ("server.maxStaleCycles", old.collection.max_stale_cycles == new.collection.max_stale_cycles),
        ("collectors", old.collectors == new.collectors),
        ("metrics.names", old.names == new.names),
        ("log.level", old.log.level == new.log.level),
        ("log.format", old.log.format == new.log.format),
        ("opentelemetry", old.opentelemetry == new.opentelemetry),
    ])
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
        let flags = [
            ("endpoint", self.endpoint),
            ("credentials", self.credentials),
            ("connection", self.connection),
            ("name", self.name.is_some()),
        ];
        let flags = flags.iter().filter(|(_, set)| *set).map(|(word, _)| *word);
        let words: Vec<&str> = flags.chain(self.options.iter().copied()).collect();
        formatter.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests;
