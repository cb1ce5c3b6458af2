use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::reload::{Outcome, Status, StatusReader, Verdict};
use crate::source::kubernetes::{Announcement, Announcer, Kind};

/// A Secret comes up to about 80 s after the ConfigMap that names it, so a missing key file is no news before this.
const PATIENCE: Duration = Duration::from_mins(3);

/// Makes Events of verdicts and of refused keys, until the senders of both are gone.
pub(super) async fn announce(
    mut status: StatusReader,
    mut refused: mpsc::Receiver<Arc<str>>,
    announcer: Announcer,
) {
    let mut told = None;
    let mut waiting: Option<(Instant, Arc<Verdict>)> = None;
    loop {
        let due = waiting.as_ref().map(|(at, _)| *at);
        tokio::select! {
            () = status.changed() => {
                let status = status.load();
                let Some((_, verdict)) = &status.last_verdict else { continue };
                waiting = waiting.filter(|(_, verdict)| stands(&status, verdict));
                if told.as_ref() == Some(verdict) || waiting.as_ref().is_some_and(|(_, waits)| waits.detail == verdict.detail) {
                    continue;
                }
                if verdict.outcome == Outcome::Rejected && verdict.lacks_reference {
                    waiting = Some((Instant::now() + PATIENCE, verdict.clone()));
                } else if let Some(announcement) = of_verdict(verdict) {
                    told = Some(verdict.clone());
                    announcer.announce(announcement);
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some((_, verdict)) = waiting.take()
                    && let Some(announcement) = of_verdict(&verdict)
                {
                    told = Some(verdict);
                    announcer.announce(announcement);
                }
            }
            Some(site) = refused.recv() => {
                let note = format!("site {site}: NetBackup refuses the API key; create a new one and put it in its place");
                announcer.announce(Announcement { kind: Kind::CredentialRejected, note });
            }
        }
    }
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
