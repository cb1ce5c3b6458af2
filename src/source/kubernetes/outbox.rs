//! The announcements that wait to be published, within a budget for each reason.

use std::collections::VecDeque;
use std::time::Duration;

use strum::VariantArray as _;
use tokio::time::Instant;

use super::{Announcement, EventReason};

/// This many Events of a reason at once, then one in each interval: as much as a person reads.
const BURST: usize = 25;
const REFILL: Duration = Duration::from_secs(10);

/// The announcements that wait to be published about one object. Each reason has its own budget, so that
/// none starves another. While the budget is used up the newest one waits, and older ones are dropped.
#[derive(Debug)]
pub(super) struct Outbox {
    queues: Vec<Queue>,
}

/// What an [`Outbox`] has to give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This one, now. The budget is charged already.
    Now(Announcement),
    /// One waits, and this is when there is budget for it.
    At(Instant),
    /// Nothing waits.
    Nothing,
}

#[derive(Debug)]
struct Queue {
    reason: EventReason,
    /// The oldest first.
    waiting: VecDeque<Announcement>,
    left: usize,
    refilled: Instant,
}

impl Outbox {
    pub(super) fn new(now: Instant) -> Self {
        let queue = |reason| Queue { reason, waiting: VecDeque::new(), left: BURST, refilled: now };
        Self { queues: EventReason::VARIANTS.iter().copied().map(queue).collect() }
    }

    /// Adds one that is the newest of its reason.
    pub(super) fn put(&mut self, announcement: Announcement, now: Instant) {
        if let Some(queue) = self.queue(announcement.reason) {
            queue.refill(now);
            queue.waiting.push_back(announcement);
            queue.drop_oldest();
        }
    }

    /// Puts back one that could not be published. It is tried again, unless newer ones take its place.
    pub(super) fn put_back(&mut self, announcement: Announcement) {
        if let Some(queue) = self.queue(announcement.reason) {
            queue.left = (queue.left + 1).min(BURST);
            queue.waiting.push_front(announcement);
            queue.drop_oldest();
        }
    }

    fn queue(&mut self, reason: EventReason) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|queue| queue.reason == reason)
    }

    /// What is to be published next.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let mut earliest = None;
        for queue in &mut self.queues {
            queue.refill(now);
            if queue.left == 0 && !queue.waiting.is_empty() {
                earliest = Some(earliest.map_or(queue.refilled, |at| queue.refilled.min(at)));
            } else if let Some(announcement) = queue.waiting.pop_front() {
                queue.left -= 1;
                return Next::Now(announcement);
            }
        }
        earliest.map_or(Next::Nothing, |refilled| Next::At(refilled + REFILL))
    }
}

impl Queue {
    fn refill(&mut self, now: Instant) {
        while self.left < BURST && now.duration_since(self.refilled) >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left >= BURST {
            // A full budget earns nothing.
            self.refilled = now;
        }
    }

    /// Keeps what there is budget for, and the newest in any case.
    fn drop_oldest(&mut self) {
        while self.waiting.len() > self.left.max(1) {
            self.waiting.pop_front();
            tracing::debug!(reason = self.reason.as_ref(), "An Event is left out: too many in a short time");
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::source::kubernetes::EventIdentity;

    fn of(reason: EventReason, note: usize) -> Announcement {
        Announcement {
            reason,
            note: note.to_string(),
            at: Timestamp::UNIX_EPOCH,
            identity: EventIdentity::Note,
        }
    }

    #[test]
    fn each_reason_has_its_own_budget() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        for number in 0..100 {
            outbox.put(of(EventReason::ConfigReloaded, number), now);
            outbox.put(of(EventReason::CredentialRejected, number), now);
        }
        outbox.put(of(EventReason::ConfigRejected, 1), now);
        assert_eq!(outbox.next(now), Next::Now(of(EventReason::ConfigRejected, 1)));
    }

    proptest! {
        #[test]
        fn the_newest_of_each_reason_is_told_in_the_end_in_order_and_within_the_budget(
            steps in prop::collection::vec((0_usize..3, 0_u64..5_000, any::<bool>(), any::<bool>()), 1..200)
        ) {
            let began = Instant::now();
            let mut now = began;
            let mut outbox = Outbox::new(now);
            let mut newest = [None; 3];
            let mut told: [Vec<usize>; 3] = Default::default();
            let mut note = |announcement: &Announcement| {
                let lane = EventReason::VARIANTS.iter().position(|reason| *reason == announcement.reason).unwrap();
                told[lane].push(announcement.note.parse().unwrap());
            };
            for (number, (lane, pause, takes, fails)) in steps.into_iter().enumerate() {
                now += Duration::from_millis(pause);
                outbox.put(of(EventReason::VARIANTS[lane], number), now);
                newest[lane] = Some(number);
                if takes && let Next::Now(announcement) = outbox.next(now) {
                    if fails {
                        outbox.put_back(announcement);
                    } else {
                        note(&announcement);
                    }
                }
            }
            loop {
                match outbox.next(now) {
                    Next::Now(announcement) => note(&announcement),
                    Next::At(at) => {
                        prop_assert!(at > now && at <= now + REFILL);
                        now = at;
                    }
                    Next::Nothing => break,
                }
            }
            let most = BURST + usize::try_from((now - began).as_secs() / REFILL.as_secs()).unwrap();
            for (told, newest) in told.iter().zip(newest) {
                prop_assert_eq!(told.last().copied(), newest);
                prop_assert!(told.is_sorted_by(|earlier, later| earlier < later), "{:?}", told);
                prop_assert!(told.len() <= most, "{} of {}", told.len(), most);
            }
        }
    }
}
