//! What is remembered of backups by policy and by client: the last ones, and how many have failed since.
//!
//! A run of a policy is its root job. Its result is the root's status; what it has moved is the sum over the jobs without children; and
//! the result of a client is the worst of its jobs in the run. All of it comes from the stream of finished jobs, and, after a start,
//! from what is read back behind the live data.

mod expected;
mod families;
mod images;
mod memory;
mod noted;
mod outcomes;
mod reading;
mod walk_back;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use foldhash::HashMap;

use super::board::{Board, Policies};
use super::contract::{CollectError, Context, Diagnostics};
use super::job_record::Job;
use super::job_result::JobResult;
use crate::config::Collectors;
use crate::metric::Family;
use expected::Expected;
use families::Shown;
pub(super) use families::{CLIENT_FAMILIES, POLICY_FAMILIES};
pub(super) use images::IMAGES;
use memory::{BackupMemory, ClientStanding, Covered};
use noted::{Names, NotedJob};
pub(super) use reading::OldestJob;
use reading::ReadBack;

/// A snapshot that waits to be counted until the policies are known, for so long.
const LONGEST_DOUBT: i64 = 86_400;

/// So many jobs are noted before they are folded while the first reading goes on: each time those stay that may come again, which are
/// some hundreds at a hundred jobs a minute.
const WORTH_FOLDING: usize = 1024;

/// What is remembered of backups. It outlives a run that is dropped.
#[derive(Debug, Default)]
pub(super) struct Backups {
    /// Whether anything is made of it.
    is_wanted: bool,
    names: Names,
    /// Jobs that may come again, by their numbers.
    pending: HashMap<u32, PendingJob>,
    /// Whether jobs that come for the first time have ended while we watched.
    is_watching: bool,
    /// The ends of the live jobs that were read and folded.
    live: Option<Range<i64>>,
    /// The same while the first reading of the window goes on.
    first: Option<Range<i64>>,
    memory: BackupMemory,
    reading: ReadBack,
    /// Who should have backups, as the last run knew it.
    expected: Arc<Expected>,
    /// Why the last read-back failed, so that it is said once.
    failure: Option<String>,
}

/// A job that may come again.
#[derive(Clone, Debug)]
struct PendingJob {
    job: NotedJob,
    /// Whether it ended while we watched, and is not counted yet.
    is_uncounted: bool,
}

impl Backups {
    /// Follows the settings. True if the jobs of the window have to be read again, since they were not noted before.
    pub(super) fn follow(&mut self, collectors: &Collectors) -> bool {
        let is_wanted = collectors.protection.enabled || collectors.per_client.enabled;
        if is_wanted == self.is_wanted {
            return false;
        }
        *self = Self { is_wanted, ..Self::default() };
        is_wanted
    }

    /// Whether the window's jobs are still to be noted for the first time.
    pub(super) fn is_new(&self) -> bool {
        self.live.is_none()
    }

    /// Notes a finished job of the live stream; the same may come several times, in any order.
    pub(super) fn note(&mut self, job: &Job<'_>) {
        if !self.is_wanted {
            return;
        }
        let folded = self.folded();
        if job.end.is_none_or(|ended| folded.is_some_and(|folded| ended < folded.end)) {
            return;
        }
        let Some(noted) = NotedJob::new(job, &mut self.names) else { return };
        match self.pending.entry(job.id) {
            Entry::Occupied(known) => known.into_mut().job = noted,
            Entry::Vacant(place) => {
                place.insert(PendingJob { job: noted, is_uncounted: self.is_watching });
            }
        }
    }

    /// Whether so much is noted that it is worth folding while the first reading of the window goes on.
    pub(super) fn have_piled_up(&self) -> bool {
        self.pending.len() >= WORTH_FOLDING
    }

