//! Who should have backups, by the lists of policies and of their clients.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;

use super::memory::{BackupMemory, ClientHistory, ClientStanding, Edition};
use crate::collector::board::{Board, Policies, Policy, PolicyClients};

/// What such policies protect is found by a query, so that the list of clients does not have it (inferred).
const BY_QUERY: &[&str] = &[
    "VMWARE",
    "HYPERV",
    "HYPERVISOR",
    "NUTANIX_AHV",
    "OLVM_RHV",
    "KVM",
    "CLOUD",
    "KUBERNETES",
    "NAS_DATA_PROTECTION",
];

/// The policies and clients of a site, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub(super) policies: Option<Arc<Policies>>,
    pub(super) clients: Option<Arc<PolicyClients>>,
    /// The policies whose clients are all in the list.
    listing: BTreeSet<String>,
    /// The other ones, with how often each is due.
    finding: HashMap<String, Option<Duration>>,
    /// The clients of the list, with how often one of their policies is due: for thousands of them its own order makes the way to
    /// each a long one.
    listed: HashMap<Arc<str>, Option<Duration>>,
    edition: Edition,
}

impl Expected {
    /// What the board knows.
    #[cfg(test)]
    pub(super) fn on(board: &Board) -> Self {
        Self::new(board.policies(), board.clients())
    }

    /// What the board knows. Its lists are gone through only where they are new: for thousands of clients that is most of what a run of
    /// jobs costs.
    pub(super) fn renewed(self: &Arc<Self>, board: &Board) -> Arc<Self> {
        let (policies, clients) = (board.policies(), board.clients());
        let is_same = is_same(self.policies.as_ref(), policies.as_ref())
            && is_same(self.clients.as_ref(), clients.as_ref());
        if is_same { self.clone() } else { Arc::new(Self::new(policies, clients)) }
    }

    pub(super) fn new(policies: Option<Arc<Policies>>, clients: Option<Arc<PolicyClients>>) -> Self {
        let named = clients.iter().flat_map(|clients| clients.values().flatten());
        let has_all = |name: &&String| {
            let policy = policies.as_ref().and_then(|policies| policies.get(*name));
            policy.is_none_or(|policy| !BY_QUERY.contains(&policy.policy_type.as_str()))
        };
        let listing: BTreeSet<_> = named.filter(has_all).collect();
        let listing: BTreeSet<_> = listing.into_iter().cloned().collect();
        let all = policies.iter().flat_map(|policies| policies.iter());
        let finding = all.filter(|(name, _)| !listing.contains(*name));
        let finding = finding.map(|(name, policy)| (name.clone(), interval(policy))).collect();
        let due = |name: &String| policies.as_ref().and_then(|policies| interval(policies.get(name)?));
        let of_each = clients.iter().flat_map(|clients| clients.iter());
        let listed =
            of_each.map(|(name, names)| (name.clone(), names.iter().filter_map(due).min())).collect();
        Self { policies, clients, listing, finding, listed, edition: Edition::default() }
    }

    /// The policies that are due, with how often they are.
    pub(super) fn due_policies(&self) -> impl Iterator<Item = (&str, Duration)> {
        let all = self.policies.iter().flat_map(|policies| policies.iter());
        all.filter_map(|(name, policy)| Some((name.as_str(), interval(policy)?)))
    }

    /// The clients of the list of which a policy is due and nothing is known, with how often one is.
    fn unknown(&self, memory: &BackupMemory) -> impl Iterator<Item = (&Arc<str>, Duration)> {
        let all = self.clients.iter().flat_map(|clients| clients.keys());
        let unknown = all.filter(|name| !memory.clients.contains_key(*name));
        unknown.filter_map(|name| Some((name, (*self.listed.get(name)?)?)))
    }

    /// What the lists say of a client that is known by its jobs.
    fn look_up(&self, name: &str, client: &ClientHistory) -> ClientStanding {
        if let Some(interval) = self.listed.get(name) {
            return ClientStanding::Listed(*interval);
        }
        match (&self.policies, self.finding.get(&*client.policy)) {
            (_, Some(interval)) => ClientStanding::Found(*interval),
            (None, None) if !self.listing.contains(&*client.policy) => ClientStanding::Found(None),
            (_, None) => ClientStanding::Gone,
        }
    }

    /// Notes what the lists say of each client, so that nobody has to look each of thousands up again. What is new since then is looked up
    /// when it is asked for.
    pub(super) fn note_standing(&self, memory: &mut BackupMemory) {
        let is_noted = self.has_noted(memory);
        for (name, client) in &mut memory.clients {
            if !is_noted || client.standing.is_none() {
                client.standing = Some(self.look_up(name, client));
            }
        }
        if !is_noted {
            memory.unknown = self.unknown(memory).map(|(name, interval)| (name.clone(), interval)).collect();
            memory.standing_by = Some(self.edition.clone());
        }
    }

    fn has_noted(&self, memory: &BackupMemory) -> bool {
        memory.standing_by.as_ref().is_some_and(|edition| Arc::ptr_eq(edition, &self.edition))
    }

    /// The clients that are known by their jobs, each with what the lists say of it.
    pub(super) fn known<'a>(
        &'a self,
        memory: &'a BackupMemory,
    ) -> impl Iterator<Item = (&'a str, &'a ClientHistory, ClientStanding)> {
        let is_noted = self.has_noted(memory);
        memory.clients.iter().map(move |(name, client)| {
            let noted = client.standing.filter(|_| is_noted);
            (&**name, client, noted.unwrap_or_else(|| self.look_up(name, client)))
        })
    }

    /// Whether a good backup is known of each policy and client that should have some.
    pub(super) fn all_good_in(&self, memory: &BackupMemory) -> bool {
        let is_good = |client: &ClientHistory| client.outcomes.good().is_some();
        self.due_policies().all(|(name, _)| memory.knows_policy(name))
            && self.due(memory).all(|(_, client, _)| client.is_some_and(is_good))
    }

    /// The clients that should have backups, with what is known of them and how often one is due: those of the list, and those that
    /// policies find by a query.
    pub(super) fn due<'a>(
        &'a self,
        memory: &'a BackupMemory,
    ) -> impl Iterator<Item = (&'a str, Option<&'a ClientHistory>, Duration)> {
        let unknown: Box<dyn Iterator<Item = _>> = if self.has_noted(memory) {
            let noted = memory.unknown.iter().map(|(name, interval)| (name, *interval));
            Box::new(noted.filter(|(name, _)| !memory.clients.contains_key(*name)))
        } else {
            Box::new(self.unknown(memory))
        };
        let known = self.known(memory);
        let known =
            known.filter_map(|(name, client, standing)| Some((name, Some(client), standing.interval()?)));
        unknown.map(|(name, interval)| (&**name, None, interval)).chain(known)
    }
}

/// How often a policy is due; `None` if it is not.
fn interval(policy: &Policy) -> Option<Duration> {
    policy.expected_interval.filter(|_| policy.is_active)
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
}
