//! The job database of a simulated primary server: nothing is stored, every job is computed from (seed, number).

mod attributes;
mod ends;
mod fields;
mod image;
mod outcome;
mod owners;
mod plan;
mod profile;
mod record;
mod schedule;
mod walk;

pub(super) use attributes::Attributes;
pub(super) use fields::FIELDS;
pub(super) use image::fields as image_fields;
pub(super) use plan::Plan;
pub(super) use record::Job;
pub(super) use walk::Page;

use std::sync::{Arc, Mutex};

use super::clock::Clock;
use super::locked;
use super::world::World;
use ends::EndIndex;
use owners::OwnerIndex;
use schedule::{HOUR, Schedule};

/// A site with few jobs may have none that could hang within this time, and then none does.
const HANGS_WITHIN: i64 = 4 * HOUR;

/// All jobs of one site.
pub(super) struct JobDatabase {
    schedule: Schedule,
    clock: Clock,
    units: Vec<String>,
    /// Milliseconds that a job is kept after its end.
    retention: i64,
    ends: Mutex<EndIndex>,
    owners: Mutex<OwnerIndex>,
}

impl JobDatabase {
    pub(super) fn new(world: Arc<World>, retention: i64, clock: Clock, units: Vec<String>) -> Self {
        Self {
            schedule: schedule(world),
            clock,
            units,
            retention,
            ends: Mutex::new(EndIndex::default()),
            owners: Mutex::new(OwnerIndex::default()),
        }
    }

    /// The job with this identifier, as far as the database still has it.
    pub(super) fn find(&self, id: i64) -> Option<Job<'_>> {
        let now = self.clock.now();
        let number = id.checked_sub(1)?;
        (0..self.schedule.first_at(now + 1))
            .contains(&number)
            .then(|| Job::new(self, number, now))
            .filter(|job| self.keeps(job, now))
    }

    /// Jobs of the future are others when a policy is changed.
    pub(super) fn forget_ends(&self) {
        *locked(&self.ends) = EndIndex::default();
        *locked(&self.owners) = OwnerIndex::default();
    }

    fn keeps(&self, job: &Job<'_>, now: i64) -> bool {
        job.end().is_none_or(|end| end >= now - self.retention)
    }

    fn unit(&self, choice: u64) -> &str {
        let count = u64::try_from(self.units.len()).unwrap_or(0).max(1);
        usize::try_from(choice % count)
            .ok()
            .and_then(|index| self.units.get(index))
            .map_or("", String::as_str)
    }
}

/// The sequence of all jobs. In a bad night one that a user started never ends.
fn schedule(world: Arc<World>) -> Schedule {
    let mut schedule = Schedule::new(world);
    if let Some(time) = schedule.world().hangs_at() {
        let first = schedule.first_at(time);
        let soon = (first..).take_while(|number| schedule.start(*number) < time + HANGS_WITHIN);
        let hung = soon.into_iter().find(|number| profile::is_asked_backup(&schedule, *number));
        schedule.hang(hung);
    }
    schedule
}

#[cfg(test)]
mod tests;
