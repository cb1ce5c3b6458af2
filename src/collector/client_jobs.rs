//! The jobs of single clients, those whose names may be shown: a view of the stream of finished jobs.

mod families;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::board::PolicyClients;
use super::client_names::{ClientFilter, client_key};
use super::contract::{Context, Diagnostics};
use super::interner::Interner;
use super::job_record::Job;
use crate::config::Collectors;
use crate::metric::{Family, MOST_LABEL_SETS, label_value};
pub(super) use families::FAMILIES;

/// What is known of the jobs of clients.
#[derive(Debug, Default)]
pub(super) struct ClientJobs {
    filter: ClientFilter,
    /// The name in lower case for each spelling that jobs have; `None` if it may not be shown.
    spellings: HashMap<Arc<str>, Option<Arc<str>>>,
    /// How jobs spell the name of a client; where they differ the first by its letters, so that it does not change back and forth.
    names: HashMap<Arc<str>, Arc<str>>,
    /// Names of policies and types of jobs, each kept once.
    words: Interner<MOST_WORDS>,
    /// The jobs of the window.
    jobs: HashMap<u32, ClientJob>,
    /// When the last success ended that the window does not have any more.
    earlier: HashMap<ClientPhase, i64>,
}

/// A finished job of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClientJob {
    phase: ClientPhase,
    status: i64,
    ended: i64,
}

/// What a policy does for a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ClientPhase {
    /// In lower case.
    client: Arc<str>,
    policy: Arc<str>,
    job_type: Arc<str>,
}

/// A server that names more clients, policies or types of jobs than this is not NetBackup.
const MOST_WORDS: usize = 50_000;

impl ClientJobs {
    /// Follows the settings. True if the jobs of the window have to be read again, since clients may be shown that were not before.
    pub(super) fn follow(&mut self, collectors: &Collectors) -> bool {
        let filter = ClientFilter::new(collectors);
        if filter == self.filter {
            return false;
        }
        self.filter = filter;
        self.spellings.clear();
        self.jobs.retain(|_, job| self.filter.allows(&job.phase.client));
        self.earlier.retain(|phase, _| self.filter.allows(&phase.client));
        !self.filter.is_empty()
    }

    /// Takes in a finished job; the same may come several times.
    pub(super) fn note(&mut self, job: &Job<'_>) {
        if self.filter.is_empty() || job.client.is_empty() {
            return;
        }
        let (Some(ended), Some(status)) = (job.end, job.status) else { return };
        let Some(client) = self.shown(&job.client) else { return };
        let phase =
            ClientPhase { client, policy: self.word(&job.policy), job_type: self.word(&job.job_type) };
        let job_of_client = ClientJob { phase, status, ended };
        match self.jobs.entry(job.id) {
            // Its newest record holds.
            Entry::Occupied(known) if known.get().ended > ended => {}
            Entry::Occupied(mut known) => _ = known.insert(job_of_client),
            Entry::Vacant(place) => _ = place.insert(job_of_client),
        }
    }

    /// The client of a name, if it may be shown.
    fn shown(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(known) = self.spellings.get(name) {
            return known.clone();
        }
        if self.spellings.len() >= MOST_WORDS {
            self.spellings.clear();
        }
        let spelling: Arc<str> = label_value(name).into();
        let shown = self.filter.allows(name).then(|| -> Arc<str> { client_key(&spelling).into() });
        if let Some(client) = &shown {
            let first = self.names.entry(client.clone()).or_insert_with(|| spelling.clone());
            if spelling < *first {
                *first = spelling;
            }
        }
        self.spellings.insert(name.into(), shown.clone());
        shown
    }

    fn word(&mut self, text: &str) -> Arc<str> {
        self.words.keep(text).unwrap_or_else(|| label_value(text).into())
    }

    /// Keeps of the jobs that ended before `keep_from` only the last successes, and of those not the ones that ended before
    /// `forget_before`, unless a policy names the client.
    pub(super) fn settle(
        &mut self,
        keep_from: i64,
        forget_before: i64,
        listed: Option<&PolicyClients>,
        diagnostics: &mut Diagnostics,
    ) {
        let earlier = &mut self.earlier;
        self.jobs.retain(|_, job| {
            if job.ended >= keep_from {
                return true;
            }
            if job.status == 0 {
                let has_room = earlier.len() < MOST_LABEL_SETS;
                match earlier.get_mut(&job.phase) {
                    Some(last) => *last = job.ended.max(*last),
                    None if has_room => _ = earlier.insert(job.phase.clone(), job.ended),
                    None => diagnostics.capped += 1,
                }
            }
            false
        });
        let is_listed = |client: &str| listed.is_some_and(|listed| listed.contains_key(client));
        self.earlier.retain(|phase, ended| *ended >= forget_before || is_listed(&phase.client));
        let (jobs, earlier) = (&self.jobs, &self.earlier);
        if self.names.len() > 2 * (jobs.len() + earlier.len()) + 64 {
            let phases = jobs.values().map(|job| &job.phase).chain(earlier.keys());
            let used: HashSet<_> = phases.map(|phase| &phase.client).collect();
            self.names.retain(|client, _| used.contains(client));
            self.spellings.clear();
        }
    }

    /// The families of the jobs that ended in `range`, and of the last successes. `known` are the last good backups of all clients that
    /// are known from elsewhere.
    pub(super) fn families<'a>(
        &'a self,
        context: &Context<'_>,
        range: RangeInclusive<i64>,
        known: impl Iterator<Item = (&'a str, i64)>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Family> {
        if !context.collectors.per_client.enabled {
            return Vec::new();
        }
        let shown = families::ShownJobs::new(self, &range, known);
        let most = context.collectors.per_client.options.max_clients as usize;
        families::render(context.site, &self.names, &shown, most, diagnostics)
    }
}

#[cfg(test)]
mod tests;
