//! Our right to ask our sites.

use tokio::time::Instant;

use super::rhythm::Rhythm;

/// Our right to ask our sites. It comes from renewals that succeeded, counts from when they were sent, and ends by our own clock.
#[derive(Debug)]
pub(super) struct Claim {
    rhythm: Rhythm,
    /// Grows with each claim that ended: what the others have seen of an earlier one is worth nothing.
    round: u64,
    held: Option<HeldClaim>,
}

#[derive(Clone, Copy, Debug)]
struct HeldClaim {
    /// When we learned that our Lease is there.
    acknowledged: Instant,
    /// When it ends.
    end: Instant,
}

impl Claim {
    pub(super) fn new(rhythm: Rhythm) -> Self {
        Self { rhythm, round: 0, held: None }
    }

    /// Which claim of ours it is.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// Our Lease was renewed for the claim of this round. If that is over, it counts for nothing: others may have taken over.
    pub(super) fn renewed(&mut self, round: u64, sent: Instant, now: Instant) {
        self.pass(now);
        let end = self.end(sent);
        if round == self.round && now < end {
            let held = self.held.get_or_insert(HeldClaim { acknowledged: now, end });
            held.end = held.end.max(end);
        }
    }

    /// The API server was away for everybody after `sent`. That is worth as much as a renewal: once it is back, everybody has a whole
    /// Lease's duration before anybody counts them as dead.
    pub(super) fn away(&mut self, sent: Instant, now: Instant) {
        self.pass(now);
        let end = self.end(sent);
        if let Some(held) = &mut self.held {
            held.end = held.end.max(end);
        }
    }

    /// Ends the claim if its time is over.
    pub(super) fn pass(&mut self, now: Instant) {
        if self.held.is_some_and(|held| held.end <= now) {
            self.lose();
        }
    }

    /// Ends it: our Lease is gone, or another's.
    pub(super) fn lose(&mut self) {
        if self.held.take().is_some() {
            self.round += 1;
        }
    }

    /// When it ends, if we have one.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.held.map(|held| held.end)
    }

    /// When we learned that our Lease is there.
    pub(super) fn acknowledged(&self) -> Option<Instant> {
        self.held.map(|held| held.acknowledged)
    }

    fn end(&self, sent: Instant) -> Instant {
        sent + self.rhythm.claim()
    }
}
