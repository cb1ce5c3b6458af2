//! Who is a member, and whether we are one: a pure state machine over moments of our own clock.

use std::sync::Arc;

use tokio::time::Instant;

use super::assignment::Assignment;
use super::claim::Claim;
use super::contact::Contact;
use super::peers::Peers;
use super::rhythm::Rhythm;
use crate::source::{LeaseChange, LeaseFault, LeaseMarks, Renewal, SeenLease};

/// What is known of the fleet. It sends nothing itself: [`Membership::decide`] says what is to be done.
#[derive(Debug)]
pub(super) struct Membership {
    own: Arc<str>,
    nonce: u64,
    rhythm: Rhythm,
    claim: Claim,
    peers: Peers,
    renewal: Due,
    list: Due,
    contact: Contact,
    /// How many lists and watches in a row brought nothing.
    fruitless: u32,
    /// When the list was begun that shows the Leases as we know them.
    listed: Option<Instant>,
    /// The version of our Lease that the watch has not brought yet, and by when it should.
    echo: Option<(Arc<str>, Instant)>,
    /// The version of our Lease that was seen last: the watch may be quicker than the answer.
    own_seen: Option<Arc<str>>,
    /// What the last renewal that was sent said of the others.
    said: Option<Arc<str>>,
    /// The claim of ours in which all others had seen us, and we them.
    settled: Option<u64>,
    leaves: bool,
}

/// When a request is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Then.
    At(Instant),
    /// It is under way.
    UnderWay,
    /// Not before something happens.
    Never,
}

/// What is to be done now.
#[derive(Debug)]
pub(super) struct NextSteps {
    /// Whose the sites are.
    pub(super) assignment: Assignment,
    /// How our Lease is to be renewed, if it is.
    pub(super) renew: Option<Renew>,
    /// Whether the Leases are to be listed, and watched from there.
    pub(super) list: bool,
    /// Leases that are to be removed: their members are long dead.
    pub(super) remove: Vec<SeenLease>,
    /// When to decide again, if nothing happens before.
    pub(super) wake: Instant,
}

/// A renewal: for which claim of ours, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Renew {
    round: u64,
    /// What our Lease is to say.
    pub(super) marks: LeaseMarks,
}

impl Membership {
    /// Of a process that is no member yet.
    ///
    /// No other process ever has the same `nonce`.
    pub(super) fn new(own: Arc<str>, nonce: u64, rhythm: Rhythm, now: Instant) -> Self {
        Self {
            own,
            nonce,
            rhythm,
            claim: Claim::new(rhythm),
            peers: Peers::default(),
            renewal: Due::At(now),
            list: Due::At(now),
            contact: Contact::new(rhythm.gap()),
            fruitless: 0,
            listed: None,
            echo: None,
            own_seen: None,
            said: None,
            settled: None,
            leaves: false,
        }
    }

    /// Our Lease was renewed as `renew` says, by a request that was sent at `sent`.
    pub(super) fn renewed(&mut self, renew: &Renew, sent: Instant, now: Instant, renewal: Renewal) {
        let Renewal { version, continued } = renewal;
        self.contact.answered(now);
        if !continued {
            // It was gone meanwhile: the others have taken over already.
            self.claim.lose();
        }
        self.claim.renewed(renew.round, sent, now);
        // A claim that begins has to say so.
        let is_over = renew.round != self.claim.round();
        self.renewal = Due::At(if is_over { now } else { sent + self.rhythm.interval() });
        let is_seen = self.own_seen.as_ref() == Some(&version);
        self.echo = (!is_seen).then(|| (version, now + self.rhythm.echo()));
    }

    /// A renewal that was sent at `sent` came to nothing.
    pub(super) fn renewal_failed(&mut self, sent: Instant, now: Instant, fault: LeaseFault) {
        self.contact.failed(now);
        match fault {
            LeaseFault::Away => self.claim.away(sent, now),
            LeaseFault::Ours => self.claim.pass(now),
            LeaseFault::Taken => self.claim.lose(),
        }
        let is_new = self.contact.failing_since().is_none_or(|since| now < since + self.rhythm.haste());
        let pause = match fault {
            // Whoever has it is given the time that anybody has.
            LeaseFault::Taken => self.rhythm.lease,
            _ if is_new => self.rhythm.retry(),
            _ => self.rhythm.patience(),
        };
        self.renewal = Due::At(now + pause);
    }

