//! What is declared of a collector.

use super::contract::{CollectError, Collector};
use super::resource::Resource;
use crate::config::{CollectorId, Collectors};

/// One collector as `list-metrics` shows it and as it is made.
#[derive(Debug)]
pub(crate) struct CollectorSpec {
    /// Which collector it is: its label, and its section in the configuration.
    pub id: CollectorId,
    /// The resource without which there is nothing to collect.
    pub main: &'static Resource,
    /// What it reads besides, and can do without: see [`Context::optional`](super::Context::optional).
    pub others: &'static [&'static Resource],
    /// How many requests one run may send.
    pub requests: u32,
    /// Whether its families change with the facts of the [`Board`](super::Board), so that it runs at once when one is known at first.
    pub awaits_facts: bool,
    pub(crate) new: fn(&Collectors) -> Box<dyn Collector>,
}

impl CollectorSpec {
    /// Everything that it reads.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &'static Resource> + use<> {
        std::iter::once(self.main).chain(self.others.iter().copied())
    }

    /// Whether an error says that the server does not have what the collector reads. What always runs is in every release.
    pub(crate) fn is_unsupported_by(&self, error: &CollectError) -> bool {
        let is_of_main = match error {
            CollectError::NetBackup(error) => !self.id.always_runs() && error.endpoint == self.main.path,
            _ => true,
        };
        is_of_main && (error.is_unsupported() || self.main.is_unknown_by(error))
    }
}