    /// Folds what was noted while the first reading of the window goes on, so that the jobs of a long one do not pile up. `read` are
    /// the ends of which every job was noted, since they come in order.
    pub(super) fn advance(&mut self, read: Range<i64>, board: &Board) {
        if !self.is_wanted || self.live.is_some() {
            return;
        }
        let first = if let Some(first) = self.first.take().filter(|first| first.end >= read.start) {
            first.start..first.end.max(read.end)
        } else {
            // What was folded before is not all up to here; it is read back.
            self.memory = BackupMemory::default();
            read
        };
        let covered = Covered { from: first.start, until: first.end, is_all: false };
        self.first = Some(first);
        self.fold(board.policies().as_deref());
        self.memory.close(covered);
    }

    /// Jobs do not come in order: those that ended when others were folded are read back, all of them.
    pub(super) fn start_over(&mut self) {
        if let Some(first) = self.first.as_mut().filter(|first| !first.is_empty()) {
            first.start = first.end;
            self.memory = BackupMemory::default();
        }
    }

    /// The ends of the live jobs that are folded.
    fn folded(&self) -> Option<Range<i64>> {
        self.live.as_ref().or(self.first.as_ref()).cloned()
    }

    /// Ends the live part of a run. `read` are the ends of which every job was noted since the start, once there are any.
    /// `now` is the server's time.
    pub(super) fn settle(
        &mut self,
        read: Option<Range<i64>>,
        now: i64,
        collectors: &Collectors,
        board: &Board,
    ) {
        let policies = board.policies();
        let policies = policies.as_deref();
        self.is_watching = read.is_some();
        for pending in self.pending.values_mut().filter(|pending| pending.is_uncounted) {
            if !pending.job.is_undecided(policies) {
                pending.is_uncounted = false;
                if let Some(job) = pending.job.counted(policies) {
                    self.memory.count(&job);
                }
            }
        }
        let Some(read) = read else { return };
        let first = self.first.take().unwrap_or(read.start..read.start);
        let live = self.live.get_or_insert(first);
        // The end goes back where the server's clock was set back.
        live.end = read.end.max(live.start);
        self.fold(policies);
        self.close_runs();
        self.forget(now, collectors, board);
        self.names.tidy();
    }

    /// Folds what will not come again.
    fn fold(&mut self, policies: Option<&Policies>) {
        let Some(live) = self.folded() else { return };
        let Self { pending, memory, .. } = self;
        let oldest_doubt = live.end - LONGEST_DOUBT;
        pending.retain(|id, PendingJob { job, .. }| {
            if job.ended >= live.end || job.is_undecided(policies) && job.ended >= oldest_doubt {
                return true;
            }
            // What ended before is read back.
            if job.ended >= live.start
                && let Some(job) = job.counted(policies)
            {
                memory.fold(*id, &job);
            }
            false
        });
        // A first reading has many at once.
        if pending.capacity() > 4 * pending.len().max(16) {
            pending.shrink_to(2 * pending.len());
        }
    }

    /// What was read, live and back.
    fn covered(&self) -> Option<Covered> {
        let live = self.live.as_ref()?;
        let from = self.reading.frontier.unwrap_or(live.start);
        Some(Covered { from, until: live.end, is_all: self.reading.is_walked })
    }

    fn close_runs(&mut self) {
        if let Some(covered) = self.covered() {
            self.memory.close(covered);
        }
    }

    fn forget(&mut self, now: i64, collectors: &Collectors, board: &Board) {
        let long_ago = |age: std::time::Duration| now.saturating_sub_unsigned(age.as_secs());
        let policies_from = long_ago(collectors.protection.options.look_back);
        let clients_from = long_ago(collectors.per_client.options.forget_after);
        self.look_up_clients(board);
        let expected = &self.expected;
        let is_listed =
            |name: &str| expected.policies.as_ref().is_some_and(|policies| policies.contains_key(name));
        self.memory.policies.retain(|name, policy| is_listed(name) || policy.newest >= policies_from);
        self.memory.clients.retain(|_, client| {
            client.newest >= clients_from || matches!(client.standing, Some(ClientStanding::Listed(_)))
        });
    }

    /// Sees what the lists say of the clients now.
    fn look_up_clients(&mut self, board: &Board) {
        self.expected = self.expected.renewed(board);
        self.expected.note_standing(&mut self.memory);
    }

