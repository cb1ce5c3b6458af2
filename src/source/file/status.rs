//! What the watcher says of itself.

/// How changes of the files come to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// Nobody watches: the file is only read.
    #[default]
    Unwatched,
    /// By events of inotify, with a slow tick behind them.
    Inotify,
    /// By polling, since inotify is not to be had for every directory.
    Poll,
    /// Perhaps never: the configuration is a lone bind mount (`subPath`), which keeps showing the old file.
    Unwatchable,
}

impl WatchMode {
    /// The value of a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Inotify => "inotify",
            Self::Poll => "poll",
            Self::Unwatchable => "unwatchable",
        }
    }
}

/// State and counters of a watcher; all counters only ever grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct WatchStatus {
    /// How changes come to be known now.
    pub mode: WatchMode,
    /// How many directories are watched now.
    pub watches: u64,
    /// How often a directory was found to be another one than the one watched, and watched anew.
    pub rearmed: u64,
    /// How often a tick found a change that no event had told of.
    pub missed: u64,
    /// How often the kernel dropped events since its queue was full.
    pub overflows: u64,
    /// How often the watches were made anew: notify's thread or ours had died, or a change was missed.
    pub restarts: u64,
}
