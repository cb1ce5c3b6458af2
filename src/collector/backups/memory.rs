//! What is kept of backups: something for each policy and each client, and nothing for a job once its run is over.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;

use super::noted::NotedJob;
use super::outcomes::Outcomes;
use crate::collector::job_result::JobResult;

/// Clocks of media servers differ from the primary server's, and jobs are recorded some time after they end.
const CLOCKS_DIFFER: i64 = 5 * 60;
/// The longest that parts of a run are kept whose root is not known to have ended: the longest backups run for days.
const LONGEST_RUN: i64 = 7 * 86_400;

/// What is known of backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BackupMemory {
    pub(super) policies: HashMap<Arc<str>, PolicyHistory>,
    /// By their names in lower case.
    pub(super) clients: HashMap<Arc<str>, ClientHistory>,
    /// By which lists the standing of clients was looked up.
    pub(super) standing_by: Option<Edition>,
    /// The clients that should have backups by these lists, and of which nothing is known, with how often one is due.
    pub(super) unknown: Vec<(Arc<str>, Duration)>,
    /// Runs that may have further jobs, by their roots.
    runs: HashMap<u32, OpenRun>,
}

/// What is known of the backups of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicyHistory {
    pub(super) policy_type: Arc<str>,
    pub(super) outcomes: Outcomes,
    /// The last good run.
    pub(super) good: Option<GoodRun>,
    /// Runs that ended while we watched, by their results.
    pub(super) ended: [u64; 3],
    /// What jobs that ended while we watched have moved.
    pub(super) kilobytes: u64,
    /// When its last job ended.
    pub(super) newest: i64,
}

/// A run that was good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GoodRun {
    ended: i64,
    root: u32,
    pub(super) seconds: i64,
    /// `None` until all of its jobs are known.
    pub(super) kilobytes: Option<u64>,
}

/// What is known of the backups of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientHistory {
    pub(super) outcomes: Outcomes,
    /// The policy of its last job.
    pub(super) policy: Arc<str>,
    /// When that ended.
    pub(super) newest: i64,
    /// What the lists say of it; `None` before it was looked up.
    pub(super) standing: Option<ClientStanding>,
}

/// Tells the lists of one moment from those of another.
pub(super) type Edition = Arc<()>;

/// What the lists of policies and clients say of a client, with how often one of its policies is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientStanding {
    /// The list of clients names it.
    Listed(Option<Duration>),
    /// Its policy finds its clients by a query.
    Found(Option<Duration>),
    /// Neither: it had backups once.
    Gone,
}

impl ClientStanding {
    /// How often one of its policies is due; `None` if none is.
    pub(super) fn interval(self) -> Option<Duration> {
        match self {
            Self::Listed(interval) | Self::Found(interval) => interval,
            Self::Gone => None,
        }
    }
}

/// The jobs of a run that are known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OpenRun {
    policy: Arc<str>,
    kilobytes: u64,
    /// The worst job of each client, and when its last one ended.
    clients: HashMap<Arc<str>, (JobResult, i64)>,
    /// When the root started and ended.
    root: Option<(i64, i64)>,
    newest: i64,
}

/// Which ends of jobs were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    /// Everything that ended from here on …
    pub(super) from: i64,
    /// … and before this was read.
    pub(super) until: i64,
    /// Whether nothing before `from` will be read.
    pub(super) is_all: bool,
}

impl BackupMemory {
    /// Takes in a job that is not taken in twice.
    pub(super) fn fold(&mut self, id: u32, job: &NotedJob) {
        let policy = self.policy(&job.policy, &job.policy_type);
        policy.newest = policy.newest.max(job.ended);
        if job.is_root {
            policy.add(job.result, job.ended, id, job.ended - job.started);
        }
        if job.is_root && job.is_leaf {
            policy.size(id, job.kilobytes);
            return self.add_client(&job.client, &job.policy, (job.result, job.ended), id);
        }
        let run = self.runs.entry(job.root).or_insert_with(|| OpenRun::of(job.policy.clone()));
        run.newest = run.newest.max(job.ended);
        if job.is_root {
            run.root = Some((job.started, job.ended));
        }
        if job.is_leaf {
            run.kilobytes = run.kilobytes.saturating_add(job.kilobytes);
            let client = run.clients.entry(job.client.clone()).or_insert((job.result, job.ended));
            *client = (client.0.max(job.result), client.1.max(job.ended));
        }
    }

    /// Whether a good backup of a policy is known.
    pub(super) fn knows_policy(&self, name: &str) -> bool {
        self.policies.get(name).is_some_and(|policy| policy.outcomes.good().is_some())
    }

    /// Counts a job that ended while we watched.
    pub(super) fn count(&mut self, job: &NotedJob) {
        let policy = self.policy(&job.policy, &job.policy_type);
        if job.is_leaf {
            policy.kilobytes = policy.kilobytes.saturating_add(job.kilobytes);
        }
        if job.is_root {
            let [success, partial, failed] = &mut policy.ended;
            *match job.result {
                JobResult::Success => success,
                JobResult::Partial => partial,
                JobResult::Failed => failed,
            } += 1;
        }
    }

    /// Ends the runs that can have no further job.
    pub(super) fn close(&mut self, covered: Covered) {
        let over: Vec<u32> =
            self.runs.iter().filter(|(_, run)| run.is_over(covered)).map(|(root, _)| *root).collect();
        for root in over {
            self.close_run(root, covered);
        }
    }

