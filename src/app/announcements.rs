//! Makes Kubernetes Events of verdicts and of refused keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::fleet::FleetReader;
use crate::reload::{Outcome, ReloadStatus, Statuses, Verdict};
use crate::source::kubernetes::{Announcement, Announcer, EventIdentity, EventReason};
use crate::telemetry::{Restarts, Task};

/// A Secret comes up to about 80 s after the ConfigMap that names it, so a missing key file is no news before this.
const PATIENCE: Duration = Duration::from_mins(3);

/// Makes Events of verdicts and of refused keys. It never ends, and goes on after a panic.
pub(super) async fn keep_announcing(
    restarts: Restarts,
    statuses: Statuses,
    verdicts: Verdicts,
    refused: mpsc::Receiver<Arc<str>>,
    announcer: Announcer,
) {
    let mut known = (statuses, verdicts, refused, announcer);
    let announcing = restarts.keep(Task::Announcing, &mut known, |known| {
        let (statuses, verdicts, refused, announcer) = known;
        announce(statuses, verdicts, refused, announcer).boxed()
    });
    announcing.await;
}

async fn announce(
    statuses: &mut Statuses,
    verdicts: &mut Verdicts,
    refused: &mut mpsc::Receiver<Arc<str>>,
    announcer: &Announcer,
) {
    loop {
        let due = verdicts.due();
        let news = tokio::select! {
            status = statuses.next() => verdicts.announcement_of(&status).filter(|_| verdicts.are_told()),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                verdicts.overdue().filter(|_| verdicts.are_told())
            }
            Some(site) = refused.recv() => Some(of_refusal(&site)),
        };
        if let Some(announcement) = news {
            announcer.announce(&announcement);
        }
    }
}

/// What was announced last, and what waits to be announced.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    last: Option<Arc<Verdict>>,
    waiting: Option<Waiting>,
    /// The revision that each reason was last announced of.
    revisions: BTreeMap<EventReason, Arc<str>>,
    /// Where replicas share the sites, one of them tells what came of a configuration.
    fleet: Option<FleetReader>,
}

/// A rejection that may be mended by itself.
#[derive(Debug)]
struct Waiting {
    until: Instant,
    since: Timestamp,
    verdict: Arc<Verdict>,
}

impl Verdicts {
    /// Of an exporter that starts on this revision of the object.
    pub(super) fn after(revision: Option<&str>) -> Self {
        let revisions = revision.map(|revision| (EventReason::ConfigReloaded, revision.into()));
        Self { revisions: revisions.into_iter().collect(), ..Self::default() }
    }

    /// Of a member of this fleet, if it is one.
    pub(super) fn of(self, fleet: Option<FleetReader>) -> Self {
        Self { fleet, ..self }
    }

    /// Whether it is us who tell them.
    fn are_told(&self) -> bool {
        self.fleet.as_ref().is_none_or(|fleet| fleet.load().tells())
    }

    /// When a missing file is waited for no longer.
    fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.until)
    }

    /// What is to be announced now of the newest verdict.
    fn announcement_of(&mut self, status: &ReloadStatus) -> Option<Announcement> {
        let (at, verdict) = status.last_verdict.as_ref()?;
        self.waiting.take_if(|waiting| !stands(status, &waiting.verdict));
        let waits = self.waiting.as_ref().is_some_and(|waiting| waiting.verdict.detail == verdict.detail);
        if waits || self.last.as_ref() == Some(verdict) {
            return None;
        }
        if verdict.outcome == Outcome::Rejected && verdict.lacks_reference {
            let until = Instant::now() + PATIENCE;
            self.waiting = Some(Waiting { until, since: *at, verdict: verdict.clone() });
            return None;
        }
        let (reason, words) = match verdict.outcome {
            Outcome::Applied => (EventReason::ConfigReloaded, verdict.detail.to_string()),
            Outcome::Rejected => (EventReason::ConfigRejected, verdict.detail.to_string()),
            Outcome::Unchanged if status.newest_runs && self.has_announced_a_rejection() => {
                (EventReason::ConfigReloaded, format!("what was refused is taken back; {}", verdict.detail))
            }
            Outcome::Unchanged | Outcome::Superseded => return None,
        };
        Some(self.announce(*at, verdict, reason, &words))
    }

    /// The announcement of the rejection that waited: the missing file has not come.
    fn overdue(&mut self) -> Option<Announcement> {
        let Waiting { since, verdict, .. } = self.waiting.take()?;
        Some(self.announce(since, &verdict, EventReason::ConfigRejected, &verdict.detail))
    }

    fn has_announced_a_rejection(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.outcome == Outcome::Rejected)
    }

    fn announce(
        &mut self,
        at: Timestamp,
        verdict: &Arc<Verdict>,
        reason: EventReason,
        words: &str,
    ) -> Announcement {
        self.last = Some(verdict.clone());
        let Some(revision) = &verdict.revision else {
            return Announcement { reason, note: words.to_owned(), at, identity: EventIdentity::Note };
        };
        // What happens to the revision later is an event of its own, such as a key file that changed.
        let is_first = self.revisions.insert(reason, revision.clone()).as_ref() != Some(revision);
        let identity = if is_first { EventIdentity::Revision(revision.clone()) } else { EventIdentity::Note };
        Announcement { reason, note: format!("revision {revision}: {words}"), at, identity }
    }
}

