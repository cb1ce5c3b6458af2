use std::future::pending;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Verdict;

/// What the funnel knows of itself, for pages and metrics.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Whether the newest known revision is the running one.
    pub newest_runs: bool,
    /// When a configuration was last put to work.
    pub last_success: Option<Timestamp>,
    /// The last look that brought news or that somebody asked for.
    pub last_verdict: Option<(Timestamp, Arc<Verdict>)>,
    /// The rejection that stands, while the newest known revision does not run.
    pub rejection: Option<(Timestamp, Arc<Verdict>)>,
}

/// The one owner of the [`Status`].
#[derive(Debug, Default)]
pub struct StatusWriter(watch::Sender<Arc<Status>>);

/// Reads the [`Status`].
#[derive(Clone, Debug)]
pub struct StatusReader(watch::Receiver<Arc<Status>>);

impl StatusWriter {
    /// A reader of what this writer publishes.
    pub fn reader(&self) -> StatusReader {
        StatusReader(self.0.subscribe())
    }

    /// Publishes a new status.
    pub fn publish(&self, status: Status) {
        self.0.send_replace(Arc::new(status));
    }
}

impl StatusReader {
    /// The status now.
    pub fn load(&self) -> Arc<Status> {
        self.0.borrow().clone()
    }

    /// Waits for another status than the last one waited for; for ever once the writer is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            pending::<()>().await;
        }
    }
}
