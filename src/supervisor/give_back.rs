//! When memory that is free is given back to the system.

use std::time::Duration;

use tokio::time::Instant;

/// It is given back this long after sites began or went, or have read much. By then the pollers of those that went have ended, those
/// that began have read their first lists, all at the same time, and their connections have closed.
pub(super) const PAUSE: Duration = Duration::from_mins(1);
/// While site after site reads much, it does not wait longer than this: hundreds of them may go on for hours.
pub(super) const LONGEST: Duration = Duration::from_mins(10);

/// Gives free memory back, once for all that happens within a while.
#[derive(Debug)]
pub(super) struct GiveBack {
    give_back: fn(),
    due: Option<GiveBackDue>,
}

#[derive(Clone, Copy, Debug)]
struct GiveBackDue {
    at: Instant,
    /// It is not put off any further.
    latest: Instant,
}

impl GiveBack {
    /// In this way, and not before something has happened.
    pub(super) fn by(give_back: fn()) -> Self {
        Self { give_back, due: None }
    }

    /// Something has happened after which memory is free: it is given back when nothing more has for a while.
    pub(super) fn later(&mut self) {
        let now = Instant::now();
        let latest = self.due.map_or(now + LONGEST, |due| due.latest);
        self.due = Some(GiveBackDue { at: latest.min(now + PAUSE), latest });
    }

    /// When it is to be given back.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.map(|due| due.at)
    }

    /// How it is given back, if that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<fn()> {
        self.due.take_if(|due| due.at <= now).map(|_| self.give_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_waits_until_nothing_has_happened_for_a_while_and_not_for_ever() {
        for (happens_every, times, expected) in [
            (PAUSE / 2, 0, PAUSE),
            (PAUSE / 2, 4, 3 * PAUSE),
            (PAUSE / 2, 1000, LONGEST),
            (2 * PAUSE, 1, PAUSE),
        ] {
            let (mut give_back, began) = (GiveBack::by(|| {}), Instant::now());
            give_back.later();
            for _ in 0..times {
                tokio::time::advance(happens_every).await;
                if give_back.due().is_some_and(|due| due > Instant::now()) {
                    give_back.later();
                }
            }
            let due = give_back.due().unwrap();
            assert_eq!(due - began, expected, "{times} times every {happens_every:?}");
            assert!(give_back.take_due(due - Duration::from_millis(1)).is_none());
            assert!(give_back.take_due(due).is_some() && give_back.due().is_none());
        }
    }
}
