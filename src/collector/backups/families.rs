//! The families of policies and clients that come of jobs.

use std::sync::Arc;

use super::expected::Expected;
use super::memory::{BackupMemory, ClientHistory, ClientStanding, PolicyHistory};
use super::reading::{BackupSubject, ReadBack};
use crate::collector::client_names::ClientFilter;
use crate::collector::contract::{Context, Diagnostics};
use crate::collector::job_result::JobResult;
use crate::collector::walk::cap;
use crate::config::ClientExport;
use crate::metric::{Desc, Family, Labelled, MetricKind};

static LAST_BACKUP: Labelled<3> = Labelled::gauge(
    "nbu_policy_last_backup_timestamp_seconds",
    "When the last backup of a policy with this result ended (endTime of its root job): success (status 0), partial (1) or failed.",
    ["policy", "policy_type", "result"],
);
static FAILURES: Labelled<1> = Labelled::gauge(
    "nbu_policy_consecutive_failures",
    "Backups of a policy that failed since its last good one, as far back as jobs were read.",
    ["policy"],
);
static JOBS_TOTAL: Labelled<2> = Labelled::native(
    MetricKind::Counter,
    "nbu_policy_jobs_total",
    "Backups of a policy (root jobs) that ended since the exporter began to watch; result is success, partial or failed.",
    ["policy", "result"],
);
static BYTES_TOTAL: Labelled<1> = Labelled::native(
    MetricKind::Counter,
    "nbu_policy_transferred_bytes_total",
    "Data of the backups of a policy that ended since the exporter began to watch (kilobytesTransferred of jobs without children).",
    ["policy"],
);
static LAST_BYTES: Labelled<1> = Labelled::gauge(
    "nbu_policy_last_backup_bytes",
    "Data of the last good backup of a policy (kilobytesTransferred of its jobs without children).",
    ["policy"],
);
static LAST_DURATION: Labelled<1> = Labelled::gauge(
    "nbu_policy_last_backup_duration_seconds",
    "How long the last good backup of a policy took (startTime to endTime of its root job).",
    ["policy"],
);
static HISTORY_START: Labelled<0> = Labelled::gauge(
    "nbu_backup_history_start_timestamp_seconds",
    "How far back backups are known: an active policy without a last backup has had none since then.",
    [],
);
static HISTORY_READ: Labelled<0> = Labelled::gauge(
    "nbu_backup_history_read_ratio",
    "How much was read back, after a start, of the jobs and images in which last backups are looked for; 1 when nothing more is.",
    [],
);
static CLIENTS: Labelled<1> = Labelled::gauge(
    "nbu_clients",
    "Clients that policies name (source policy), and those that are known from jobs alone, as virtual machines are (source jobs).",
    ["source"],
);
static WITHOUT_BACKUP: Labelled<1> = Labelled::gauge(
    "nbu_clients_without_backup",
    "Clients of active policies whose last good backup is older than 1d, 2d or 7d; those that never had one are in all of these.",
    ["older_than"],
);
static CLIENT_LAST_BACKUP: Labelled<2> = Labelled::gauge(
    "nbu_client_last_backup_timestamp_seconds",
    "When the last backup of a client with this result ended; the result is that of the worst of its jobs in one run of a policy.",
    ["client", "result"],
);
static CLIENT_FAILURES: Labelled<1> = Labelled::gauge(
    "nbu_client_consecutive_failures",
    "Backups of a client that failed since its last good one, as far back as jobs were read.",
    ["client"],
);

/// What comes of jobs where policies are shown.
pub(in crate::collector) static POLICY_FAMILIES: &[&Desc] = &[
    &LAST_BACKUP,
    &FAILURES,
    &JOBS_TOTAL,
    &BYTES_TOTAL,
    &LAST_BYTES,
    &LAST_DURATION,
    &HISTORY_START,
    &CLIENTS,
    &WITHOUT_BACKUP,
];

