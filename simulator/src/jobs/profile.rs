//! What a job is: type, policy, client, outcome and sizes, computed from (seed, number).

use super::schedule::{Role, Schedule, Timeline};
use super::workload::{self, Workload};
use crate::draw::Draw;

/// Everything about a job that does not change while it lives.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) job_type: &'static str,
    pub(super) workload: Option<Workload>,
    /// Client number within the workload.
    pub(super) client: i64,
    pub(super) tier: &'static str,
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

impl Profile {
    pub(super) fn of(schedule: &Schedule, timeline: &Timeline) -> Self {
        let mut draw = Draw::new(schedule.seed, timeline.number * 8 + 4);
        let family = match timeline.role {
            Role::Single => None,
            Role::Parent { .. } => Some(timeline.number),
            Role::Child { parent } => Some(parent),
        };
        let mut shared = Draw::new(schedule.seed, family.unwrap_or(timeline.number) * 8 + 5);
        let (job_type, workload) = kind(&mut shared, timeline, family.is_some());
        let known = workload.unwrap_or_else(|| workload::single(&mut shared));
        let tier = shared.pick("GOLD", &["GOLD", "SILVER", "SILVER", "BRONZE", "BRONZE"]);
        let (schedule_name, schedule_type) = workload::schedule(&mut shared, &known);
        let status = workload::status(&mut draw);
        let seconds = (timeline.end - timeline.active) / 1_000;
        let moves_data = !matches!(timeline.role, Role::Parent { .. })
            && !matches!(job_type, "IMAGEDELETE" | "SNAPSHOT" | "GENERIC");
        let kilobytes = if moves_data { seconds * draw.between(4_000, 180_000) } else { 0 };
        Self {
            job_type,
            workload,
            client: draw.below(known.clients) + 1,
            tier,
            schedule_name,
            schedule_type,
            status,
            trouble: match draw.below(100) {
                0..=4 => Trouble::Retried,
                5..=6 => Trouble::Suspended,
                7..=60 if status > 1 => Trouble::Incomplete,
                _ => Trouble::None,
            },
            queue_reason: workload::queue_reason(&mut draw),
            kilobytes,
            files: kilobytes / draw.between(60, 4_000),
            dedup: draw.between(61_000, 99_600),
            compression: draw.between(800, 32_000),
            accelerated: matches!(known.policy_type, "VMWARE" | "STANDARD" | "NDMP"),
            process: draw.between(1_200, 4_194_303),
            storage_unit: draw.bits(),
            media_server: draw.between(1, 4),
        }
    }
}

/// Job type and workload; image cleanup belongs to no policy.
fn kind(shared: &mut Draw, timeline: &Timeline, in_family: bool) -> (&'static str, Option<Workload>) {
    if !in_family {
        let job_type = workload::job_type(shared);
        let workload = workload::single(shared);
        return (job_type, (job_type != "IMAGEDELETE").then_some(workload));
    }
    let workload = workload::family(shared);
    let first_child = matches!(timeline.role, Role::Child { parent } if parent + 1 == timeline.number);
    let job_type = if workload.snapshot_first && first_child { "SNAPSHOT" } else { "BACKUP" };
    (job_type, Some(workload))
}
