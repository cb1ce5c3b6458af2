//! The table of collectors.

use super::runner::Runner;
use super::spec::CollectorSpec;
use crate::config::{CollectorId, Collectors};

/// Every collector there is.
pub(crate) static COLLECTORS: &[&CollectorSpec] = &[
    // In the order of `CollectorId`.
    &super::jobs::SPEC,
    &super::storage::SPEC,
    &super::protection::SPEC,
    &super::per_client::SPEC,
    &super::catalog_backup::SPEC,
    &super::disk_pools::SPEC,
    &super::servers::SPEC,
    &super::slp::SPEC,
    &super::certificates::SPEC,
    &super::server::SPEC,
    &super::tape::SPEC,
    &super::services::SPEC,
    &super::malware::SPEC,
    &super::anomalies::SPEC,
    &super::alerts::SPEC,
    &super::notifications::SPEC,
    &super::catalog::SPEC,
    &super::slo::SPEC,
    &super::licensing::SPEC,
    &super::posture::SPEC,
];

/// The collectors that a configuration asks for. Who should have a backup is a fact for `protection` too, which counts clients.
pub(crate) fn wanted(wanted: &Collectors) -> impl Iterator<Item = &'static CollectorSpec> {
    COLLECTORS.iter().copied().filter(|spec| {
        wanted.is_enabled(spec.id) || spec.id == CollectorId::PerClient && wanted.protection.enabled
    })
}

/// Whether two configurations ask the same of a collector. That of jobs shows what these others are asked to show.
pub(crate) fn is_same_question(old: &Collectors, new: &Collectors, id: CollectorId) -> bool {
    let shown: &[_] = match id {
        CollectorId::Jobs => &[CollectorId::Protection, CollectorId::PerClient],
        _ => &[],
    };
    let is_same = |id| old.has_same_options(new, id);
    is_same(id) && shown.iter().all(|id| is_same(*id) && old.is_enabled(*id) == new.is_enabled(*id))
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
