//! The watching half, as the reload task holds it.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::hold::Gate;
use super::lookout::{Lookout, Order};
use super::shared::{Hint, Hints, Shared};
use super::{FileSource, Place};

/// How long a look waits for the watches: more than any local file system needs. One that does not answer (a dead
/// NFS server) costs this once, and no look after that.
const PATIENCE: Duration = Duration::from_secs(2);

/// Watches the configuration and the files that it names, on a thread of its own, which a dead file system may
/// block: nothing else waits for it. Dropping the watcher ends it.
#[derive(Debug)]
pub struct FileWatcher {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) shared: Arc<Shared>,
    pub(super) place: Arc<Place>,
}

/// The permission to look; see [`FileWatcher::is_undisturbed`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Clearance {
    acts: u64,
    forced: bool,
}

impl FileWatcher {
    /// Starts to watch. Fails only if the system gives no thread; without inotify it polls.
    ///
    /// The directories of the configuration are watched when the first [`FileWatcher::ready_to_look`] returns, so
    /// that no change is lost between that look and the first hint.
    pub fn start(source: &FileSource) -> io::Result<(Self, Hints)> {
        let (orders, inbox) = mpsc::channel();
        let shared = Arc::new(Shared::new(&source.options, source.status()));
        let lookout = Lookout::new(source, Arc::clone(&shared), orders.clone());
        std::thread::Builder::new().name("file-watcher".to_owned()).spawn(move || lookout.run(&inbox))?;
        let hints = Hints::new(Arc::clone(&shared));
        let place = Arc::clone(&source.place);
        Ok((Self { orders, shared, place }, hints))
    }

    /// Follows the configuration and these files, and no others: those that the running configuration names, and
    /// those of the newest rejected one. A relative path is taken from the configuration's directory.
    ///
    /// A file that was not followed before may have changed since it was read, so it brings one hint.
    pub async fn cover(&self, references: &BTreeSet<PathBuf>) {
        self.ask(|done| Order::Follow(self.place.followed(references), done)).await;
    }

    /// Waits until a look may begin: nobody is writing a followed file in place, and every directory that matters
    /// now is watched. To be awaited before each look, whatever asked for it.
    ///
    /// Waits five seconds at most for a writer. Cancel safe.
    pub async fn ready_to_look(&self) -> Clearance {
        loop {
            let (_, forced) = self.shared.opened().await;
            if !self.shared.is_stuck() {
                self.ask(Order::Arm).await;
            }
            // A writer may have begun meanwhile; one that was passed over is not waited for a second time.
            match self.shared.gate() {
                (Gate::Open { forced: late }, acts) => return Clearance { acts, forced: forced || late },
                (Gate::Until(_), acts) if forced => return Clearance { acts, forced },
                (Gate::Until(_), _) => {}
            }
        }
    }

    /// Whether nobody wrote in place since the clearance. To be asked after a look and before it is used: a
    /// writer may have begun just before the look, its first event arriving after. If not: look again.
    pub fn is_undisturbed(&self, clearance: Clearance) -> bool {
        clearance.forced || self.shared.acts() == clearance.acts
    }

    /// Makes a hint, as an event would.
    pub fn nudge(&self) {
        self.shared.hint(Hint::Change);
    }

    /// Gives an order and waits until it is done, or for as long as patience lasts.
    async fn ask(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(order(done)).is_err() {
            return;
        }
        // The order is left for a thread that does not come back; nobody waits for it a second time.
        if self.shared.is_stuck() {
            return;
        }
        if tokio::time::timeout(PATIENCE, is_done).await.is_err() && !self.shared.set_stuck(true) {
            tracing::warn!("the file system does not answer; files are read without being watched");
        }
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        // Not joined: it may be stuck in a dead file system, and it owns nothing that must be saved.
        let _ = self.orders.send(Order::Stop);
    }
}