fn of_refusal(site: &str) -> Announcement {
    #[cfg(test)]
    assert!(site != tests::DEADLY, "injected");
    let note =
        format!("site {site}: NetBackup refuses the API key; create a new one and put it in its place");
    Announcement {
        reason: EventReason::CredentialRejected,
        note,
        at: Timestamp::now(),
        identity: EventIdentity::Note,
    }
}

/// Whether a rejection is still the one that stands.
fn stands(status: &ReloadStatus, verdict: &Verdict) -> bool {
    status.rejection.as_ref().is_some_and(|(_, rejection)| rejection.detail == verdict.detail)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::reload::{StatusWriter, Trigger};

    /// A refused site of this name kills the task.
    pub(super) const DEADLY: &str = "deadly";

    struct Rig {
        status: StatusWriter,
        refused: mpsc::Sender<Arc<str>>,
        announcer: Announcer,
        restarts: Restarts,
    }

    impl Rig {
        fn start() -> Self {
            let status = StatusWriter::default();
            let announcer = Announcer::to_test();
            let (refused, receiver) = mpsc::channel(1);
            let verdicts = Verdicts::after(Some("6"));
            let restarts = Restarts::new(&prometheus::Registry::new()).unwrap();
            let (statuses, told) = (status.statuses(), announcer.clone());
            tokio::spawn(keep_announcing(restarts.clone(), statuses, verdicts, receiver, told));
            Self { status, refused, announcer, restarts }
        }

        /// Publishes a verdict, waits, and gives what was announced meanwhile.
        async fn tell(&mut self, outcome: Outcome, lacks_reference: bool, seconds: u64) -> Vec<EventReason> {
            self.publish(outcome, lacks_reference, "7", "sites: +paris");
            self.after(seconds).await
        }

        fn publish(&self, outcome: Outcome, lacks_reference: bool, revision: &str, detail: &str) {
            let verdict = Arc::new(Verdict {
                trigger: Trigger::Kubernetes,
                outcome,
                text_digest: None,
                revision: Some(revision.into()),
                detail: detail.into(),
                lacks_reference,
            });
            let now = (Timestamp::now(), verdict);
            let rejection = (outcome == Outcome::Rejected).then(|| now.clone());
            let newest_runs = rejection.is_none();
            let last_verdict = Some(now);
            self.status.publish(ReloadStatus {
                newest_runs,
                last_verdict,
                rejection,
                ..ReloadStatus::default()
            });
        }

        async fn after(&mut self, seconds: u64) -> Vec<EventReason> {
            sleep(Duration::from_secs(seconds)).await;
            self.announcer.announced().into_iter().map(|told| told.reason).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_applied_and_what_is_refused_is_announced_and_nothing_else() {
        let mut rig = Rig::start();
        assert_eq!(rig.tell(Outcome::Applied, false, 1).await, [EventReason::ConfigReloaded]);
        assert_eq!(rig.tell(Outcome::Unchanged, false, 1).await, []);
        assert_eq!(rig.tell(Outcome::Superseded, false, 1).await, []);
        assert_eq!(rig.tell(Outcome::Rejected, false, 1).await, [EventReason::ConfigRejected]);
        assert_eq!(rig.tell(Outcome::Superseded, false, 1).await, []);
        rig.refused.send("paris".into()).await.unwrap();
        assert_eq!(rig.after(1).await, [EventReason::CredentialRejected]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_key_file_is_announced_after_three_minutes_since_a_secret_lags() {
        let mut rig = Rig::start();
        assert_eq!(rig.tell(Outcome::Rejected, true, 100).await, []);
        // Asked for again meanwhile: the clock does not begin anew.
        assert_eq!(rig.tell(Outcome::Rejected, true, 79).await, []);
        assert_eq!(rig.after(2).await, [EventReason::ConfigRejected]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_file_that_comes_in_time_is_no_event() {
        let mut rig = Rig::start();
        assert_eq!(rig.tell(Outcome::Rejected, true, 60).await, []);
        assert_eq!(rig.tell(Outcome::Applied, false, 600).await, [EventReason::ConfigReloaded]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejection_that_is_mended_at_once_is_announced_and_so_is_its_end() {
        let rig = Rig::start();
        // The task hears of none of these before all are there.
        rig.publish(Outcome::Rejected, false, "7", "no port");
        rig.publish(Outcome::Unchanged, false, "8", "it runs");
        rig.publish(Outcome::Unchanged, false, "8", "it runs");
        rig.publish(Outcome::Rejected, false, "9", "no port");
        rig.publish(Outcome::Applied, false, "10", "sites: +paris");
        rig.publish(Outcome::Unchanged, false, "10", "it runs");
        sleep(Duration::from_secs(1)).await;
        let mut told = rig.announcer.announced();
        told.sort_by_key(|told| told.at);
        let told: Vec<_> = told.iter().map(|told| (told.reason, told.note.as_str())).collect();
        assert_eq!(
            told,
            [
                (EventReason::ConfigRejected, "revision 7: no port"),
                (EventReason::ConfigReloaded, "revision 8: what was refused is taken back; it runs"),
                (EventReason::ConfigRejected, "revision 9: no port"),
                (EventReason::ConfigReloaded, "revision 10: sites: +paris"),
            ]
        );
    }

    #[test]
    fn what_first_comes_of_a_revision_is_one_thing_for_all_replicas_and_what_comes_later_is_another() {
        let verdict = |revision: &str| {
            let detail = "sites: +paris".into();
            let (trigger, outcome) = (Trigger::Kubernetes, Outcome::Applied);
            let revision = Some(revision.into());
            Arc::new(Verdict {
                trigger,
                outcome,
                text_digest: None,
                revision,
                detail,
                lacks_reference: false,
            })
        };
        let mut verdicts = Verdicts::after(Some("6"));
        for (reason, revision, expected) in [
            (EventReason::ConfigReloaded, "6", EventIdentity::Note),
            (EventReason::ConfigReloaded, "7", EventIdentity::Revision("7".into())),
            (EventReason::ConfigRejected, "7", EventIdentity::Revision("7".into())),
            (EventReason::ConfigRejected, "7", EventIdentity::Note),
            (EventReason::ConfigReloaded, "7", EventIdentity::Note),
            (EventReason::ConfigReloaded, "8", EventIdentity::Revision("8".into())),
        ] {
            let told = verdicts.announce(Timestamp::now(), &verdict(revision), reason, "");
            assert_eq!((told.identity, told.reason), (expected, reason), "{revision}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_events_task_that_dies_is_begun_anew_and_nothing_after_is_lost() {
        let mut rig = Rig::start();
        assert_eq!(rig.tell(Outcome::Applied, false, 1).await, [EventReason::ConfigReloaded]);
        rig.refused.send(DEADLY.into()).await.unwrap();
        rig.refused.send("paris".into()).await.unwrap();
        assert_eq!(rig.tell(Outcome::Rejected, false, 2).await.len(), 2);
        assert_eq!(rig.restarts.of(Task::Announcing), 1);
        assert_eq!(rig.tell(Outcome::Rejected, false, 1).await, [], "what was told is known still");
    }
}
