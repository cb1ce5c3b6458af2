//! What is asked of NetBackup and the metric families that come of it: one file per collector, one line each in
//! [`COLLECTORS`].
//!
//! A collector's core is pure, records in and families out; only a thin shell walks pages. What it remembers from run
//! to run is its own, so that a new key or a new client takes nothing away.

mod contract;
mod jobs;
mod permission;
mod runner;
mod spec;
mod storage;
mod table;

pub(crate) use contract::{CollectError, Context};
#[cfg(test)]
pub(crate) use contract::{Collector, Diagnostics};
#[doc(hidden)]
pub use jobs::decode_jobs_page;
pub(crate) use permission::{COUNTED, Enforcement, Probe};
pub(crate) use runner::{Run, Runner};
pub(crate) use spec::CollectorSpec;
#[cfg(test)]
pub(crate) use table::build_all;
pub(crate) use table::{COLLECTORS, build, wanted};

#[cfg(test)]
mod tests;