    /// All Leases, by a list that was begun at `begun`.
    pub(super) fn listed(&mut self, begun: Instant, now: Instant, leases: Vec<SeenLease>) {
        let heard_since = self.contact.since(begun);
        self.contact.answered(now);
        self.list = Due::Never;
        self.listed = Some(begun);
        let (own, others): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.member == self.own);
        self.peers.listed(others, begun, now, heard_since);
        match own.into_iter().next() {
            Some(lease) => self.own_lease(lease.version),
            None if self.claim.acknowledged().is_some_and(|known| known <= begun) => self.own_lease_gone(now),
            None => {}
        }
    }

    /// The watch brought this.
    pub(super) fn changed(&mut self, now: Instant, change: LeaseChange) {
        self.fruitless = 0;
        match change {
            LeaseChange::Seen(lease) if lease.member == self.own => self.own_lease(lease.version),
            LeaseChange::Seen(lease) => self.peers.seen(lease, now),
            LeaseChange::Gone(member) if member == self.own => self.own_lease_gone(now),
            LeaseChange::Gone(member) => self.peers.gone(&member),
        }
    }

    /// The list came to nothing.
    pub(super) fn list_failed(&mut self, now: Instant) {
        self.contact.failed(now);
        self.list_again(now);
    }

    /// The watch ended, by its time or otherwise. The list that follows shows whether the API server is there.
    pub(super) fn watch_ended(&mut self, now: Instant) {
        if self.list != Due::UnderWay {
            self.list_again(now);
        }
    }

    fn list_again(&mut self, now: Instant) {
        let pause = self.rhythm.retry() * self.fruitless;
        self.list = Due::At(now + pause.min(self.rhythm.patience()));
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// From now on we have no sites, and are about to give our Lease back.
    pub(super) fn leave(&mut self) {
        self.leaves = true;
    }

    /// What is to be done now. What it says is to be sent counts as sent.
    pub(super) fn decide(&mut self, now: Instant) -> NextSteps {
        self.claim.pass(now);
        // The watch is stuck, and what it would have brought is missing.
        let is_stuck = self.echo.take_if(|(_, due)| *due <= now).is_some();
        let is_somebody_silent = self.suspicion(now).is_some_and(|at| at <= now);
        // Who joined before us is to be known before we begin.
        let is_new = self.claim.ends().is_some() && !self.knows_all();
        if self.list == Due::Never && (is_stuck || is_somebody_silent || is_new) {
            self.list = Due::At(now);
        }
        if self.claim.ends().is_some() && self.knows_all() && self.peers.have_seen(&self.token()) {
            self.settled = Some(self.claim.round());
        }
        NextSteps {
            assignment: self.assignment(),
            renew: self.renew(now),
            list: !self.leaves && self.list.take(now),
            remove: self.peers.removable(self.rhythm.removal(), now),
            wake: self.wake(now),
        }
    }

    /// The renewal that is due. Whoever has joined waits for us to say that we have seen it.
    fn renew(&mut self, now: Instant) -> Option<Renew> {
        let sees = self.peers.tokens();
        let is_waited_for = self.said.as_deref() != Some(&*sees) && self.contact.failing_since().is_none();
        if is_waited_for && self.renewal.at().is_some() {
            self.renewal = Due::At(now);
        }
        if self.leaves || !self.renewal.take(now) {
            return None;
        }
        let (token, sees): (_, Arc<str>) = (self.token(), sees.into());
        self.said = Some(sees.clone());
        Some(Renew { round: self.claim.round(), marks: LeaseMarks { token, sees } })
    }

    fn token(&self) -> Arc<str> {
        format!("{:016x}-{}", self.nonce, self.claim.round()).into()
    }

    fn assignment(&self) -> Assignment {
        let is_member = self.claim.ends().is_some() && !self.leaves;
        let own = is_member.then_some(&self.own);
        let mut members: Vec<_> = self.peers.live().chain(own).cloned().collect();
        members.sort();
        Assignment::new(self.own.clone(), members, is_member && self.settled == Some(self.claim.round()))
    }

    /// Whether the Leases were listed after ours was made.
    fn knows_all(&self) -> bool {
        self.claim.acknowledged().zip(self.listed).is_some_and(|(ours, listed)| ours <= listed)
    }

    fn own_lease(&mut self, version: Arc<str>) {
        self.echo.take_if(|(awaited, _)| *awaited == version);
        self.own_seen = Some(version);
    }

    /// Somebody removed our Lease: the others have taken over already.
    fn own_lease_gone(&mut self, now: Instant) {
        self.claim.lose();
        (self.echo, self.own_seen) = (None, None);
        if self.renewal != Due::UnderWay {
            self.renewal = Due::At(now);
        }
    }

    /// When the next one has been silent for too long; not while we hear nothing ourselves.
    fn suspicion(&self, now: Instant) -> Option<Instant> {
        self.peers.next_suspicion(self.contact.since(now)?)
    }

    fn wake(&self, now: Instant) -> Instant {
        let suspicion = self.suspicion(now).filter(|_| self.list == Due::Never);
        let removal = self.peers.next_removal(self.rhythm.removal());
        let moments = [
            self.claim.ends(),
            suspicion,
            removal,
            self.echo.as_ref().map(|(_, due)| *due),
            self.renewal.at(),
            self.list.at(),
        ];
        moments.into_iter().flatten().min().unwrap_or(now + self.rhythm.lease)
    }
}

impl Due {
    /// Whether it is to be sent now, and then counts as sent.
    fn take(&mut self, now: Instant) -> bool {
        let is_due = self.at().is_some_and(|at| at <= now);
        if is_due {
            *self = Self::UnderWay;
        }
        is_due
    }

    fn at(self) -> Option<Instant> {
        match self {
            Self::At(at) => Some(at),
            Self::UnderWay | Self::Never => None,
        }
    }
}
