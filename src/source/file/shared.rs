//! What the watcher's threads and the reload task share: what was heard, and not yet looked at.
//!
//! Events leave nothing behind but flags, so any number of them needs no memory and none is lost.

use std::collections::BTreeSet;
use std::path::PathBuf;
#[cfg(test)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Options;
use super::hold::{Gate, Hold};
use super::interest::{Interest, Meaning};
use super::status::WatchStatus;

/// Why to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Something happened to a followed file.
    Change,
    /// Nothing was heard, but the time is up.
    Tick,
}

/// The hints of one watcher, for one reader.
#[derive(Debug)]
pub struct Hints {
    shared: Arc<Shared>,
}

impl Hints {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Waits for the next hint. Cancel safe; any number of hints that nobody waited for are one, and a change
    /// wins over a tick. Pending for ever once the watcher is gone.
    pub async fn next(&mut self) -> Hint {
        loop {
            if let Some(hint) = self.shared.heard().pending.take() {
                return hint;
            }
            self.shared.hinted.notified().await;
        }
    }
}

/// Shared by the notify thread, the watcher's own thread, and the reload task; every lock is held for
/// microseconds.
#[derive(Debug)]
pub(super) struct Shared {
    heard: Mutex<Heard>,
    status: Arc<WatchStatus>,
    /// A hint is pending.
    hinted: Notify,
    /// A writer may be done.
    released: Notify,
    caught_up: AtomicU64,
    #[cfg(test)]
    panic: AtomicBool,
}

#[derive(Debug)]
struct Heard {
    interest: Interest,
    hold: Hold,
    pending: Option<Hint>,
    suspects: BTreeSet<PathBuf>,
    changes: u64,
}

impl Shared {
    pub(super) fn new(options: &Options, status: Arc<WatchStatus>) -> Self {
        let heard = Heard {
            interest: Interest::default(),
            hold: Hold::new(options.quiet, options.longest_hold),
            pending: None,
            suspects: BTreeSet::new(),
            changes: 0,
        };
        Self {
            heard: Mutex::new(heard),
            status,
            hinted: Notify::new(),
            released: Notify::new(),
            caught_up: AtomicU64::new(0),
            #[cfg(test)]
            panic: AtomicBool::new(false),
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Nothing in it is ever half done, so a panic elsewhere does not spoil it.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what notify says.
    pub(super) fn hear(&self, event: &notify::Result<notify::Event>) {
        #[cfg(test)]
        assert!(!self.panic.swap(false, Ordering::Relaxed), "injected");
        let mut heard = self.heard();
        match event.as_ref().map(|event| heard.interest.meaning(event)) {
            Ok(Meaning::Nothing) => return,
            Ok(Meaning::Change { act, suspect }) => {
                if let Some((act, files)) = act {
                    let now = Instant::now();
                    for file in &files {
                        heard.hold.note(file, act, now);
                    }
                }
                heard.suspects.extend(suspect);
            }
            Ok(Meaning::Overflow) => self.status.add_overflow(),
            Err(error) => tracing::debug!(%error, "Inotify reports an error"),
        }
        heard.changes += 1;
        heard.pending = Some(Hint::Change);
        drop(heard);
        self.hinted.notify_one();
        self.released.notify_waiters();
    }

    pub(super) fn hint(&self, hint: Hint) {
        let mut heard = self.heard();
        if heard.pending != Some(Hint::Change) {
            heard.pending = Some(hint);
        }
        drop(heard);
        self.hinted.notify_one();
    }

    /// From now on these names matter; returns whether others did before.
    pub(super) fn attend(&self, interest: Interest) -> bool {
        let mut heard = self.heard();
        let is_other = heard.interest != interest;
        heard.interest = interest;
        is_other
    }

    /// The directories whose watch may be a dead one.
    pub(super) fn take_suspects(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.heard().suspects)
    }

    /// Every event up to the asking of this number was heard.
    pub(super) fn caught_up(&self, number: u64) {
        self.caught_up.store(number, Ordering::Release);
        self.released.notify_waiters();
    }

    pub(super) fn has_caught_up(&self, number: u64) -> bool {
        self.caught_up.load(Ordering::Acquire) >= number
    }

    /// How many changes were heard so far.
    pub(super) fn changes(&self) -> u64 {
        self.heard().changes
    }

    /// How much was written in place so far.
    pub(super) fn acts(&self) -> u64 {
        self.heard().hold.acts()
    }

    /// Whether a look may begin now, and how much was written in place until now.
    pub(super) fn gate(&self) -> (Gate, u64) {
        let mut heard = self.heard();
        (heard.hold.gate(Instant::now()), heard.hold.acts())
    }

    /// Wakes when a writer may be done; listens from now on.
    pub(super) fn released(&self) -> Notified<'_> {
        self.released.notified()
    }
}

#[cfg(test)]
impl Shared {
    /// Injects a panic into the notify thread.
    pub(super) fn panic_at_next_event(&self) {
        self.panic.store(true, Ordering::Relaxed);
    }

    /// Blocks whoever wants to tell us something, as a stalled handler would.
    pub(super) fn stall(&self, during: impl FnOnce()) {
        let guard = self.heard();
        during();
        drop(guard);
    }
}
