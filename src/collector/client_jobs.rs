//! The jobs of single clients, those whose names may be shown: a view of the stream of finished jobs.

mod families;
mod phases;

use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::board::PolicyClients;
use super::client_names::{ClientFilter, client_key};
use super::contract::{Context, Diagnostics};
use super::interner::Interner;
use super::job_record::Job;
use crate::config::Collectors;
use crate::metric::{Family, MOST_LABEL_SETS, label_value};
pub(super) use families::FAMILIES;
use phases::{ClientPhase, PhaseIndex, Phases};

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
    phases: Phases,
    /// The jobs of the window.
    jobs: HashMap<u32, ClientJob>,
    /// When the last success ended that the window does not have any more.
    earlier: HashMap<PhaseIndex, i64>,
}

/// A finished job of a client in 12 bytes: there may be 100 000 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ClientJob {
    phase: PhaseIndex,
    status: i32,
    /// In seconds since 1970; good until 2106.
    ended: u32,
}

impl ClientJob {
    fn ended(self) -> i64 {
        self.ended.into()
    }
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
        let Self { filter, phases, jobs, earlier, .. } = self;
        let is_allowed = |phase| phases.get(phase).is_some_and(|phase| filter.allows(&phase.client));
        jobs.retain(|_, job| is_allowed(job.phase));
        earlier.retain(|phase, _| is_allowed(*phase));
        !self.filter.is_empty()
    }

    /// Takes in a finished job; the same may come several times.
    pub(super) fn note(&mut self, job: &Job<'_>) {
        if self.filter.is_empty() || job.client.is_empty() {
            return;
        }
        let ended = job.end.and_then(|end| u32::try_from(end).ok());
        let status = job.status.and_then(|status| i32::try_from(status).ok());
        let (Some(ended), Some(status)) = (ended, status) else { return };
        let Some(client) = self.shown(&job.client) else { return };
        let known = self.phases.find([&client, &job.policy, &job.job_type]);
        let phase = known.unwrap_or_else(|_| {
            let (policy, job_type) = (self.word(&job.policy), self.word(&job.job_type));
            self.phases.keep(ClientPhase { client, policy, job_type })
        });
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
        let shown = self.filter.allows(name).then(|| -> Arc<str> { client_key(&spelling).as_ref().into() });
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
            if job.ended() >= keep_from {
                return true;
            }
            if job.status == 0 {
                let has_room = earlier.len() < MOST_LABEL_SETS;
                match earlier.get_mut(&job.phase) {
                    Some(last) => *last = job.ended().max(*last),
                    None if has_room => _ = earlier.insert(job.phase, job.ended()),
                    None => diagnostics.capped += 1,
                }
            }
            false
        });
        let Self { phases, earlier, .. } = self;
        let is_listed = |phase| {
            let phase = phases.get(phase);
            listed.zip(phase).is_some_and(|(listed, phase)| listed.contains_key(&phase.client))
        };
        earlier.retain(|phase, ended| *ended >= forget_before || is_listed(*phase));
        self.tidy();
    }

    /// Forgets the names of which there are no jobs any more, if they are many.
    fn tidy(&mut self) {
        let enough = 2 * (self.jobs.len() + self.earlier.len()) + 64;
        if self.phases.len() > enough {
            let old = std::mem::take(&mut self.phases);
            let mut keep = |phase: &mut PhaseIndex| {
                if let Some(known) = old.get(*phase) {
                    *phase = self.phases.keep(known.clone());
                }
            };
            self.jobs.values_mut().for_each(|job| keep(&mut job.phase));
            let earlier = std::mem::take(&mut self.earlier).into_iter();
            self.earlier = earlier
                .map(|(mut phase, ended)| {
                    keep(&mut phase);
                    (phase, ended)
                })
                .collect();
        }
        if self.names.len() > enough {
            let used: HashSet<_> = self.phases.all().iter().map(|phase| &phase.client).collect();
            self.names.retain(|client, _| used.contains(client));
            self.spellings.clear();
            self.words.tidy();
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