/// What says how far the images in the catalog are looked through: without the permission to see them it never ends.
pub(super) static IMAGE_FAMILIES: &[&Desc] = &[&HISTORY_READ];

/// What comes of jobs where clients are shown by their names.
pub(in crate::collector) static CLIENT_FAMILIES: &[&Desc] = &[&CLIENT_LAST_BACKUP, &CLIENT_FAILURES];

const DAY: i64 = 86_400;
/// Ages of a last good backup, in seconds.
const AGES: [(&str, i64); 3] = [("1d", DAY), ("2d", 2 * DAY), ("7d", 7 * DAY)];
/// NetBackup's kilobyte.
const KILOBYTE: f64 = 1024.0;

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) memory: &'a BackupMemory,
    pub(super) expected: &'a Expected,
    pub(super) reading: &'a ReadBack,
    /// Every job that ended from here on is known …
    pub(super) from: i64,
    /// … and from here on from the live data.
    pub(super) began: i64,
    /// Nothing before this is read back.
    pub(super) floor: i64,
    /// The server's time.
    pub(super) now: i64,
}

/// The families of one run.
pub(super) fn render(context: &Context<'_>, shown: &Shown<'_>, diagnostics: &mut Diagnostics) -> Vec<Family> {
    let site = context.site;
    let policies = shown.policies(context.collectors.protection.options.max_policies as usize);
    let of_each = |desc: &'static Labelled<1>, value: fn(&PolicyHistory, i64) -> Option<f64>| {
        let value = move |policy| value(policy, shown.from);
        desc.family(site, policies.iter().filter_map(|(name, _, policy)| Some(([*name], value((*policy)?)?))))
    };
    let lasts =
        policies.iter().filter_map(|(name, policy_type, policy)| Some((name, policy_type, (*policy)?)));
    let lasts = lasts.flat_map(|(name, policy_type, policy)| {
        JobResult::ALL.into_iter().filter_map(move |result| {
            let last = policy.outcomes.last(result)?;
            Some(([*name, *policy_type, result.name()], last as f64))
        })
    });
    let ended = policies.iter().flat_map(|(name, _, policy)| {
        let ended = policy.map_or([0; 3], |policy| policy.ended);
        JobResult::ALL.into_iter().zip(ended).map(|(result, count)| ([*name, result.name()], count as f64))
    });
    let moved = policies
        .iter()
        .map(|(name, _, policy)| ([*name], policy.map_or(0.0, |policy| policy.kilobytes as f64 * KILOBYTE)));
    let start = shown.reading.searched_from.map_or(shown.from, |searched| searched.min(shown.from));
    let mut families = vec![
        LAST_BACKUP.family(site, lasts),
        of_each(&FAILURES, |policy, from| Some(policy.outcomes.failures_since(from)? as f64)),
        JOBS_TOTAL.family(site, ended),
        BYTES_TOTAL.family(site, moved),
        of_each(&LAST_BYTES, |policy, _| Some(policy.good.as_ref()?.kilobytes? as f64 * KILOBYTE)),
        of_each(&LAST_DURATION, |policy, _| Some(policy.good.as_ref()?.seconds as f64)),
        HISTORY_START.family(site, [([], start as f64)]),
        HISTORY_READ.family(site, [([], shown.reading.progress(shown.began, shown.floor))]),
        CLIENTS.family(site, shown.counts()),
        WITHOUT_BACKUP.family(site, shown.without_backup()),
    ];
    if context.collectors.per_client.enabled {
        families.extend(shown.names(context, diagnostics));
    }
    families
}

