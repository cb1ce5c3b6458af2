//! What the watcher says of itself.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How changes of the files come to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// Nobody watches: the file is only read.
    #[default]
    Unwatched,
    /// By events of inotify, with a slow tick behind them.
    Inotify,
    /// By looking often, since inotify is not to be had for every directory.
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

/// Counters and state for metrics; all counters only ever grow.
#[derive(Debug, Default)]
pub struct WatchStatus {
    mode: AtomicU8,
    watches: AtomicU64,
    rearmed: AtomicU64,
    missed: AtomicU64,
    overflows: AtomicU64,
    restarts: AtomicU64,
    checked: Mutex<Option<Instant>>,
}

impl WatchStatus {
    /// How changes come to be known now.
    pub fn mode(&self) -> WatchMode {
        match self.mode.load(Ordering::Relaxed) {
            0 => WatchMode::Unwatched,
            1 => WatchMode::Inotify,
            2 => WatchMode::Poll,
            _ => WatchMode::Unwatchable,
        }
    }

    /// How many directories are watched now.
    pub fn watches(&self) -> u64 {
        self.watches.load(Ordering::Relaxed)
    }

    /// How often a directory was found to be another one than the one watched, and watched anew.
    pub fn rearmed(&self) -> u64 {
        self.rearmed.load(Ordering::Relaxed)
    }

    /// How often a tick found a change that no event had announced.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// How often the kernel dropped events since its queue was full.
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// How often the inotify watcher was made anew, since it had died or missed something.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// When the watcher last came to the end of its checks. Older than some ticks means that a file system does
    /// not answer; the files may then still be read.
    pub fn checked(&self) -> Option<Instant> {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_checked(&self) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Sets the mode; returns the one before.
    pub(super) fn set_mode(&self, mode: WatchMode) -> WatchMode {
        let before = self.mode();
        self.mode.store(mode as u8, Ordering::Relaxed);
        before
    }

    pub(super) fn set_watches(&self, count: usize) {
        self.watches.store(count as u64, Ordering::Relaxed);
    }

    pub(super) fn add_rearmed(&self, count: u64) {
        self.rearmed.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn add_missed(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_overflow(&self) {
        self.overflows.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_that_was_set_is_the_mode_that_is_read() {
        let status = WatchStatus::default();
        let mut before = WatchMode::Unwatched;
        for mode in [WatchMode::Inotify, WatchMode::Poll, WatchMode::Unwatchable, WatchMode::Unwatched] {
            assert_eq!(status.set_mode(mode), before);
            assert_eq!(status.mode(), mode);
            before = mode;
        }
    }
}
