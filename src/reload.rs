//! The funnel: every source ends here, and only this task publishes a configuration.
//!
//! An event is a hint; content decides. The funnel looks, judges what it saw against what runs and what was
//! refused before, and publishes a valid and new configuration by one pointer swap. A bad one changes nothing.

mod active;
mod decision;
mod digest;
mod funnel;
mod judge;
mod last_good;
mod look;
mod metrics;
mod order;
mod pending;
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
pub use funnel::Reloader;
pub use metrics::ReloadMetrics;
pub use ports::{
    Event, Object, PrepareError, Publisher, Reader, References, ReloadHandle, Triggers, Watch, requests,
};
pub use scene::MountLag;
pub use sources::Sources;
pub use start::{First, StartError, first};
pub use status::{Status, StatusReader, StatusWriter, Statuses};
pub use verdict::Verdict;

/// What asked for a look. The order is the rank: one run that several asked for is counted under the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// The slow tick.
    Poll,
    /// An event in a watched directory.
    File,
    /// The ConfigMap or Secret object changed.
    Kubernetes,
    /// SIGHUP.
    Signal,
    /// `POST /-/reload`.
    Http,
}

impl Trigger {
    /// All triggers, for metrics that start at 0.
    pub const ALL: [Self; 5] = [Self::Poll, Self::File, Self::Kubernetes, Self::Signal, Self::Http];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::File => "file",
            Self::Kubernetes => "kubernetes",
            Self::Signal => "signal",
            Self::Http => "http",
        }
    }

    /// Whether somebody asked and wants an answer, even that there is no news.
    pub fn is_explicit(self) -> bool {
        matches!(self, Self::Signal | Self::Http)
    }
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A new configuration runs.
    Applied,
    /// What was seen is what runs.
    Unchanged,
    /// What was seen is older than the newest known revision.
    Superseded,
    /// What was seen is not valid or can not be put to work; the last good configuration runs on.
    Rejected,
}

impl Outcome {
    /// All outcomes, for metrics that start at 0.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Unchanged, Self::Superseded, Self::Rejected];

    /// The label value, and the word in logs and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
        }
    }
}
