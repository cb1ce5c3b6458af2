//! Jobs by the time of their end: hours of it are computed when they are first asked for, and never change.

use std::collections::VecDeque;
use std::sync::Arc;

use super::schedule::{HOUR, LONGEST, Schedule};

/// At 100 000 jobs a day an hour is 67 kB.
const HOURS_KEPT: usize = 16;

/// (end, number), in order.
pub(super) type Hour = Arc<[(i64, i64)]>;

#[derive(Default)]
pub(super) struct EndIndex {
    hours: VecDeque<(i64, Hour)>,
}

impl EndIndex {
    /// The jobs that end in the hour that starts at `hour * HOUR`.
    pub(super) fn hour(&mut self, schedule: &Schedule, hour: i64) -> Hour {
        if let Some((_, found)) = self.hours.iter().find(|(known, _)| *known == hour) {
            return Arc::clone(found);
        }
        let built = build(schedule, hour);
        if self.hours.len() == HOURS_KEPT {
            self.hours.pop_front();
        }
        self.hours.push_back((hour, Arc::clone(&built)));
        built
    }
}

fn build(schedule: &Schedule, hour: i64) -> Hour {
    let span = hour * HOUR..(hour + 1) * HOUR;
    let first = schedule.first_at(span.start - LONGEST);
    let behind = schedule.first_at(span.end);
    let mut jobs: Vec<_> = (first..behind)
        .map(|number| (schedule.timeline(number).end, number))
        .filter(|(end, _)| span.contains(end))
        .collect();
    jobs.sort_unstable();
    jobs.into()
}
