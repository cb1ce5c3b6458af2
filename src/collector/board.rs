//! The facts that one collector of a site learns and others need. Each has one writer, and is absent until it is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::absence::Absences;

/// The facts of one site. They outlive a key; another endpoint has another board.
#[derive(Debug, Default)]
pub(crate) struct Board {
    policies: ArcSwapOption<Policies>,
    clients: ArcSwapOption<PolicyClients>,
    /// What a collector reads for another one, and does without. It shows at the one whose resource it is.
    read_for_others: Absences,
    /// Whether a fact became known that was not known before.
    is_news: AtomicBool,
}

/// The policies of a site by their names; written by the collector `protection` when it has read the whole list.
pub(super) type Policies = BTreeMap<String, Policy>;

/// What others need to know of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    /// In the spelling of jobs, such as `WINDOWS_NT`.
    pub(super) policy_type: String,
    /// Whether it is active and in effect now.
    pub(super) is_active: bool,
    /// How often it is due by its own schedules; `None` if it is never due, or while its schedules are not known.
    pub(super) expected_interval: Option<Duration>,
    /// Whether it makes only snapshots, so that a snapshot is its backup.
    pub(super) snapshot_only: bool,
}

/// The clients that policies name, by their names in lower case, each with the names of its policies; written by the collector
/// `per_client` when it has read the whole list. Clients of query policies are in no list.
pub(super) type PolicyClients = BTreeMap<Arc<str>, BTreeSet<String>>;

impl Board {
    /// The policies, once they are known.
    pub(super) fn policies(&self) -> Option<Arc<Policies>> {
        self.policies.load_full()
    }

    /// The policies were read.
    pub(super) fn learn_policies(&self, policies: Policies) {
        self.learn(&self.policies, policies);
    }

    /// The clients that policies name, once they are known.
    pub(super) fn clients(&self) -> Option<Arc<PolicyClients>> {
        self.clients.load_full()
    }

    /// The list of clients was read.
    pub(super) fn learn_clients(&self, clients: PolicyClients) {
        self.learn(&self.clients, clients);
    }

    /// What a collector reads for another one, and does without.
    pub(super) fn read_for_others(&self) -> &Absences {
        &self.read_for_others
    }

    /// Another key is in use, or the role may have changed.
    pub(crate) fn forget_refusals(&self) {
        self.read_for_others.forget_refusals();
    }

    /// Whether a fact has become known, since this was asked last, that was not known before.
    pub(crate) fn take_news(&self) -> bool {
        self.is_news.swap(false, Ordering::Relaxed)
    }

    /// A fact that is the same as before stays, so that nobody who has seen it looks at it again.
    fn learn<T: PartialEq>(&self, known: &ArcSwapOption<T>, fact: T) {
        let before = known.load();
        if before.as_deref() == Some(&fact) {
            return;
        }
        if before.is_none() {
            self.is_news.store(true, Ordering::Relaxed);
        }
        known.store(Some(Arc::new(fact)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_news_when_it_is_known_at_first() {
        let board = Board::default();
        assert!(board.policies().is_none() && !board.take_news());
        board.learn_policies(Policies::default());
        assert!(board.policies().is_some() && board.take_news() && !board.take_news());
        board.learn_policies(Policies::default());
        assert!(!board.take_news());
        board.learn_clients(PolicyClients::default());
        assert!(board.clients().is_some() && board.take_news());
    }
}
