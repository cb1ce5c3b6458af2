//! A Prometheus exporter for NetBackup whose whole behaviour follows its configuration file.
//!
//! Public is what the program, the tests and the benchmarks use.

#![forbid(unsafe_code)]

mod admission;
pub mod app;
mod certificate;
pub mod cli;
mod collector;
mod config;
mod doctor;
mod exposition;
mod fleet;
/// For `fuzz/` and the tests.
#[cfg(any(test, feature = "fuzz"))]
mod fuzz;
mod http;
mod metric;
mod netbackup;
mod poller;
mod reload;
mod shutdown;
mod snapshot;
mod source;
mod status;
mod supervisor;
mod systemd;
mod telemetry;

pub use collector::decode_jobs_page;
pub use config::{ApiVersion, LogLevel, RESERVED_PATHS, schema};
pub use exposition::{BuildInfo, Registry};
#[cfg(any(test, feature = "fuzz"))]
pub use fuzz::FuzzTarget;
pub use metric::{Desc, Family, FamilyBuilder, Labelled, MetricKind, Naming, TextFormat};
pub use shutdown::{Pace, Shutdown, Termination};
pub use snapshot::{Fragment, MetricsPage, SiteReport, Snapshot};
pub use source::signal;
pub use systemd::ServiceManager;
pub use telemetry::{Overrides, init as init_log};