    /// Ends all runs, for what is shown: those whose earlier jobs will still be read say nothing of their clients yet.
    pub(super) fn close_all(&mut self, covered: Covered) {
        let roots: Vec<u32> = self.runs.keys().copied().collect();
        for root in roots {
            self.close_run(root, covered);
        }
    }

    fn close_run(&mut self, root: u32, covered: Covered) {
        let Some(run) = self.runs.remove(&root) else { return };
        let is_whole = run.root.is_none_or(|(started, _)| started >= covered.from);
        if is_whole
            && run.root.is_some()
            && let Some(policy) = self.policies.get_mut(&run.policy)
        {
            policy.size(root, run.kilobytes);
        }
        if is_whole || covered.is_all {
            for (client, worst) in run.clients {
                self.add_client(&client, &run.policy, worst, root);
            }
        }
    }

    /// Takes in a good backup that left an image of a policy.
    pub(super) fn add_policy_image(
        &mut self,
        name: &Arc<str>,
        policy_type: &Arc<str>,
        result: JobResult,
        ended: i64,
    ) {
        let policy = self.policy(name, policy_type);
        policy.newest = policy.newest.max(ended);
        policy.outcomes.add(result, ended, 0);
    }

    /// Takes in a good backup of a client.
    pub(super) fn add_client(
        &mut self,
        name: &Arc<str>,
        policy: &Arc<str>,
        (result, ended): (JobResult, i64),
        root: u32,
    ) {
        if name.is_empty() {
            return;
        }
        let client = self.clients.entry(name.clone()).or_insert_with(|| ClientHistory {
            outcomes: Outcomes::default(),
            policy: policy.clone(),
            newest: ended,
            standing: None,
        });
        client.outcomes.add(result, ended, root);
        // By name where two ended at the same time, so that the order in which they come does not matter.
        if (client.newest, &client.policy) < (ended, policy) {
            if client.policy != *policy {
                client.policy = policy.clone();
                client.standing = None;
            }
            client.newest = ended;
        }
    }

    /// Has `look` see what would be known if these jobs were taken in, and no job came any more. Nothing of it is kept: of thousands of
    /// clients these jobs touch some dozens, so that taking them back costs a tenth of what a copy of all would.
    pub(super) fn supposing<T>(
        &mut self,
        jobs: &[(u32, Cow<'_, NotedJob>)],
        covered: Covered,
        look: impl FnOnce(&Self) -> T,
    ) -> T {
        let before = Before::of(self, jobs);
        for (id, job) in jobs {
            self.fold(*id, job);
        }
        self.close_all(covered);
        let seen = look(self);
        before.restore(self);
        seen
    }

    fn policy(&mut self, name: &Arc<str>, policy_type: &Arc<str>) -> &mut PolicyHistory {
        self.policies.entry(name.clone()).or_insert_with(|| PolicyHistory {
            policy_type: policy_type.clone(),
            outcomes: Outcomes::default(),
            good: None,
            ended: [0; 3],
            kilobytes: 0,
            newest: i64::MIN,
        })
    }
}

/// What jobs and the end of all runs touch, as it was before.
struct Before {
    policies: Vec<(Arc<str>, Option<PolicyHistory>)>,
    clients: Vec<(Arc<str>, Option<ClientHistory>)>,
    runs: HashMap<u32, OpenRun>,
}

impl Before {
    fn of(memory: &BackupMemory, jobs: &[(u32, Cow<'_, NotedJob>)]) -> Self {
        let runs = memory.runs.values();
        let policies = runs.clone().map(|run| &run.policy).chain(jobs.iter().map(|(_, job)| &job.policy));
        let clients = runs.flat_map(|run| run.clients.keys()).chain(jobs.iter().map(|(_, job)| &job.client));
        Self {
            policies: policies.map(|name| (name.clone(), memory.policies.get(name).cloned())).collect(),
            clients: clients.map(|name| (name.clone(), memory.clients.get(name).cloned())).collect(),
            runs: memory.runs.clone(),
        }
    }

    fn restore(self, memory: &mut BackupMemory) {
        put_back(self.policies, &mut memory.policies);
        put_back(self.clients, &mut memory.clients);
        memory.runs = self.runs;
    }
}

fn put_back<V>(before: Vec<(Arc<str>, Option<V>)>, map: &mut HashMap<Arc<str>, V>) {
    for (name, value) in before {
        match value {
            Some(value) => _ = map.insert(name, value),
            None => _ = map.remove(&name),
        }
    }
}

impl PolicyHistory {
    fn add(&mut self, result: JobResult, ended: i64, root: u32, seconds: i64) {
        self.outcomes.add(result, ended, root);
        if !result.is_good() {
            return;
        }
        if self.good.as_ref().is_none_or(|good| (good.ended, good.root) < (ended, root)) {
            self.good = Some(GoodRun { ended, root, seconds, kilobytes: None });
        }
    }

    /// All jobs of a run have moved so much.
    fn size(&mut self, root: u32, kilobytes: u64) {
        if let Some(good) = self.good.as_mut().filter(|good| good.root == root) {
            good.kilobytes = Some(kilobytes);
        }
    }
}

impl OpenRun {
    fn of(policy: Arc<str>) -> Self {
        Self { policy, kilobytes: 0, clients: HashMap::default(), root: None, newest: i64::MIN }
    }

    fn is_over(&self, covered: Covered) -> bool {
        match self.root {
            Some((started, ended)) => {
                (started >= covered.from || covered.is_all) && ended + CLOCKS_DIFFER <= covered.until
            }
            None => self.newest + LONGEST_RUN <= covered.until,
        }
    }
}
