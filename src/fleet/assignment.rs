//! Whose a site is.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::config::SiteId;

/// Who shares the sites, and so whose each of them is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Our own name.
    own: Arc<str>,
    /// The members that live, by name. We are among them while we have a Lease.
    members: Vec<Arc<str>>,
    /// Whether we may ask at all.
    holds: bool,
}

/// Reads the newest assignment.
#[derive(Clone, Debug)]
pub(crate) struct FleetReader(watch::Receiver<Arc<Assignment>>);

impl Assignment {
    /// Of a member that holds nothing yet.
    pub(super) fn outside(own: Arc<str>) -> Self {
        Self { own, members: Vec::new(), holds: false }
    }

    /// With these members in the order of their names.
    pub(super) fn new(own: Arc<str>, members: Vec<Arc<str>>, holds: bool) -> Self {
        Self { own, members, holds }
    }

    /// Our own name.
    pub(crate) fn own(&self) -> &Arc<str> {
        &self.own
    }

    /// The members that live, in the order of their names.
    pub(crate) fn members(&self) -> &[Arc<str>] {
        &self.members
    }

    /// Whether we may ask at all: our Lease is there, and the others have seen it.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    /// Whose a site is: the member's with the greatest hash of both. Only the sites of a member that comes or goes move.
    pub(crate) fn owner(&self, site: &SiteId) -> Option<&Arc<str>> {
        match site {
            SiteId::Legacy => self.of("legacy", ""),
            SiteId::Named(name) => self.of("site", name),
        }
    }

    /// Whether we ask a site.
    pub(crate) fn is_ours(&self, site: &SiteId) -> bool {
        self.holds && self.owner(site) == Some(&self.own)
    }

    /// Whether it is us who tell what came of a configuration: one member does, as if that were a site.
    pub(crate) fn tells(&self) -> bool {
        self.of("configuration", "") == Some(&self.own)
    }

    fn of(&self, kind: &str, name: &str) -> Option<&Arc<str>> {
        self.members.iter().max_by_key(|member| score(member, kind, name))
    }
}

/// The first eight bytes of a SHA-256, so that all builds of the program agree. No member's name and no kind has a zero byte.
fn score(member: &str, kind: &str, name: &str) -> u64 {
    let mut hash = Sha256::new();
    for part in [member, "\0", kind, "\0", name] {
        hash.update(part);
    }
    hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl FleetReader {
    pub(super) fn new(assignments: watch::Receiver<Arc<Assignment>>) -> Self {
        Self(assignments)
    }

    /// The newest assignment.
    pub(crate) fn load(&self) -> Arc<Assignment> {
        self.0.borrow().clone()
    }

    /// Waits for one that was not seen; never returns once the member's task has ended. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Arc<Assignment> {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}

#[cfg(test)]
impl FleetReader {
    /// What a test assigns; the sender changes it.
    pub(crate) fn fixture(own: &str, members: &[&str]) -> (watch::Sender<Arc<Assignment>>, Self) {
        let (sender, receiver) = watch::channel(Arc::new(Assignment::fixture(own, members)));
        (sender, Self(receiver))
    }
}

#[cfg(test)]
impl Assignment {
    /// Among these members; we hold our part if we are one.
    pub(crate) fn fixture(own: &str, members: &[&str]) -> Self {
        let members: Vec<Arc<str>> = members.iter().map(|&member| member.into()).collect();
        let holds = members.iter().any(|member| &**member == own);
        Self::new(own.into(), members, holds)
    }
}
