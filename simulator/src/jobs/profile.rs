//! What a job is: type, policy, client, outcome and sizes, computed from the world and its number.

use super::outcome;
use super::schedule::{Role, Schedule, Timeline};
use crate::draw::Draw;
use crate::world::{BLOCK, Family, Policy, World};

/// Everything about a job that does not change while it lives.
#[derive(Clone, Debug)]
pub(super) struct Profile<'a> {
    pub(super) job_type: &'static str,
    /// Image cleanup belongs to no policy.
    pub(super) policy: Option<&'a Policy>,
    pub(super) client: &'a str,
    pub(super) schedule_name: &'static str,
    pub(super) schedule_type: &'static str,
    /// The code it ends with.
    pub(super) status: i64,
    pub(super) trouble: Trouble,
    pub(super) queue_reason: i64,
    pub(super) kilobytes: i64,
    pub(super) files: i64,
    /// Thousandths of a percent.
    pub(super) dedup: i64,
    pub(super) compression: i64,
    pub(super) accelerated: bool,
    pub(super) process: i64,
    pub(super) storage_unit: u64,
    pub(super) media_server: i64,
}

/// What holds a job up between its queue and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// It fails once and is queued again.
    Retried,
    /// Suspended by an operator in the middle of its life.
    Suspended,
    /// A failed job that stays restartable for the last part of its life.
    Incomplete,
}

/// As long as jobs live that end.
const MOST_SECONDS: i64 = 4 * 3_600;

/// What kind of work a job does, and for whom.
struct Work<'a> {
    job_type: &'static str,
    policy: Option<&'a Policy>,
    scheduled: bool,
    client: usize,
}

impl<'a> Profile<'a> {
    pub(super) fn of(world: &'a World, timeline: &Timeline) -> Self {
        let number = timeline.number;
        let mut draw = Draw::new(world.seed, number * 8 + 4);
        let work = work(world, number, timeline.role, timeline.start);
        let Work { job_type, policy, scheduled, .. } = work;
        let own = outcome::status(&mut draw);
        let status = match (policy.and_then(|policy| policy.failure(timeline.start)), timeline.role) {
            (Some(code), _) if job_type != "RESTORE" => code,
            (_, Role::Parent { children }) => status_of_children(world.seed, number, children),
            _ => own,
        };
        // A job that never ends has as much to do as a long one.
        let seconds = ((timeline.end - timeline.active) / 1_000).min(MOST_SECONDS);
        let moves_data = !matches!(timeline.role, Role::Parent { .. })
            && !matches!(job_type, "IMAGEDELETE" | "SNAPSHOT" | "GENERIC");
        let kilobytes = if moves_data { seconds * draw.between(4_000, 180_000) } else { 0 };
        let (schedule_name, schedule_type) = match policy {
            None => ("", "UNUSED"),
            Some(policy) if scheduled || job_type != "BACKUP" => {
                policy.schedule_at(world.time(number.div_euclid(BLOCK)))
            }
            Some(policy) => outcome::asked_schedule(policy.workload.database),
        };
        Self {
            job_type,
            policy,
            client: policy.and_then(|policy| client(policy, work.client)).unwrap_or_default(),
            schedule_name,
            schedule_type,
            status,
            trouble: match draw.below(100) {
                0..=4 => Trouble::Retried,
                5..=6 => Trouble::Suspended,
                7..=60 if status > 1 => Trouble::Incomplete,
                _ => Trouble::None,
            },
            queue_reason: outcome::queue_reason(&mut draw),
            kilobytes,
            files: kilobytes / draw.between(60, 4_000),
            dedup: draw.between(61_000, 99_600),
            compression: draw.between(800, 32_000),
            accelerated: policy
                .is_some_and(|policy| matches!(policy.workload.policy_type, "VMWARE" | "STANDARD" | "NDMP")),
            process: draw.between(1_200, 4_194_303),
            storage_unit: match policy {
                Some(policy) if matches!(job_type, "BACKUP" | "DBBACKUP") => {
                    draw.bits();
                    u64::try_from(policy.unit).unwrap_or(0)
                }
                _ => draw.bits(),
            },
            media_server: draw.between(1, world.scenario.media_servers()),
        }
    }
}

/// The policy of a job, for much less than all of it costs.
pub(super) fn policy(schedule: &Schedule, number: i64) -> Option<&Policy> {
    work(schedule.world(), number, schedule.role(number), schedule.start(number)).policy
}

/// Whether it is a backup by itself that somebody asked for: no other job and no schedule waits for it.
pub(super) fn is_asked_backup(schedule: &Schedule, number: i64) -> bool {
    let role = schedule.role(number);
    let work = work(schedule.world(), number, role, schedule.start(number));
    role == Role::Single && work.job_type == "BACKUP" && !work.scheduled && work.policy.is_some()
}

fn work(world: &World, number: i64, role: Role, start: i64) -> Work<'_> {
    let place = usize::try_from(number.rem_euclid(BLOCK)).unwrap_or(0);
    let run = world.run(number.div_euclid(BLOCK));
    if let Some(policy) = run {
        let backup = if policy.is_catalog() { "DBBACKUP" } else { "BACKUP" };
        let snapshot_first = policy.workload.family == Family::SnapshotFirst;
        let by_schedule = |job_type, client| Work { job_type, policy: run, scheduled: true, client };
        match role {
            Role::Parent { .. } => return by_schedule(backup, 0),
            Role::Child { .. } if snapshot_first && place == 1 => {
                return by_schedule("SNAPSHOT", 0);
            }
            Role::Child { .. } => {
                return by_schedule(backup, place - 1 - usize::from(snapshot_first));
            }
            Role::Single if policy.streams == 0 && place < policy.clients.len() => {
                return by_schedule(backup, place);
            }
            Role::Single => {}
        }
    }
    let mut draw = Draw::new(world.seed, number * 8 + 5);
    let job_type = outcome::job_type(&mut draw);
    let policy = if job_type == "IMAGEDELETE" { None } else { world.asked(&mut draw, start) };
    let client = usize::try_from(draw.below(1 << 20)).unwrap_or(0);
    Work { job_type, policy, scheduled: false, client }
}

fn client(policy: &Policy, choice: usize) -> Option<&str> {
    policy.clients.get(choice % policy.clients.len().max(1)).map(String::as_str)
}

/// A parent is as good as its children: partial when some of them failed, failed when all did (inferred).
fn status_of_children(seed: u64, parent: i64, children: i64) -> i64 {
    let status = |child| outcome::status(&mut Draw::new(seed, child * 8 + 4));
    let all = (parent + 1)..=(parent + children);
    let failed = all.clone().filter(|child| status(*child) > 1).count();
    let worst = all.map(status).max().unwrap_or(0);
    if failed > 0 && i64::try_from(failed) != Ok(children) { 1 } else { worst }
}
