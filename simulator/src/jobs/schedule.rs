//! When each job runs: job `k`'s times are computed from (seed, `k`), and a time is turned into the jobs around it.

use std::sync::Arc;

use crate::draw::Draw;
pub(super) use crate::world::{BLOCK, DAY, HOUR};
use crate::world::{MINUTE, ORIGIN, SECOND, World};

/// No job lives longer (queue and run, parents included); searches by end time begin this far back.
pub(super) const LONGEST: i64 = 4 * HOUR;
/// Times in a request beyond this (2115) are taken as this, which keeps the arithmetic inside 64 bits.
const LATEST: i64 = ORIGIN + 90 * 365 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Single,
    Parent { children: i64 },
    Child { parent: i64 },
}

/// The life of one job, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    /// Position in the sequence of all jobs, from 0; the job identifier is one more.
    pub(super) number: i64,
    pub(super) role: Role,
    pub(super) start: i64,
    pub(super) active: i64,
    pub(super) end: i64,
    /// When the job database shows the job as done. Inferred: a little after its end, seldom half a minute.
    pub(super) updated: i64,
}

/// The sequence of all jobs of a site.
#[derive(Clone)]
pub(super) struct Schedule {
    world: Arc<World>,
    seed: u64,
    per_day: i64,
    /// The job that never ends.
    hung: Option<i64>,
}

impl Schedule {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { seed: world.seed, per_day: world.jobs_per_day(), world, hung: None }
    }

    /// From now on this job never ends.
    pub(super) fn hang(&mut self, number: Option<i64>) {
        self.hung = number;
    }

    /// The job that never ends: it lives for longer than [`LONGEST`].
    pub(super) fn hung(&self) -> Option<i64> {
        self.hung
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn timeline(&self, number: i64) -> Timeline {
        let role = self.role(number);
        let start = self.start(number);
        let mut draw = Draw::new(self.seed, number * 8);
        let (active, end) = if let Role::Parent { children } = role {
            let last = (number + 1..=number + children).map(|child| self.span(child).1).max();
            (start + draw.between(200, 2_000), last.unwrap_or(start) + draw.between(2_000, 9_000))
        } else {
            self.span(number)
        };
        let end = if self.hung == Some(number) { LATEST } else { end };
        Timeline { number, role, start, active, end, updated: end + lag(&mut draw) }
    }

    pub(super) fn role(&self, number: i64) -> Role {
        let block = number.div_euclid(BLOCK);
        let children = self.children(block);
        match number.rem_euclid(BLOCK) {
            0 if children > 0 => Role::Parent { children },
            place if place > 0 && place <= children => Role::Child { parent: block * BLOCK },
            _ => Role::Single,
        }
    }

    /// When job `number` is submitted; never before job `number - 1`.
    pub(super) fn start(&self, number: i64) -> i64 {
        let block = number.div_euclid(BLOCK);
        let place = number.rem_euclid(BLOCK);
        let interval = DAY / self.per_day.max(1);
        if place <= self.children(block) {
            self.slot(block * BLOCK) + place * (interval / 2).min(1_500)
        } else {
            self.slot(number) + Draw::new(self.seed, number * 8 + 1).below(interval)
        }
    }

    /// The number of the first job that starts at `time` or later.
    pub(super) fn first_at(&self, time: i64) -> i64 {
        let time = time.clamp(ORIGIN, LATEST);
        let passed = (time - ORIGIN) * self.per_day / DAY;
        let mut number = (passed.div_euclid(BLOCK) - 1).max(0) * BLOCK;
        while self.per_day > 0 && self.start(number) < time {
            number += 1;
        }
        number
    }

    fn slot(&self, number: i64) -> i64 {
        ORIGIN + number * DAY / self.per_day.max(1)
    }

    fn children(&self, block: i64) -> i64 {
        self.world.run(block).map_or(0, |policy| policy.streams)
    }

    /// End of the queue and end of the job, for every job but parents.
    fn span(&self, number: i64) -> (i64, i64) {
        let mut draw = Draw::new(self.seed, number * 8 + 3);
        let start = self.start(number);
        let clogged = self.world.is_clogged(start);
        let queue = match draw.below(100) {
            0..=59 if clogged => draw.between(HOUR, HOUR + 40 * MINUTE),
            0..=69 => draw.between(200, 5 * SECOND),
            70..=94 => draw.between(5 * SECOND, MINUTE),
            _ => draw.between(MINUTE, 15 * MINUTE),
        };
        let run = match draw.below(100) {
            0..=59 => draw.between(20 * SECOND, 4 * MINUTE),
            60..=89 => draw.between(4 * MINUTE, 30 * MINUTE),
            90..=98 => draw.between(30 * MINUTE, 2 * HOUR),
            _ => draw.between(2 * HOUR, 3 * HOUR + 30 * MINUTE),
        };
        let active = start + queue;
        (active, active + if clogged { run.min(2 * HOUR) } else { run })
    }
}

fn lag(draw: &mut Draw) -> i64 {
    if draw.per_mille(2) { draw.between(5 * SECOND, 30 * SECOND) } else { draw.between(100, 1_400) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Extent, Scenario};

    fn schedule(seed: u64, jobs_per_day: u32) -> Schedule {
        schedule_of(Scenario::Ordinary, seed, jobs_per_day)
    }

    fn schedule_of(scenario: Scenario, seed: u64, jobs_per_day: u32) -> Schedule {
        Schedule::new(World::new(&Extent {
            seed,
            server_name: "primary.paris.example",
            jobs_per_day,
            policies: None,
            scenario,
            now: ORIGIN,
        }))
    }

    fn check_order(scenario: Scenario, per_day: u32) {
        let schedule = schedule_of(scenario, 42, per_day);
        let mut before = i64::MIN;
        for number in 0..5_000 {
            let job = schedule.timeline(number);
            assert!(job.start >= before, "{per_day}/day: {job:?}");
            assert!(job.start < job.active && job.active < job.end && job.end < job.updated, "{job:?}");
            assert!(job.end - job.start < LONGEST, "{per_day}/day: {job:?}");
            if let Role::Child { parent } = job.role {
                assert!(schedule.timeline(parent).end > job.end);
            }
            before = job.start;
        }
    }

    #[test]
    fn jobs_start_in_order_and_end_within_the_longest_life() {
        for per_day in [1, 24, 1_000, 20_000, 100_000, 1_000_000] {
            check_order(Scenario::Ordinary, per_day);
            check_order(Scenario::BadNight, per_day);
        }
    }

    #[test]
    fn the_first_job_at_a_time_is_found() {
        for per_day in [24, 20_000, 100_000] {
            let schedule = schedule(3, per_day);
            for time in [0, ORIGIN, ORIGIN + 1, ORIGIN + DAY + 77, ORIGIN + 400 * DAY + 5] {
                let found = schedule.first_at(time);
                assert!(schedule.start(found) >= time);
                assert!(found == 0 || schedule.start(found - 1) < time);
            }
        }
    }

    #[test]
    fn the_rate_is_what_was_asked_for() {
        let schedule = schedule(9, 100_000);
        let jobs = schedule.first_at(ORIGIN + 2 * DAY) - schedule.first_at(ORIGIN + DAY);
        assert!((99_980..=100_020).contains(&jobs), "{jobs}");
    }
}
