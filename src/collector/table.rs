//! The table of collectors.

use super::runner::Runner;
use super::spec::CollectorSpec;
use crate::config::Collectors;

/// Every collector there is.
pub(crate) static COLLECTORS: &[&CollectorSpec] = &[
    // In the order of `CollectorId`.
    &super::jobs::SPEC,
    &super::storage::SPEC,
    &super::protection::SPEC,
    &super::disk_pools::SPEC,
    &super::servers::SPEC,
    &super::slp::SPEC,
    &super::malware::SPEC,
    &super::anomalies::SPEC,
    &super::alerts::SPEC,
    &super::notifications::SPEC,
    &super::catalog::SPEC,
];

/// The collectors that a configuration asks for.
pub(crate) fn wanted(wanted: &Collectors) -> impl Iterator<Item = &'static CollectorSpec> {
    COLLECTORS.iter().copied().filter(|spec| wanted.is_enabled(spec.id))
}

/// A collector in its first state.
pub(crate) fn build(spec: &'static CollectorSpec, collectors: &Collectors) -> Runner {
    Runner::new(spec, (spec.new)(collectors))
}

/// The collectors that a configuration asks for, in their first state.
#[cfg(test)]
pub(crate) fn build_all(collectors: &Collectors) -> Vec<Runner> {
    wanted(collectors).map(|spec| build(spec, collectors)).collect()
}
