//! The families of the jobs of single clients.

use std::ops::RangeInclusive;
use std::sync::Arc;

use foldhash::HashMap;

use super::ClientJobs;
use super::phases::{ClientPhase, PhaseIndex};
use crate::collector::contract::Diagnostics;
use crate::metric::{Desc, Family, Labelled};

static WINDOW_JOBS: Labelled<3> = Labelled::gauge(
    "nbu_client_window_jobs",
    "Jobs of a client (clientName) that ended in the window, by jobType and status.",
    ["client", "job_type", "status"],
);
static LAST_PHASE: Labelled<3> = Labelled::gauge(
    "nbu_client_last_phase_success_timestamp_seconds",
    "When the last job with status 0 ended (endTime) of a client, a policy and a jobType: backup, duplication, replication, import.",
    ["client", "policy", "job_type"],
);
static V4_LAST_BACKUP: Labelled<1> = Labelled::v4_gauge(
    "nbu_client_last_successful_backup_timestamp_seconds",
    "When the last backup of a client with status 0 ended (endTime).",
    ["client"],
);
static V4_JOBS: Labelled<3> = Labelled::v4_gauge(
    "nbu_client_jobs_count",
    "Jobs of a client that ended in the window.",
    ["client", "action", "status"],
);
static V4_LAST_JOB: Labelled<3> = Labelled::v4_gauge(
    "nbu_client_last_job_success_seconds",
    "When the last job with status 0 of a client and a policy ended (endTime).",
    ["client", "policy", "action"],
);

/// Everything that [`render`] gives, in its order.
pub(in crate::collector) static FAMILIES: &[&Desc] =
    &[&WINDOW_JOBS, &LAST_PHASE, &V4_LAST_BACKUP, &V4_JOBS, &V4_LAST_JOB];

/// What is shown, in the order of the names.
#[derive(Debug, Default)]
pub(super) struct ShownJobs<'a> {
    /// By client, type and status.
    jobs: Vec<((&'a str, &'a str, i32), u64)>,
    /// By client, policy and type.
    last: Vec<((&'a str, &'a str, &'a str), i64)>,
    /// By client.
    last_backup: Vec<(&'a str, i64)>,
}

impl<'a> ShownJobs<'a> {
    /// The jobs that ended in `range` and the last successes; a job that ends later is one of a clock that is wrong.
    pub(super) fn new(
        view: &'a ClientJobs,
        range: &RangeInclusive<i64>,
        known: impl Iterator<Item = (&'a str, i64)>,
    ) -> Self {
        let all = view.phases.all();
        let (mut ended_by, mut last_of) = (HashMap::<_, u64>::default(), vec![None; all.len()]);
        let mut succeeded = |phase: PhaseIndex, ended: i64| {
            if let Some(last) = last_of.get_mut(phase.place()) {
                *last = (*last).max(Some(ended));
            }
        };
        for (phase, ended) in &view.earlier {
            succeeded(*phase, *ended);
        }
        for job in view.jobs.values().filter(|job| job.ended() <= *range.end()) {
            if job.status == 0 {
                succeeded(job.phase, job.ended());
            }
            if range.contains(&job.ended()) {
                *ended_by.entry((job.phase, job.status)).or_default() += 1;
            }
        }
        let mut jobs = HashMap::<_, u64>::default();
        for ((phase, status), count) in ended_by {
            if let Some(ClientPhase { client, job_type, .. }) = view.phases.get(phase) {
                *jobs.entry((&**client, &**job_type, status)).or_default() += count;
            }
        }
        let mut last_backup: HashMap<&str, i64> =
            known.filter(|(client, _)| view.filter.allows(client)).collect();
        let mut last = Vec::new();
        for (ClientPhase { client, policy, job_type }, ended) in all.iter().zip(last_of) {
            let Some(ended) = ended else { continue };
            last.push(((&**client, &**policy, &**job_type), ended));
            if &**job_type == "BACKUP" {
                let last = last_backup.entry(client).or_insert(ended);
                *last = ended.max(*last);
            }
        }
        Self { jobs: sorted(jobs), last: sorted(last), last_backup: sorted(last_backup) }
    }

    /// The clients of all that is shown, each once, in the order of their names.
    fn clients(&self) -> Vec<&'a str> {
        let jobs = self.jobs.iter().map(|((client, ..), _)| *client);
        let last = self.last.iter().map(|((client, ..), _)| *client);
        let mut clients: Vec<_> =
            jobs.chain(last).chain(self.last_backup.iter().map(|(client, _)| *client)).collect();
        // The same client comes several times in a row.
        clients.dedup();
        clients.sort_unstable();
        clients.dedup();
        clients
    }
}

fn sorted<K: Ord + Copy, V: Copy>(values: impl IntoIterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut sorted: Vec<_> = values.into_iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    sorted
}

/// The families of at most so many clients: our own with their names in lower case, as in all other families, and the Go exporter's as
/// jobs spell them.
pub(super) fn render(
    site: &str,
    names: &HashMap<Arc<str>, Arc<str>>,
    shown: &ShownJobs<'_>,
    most: usize,
    diagnostics: &mut Diagnostics,
) -> Vec<Family> {
    let clients = shown.clients();
    diagnostics.capped += clients.len().saturating_sub(most) as u64;
    let first_without = clients.get(most).copied();
    let has_room = |client: &str| first_without.is_none_or(|first| client < first);
    let spelled = |client| names.get(client).map_or(client, |name| &**name);
    let (mut jobs, mut v4_jobs) = (WINDOW_JOBS.of_site(site), V4_JOBS.of_site(site));
    for ((client, job_type, status), count) in shown.jobs.iter().filter(|((client, ..), _)| has_room(client))
    {
        let status = status.to_string();
        jobs.sample([client, job_type, &status], *count as f64);
        v4_jobs.sample([spelled(*client), job_type, &status], *count as f64);
    }
    let (mut last, mut v4_last) = (LAST_PHASE.of_site(site), V4_LAST_JOB.of_site(site));
    for ((client, policy, job_type), ended) in shown.last.iter().filter(|((client, ..), _)| has_room(client))
    {
        last.sample([client, policy, job_type], *ended as f64);
        v4_last.sample([spelled(*client), policy, job_type], *ended as f64);
    }
    let last_backup = shown.last_backup.iter().filter(|(client, _)| has_room(client));
    let v4_last_backup =
        V4_LAST_BACKUP.family(site, last_backup.map(|(client, ended)| ([spelled(*client)], *ended as f64)));
    vec![jobs.build(), last.build(), v4_last_backup, v4_jobs.build(), v4_last.build()]
}
