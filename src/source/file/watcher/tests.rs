//! The watcher without a thread, and what other tests do to its threads.

use std::path::Path;

use futures_util::FutureExt as _;

use super::*;
use crate::source::file::{Options, WatchMode};

impl FileWatcher {
    /// The number of changes with an event.
    pub(in crate::source::file) fn changes(&self) -> u64 {
        self.state.borrow().changes
    }

    /// Has a thread panic at what it does next.
    pub(in crate::source::file) fn kill(&self, thread: &'static str) {
        self.state.send_modify(|state| state.dies = Some(thread));
        self.thread.unpark();
    }

    /// Blocks everybody who uses the state, as a stalled handler would.
    pub(in crate::source::file) fn stall(&self, during: impl FnOnce()) {
        self.state.send_if_modified(|_| {
            during();
            false
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_system_that_does_not_answer_blocks_the_watcher_and_not_the_reader() {
    // Nobody obeys the commands, as when the watcher's thread is stuck.
    let source = FileSource::new(Path::new("/nowhere"), [].into(), Options::default());
    let state = watch::Sender::new(WatchState::new(&source));
    let watcher =
        FileWatcher { source: source.clone(), state: state.clone(), thread: std::thread::current() };
    for _ in 0..3 {
        let permit = watcher.writers_done().await;
        watcher.follow(&BTreeSet::new());
        assert!(watcher.is_undisturbed(permit).await);
    }
    state.send_modify(|state| state.hint(Hint::Change));
    assert_eq!(Hints { state }.next().await, Hint::Change);
    assert_eq!(source.status().borrow().mode, WatchMode::Unwatched);
}

#[tokio::test]
async fn many_hints_are_one_and_a_change_wins_over_a_tick() {
    let source = FileSource::new(Path::new("/nowhere"), [].into(), Options::default());
    let state = watch::Sender::new(WatchState::new(&source));
    let mut hints = Hints { state: state.clone() };
    for hint in [Hint::Tick, Hint::Change, Hint::Tick, Hint::Tick] {
        state.send_modify(|state| state.hint(hint));
    }
    assert_eq!(hints.next().await, Hint::Change);
    assert_eq!(hints.next().now_or_never(), None);
    state.send_modify(|state| state.hint(Hint::Tick));
    assert_eq!(hints.next().await, Hint::Tick);
}
