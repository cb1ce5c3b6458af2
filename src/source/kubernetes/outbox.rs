use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Announcement, Kind};

/// At once this many Events of a kind, then one in so long: as generous as a person reads.
const BURST: usize = 25;
const REFILL: Duration = Duration::from_secs(10);

/// The announcements that wait to be published about one object. Each kind has its own budget, so that none starves
/// another; while there is none the newest waits, and what is older is left out.
#[derive(Debug)]
pub(super) struct Outbox {
    lanes: [Lane; Kind::ALL.len()],
}

/// What an [`Outbox`] has to give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This one, now; it is paid for.
    Now(Announcement),
    /// Something, but not before.
    At(Instant),
    /// Nothing waits.
    Nothing,
}

#[derive(Debug)]
struct Lane {
    kind: Kind,
    /// The oldest first.
    waiting: VecDeque<Announcement>,
    left: usize,
    refilled: Instant,
}

impl Outbox {
    pub(super) fn new(now: Instant) -> Self {
        let lane = |kind| Lane { kind, waiting: VecDeque::new(), left: BURST, refilled: now };
        Self { lanes: Kind::ALL.map(lane) }
    }

    /// Takes in one that is the newest of its kind.
    pub(super) fn put(&mut self, announcement: Announcement, now: Instant) {
        if let Some(lane) = self.lane(announcement.kind) {
            lane.refill(now);
            lane.waiting.push_back(announcement);
            lane.leave_out();
        }
    }

    /// Takes back one that could not be published: it is tried again, unless newer ones take its place.
    pub(super) fn take_back(&mut self, announcement: Announcement) {
        if let Some(lane) = self.lane(announcement.kind) {
            lane.left = (lane.left + 1).min(BURST);
            lane.waiting.push_front(announcement);
            lane.leave_out();
        }
    }

    fn lane(&mut self, kind: Kind) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.kind == kind)
    }

    /// What is to be published next.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let mut earliest = None;
        for lane in &mut self.lanes {
            lane.refill(now);
            if lane.left == 0 && !lane.waiting.is_empty() {
                earliest = Some(earliest.map_or(lane.refilled, |at| lane.refilled.min(at)));
            } else if let Some(announcement) = lane.waiting.pop_front() {
                lane.left -= 1;
                return Next::Now(announcement);
            }
        }
        earliest.map_or(Next::Nothing, |refilled| Next::At(refilled + REFILL))
    }
}

impl Lane {
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
    fn leave_out(&mut self) {
        while self.waiting.len() > self.left.max(1) {
            self.waiting.pop_front();
            tracing::debug!(reason = self.kind.reason(), "An Event is left out: too many in a short time");
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::source::kubernetes::Occasion;

    fn of(kind: Kind, note: usize) -> Announcement {
        Announcement { kind, note: note.to_string(), at: Timestamp::UNIX_EPOCH, occasion: Occasion::Note }
    }

    #[test]
    fn each_kind_has_its_own_budget() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        for number in 0..100 {
            outbox.put(of(Kind::ConfigReloaded, number), now);
            outbox.put(of(Kind::CredentialRejected, number), now);
        }
        outbox.put(of(Kind::ConfigRejected, 1), now);
        assert_eq!(outbox.next(now), Next::Now(of(Kind::ConfigRejected, 1)));
    }

    proptest! {
        #[test]
        fn the_newest_of_each_kind_is_told_in_the_end_in_order_and_within_the_budget(
            steps in prop::collection::vec((0_usize..3, 0_u64..5_000, any::<bool>(), any::<bool>()), 1..200)
        ) {
            let began = Instant::now();
            let mut now = began;
            let mut outbox = Outbox::new(now);
            let mut newest = [None; 3];
            let mut told: [Vec<usize>; 3] = Default::default();
            let mut note = |announcement: &Announcement| {
                let lane = Kind::ALL.iter().position(|kind| *kind == announcement.kind).unwrap();
                told[lane].push(announcement.note.parse().unwrap());
            };
            for (number, (lane, pause, takes, fails)) in steps.into_iter().enumerate() {
                now += Duration::from_millis(pause);
                outbox.put(of(Kind::ALL[lane], number), now);
                newest[lane] = Some(number);
                if takes && let Next::Now(announcement) = outbox.next(now) {
                    if fails {
                        outbox.take_back(announcement);
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
