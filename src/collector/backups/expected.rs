//! Who should have backups, by the lists of policies and of their clients.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashSet};

use super::memory::{BackupMemory, ClientHistory};
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
    /// The clients of the list: for thousands of them its own order makes the way to each a long one.
    listed: HashSet<Arc<str>>,
    /// How often each client of the list is due, in its order.
    intervals: Vec<Option<Duration>>,
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
        let of_each = clients.iter().flat_map(|clients| clients.values());
        let intervals = of_each.map(|names| names.iter().filter_map(due).min()).collect();
        let listed = clients.iter().flat_map(|clients| clients.keys().cloned()).collect();
        Self { policies, clients, listing, finding, listed, intervals }
    }

    /// The policies that are due, with how often they are.
    pub(super) fn due_policies(&self) -> impl Iterator<Item = (&str, Duration)> {
        let all = self.policies.iter().flat_map(|policies| policies.iter());
        all.filter_map(|(name, policy)| Some((name.as_str(), interval(policy)?)))
    }

    /// The clients of the list of which a policy is due, with how often one is.
    fn due_clients(&self) -> impl Iterator<Item = (&str, Duration)> {
        let all = self.clients.iter().flat_map(|clients| clients.keys());
        all.zip(&self.intervals).filter_map(|(name, interval)| Some((&**name, (*interval)?)))
    }

    /// Whether the list names the client.
    pub(super) fn lists(&self, client: &str) -> bool {
        self.listed.contains(client)
    }

    /// Whether a client that the list does not name is known all the same: its policy is still there, and finds its clients by a query.
    pub(super) fn finds(&self, client: &ClientHistory) -> bool {
        match self.policies {
            Some(_) => self.finding.contains_key(&*client.policy),
            None => !self.listing.contains(&*client.policy),
        }
    }

    /// Whether a good backup is known of each policy and client that should have some.
    pub(super) fn all_good_in(&self, memory: &BackupMemory) -> bool {
        let is_good = |client: &ClientHistory| client.outcomes.good().is_some();
        self.due_policies().all(|(name, _)| memory.knows_policy(name))
            && self.due(&memory.clients).all(|(_, client, _)| client.is_some_and(is_good))
    }

    /// The clients that should have backups, with what is known of them and how often one is due: those of the list, and those that
    /// policies find by a query.
    pub(super) fn due<'a>(
        &'a self,
        known: &'a HashMap<Arc<str>, ClientHistory>,
    ) -> impl Iterator<Item = (&'a str, Option<&'a ClientHistory>, Duration)> {
        let listed = self.due_clients().map(|(name, interval)| (name, known.get(name), interval));
        let found = known.iter().filter(|(name, _)| !self.lists(name));
        let found = found.filter_map(|(name, client)| {
            let interval = *self.finding.get(&*client.policy)?;
            Some((&**name, Some(client), interval?))
        });
        listed.chain(found)
    }
}

/// How often a policy is due; `None` if it is not.
fn interval(policy: &Policy) -> Option<Duration> {
    policy.expected_interval.filter(|_| policy.is_active)
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
}
