//! What is declared of a collector.

use super::contract::Collector;
use super::permission::Enforcement;
use crate::config::{ApiVersion, CollectorId, Collectors};
use crate::metric::Desc;

/// One collector as `list-metrics` shows it and as it is made.
#[derive(Debug)]
pub(crate) struct CollectorSpec {
    /// Which collector it is: its label, and its section in the configuration.
    pub id: CollectorId,
    /// What it can give.
    pub families: &'static [&'static Desc],
    /// The resource that it reads.
    pub resource: &'static str,
    /// The first version of the API that has the resource.
    pub since: ApiVersion,
    /// How many requests one run may send.
    pub requests: u32,
    /// The RBAC namespace in which the key's role needs the operation `|OPERATIONS|VIEW|`.
    pub permission: &'static str,
    /// What a role without it gets.
    pub enforcement: Enforcement,
    pub(crate) new: fn(&Collectors) -> Box<dyn Collector>,
}
