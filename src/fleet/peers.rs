//! The other members, as their Leases show them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::source::SeenLease;

/// The other members. Whether one lives is judged by our own clock since its Lease last changed, never by the times in it.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<Arc<str>, Peer>);

#[derive(Debug)]
struct Peer {
    lease: SeenLease,
    /// When its Lease changed last, as we saw it.
    changed: Instant,
    dead: bool,
    /// Whether we have asked for its Lease to be removed.
    removed: bool,
}

impl Peers {
    /// A Lease as it is now. One that changed is of a member that lives.
    pub(super) fn seen(&mut self, lease: SeenLease, now: Instant) {
        let is_known = self.0.get(&lease.member).is_some_and(|peer| peer.lease.version == lease.version);
        if !is_known {
            let member = lease.member.clone();
            self.0.insert(member, Peer { lease, changed: now, dead: false, removed: false });
        }
    }

    /// A Lease is gone. Unless its member said before that it leaves, it is somebody else who removed it, and the member may still ask
    /// its sites: it counts as one that is silent.
    pub(super) fn gone(&mut self, member: &str) {
        self.0.retain(|name, peer| &**name != member || peer.lives());
    }

    /// All Leases but ours, by a list that was begun at `begun`. Who has been silent for its Lease's duration before that, while the API
    /// server answered us since `heard_since`, is dead.
    pub(super) fn listed(
        &mut self,
        leases: Vec<SeenLease>,
        begun: Instant,
        now: Instant,
        heard_since: Option<Instant>,
    ) {
        let is_silent =
            |peer: &Peer| heard_since.is_some_and(|heard_since| peer.suspicious_at(heard_since) <= begun);
        self.0.retain(|member, peer| {
            leases.iter().any(|lease| lease.member == *member) || peer.lives() && !is_silent(peer)
        });
        for lease in leases {
            self.seen(lease, now);
        }
        for peer in self.0.values_mut() {
            peer.dead |= is_silent(peer);
        }
    }

    /// When the next one has been silent for so long that it is to be asked for.
    pub(super) fn next_suspicion(&self, heard_since: Instant) -> Option<Instant> {
        self.0.values().filter(|peer| peer.lives()).map(|peer| peer.suspicious_at(heard_since)).min()
    }

    /// Whether all that live have seen the member with this token, and left its sites to it.
    pub(super) fn have_seen(&self, token: &str) -> bool {
        self.0
            .values()
            .filter(|peer| peer.lives())
            .all(|peer| peer.lease.marks.sees.split(',').any(|seen| seen == token))
    }

    /// The tokens of those that live, joined by commas.
    pub(super) fn tokens(&self) -> String {
        let tokens = self.0.values().filter(|peer| peer.lives()).map(|peer| &*peer.lease.marks.token);
        tokens.collect::<Vec<_>>().join(",")
    }

    /// Those that live.
    pub(super) fn live(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter(|(_, peer)| peer.lives()).map(|(member, _)| member)
    }

    /// When the next dead one's Lease is to be removed.
    pub(super) fn next_removal(&self, after: Duration) -> Option<Instant> {
        self.0.values().filter(|peer| peer.dead && !peer.removed).map(|peer| peer.changed + after).min()
    }

    /// The Leases of the dead that are to be removed now, each once: every member does it, so one try each is enough.
    pub(super) fn removable(&mut self, after: Duration, now: Instant) -> Vec<SeenLease> {
        let is_due = |peer: &Peer| peer.dead && !peer.removed && peer.changed + after <= now;
        let due = self.0.values_mut().filter(|peer| is_due(peer));
        due.map(|peer| {
            peer.removed = true;
            peer.lease.clone()
        })
        .collect()
    }
}

impl Peer {
    /// Whether its sites are its.
    fn lives(&self) -> bool {
        !self.dead && !self.lease.marks.token.is_empty()
    }

    fn suspicious_at(&self, heard_since: Instant) -> Instant {
        self.changed.max(heard_since) + self.lease.duration
    }
}
