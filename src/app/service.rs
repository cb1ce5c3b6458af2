//! Tells systemd what becomes of the service, while there is a systemd that wants to know.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::reload::{ConfigReader, ReloadRequest, ReloadStatus, StatusReader, Verdict};
use crate::supervisor::SupervisorHandle;
use crate::systemd::{News, Notifier, ServiceManager};

/// The answer to a SIGHUP, once there is one.
type Answer = oneshot::Receiver<Arc<Verdict>>;

/// Says of each SIGHUP where its answer goes.
#[derive(Debug)]
pub(super) struct HangupReport(Option<mpsc::Sender<Answer>>);

/// What systemd is told of, with what it is told by.
#[derive(Debug)]
pub(super) struct ServiceReport {
    notifier: Notifier,
    hangups: mpsc::Receiver<Answer>,
    watchdog: Option<Duration>,
}

/// What is told of.
#[derive(Debug)]
pub(super) struct Reported {
    pub(super) config: ConfigReader,
    pub(super) status: StatusReader,
    pub(super) pollers: SupervisorHandle,
    /// Cancelled when the end begins.
    pub(super) announced: CancellationToken,
}

impl ServiceReport {
    /// A report, and what has to be told of each SIGHUP for it.
    pub(super) fn new(service: &ServiceManager) -> (Option<Self>, HangupReport) {
        let connected = service.notify.as_deref().map(Notifier::connect).transpose();
        let notifier = connected.unwrap_or_else(|error| {
            tracing::warn!(%error, "The socket NOTIFY_SOCKET can not be used; systemd is told nothing");
            None
        });
        let (sender, hangups) = mpsc::channel(1);
        match notifier {
            Some(notifier) => {
                (Some(Self { notifier, hangups, watchdog: service.watchdog }), HangupReport(Some(sender)))
            }
            None => (None, HangupReport(None)),
        }
    }

    /// Tells of all until the end begins.
    pub(super) async fn of(self, subject: Reported) {
        let Self { notifier, hangups, watchdog } = self;
        let beating = beat(&notifier, watchdog, &subject.pollers);
        tokio::select! {
            biased;
            () = subject.announced.cancelled() => {}
            () = follow(&notifier, hangups, &subject) => {}
            () = beating => {}
        }
        notifier.tell(News::Stopping).await;
    }
}

impl HangupReport {
    /// A SIGHUP came: where its answer goes.
    pub(super) async fn begun(&self) -> Option<ReloadRequest> {
        let (request, answer) = oneshot::channel();
        self.0.as_ref()?.send(answer).await.ok()?;
        Some(request)
    }
}

/// Tells when the first configuration runs, when a SIGHUP comes and is answered, and what came of each reload.
async fn follow(notifier: &Notifier, mut hangups: mpsc::Receiver<Answer>, subject: &Reported) {
    let mut status = subject.status.clone();
    let (mut is_ready, mut open) = (false, None);
    loop {
        if !is_ready && subject.config.load().is_some() {
            is_ready = true;
            notifier.tell(News::Ready(words(subject))).await;
        }
        tokio::select! {
            Some(answer) = hangups.recv() => {
                // A later one is answered later, and that answers the earlier ones as well.
                open = Some(answer);
                notifier.tell(News::Reloading).await;
            }
            is_answered = answered(&mut open) => {
                open = None;
                // At the end there is none.
                if is_answered {
                    notifier.tell(News::Ready(words(subject))).await;
                }
            }
            () = status.changed() => if is_ready {
                notifier.tell(News::Status(words(subject))).await;
            },
        }
    }
}

async fn answered(open: &mut Option<Answer>) -> bool {
    match open {
        Some(answer) => answer.await.is_ok(),
        None => pending().await,
    }
}

/// Says twice in the time after which we would be killed that all is alive: a thread of the runtime takes work, and the supervisor
/// answers and has no poller that does not end. What else dies ends the program.
async fn beat(notifier: &Notifier, watchdog: Option<Duration>, pollers: &SupervisorHandle) {
    let Some(watchdog) = watchdog else { return pending().await };
    let mut ticks = interval(watchdog / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        pollers.settle().await;
        notifier.tell(News::Alive).await;
    }
}

/// What runs, and what came of the newest configuration.
fn words(subject: &Reported) -> String {
    let config = subject.config.load();
    let sites = config.map_or(0, |active| active.config.sites.len());
    format!("{sites} {}; {}", if sites == 1 { "site" } else { "sites" }, verdict(&subject.status.load()))
}

fn verdict(status: &ReloadStatus) -> String {
    match (&status.rejection, &status.last_verdict) {
        (Some((_, rejected)), _) => format!("the newest configuration is rejected: {}", rejected.detail),
        (None, Some((_, last))) => format!("{}: {}", last.outcome.as_ref(), last.detail),
        (None, None) => "the configuration runs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tokio::time::sleep;

    use super::*;
    use crate::poller;
    use crate::snapshot::SnapshotStore;
    use crate::supervisor::{Supervisor, SupervisorMetrics};

    /// How often systemd hears within 9.5 s that all is alive.
    async fn beats(supervisor_lives: bool) -> usize {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_nonblocking(true).unwrap();
        let notifier = Notifier::connect(path.as_os_str()).unwrap();
        let metrics = SupervisorMetrics::new(&prometheus::Registry::new()).unwrap();
        let (refusals, _refused) = poller::refusals();
        let (supervisor, pollers) = Supervisor::new(SnapshotStore::default(), metrics, refusals);
        let mut stuck = None;
        let living = async {
            if supervisor_lives {
                supervisor.run(CancellationToken::new()).await;
            } else {
                stuck = Some(supervisor);
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = living => {}
            () = beat(&notifier, Some(Duration::from_secs(2)), &pollers) => {}
            () = sleep(Duration::from_millis(9_500)) => {}
        }
        drop(stuck);
        std::iter::from_fn(|| systemd.recv(&mut [0; 64]).ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_twice_in_its_time_that_all_is_alive_and_nothing_once_the_supervisor_is_stuck()
    {
        assert_eq!(beats(true).await, 10);
        assert_eq!(beats(false).await, 0);
    }
}
