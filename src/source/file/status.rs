//! What the watcher says of itself.

/// How changes of the files come to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum WatchMode {
    /// By events of inotify, with a slow tick behind them.
    Inotify,
    /// By polling, since inotify is not available for every directory.
    Poll,
    /// Perhaps never: the configuration is a lone bind mount (`subPath`), which keeps showing the old file.
    Unwatchable,
    /// Nobody watches: the file is only read.
    #[default]
    Unwatched,
}

/// State and counters of a watcher; all counters only ever grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WatchStatus {
    /// How changes come to be known now.
    pub mode: WatchMode,
    /// How many directories are watched now.
    pub watches: u64,
    /// How often a directory was found to be another one than the one watched, and watched anew.
    pub rearmed: u64,
    /// How often a tick found a change without an event.
    pub missed: u64,
    /// How often the kernel dropped events since its queue was full.
    pub overflows: u64,
    /// How often the watches were made anew: notify's thread or ours had died, or a change was missed.
    pub restarts: u64,
}
