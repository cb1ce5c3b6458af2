use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::reload::{Outcome, Status, StatusReader, Verdict};
use crate::source::kubernetes::{Announcement, Announcer, Kind};

/// A Secret comes up to about 80 s after the ConfigMap that names it, so a missing key file is no news before this.
const PATIENCE: Duration = Duration::from_mins(3);

/// Makes Events of verdicts and of refused keys; it never ends.
pub(super) async fn announce(
    mut status: StatusReader,
    mut refused: mpsc::Receiver<Arc<str>>,
    announcer: Announcer,
) {
    let mut verdicts = Verdicts::default();
    loop {
        let due = verdicts.due();
        let news = tokio::select! {
            () = status.changed() => verdicts.hear(&status.load()),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => verdicts.give_up(),
            Some(site) = refused.recv() => Some(of_refusal(&site)),
        };
        if let Some(announcement) = news {
            announcer.announce(announcement);
        }
    }
}

/// What was told last, and what is not told yet.
#[derive(Default)]
struct Verdicts {
    told: Option<Arc<Verdict>>,
    waiting: Option<(Instant, Arc<Verdict>)>,
}

impl Verdicts {
    /// When the patience with a missing file ends.
    fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|(at, _)| *at)
    }

    /// Takes in the newest verdict; what is to be told of it now.
    fn hear(&mut self, status: &Status) -> Option<Announcement> {
        let (_, verdict) = status.last_verdict.as_ref()?;
        self.waiting.take_if(|(_, waits)| !stands(status, waits));
        let waits = self.waiting.as_ref().is_some_and(|(_, waits)| waits.detail == verdict.detail);
        if waits || self.told.as_ref() == Some(verdict) {
            return None;
        }
        if verdict.outcome == Outcome::Rejected && verdict.lacks_reference {
            self.waiting = Some((Instant::now() + PATIENCE, verdict.clone()));
            return None;
        }
        self.tell(verdict)
    }

    /// The file has not come.
    fn give_up(&mut self) -> Option<Announcement> {
        let (_, verdict) = self.waiting.take()?;
        self.tell(&verdict)
    }

    fn tell(&mut self, verdict: &Arc<Verdict>) -> Option<Announcement> {
        let announcement = of_verdict(verdict)?;
        self.told = Some(verdict.clone());
        Some(announcement)
    }
}

fn of_refusal(site: &str) -> Announcement {
    let note =
        format!("site {site}: NetBackup refuses the API key; create a new one and put it in its place");
    Announcement { kind: Kind::CredentialRejected, note }
}

/// Whether a rejection is still the one that stands.
fn stands(status: &Status, verdict: &Verdict) -> bool {
    status.rejection.as_ref().is_some_and(|(_, rejection)| rejection.detail == verdict.detail)
}

fn of_verdict(verdict: &Verdict) -> Option<Announcement> {
    let kind = match verdict.outcome {
        Outcome::Applied => Kind::ConfigReloaded,
        Outcome::Rejected => Kind::ConfigRejected,
        Outcome::Unchanged | Outcome::Superseded => return None,
    };
    let revision =
        verdict.revision.as_deref().map(|revision| format!("revision {revision}: ")).unwrap_or_default();
    Some(Announcement { kind, note: format!("{revision}{}", verdict.detail) })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::time::sleep;

    use super::*;
    use crate::reload::{StatusWriter, Trigger};

    struct Rig {
        status: StatusWriter,
        refused: mpsc::Sender<Arc<str>>,
        announcements: mpsc::Receiver<Announcement>,
    }

    impl Rig {
        async fn start() -> Self {
            let status = StatusWriter::default();
            let (announcer, announcements) = Announcer::to_test();
            let (refused, receiver) = mpsc::channel(1);
            tokio::spawn(announce(status.reader(), receiver, announcer));
            sleep(Duration::from_millis(1)).await;
            Self { status, refused, announcements }
        }

        /// Publishes a verdict, waits, and gives what was announced meanwhile.
        async fn tell(&mut self, outcome: Outcome, lacks_reference: bool, seconds: u64) -> Vec<Kind> {
            let verdict = Arc::new(Verdict {
                trigger: Trigger::Kubernetes,
                outcome,
                text: None,
                revision: Some("7".into()),
                detail: "sites: +paris".into(),
                lacks_reference,
            });
            let now = (Timestamp::now(), verdict);
            let rejection = (outcome == Outcome::Rejected).then(|| now.clone());
            self.status.publish(Status { last_verdict: Some(now), rejection, ..Status::default() });
            self.after(seconds).await
        }

        async fn after(&mut self, seconds: u64) -> Vec<Kind> {
            sleep(Duration::from_secs(seconds)).await;
            std::iter::from_fn(|| self.announcements.try_recv().ok()).map(|told| told.kind).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_applied_and_what_is_refused_is_announced_and_nothing_else() {
        let mut rig = Rig::start().await;
        assert_eq!(rig.tell(Outcome::Applied, false, 1).await, [Kind::ConfigReloaded]);
        assert_eq!(rig.tell(Outcome::Unchanged, false, 1).await, []);
        assert_eq!(rig.tell(Outcome::Superseded, false, 1).await, []);
        assert_eq!(rig.tell(Outcome::Rejected, false, 1).await, [Kind::ConfigRejected]);
        rig.refused.send("paris".into()).await.unwrap();
        assert_eq!(rig.after(1).await, [Kind::CredentialRejected]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_key_file_is_announced_after_three_minutes_since_a_secret_lags() {
        let mut rig = Rig::start().await;
        assert_eq!(rig.tell(Outcome::Rejected, true, 100).await, []);
        // Asked for again meanwhile: the clock does not begin anew.
        assert_eq!(rig.tell(Outcome::Rejected, true, 79).await, []);
        assert_eq!(rig.after(2).await, [Kind::ConfigRejected]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_file_that_comes_in_time_is_no_event() {
        let mut rig = Rig::start().await;
        assert_eq!(rig.tell(Outcome::Rejected, true, 60).await, []);
        assert_eq!(rig.tell(Outcome::Applied, false, 600).await, [Kind::ConfigReloaded]);
    }
}
