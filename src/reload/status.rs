//! What the reloader says of itself: to whoever reads the newest status, and to whoever reads each one.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::{Outcome, Verdict};

/// How many may wait for a reader of each one.
const HISTORY: usize = 64;
/// How many of the last verdicts are remembered.
const MOST_PAST: usize = 20;

/// What the reloader knows of itself, for pages and metrics.
#[derive(Clone, Debug, Default)]
pub struct ReloadStatus {
    /// Whether the newest known revision is the running one.
    pub newest_runs: bool,
    /// When a configuration was last put to work.
    pub last_success: Option<Timestamp>,
    /// The last reload that brought news or that somebody asked for.
    pub last_verdict: Option<(Timestamp, Arc<Verdict>)>,
    /// The rejection that stands, while the newest known revision does not run.
    pub rejection: Option<(Timestamp, Arc<Verdict>)>,
    /// What the rejected configuration says otherwise than the running one, in words.
    pub rejected_changes: Arc<[String]>,
    /// The last verdicts, the newest first.
    pub past: Arc<[PastVerdict]>,
}

/// A verdict of before.
#[derive(Clone, Debug)]
pub struct PastVerdict {
    /// When it was told.
    pub at: Timestamp,
    /// How long the reload took.
    pub took: Duration,
    /// What came of it.
    pub verdict: Arc<Verdict>,
}

impl ReloadStatus {
    /// Takes in a verdict that is told now.
    pub(super) fn told(&mut self, verdict: &Arc<Verdict>, at: Timestamp, took: Duration) {
        self.last_verdict = Some((at, verdict.clone()));
        if verdict.outcome == Outcome::Rejected {
            self.rejection = Some((at, verdict.clone()));
        }
        let newest = PastVerdict { at, took, verdict: verdict.clone() };
        self.past = std::iter::once(newest).chain(self.past.iter().take(MOST_PAST - 1).cloned()).collect();
    }

    /// The newest revision runs.
    pub(super) fn accepted(&mut self) {
        self.newest_runs = true;
        self.rejection = None;
        self.rejected_changes = Arc::default();
    }
}

/// The one owner of the [`ReloadStatus`].
#[derive(Debug)]
pub(crate) struct StatusWriter {
    now: watch::Sender<Arc<ReloadStatus>>,
    each: broadcast::Sender<Arc<ReloadStatus>>,
}

/// Reads the [`ReloadStatus`].
#[derive(Clone, Debug)]
pub struct StatusReader(watch::Receiver<Arc<ReloadStatus>>);

/// Reads each [`ReloadStatus`] that is published, one after the other: a rejection that was mended at once is among them.
#[derive(Debug)]
pub(crate) struct Statuses(broadcast::Receiver<Arc<ReloadStatus>>);

impl Default for StatusWriter {
    fn default() -> Self {
        Self { now: watch::Sender::default(), each: broadcast::Sender::new(HISTORY) }
    }
}

impl StatusWriter {
    /// A reader of what this writer publishes.
    pub(crate) fn reader(&self) -> StatusReader {
        StatusReader(self.now.subscribe())
    }

    /// All that is published from now on.
    pub(crate) fn statuses(&self) -> Statuses {
        Statuses(self.each.subscribe())
    }

    /// Publishes a new status.
    pub(crate) fn publish(&self, status: ReloadStatus) {
        let status = Arc::new(status);
        self.now.send_replace(status.clone());
        // Nobody need listen.
        let _ = self.each.send(status);
    }
}

impl StatusReader {
    /// The status now.
    pub fn load(&self) -> Arc<ReloadStatus> {
        self.0.borrow().clone()
    }

    /// Waits for another status than the last one waited for. Pending for ever once the writer is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            pending::<()>().await;
        }
    }
}

impl Statuses {
    /// The next status. A reader that is too slow misses the oldest, never the newest. Pending for ever once the writer
    /// is gone. Cancel safe.
    pub(crate) async fn next(&mut self) -> Arc<ReloadStatus> {
        loop {
            match self.0.recv().await {
                Ok(status) => return status,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::reload::Trigger;

    #[test]
    fn the_last_twenty_verdicts_are_remembered_the_newest_first() {
        let mut status = ReloadStatus::default();
        for number in 0..50_u64 {
            let verdict = Verdict {
                trigger: Trigger::File,
                outcome: Outcome::Applied,
                text_digest: None,
                revision: Some(number.to_string().into()),
                detail: "".into(),
                lacks_reference: false,
            };
            status.told(&Arc::new(verdict), Timestamp::UNIX_EPOCH, Duration::from_millis(number));
        }
        let past: Vec<_> = status.past.iter().filter_map(|past| past.verdict.revision.as_deref()).collect();
        assert_eq!((past.len(), past[0], past[19]), (20, "49", "30"));
        assert_eq!(status.past[0].took, Duration::from_millis(49));
    }

    #[test]
    fn a_late_reader_misses_the_oldest_and_never_the_newest() {
        let writer = StatusWriter::default();
        let mut statuses = writer.statuses();
        let at =
            |second| ReloadStatus { last_success: Timestamp::new(second, 0).ok(), ..ReloadStatus::default() };
        let wanted = 3 * i64::try_from(HISTORY).unwrap();
        for second in 0..wanted {
            writer.publish(at(second));
        }
        let read: Vec<_> = std::iter::from_fn(|| statuses.next().now_or_never()).collect();
        assert_eq!(read.len(), HISTORY);
        assert_eq!(read.last().unwrap().last_success, at(wanted - 1).last_success);
    }
}
