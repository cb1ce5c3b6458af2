//! The watching half, as the reload task holds it.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::hold::Gate;
use super::lookout::Lookout;
use super::orders::Orders;
use super::shared::{Hints, Shared};
use super::{FileSource, Place};

/// How long to wait for the events up to now. They take 2 ms at worst where a processor is free, and far more where a
/// limit on processor time or a busy machine holds the threads up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Watches the configuration and the files that it names, on a thread of its own, which a dead file system may
/// block: nothing else waits for it. Dropping the watcher ends it.
#[derive(Debug)]
pub struct FileWatcher {
    pub(super) orders: Arc<Orders>,
    pub(super) shared: Arc<Shared>,
    pub(super) place: Arc<Place>,
    pub(super) numbers: AtomicU64,
}

/// The permission to look; see [`FileWatcher::is_undisturbed`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ReadPermit {
    acts: u64,
    changes: u64,
    forced: bool,
}

impl FileWatcher {
    /// Starts to watch. Fails only if the system gives no thread; without inotify it polls.
    ///
    /// A hint comes whenever a directory is watched that was not before, the first ones included: what changed
    /// between a look and the arming is seen by the look that follows.
    pub fn start(source: &FileSource) -> io::Result<(Self, Hints)> {
        let orders = Arc::<Orders>::default();
        let shared = Arc::new(Shared::new(&source.options, source.status()));
        let lookout = Lookout::new(source, Arc::clone(&shared), Arc::clone(&orders));
        std::thread::Builder::new().name("file-watcher".to_owned()).spawn(move || lookout.run())?;
        let hints = Hints::new(Arc::clone(&shared));
        Ok((Self { orders, shared, place: Arc::clone(&source.place), numbers: AtomicU64::new(0) }, hints))
    }

    /// Follows the configuration and these files, and no others: those that the running configuration names, and
    /// those of the newest rejected one. A relative path is taken from the configuration's directory.
    ///
    /// A file that was not followed before may have changed since it was read, so it brings a hint. Never waits.
    pub fn follow(&self, references: &BTreeSet<PathBuf>) {
        let followed = self.place.followed(references);
        self.orders.give(|wanted| wanted.follow = Some(followed));
    }

    /// Waits until a look may begin: nobody is writing a followed file in place. To be awaited before each look,
    /// whatever asked for it; it has the watches follow the paths to where they lead now.
    ///
    /// Waits five seconds at most for one writer. Cancel safe.
    pub async fn writers_done(&self) -> ReadPermit {
        loop {
            let released = self.shared.released();
            let changes = self.shared.changes();
            match self.shared.gate() {
                (Gate::Open { forced }, acts) => {
                    self.orders.give(|wanted| wanted.arm = true);
                    return ReadPermit { acts, changes, forced };
                }
                (Gate::Until(time), _) => {
                    // An early end is told, and a late one does no harm: the gate is asked again.
                    let _ = tokio::time::timeout_at(time.into(), released).await;
                }
            }
        }
    }

    /// Whether nobody wrote in place since the clearance. To be asked after a look and before it is used: a
    /// writer may have begun just before the look, its first event still being on its way, so this takes in every
    /// event up to now. If not: look again.
    ///
    /// Waits for the watcher's thread, but not for long: a dead file system may keep it. Cancel safe.
    pub async fn is_undisturbed(&self, clearance: ReadPermit) -> bool {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.orders.give(|wanted| wanted.catch_up = Some(number));
        let caught_up = async {
            loop {
                let released = self.shared.released();
                if self.shared.has_caught_up(number) {
                    break;
                }
                released.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, caught_up).await;
        clearance.forced || self.shared.acts() == clearance.acts
    }

    /// Whether an event has told of a change since the clearance.
    pub fn has_change_since(&self, clearance: ReadPermit) -> bool {
        self.shared.changes() != clearance.changes
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        // Not joined: it may be stuck in a dead file system, and it owns nothing that must be saved.
        self.orders.give(|wanted| wanted.stop = true);
    }
}
