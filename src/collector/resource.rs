//! A resource of the NetBackup API that a collector reads, as data.

use super::contract::CollectError;
use super::permission::Permission;
use super::probe::Enforcement;
use crate::config::ApiVersion;
use crate::metric::Desc;

/// NetBackup 10.3, the oldest release whose API reference has most of the resources.
pub(super) const V10_0: ApiVersion = ApiVersion { major: 10, minor: 0 };
/// NetBackup 10.5.
pub(super) const V12_0: ApiVersion = ApiVersion { major: 12, minor: 0 };
/// NetBackup 11.0.
pub(super) const V13_0: ApiVersion = ApiVersion { major: 13, minor: 0 };

/// A resource, what it takes to read it, and what comes of it.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The path below the base path; `{…}` stands for a part that differs from request to request.
    pub path: &'static str,
    /// The first version of the API that has it.
    pub since: ApiVersion,
    /// What the key's role needs for it; `None` if any key will do.
    pub permission: Option<Permission>,
    /// What a role without it gets.
    pub enforcement: Enforcement,
    /// Whether it takes a key at all: what anybody may read does not show that the key is good.
    pub needs_key: bool,
    /// How the doctor tries it.
    pub trial: Trial,
    /// The families that come of it.
    pub families: &'static [&'static Desc],
}

/// How a resource can be tried with one small request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// As a list of which one record is asked for.
    FirstRecord,
    /// As it is: it takes no paging.
    Whole,
    /// As a list of which one record is asked for, and which is not there (404) while it is empty.
    FirstRecordIfAny,
    /// Not at all: its path needs a name, or its answer is too dear.
    None,
}

impl Resource {
    /// A list that has been there since a version; any key may read it.
    pub(super) const fn new(
        path: &'static str,
        since: ApiVersion,
        families: &'static [&'static Desc],
    ) -> Self {
        Self {
            path,
            since,
            permission: None,
            enforcement: Enforcement::Api,
            needs_key: true,
            trial: Trial::FirstRecord,
            families,
        }
    }

    /// A list that has been there since NetBackup 10.3, of which nothing comes.
    #[cfg(test)]
    pub(crate) const fn fake(path: &'static str) -> Self {
        Self::new(path, V10_0, &[])
    }

    /// The images that backups have left in the catalog ("NetBackup API reference, /catalog/images").
    pub(super) const fn images(families: &'static [&'static Desc]) -> Self {
        Self::new("/catalog/images", V10_0, families).viewed_by("|MANAGE|IMAGES|")
    }

    /// The role needs the operation `|OPERATIONS|VIEW|` on this namespace.
    pub(super) const fn viewed_by(self, namespace: &'static str) -> Self {
        self.permitted_by("|OPERATIONS|VIEW|", namespace)
    }

    /// The role needs this operation on this namespace.
    pub(super) const fn permitted_by(mut self, operation: &'static str, namespace: &'static str) -> Self {
        self.permission = Some(Permission { operation, namespace });
        self
    }

    /// Anybody may read it, without a key.
    pub(super) const fn without_key(mut self) -> Self {
        self.needs_key = false;
        self
    }

    /// What a role without the permission gets.
    pub(super) const fn enforced(mut self, enforcement: Enforcement) -> Self {
        self.enforcement = enforcement;
        self
    }

    /// Whether an error says that the server does not know the path: some servers ask for a key before they say so, and this one is asked
    /// without.
    pub(super) fn is_unknown_by(&self, error: &CollectError) -> bool {
        !self.needs_key && error.is_unauthorized()
    }

    /// How the doctor tries it.
    pub(super) const fn tried(mut self, trial: Trial) -> Self {
        self.trial = trial;
        self
    }
}
