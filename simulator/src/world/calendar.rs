//! Which policy runs when. A day has as many slots as blocks of jobs begin in it; each policy owns the slots that its
//! schedule needs, and the others are free for what users, operators and the server itself start.

use super::policy::{Policy, Rhythm};
use super::time::{DAY, HOUR, ORIGIN, SECOND};
use super::{Draw, Extent};

/// Jobs come in blocks: at the head of some blocks stands a parent with its children.
pub(crate) const BLOCK: i64 = 16;

/// The owner of each slot of a day.
#[derive(Debug)]
pub(super) struct Calendar {
    pub(super) per_day: i64,
    slots: Vec<Option<usize>>,
}

impl Calendar {
    pub(super) fn new(per_day: i64) -> Self {
        Self { per_day, slots: vec![None; usize::try_from(per_day / BLOCK).unwrap_or(0)] }
    }

    /// When a block of jobs begins.
    pub(super) fn time(&self, block: i64) -> i64 {
        ORIGIN + block * BLOCK * DAY / self.per_day.max(1)
    }

    /// Which policy owns the slot of this block.
    pub(super) fn turn(&self, block: i64) -> Option<usize> {
        let per_day = self.per_day.max(1);
        let day = block * BLOCK / per_day;
        let first = (day * per_day + BLOCK - 1) / BLOCK;
        *self.slots.get(usize::try_from(block - first).ok()?)?
    }

    fn free(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_none()).count()
    }

    /// Takes `count` slots in equal distances, or the next free ones. The time of day of the first, in milliseconds.
    fn take(&mut self, policy: usize, count: usize, draw: &mut Draw) -> i64 {
        let length = self.slots.len().max(1);
        let first = usize::try_from(draw.below(i64::try_from(length).unwrap_or(1))).unwrap_or(0);
        let mut earliest = length;
        for step in 0..count {
            let wished = first + step * length / count.max(1);
            let free = (wished..wished + length)
                .map(|slot| slot % length)
                .find(|slot| self.slots.get(*slot) == Some(&None));
            if let Some((index, slot)) =
                free.and_then(|index| self.slots.get_mut(index).map(|slot| (index, slot)))
            {
                *slot = Some(policy);
                earliest = earliest.min(index);
            }
        }
        i64::try_from(earliest).unwrap_or(0) * BLOCK * DAY / self.per_day.max(1)
    }
}

/// Makes the policies, as many as are asked for and as the slots suffice for; one at least, if there are jobs at all.
pub(super) fn fill(extent: &Extent<'_>, domain: &str, mut calendar: Calendar) -> (Calendar, Vec<Policy>) {
    let mut policies: Vec<Policy> = Vec::new();
    let wanted = extent.policies.unwrap_or_else(|| extent.scenario.policies(extent.jobs_per_day));
    for number in 0..wanted {
        let mut policy = Policy::numbered(number, extent, domain, &policies);
        let needed = match policy.rhythm {
            _ if !policy.is_active() => 0,
            Rhythm::Hours => 6,
            _ => 1,
        };
        if calendar.free() < needed && !(number == 0 && calendar.per_day > 0) {
            break;
        }
        if calendar.per_day == 0 {
            break;
        }
        let mut draw = Draw::new(extent.seed, -100 - i64::try_from(number).unwrap_or(0));
        policy.window = window(calendar.take(number, needed, &mut draw), calendar.slots.len());
        policies.push(policy);
    }
    (calendar, policies)
}

/// Start and length in seconds of the window around a time of day; with few slots they are too long for a window.
fn window(time: i64, slots: usize) -> (i64, i64) {
    if slots < 8 {
        return (0, DAY / SECOND);
    }
    ((time / HOUR - 1).max(0) * HOUR / SECOND, 8 * HOUR / SECOND)
}
