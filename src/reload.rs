//! Every source of the configuration ends in one task, the [`Reloader`], which alone publishes a configuration.
//!
//! An event is a hint; content decides. At each event the reloader reads what the sources show, finds the newest
//! revision, judges it by what runs and what was rejected before, and publishes a valid and new configuration by one
//! pointer swap. An invalid one changes nothing.

mod active;
mod candidate;
mod digest;
mod event;
mod judge;
mod last_good;
mod metrics;
mod observation;
mod precedence;
mod reloader;
mod sources;
mod start;
mod status;
#[cfg(test)]
mod tests;
mod traits;
mod verdict;

pub use active::{ActiveConfig, ConfigReader, ConfigWriter};
pub use digest::Digest;
pub use event::{Event, ReloadHandle, ReloadRequest, requests};
pub use metrics::ReloadMetrics;
pub use reloader::Reloader;
pub use sources::{MountLag, Sources};
pub use start::{First, NoConfiguration, first};
pub use status::{ReloadStatus, StatusReader, StatusWriter, Statuses};
#[cfg(test)]
use traits::Watcher;
pub use traits::{Object, PrepareError, Publisher, SnapshotReader};
pub use verdict::{Outcome, Trigger, Verdict};