    /// Whether there is something to read back.
    pub(super) fn has_more(&mut self, context: &Context<'_>) -> bool {
        self.look_up_clients(context.board);
        let expected = self.expected.clone();
        self.live.is_some()
            && context.collectors.protection.enabled
            && expected.policies.is_some()
            && (!self.reading.is_walked || self.is_searching(context, &expected))
    }

    /// Reads back what a start has lost, behind the live data, once it is known how far back jobs reach. It never fails the run.
    pub(super) async fn read_back(
        &mut self,
        context: &Context<'_>,
        oldest: Option<OldestJob>,
        diagnostics: &mut Diagnostics,
    ) {
        let expected = self.expected.renewed(context.board);
        let Some(live) = self.live.as_ref().filter(|_| context.collectors.protection.enabled) else { return };
        if expected.policies.is_none() {
            return;
        }
        self.reading.frontier.get_or_insert(live.start);
        if let (None, Some(oldest)) = (self.reading.reach, oldest) {
            self.reading.reach = Some(oldest.reach(context.server_now().as_second()));
        }
        // The next run waits for this; half of the time that is left must do.
        let now = tokio::time::Instant::now();
        let deadline = now + context.deadline.saturating_duration_since(now) / 2;
        let context = &Context { deadline, ..*context };
        let outcome = self.read_further(context, &expected, diagnostics).await;
        let failure = outcome.as_ref().err().map(ToString::to_string);
        if let (Err(error), false) = (&outcome, failure == self.failure || context.is_over()) {
            tracing::info!(reason = error.reason(), %error, "The history of backups can not be read back for now");
        }
        self.failure = failure;
    }

    async fn read_further(
        &mut self,
        context: &Context<'_>,
        expected: &Expected,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        if !self.reading.is_walked && self.reading.reach.is_some() {
            self.walk_back(context, expected, diagnostics).await?;
        }
        if self.reading.is_walked {
            self.search(context, expected, diagnostics).await?;
        }
        Ok(())
    }

    /// The families of policies and clients, as fresh as the jobs are: what is noted counts as well, and runs that go on have ended.
    pub(super) fn families(&mut self, context: &Context<'_>, diagnostics: &mut Diagnostics) -> Vec<Family> {
        let Some(covered) = self.covered().filter(|_| context.collectors.protection.enabled) else {
            return Vec::new();
        };
        let expected = self.expected.renewed(context.board);
        let now = context.server_now().as_second();
        let look_back = context.collectors.protection.options.look_back;
        let Self { memory, pending, reading, live, .. } = self;
        let jobs = supposed(pending, reading, covered, expected.policies.as_deref());
        memory.supposing(&jobs, covered, |memory| {
            let shown = Shown {
                memory,
                expected: &expected,
                reading,
                from: covered.from,
                began: live.as_ref().map_or(covered.from, |live| live.start),
                floor: now
                    .saturating_sub_unsigned(look_back.as_secs())
                    .max(reading.reach.unwrap_or(i64::MIN)),
                now,
            };
            families::render(context, &shown, diagnostics)
        })
    }

    /// When the last backup of each client ended that succeeded (status 0), by the clients' names in lower case.
    pub(super) fn last_successes(&self) -> impl Iterator<Item = (&str, i64)> {
        let clients = self.memory.clients.iter();
        clients.filter_map(|(name, client)| Some((&**name, client.outcomes.last(JobResult::Success)?)))
    }
}

/// The jobs that would be folded if none came any more: those that are noted, and those of the step that is being read back.
fn supposed<'a>(
    pending: &'a HashMap<u32, PendingJob>,
    reading: &'a ReadBack,
    covered: Covered,
    policies: Option<&Policies>,
) -> Vec<(u32, Cow<'a, NotedJob>)> {
    let live = pending.iter().map(|(id, pending)| (id, &pending.job));
    let live = live.filter(|(_, job)| job.ended >= covered.from);
    let back = reading.step.iter().flat_map(|step| &step.jobs);
    live.chain(back).filter_map(|(id, job)| Some((*id, job.counted(policies)?))).collect()
}

#[cfg(test)]
mod tests;
