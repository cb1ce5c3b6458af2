//! One simulated primary server, and the handle to change it while it runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::certificate::Identity;
use super::clock::{Clock, milliseconds};
use super::draw::seed_of;
use super::fault::Faults;
use super::jobs::JobDatabase;
use super::keys::KeyRing;
use super::options::{Options, SiteOptions};
use super::request_log::RequestLog;
use super::storage::{Category, Storage};
use super::version::ApiVersion;
use super::world::{DAY, Extent, Scenario, World};
use super::{CONTROL_PATH, locked};

/// Everything of one site.
pub(super) struct State {
    pub(super) name: String,
    pub(super) server_name: String,
    pub(super) address: SocketAddr,
    pub(super) base_path: String,
    base_url: String,
    pub(super) clock: Clock,
    api_version: Mutex<ApiVersion>,
    denied: Mutex<Vec<String>>,
    pub(super) identity: Option<Identity>,
    pub(super) keys: KeyRing,
    pub(super) storage: Storage,
    pub(super) jobs: JobDatabase,
    pub(super) world: Arc<World>,
    pub(super) faults: Faults,
    pub(super) requests: RequestLog,
}

impl State {
    pub(super) fn new(
        options: &Options,
        site: &SiteOptions,
        address: SocketAddr,
        identity: Option<Identity>,
    ) -> Self {
        let seed = seed_of(options.seed, &site.name);
        let release = options.api_version.release();
        let world = World::new(&Extent {
            seed,
            server_name: &site.server_name,
            jobs_per_day: options.jobs_per_day,
            policies: options.policies,
            scenario: site.scenario,
            now: options.clock.now(),
        });
        let storage = Storage::new(&world, options.storage_units, release);
        let scheme = if identity.is_some() { "https" } else { "http" };
        Self {
            name: site.name.clone(),
            server_name: site.server_name.clone(),
            address,
            base_path: options.base_path.clone(),
            base_url: format!("{scheme}://{address}{}", options.base_path),
            clock: options.clock.clone(),
            api_version: Mutex::new(options.api_version),
            denied: Mutex::new(options.denied.clone()),
            identity,
            keys: KeyRing::new(&options.api_keys, options.clock.now(), key_validity(site.scenario)),
            jobs: JobDatabase::new(
                Arc::clone(&world),
                milliseconds(options.job_retention),
                options.clock.clone(),
                storage.names(),
            ),
            world,
            storage,
            faults: Faults::new(&options.faults),
            requests: RequestLog::default(),
        }
    }

    pub(super) fn api_version(&self) -> ApiVersion {
        *locked(&self.api_version)
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Address of a resource, as the links in answers have it.
    pub(super) fn href(&self, path: &str, query: &str) -> String {
        if query.is_empty() {
            format!("{}{path}", self.base_url)
        } else {
            format!("{}{path}?{query}", self.base_url)
        }
    }

    pub(super) fn is_denied(&self, path: &str) -> bool {
        locked(&self.denied).iter().any(|prefix| path.starts_with(prefix))
    }

    pub(super) fn ca_pem(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.ca_pem.as_str())
    }

    pub(super) fn host_id(&self) -> &str {
        self.world.hosts.first().map_or("", |primary| primary.id.as_str())
    }
}

/// In a bad night the key has three days left, else a year.
fn key_validity(scenario: Scenario) -> i64 {
    if scenario.is_bad() { 3 * DAY } else { 365 * DAY }
}

/// What somebody does to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyChange {
    /// It is saved, which raises its `generationId`.
    Edit,
    /// It is deactivated, and runs no more.
    Deactivate,
    /// It is deleted; its jobs and images stay.
    Delete,
}

/// Handle to a running site; clones share it.
#[derive(Clone)]
pub struct Site(pub(super) Arc<State>);

impl Site {
    /// Label of the site.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Host name that the server calls itself.
    #[must_use]
    pub fn server_name(&self) -> &str {
        &self.0.server_name
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Scheme, address and base path, without a slash at the end.
    #[must_use]
    pub(crate) fn base_url(&self) -> &str {
        self.0.base_url()
    }

    /// Where faults, keys and versions are changed over HTTP.
    #[must_use]
    pub(crate) fn control_url(&self) -> String {
        let root = self.base_url().strip_suffix(&self.0.base_path);
        format!("{}{CONTROL_PATH}", root.unwrap_or_default())
    }

    /// Certificate to trust (PEM), if the site speaks TLS. For a self-signed certificate it is the certificate itself.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.0.ca_pem()
    }

    /// SHA-256 of the leaf certificate in lower-case hexadecimal, if the site speaks TLS.
    #[must_use]
    pub fn certificate_sha256(&self) -> Option<&str> {
        let identity = self.0.identity.as_ref();
        identity.map(|identity| identity.fingerprint.as_str())
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What was asked.
    #[must_use]
    pub fn requests(&self) -> &RequestLog {
        &self.0.requests
    }

    /// The newest API version that the server knows.
    #[must_use]
    pub fn api_version(&self) -> ApiVersion {
        self.0.api_version()
    }

    /// Upgrades (or downgrades) the server.
    pub fn set_api_version(&self, version: ApiVersion) {
        *locked(&self.0.api_version) = version;
    }

    /// Path prefixes below the base path that the role does not cover.
    pub fn set_denied(&self, prefixes: Vec<String>) {
        *locked(&self.0.denied) = prefixes;
    }

    /// Accepts these keys and no others; they expire in a year.
    pub fn replace_keys(&self, keys: &[String]) {
        self.0.keys.replace(keys, self.0.clock.now());
    }

    /// Accepts one more key.
    pub fn add_key(&self, key: &str) {
        self.0.keys.add(key, self.0.clock.now());
    }

    /// Accepts this key no more.
    pub fn remove_key(&self, key: &str) {
        self.0.keys.remove(key);
    }

    /// Sets when all keys expire, in milliseconds since the Unix epoch.
    pub fn expire_keys_at(&self, time: i64) {
        self.0.keys.expire_at(time);
    }

    /// Adds a storage unit, or replaces the one of this name.
    pub fn add_storage_unit(&self, name: &str, category: Category) {
        self.0.storage.add(name, category);
    }

    /// Removes a storage unit; whether there was one.
    #[must_use]
    pub(crate) fn remove_storage_unit(&self, name: &str) -> bool {
        self.0.storage.remove(name)
    }

    /// Changes a policy; whether there is one of this name.
    pub fn change_policy(&self, name: &str, change: PolicyChange) -> bool {
        let (world, now) = (&self.0.world, self.0.clock.now());
        let Some(policy) = world.policy(name) else { return false };
        match change {
            PolicyChange::Edit => policy.edit(),
            PolicyChange::Deactivate => policy.stop(now),
            PolicyChange::Delete => policy.delete(now),
        }
        self.0.jobs.forget_ends();
        true
    }

    /// A key of another user, in milliseconds since the Unix epoch until its end: from then on the role sees keys of others
    /// beside its own.
    pub fn add_foreign_key(&self, user: &str, expires: i64) {
        self.0.keys.add_foreign(user, self.0.clock.now(), expires);
    }
}
