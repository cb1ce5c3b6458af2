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
mod preview;
mod reloader;
mod sources;
mod start;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod traits;
mod verdict;

pub(crate) use active::{ActiveConfig, ConfigReader, ConfigWriter};
pub(crate) use digest::Digest;
pub(crate) use event::{Event, ReloadHandle, ReloadRequest, requests};
pub(crate) use metrics::ReloadMetrics;
pub(crate) use preview::{Judgement, Preview};
pub(crate) use reloader::Reloader;
pub(crate) use sources::{MountLag, Sources};
pub(crate) use start::{First, NoConfiguration, first};
pub(crate) use status::{PastVerdict, ReloadStatus, StatusReader, StatusWriter, Statuses};
#[cfg(test)]
use traits::Watcher;
pub(crate) use traits::{Object, PrepareError, Publisher, SnapshotReader};
pub(crate) use verdict::{Outcome, Trigger, Verdict};
