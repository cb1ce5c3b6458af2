//! Jobs by their policy: days of them are computed when they are first asked for, and never change.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::profile;
use super::schedule::{DAY, Schedule};

/// As long as images are kept. At 20 000 jobs a day all of it has 10 MB.
const DAYS_KEPT: usize = 61;

/// The numbers of the jobs of each policy, in order.
type Day = Arc<HashMap<String, Vec<i64>>>;

#[derive(Default)]
pub(super) struct OwnerIndex {
    days: HashMap<i64, Day>,
}

impl OwnerIndex {
    /// The jobs of some policies in a range of numbers, in order. `today` is the first day that may still change.
    pub(super) fn numbers(
        &mut self,
        schedule: &Schedule,
        range: Range<i64>,
        today: i64,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<i64> {
        let mut numbers = Vec::new();
        let mut next = range.start;
        while next < range.end {
            let day = schedule.start(next).div_euclid(DAY);
            let end = schedule.first_at((day + 1) * DAY).max(next + 1);
            let part = next..end.min(range.end);
            if day < today {
                let owners = self.day(schedule, day, end);
                let found = owners.iter().filter(|(policy, _)| wanted(policy)).flat_map(|(_, jobs)| jobs);
                numbers.extend(found.filter(|number| part.contains(number)));
            } else {
                numbers.extend(part.filter(|number| owner(schedule, *number).is_some_and(&wanted)));
            }
            next = end;
        }
        numbers.sort_unstable();
        numbers
    }

    fn day(&mut self, schedule: &Schedule, day: i64, end: i64) -> Day {
        if let Some(known) = self.days.get(&day) {
            return Arc::clone(known);
        }
        let mut owners: HashMap<String, Vec<i64>> = HashMap::new();
        for number in schedule.first_at(day * DAY)..end {
            let Some(policy) = owner(schedule, number) else { continue };
            match owners.get_mut(policy) {
                Some(jobs) => jobs.push(number),
                None => drop(owners.insert(policy.to_owned(), vec![number])),
            }
        }
        if self.days.len() >= DAYS_KEPT
            && let Some(oldest) = self.days.keys().min().copied()
        {
            self.days.remove(&oldest);
        }
        let owners = Arc::new(owners);
        self.days.insert(day, Arc::clone(&owners));
        owners
    }
}

fn owner(schedule: &Schedule, number: i64) -> Option<&str> {
    profile::policy(schedule, number).map(|policy| policy.name.as_str())
}
