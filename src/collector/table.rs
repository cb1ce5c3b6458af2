use crate::config::Collectors;
use crate::metric::Desc;

use super::jobs::{self, Jobs};
use super::permission::Enforcement;
use super::storage::{self, Storage};
use super::{Collector, Runner};

/// One collector as `list-metrics` shows it and as [`build`] makes it.
#[derive(Debug)]
pub struct CollectorSpec {
    /// The value of the `collector` label.
    pub name: &'static str,
    /// The key under `collectors` that turns it on; `None` means that it always runs.
    pub key: Option<&'static str>,
    /// What it can give.
    pub families: &'static [&'static Desc],
    /// The resource that it reads.
    pub resource: &'static str,
    /// The RBAC namespace in which the key's role needs the operation `|OPERATIONS|VIEW|`.
    pub permission: &'static str,
    /// What a role without it gets.
    pub enforcement: Enforcement,
    new: fn(&Collectors) -> Box<dyn Collector>,
}

/// Every collector there is.
pub static COLLECTORS: &[CollectorSpec] = &[
    CollectorSpec {
        name: jobs::NAME,
        key: None,
        families: jobs::FAMILIES,
        resource: jobs::RESOURCE,
        permission: "|MANAGE|JOBS|",
        enforcement: Enforcement::Object(&jobs::PROBE),
        new: |_| Box::new(Jobs::default()),
    },
    CollectorSpec {
        name: storage::NAME,
        key: None,
        families: storage::FAMILIES,
        resource: storage::RESOURCE,
        permission: "|STORAGE|STORAGE-UNITS|",
        enforcement: Enforcement::Api,
        new: |_| Box::new(Storage),
    },
];

/// The collectors that a configuration asks for.
pub fn wanted(wanted: &Collectors) -> impl Iterator<Item = &'static CollectorSpec> {
    let runs = |entry: &&CollectorSpec| entry.key.is_none_or(|key| wanted.enabled.contains(key));
    COLLECTORS.iter().filter(runs)
}

/// The collectors that a configuration asks for, in their first state.
pub fn build(collectors: &Collectors) -> Vec<Runner> {
    wanted(collectors).map(|entry| Runner::new(entry, (entry.new)(collectors))).collect()
}
