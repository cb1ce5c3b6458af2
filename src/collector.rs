//! What is asked of NetBackup and the metric families that come of it: one file per collector, one line each in
//! [`COLLECTORS`].
//!
//! A collector's core is pure, records in and families out; only a thin shell walks pages. What it remembers from run
//! to run is its own, so that a new key or a new client takes nothing away.

mod absence;
mod alerts;
mod anomalies;
mod arrivals;
mod backups;
mod board;
mod catalog;
mod catalog_backup;
mod certificates;
mod client_jobs;
mod client_names;
mod contract;
mod cure;
mod disk_pools;
#[cfg(test)]
mod fixture;
mod hold;
mod interner;
mod job_list;
mod job_record;
mod job_result;
mod jobs;
mod licensing;
mod malware;
mod notifications;
mod optional;
mod per_client;
mod permission;
mod policy_type;
mod posture;
mod probe;
mod protection;
mod resource;
mod runner;
mod server;
mod server_info;
mod servers;
mod services;
mod slo;
mod slp;
mod spec;
mod storage;
mod table;
mod tape;
mod walk;

pub(crate) use absence::Absences;
pub(crate) use board::Board;
pub(crate) use contract::{CollectError, Context};
#[cfg(test)]
pub(crate) use contract::{Collector, Diagnostics};
pub(crate) use cure::absence_cure;
pub(crate) use hold::Hold;
#[doc(hidden)]
pub use jobs::decode_jobs_page;
pub(crate) use probe::{COUNTED, Enforcement, Probe};
pub(crate) use resource::{Resource, Trial};
pub(crate) use runner::{Run, RunRest, Runner};
pub(crate) use server_info::release;
pub(crate) use spec::CollectorSpec;
#[cfg(test)]
pub(crate) use table::build_all;
pub(crate) use table::{COLLECTORS, build, is_same_question, wanted};

#[cfg(test)]
mod tests;