impl Shown<'_> {
    /// The policies by name, with their types: those that the server lists, once that is known.
    fn policies(&self, most: usize) -> Vec<(&str, &str, Option<&PolicyHistory>)> {
        let Some(listed) = &self.expected.policies else {
            let known = self.memory.policies.iter();
            let mut known: Vec<_> =
                known.map(|(name, policy)| (&**name, &*policy.policy_type, Some(policy))).collect();
            known.sort_unstable_by_key(|(name, ..)| *name);
            known.truncate(most);
            return known;
        };
        let listed = listed.iter().take(most);
        listed
            .map(|(name, policy)| {
                (name.as_str(), policy.policy_type.as_str(), self.memory.policies.get(name.as_str()))
            })
            .collect()
    }

    fn counts(&self) -> impl Iterator<Item = ([&'static str; 1], f64)> {
        let listed = self.expected.clients.as_ref().map(|clients| (["policy"], clients.len() as f64));
        let known = self.expected.known(self.memory);
        let found = known.filter(|(.., standing)| matches!(standing, ClientStanding::Found(_))).count();
        listed.into_iter().chain([(["jobs"], found as f64)])
    }

    /// How many clients have no good backup of each age. What is not known yet is not said.
    fn without_backup(&self) -> Vec<([&'static str; 1], f64)> {
        let mut samples = Vec::new();
        if self.expected.clients.is_none() || self.expected.policies.is_none() {
            return samples;
        }
        let is_searched = self.reading.searched_from.is_some();
        let (mut older, mut never) = ([0_u64; AGES.len()], 0_u64);
        for (name, client, _) in self.expected.due(self.memory) {
            for (count, (_, age)) in older.iter_mut().zip(AGES) {
                *count += u64::from(self.is_without(name, client, age));
            }
            never += u64::from(good(client).is_none() && self.was_searched(name));
        }
        for ((name, age), count) in AGES.into_iter().zip(older) {
            if is_searched || self.from <= self.now - age {
                samples.push(([name], count as f64));
            }
        }
        if is_searched {
            samples.push((["never"], never as f64));
        }
        samples
    }

    /// Whether a client is known to have had no good backup for so long.
    fn is_without(&self, name: &str, client: Option<&ClientHistory>, age: i64) -> bool {
        let since = self.now - age;
        good(client).map_or_else(|| self.from <= since || self.was_searched(name), |good| good < since)
    }

    /// Whether a client's images were looked for.
    fn was_searched(&self, name: &str) -> bool {
        self.reading.searched.get(&BackupSubject::Client(Arc::from(name))) == Some(&true)
    }

    fn names(&self, context: &Context<'_>, diagnostics: &mut Diagnostics) -> [Family; 2] {
        let options = &context.collectors.per_client.options;
        let filter = ClientFilter::new(context.collectors);
        if filter.is_empty() {
            return [CLIENT_LAST_BACKUP.family(context.site, []), CLIENT_FAILURES.family(context.site, [])];
        }
        let older_than = i64::try_from(options.older_than.as_secs()).unwrap_or(i64::MAX);
        let mut clients: Vec<(&str, &ClientHistory)> = match options.export {
            ClientExport::Overdue => {
                let due = self.expected.due(self.memory);
                due.filter(|(name, client, _)| self.is_without(name, *client, older_than))
                    .filter_map(|(name, client, _)| Some((name, client?)))
                    .collect()
            }
            ClientExport::All => {
                let known = self.expected.known(self.memory);
                let known = known.filter(|(.., standing)| *standing != ClientStanding::Gone);
                known.map(|(name, client, _)| (name, client)).collect()
            }
        };
        clients.retain(|(name, _)| filter.allows(name));
        cap(&mut clients, options.max_clients as usize, |(name, _)| name, diagnostics);
        let lasts = clients.iter().flat_map(|(name, client)| {
            JobResult::ALL.into_iter().filter_map(move |result| {
                Some(([*name, result.name()], client.outcomes.last(result)? as f64))
            })
        });
        let failures = clients
            .iter()
            .filter_map(|(name, client)| Some(([*name], client.outcomes.failures_since(self.from)? as f64)));
        [CLIENT_LAST_BACKUP.family(context.site, lasts), CLIENT_FAILURES.family(context.site, failures)]
    }
}

fn good(client: Option<&ClientHistory>) -> Option<i64> {
    client.and_then(|client| client.outcomes.good())
}
