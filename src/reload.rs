//! The funnel: every source ends here, and only this task publishes a configuration.
//!
//! An event is a hint; content decides. The funnel looks, judges what it saw against what runs and what was
//! refused before, and publishes a valid and new configuration by one pointer swap. A bad one changes nothing.

mod active;
mod decision;
mod digest;
mod event;
mod funnel;
mod judge;
mod last_good;
mod look;
mod metrics;
mod order;
mod ports;
mod scene;
mod sources;
mod start;
mod status;
#[cfg(test)]
mod tests;
mod verdict;

pub use active::{ActiveConfig, ConfigReader, ConfigWriter};
pub use digest::Digest;
pub use event::{Event, ReloadHandle, ReloadRequest, requests};
pub use funnel::Reloader;
pub use metrics::ReloadMetrics;
pub use ports::{Object, PrepareError, Publisher, Reader, References, Watch};
pub use scene::MountLag;
pub use sources::Sources;
pub use start::{First, StartError, first};
pub use status::{ReloadStatus, StatusReader, StatusWriter, Statuses};
pub use verdict::{Outcome, Trigger, Verdict};
