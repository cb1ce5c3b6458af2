//! How often a policy is due by its own schedules. Nothing is asked here, and all times are those of the primary server.

use std::time::Duration;

use jiff::civil::Date;

use super::days::RunDays;
use super::week::{DAY, StartWeek};

/// How far ahead, and how far back, a calendar is looked at: two months always have two days of one number below 29.
const CALENDAR_DAYS: u16 = 62;

/// A schedule that the server itself starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicySchedule {
    pub(super) rule: ScheduleRule,
    pub(super) windows: StartWeek,
    /// It makes a snapshot and writes nothing to storage.
    pub(super) snapshot_only: bool,
}

/// When a schedule is due, if its window is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ScheduleRule {
    /// So many seconds after the last backup.
    Frequency(u64),
    /// On days of a calendar.
    Calendar {
        include: RunDays,
        exclude: RunDays,
        /// What did not run on its day may run on the next one with a window.
        retries: bool,
    },
}

/// When a policy is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PolicyDue {
    /// The longest time that may pass between two of its backups; `None` if it is never due.
    pub(super) interval: Option<Duration>,
    /// Its backups are snapshots.
    pub(super) snapshot_only: bool,
}

impl PolicyDue {
    /// By the schedule that is due most often. Snapshots count only where nothing is written to storage, so that they never
    /// stand for a backup that is missing.
    pub(super) fn of(schedules: &[PolicySchedule], today: Date) -> Self {
        let shortest = |snapshot_only: bool| {
            let schedules = schedules.iter().filter(|schedule| schedule.snapshot_only == snapshot_only);
            schedules.filter_map(|schedule| schedule.interval(today)).min()
        };
        let written = shortest(false);
        let interval = written.or_else(|| shortest(true));
        Self { interval, snapshot_only: written.is_none() && interval.is_some() }
    }
}

impl PolicySchedule {
    /// The longest time between two starts; `None` if it never starts, or only once in the time that is looked at.
    fn interval(&self, today: Date) -> Option<Duration> {
        let seconds = match &self.rule {
            // The catalog's "after each backup session" is no time.
            ScheduleRule::Frequency(0) => None,
            ScheduleRule::Frequency(seconds) => self.windows.longest_gap(*seconds),
            ScheduleRule::Calendar { include, exclude, retries } => {
                let is_due = |date: Date| include.has(date) && !exclude.has(date);
                longest_calendar_gap(&self.run_days(today, is_due, *retries))
            }
        };
        seconds.map(Duration::from_secs)
    }

    /// The days on which it runs, counted from the first day that is looked at.
    fn run_days(&self, today: Date, is_due: impl Fn(Date) -> bool, retries: bool) -> Vec<u16> {
        let mut is_waiting = false;
        let first = jiff::Span::new().days(CALENDAR_DAYS);
        let Ok(first) = today.checked_sub(first) else { return Vec::new() };
        let days = (0..=2 * CALENDAR_DAYS).zip(first.series(jiff::Span::new().days(1)));
        let runs = days.filter(|(_, date)| {
            let wants = is_due(*date) || is_waiting;
            let is_open =
                self.windows.is_open_on(date.weekday().to_sunday_zero_offset().unsigned_abs().into());
            is_waiting = wants && !is_open && retries;
            wants && is_open
        });
        runs.map(|(day, _)| day).collect()
    }
}

/// The longest gap that ends today or later: the one that it is in counts, those that are over do not.
fn longest_calendar_gap(runs: &[u16]) -> Option<u64> {
    let pairs = runs.iter().zip(runs.iter().skip(1));
    let gaps = pairs.filter(|(_, next)| **next >= CALENDAR_DAYS).map(|(last, next)| next - last);
    gaps.max().map(|days| u64::from(days) * DAY)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600;

    fn nights(days: impl IntoIterator<Item = u64>) -> StartWeek {
        StartWeek::new(days.into_iter().map(|day| (day * DAY + 20 * HOUR, 8 * HOUR)))
    }

    fn every(seconds: u64, windows: StartWeek) -> PolicySchedule {
        PolicySchedule { rule: ScheduleRule::Frequency(seconds), windows, snapshot_only: false }
    }

    fn on(include: RunDays, windows: StartWeek) -> PolicySchedule {
        let exclude = RunDays::default();
        let rule = ScheduleRule::Calendar { include, exclude, retries: false };
        PolicySchedule { rule, windows, snapshot_only: false }
    }

    fn days_of_month(days: &[u8]) -> RunDays {
        RunDays { of_month: days.to_vec(), ..RunDays::default() }
    }

    /// In days; 0 for "never due".
    fn days(schedules: &[PolicySchedule], today: Date) -> u64 {
        let interval = PolicyDue::of(schedules, today).interval;
        interval.map_or(0, |interval| interval.as_secs() / DAY)
    }

    const TODAY: Date = date(2026, 2, 10);

    #[test]
    fn a_policy_is_due_by_its_schedule_that_is_due_most_often() {
        let full = every(7 * DAY, nights([0]));
        assert_eq!(days(&[full.clone(), every(DAY, nights(0..7))], TODAY), 1);
        assert_eq!(days(&[full.clone(), every(DAY, nights(1..6))], TODAY), 3);
        assert_eq!(days(&[full.clone(), every(DAY, nights([]))], TODAY), 7);
        assert_eq!(days(&[full.clone(), every(0, nights(0..7))], TODAY), 7);
        assert_eq!(days(&[full, on(days_of_month(&[1]), nights(0..7))], TODAY), 7);
        assert_eq!(days(&[], TODAY), 0);
    }

    #[test]
    fn a_calendar_is_due_after_the_longest_gap_between_its_days() {
        let all = || nights(0..7);
        for (include, expected) in [
            (days_of_month(&[1]), 31),
            (days_of_month(&[1, 15]), 17),
            // The gap that it is in is from the last of January to that of March.
            (days_of_month(&[31]), 59),
            (RunDays { last_of_month: true, ..RunDays::default() }, 31),
            (RunDays { of_week: vec![(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], ..RunDays::default() }, 7),
            (RunDays { of_week: vec![(1, 7)], ..RunDays::default() }, 28),
            (RunDays { dates: vec![date(2026, 2, 1), date(2026, 2, 20)], ..RunDays::default() }, 19),
            // One day alone, days that are past, and none.
            (RunDays { dates: vec![date(2026, 2, 20)], ..RunDays::default() }, 0),
            (RunDays { dates: vec![date(2026, 1, 1), date(2026, 2, 1)], ..RunDays::default() }, 0),
            (RunDays::default(), 0),
        ] {
            assert_eq!(days(&[on(include.clone(), all())], TODAY), expected, "{include:?}");
        }
    }

    #[test]
    fn a_day_that_is_excluded_or_without_a_window_is_no_day() {
        let daily = || days_of_month(&(1..=31).collect::<Vec<_>>());
        assert_eq!(days(&[on(daily(), nights(0..7))], TODAY), 1);
        // A night that begins on Friday ends on Saturday.
        assert_eq!(days(&[on(daily(), nights(1..6))], TODAY), 2);
        let exclude = RunDays { dates: vec![date(2026, 2, 25), date(2026, 2, 26)], ..RunDays::default() };
        let rule = ScheduleRule::Calendar { include: daily(), exclude, retries: false };
        let schedule = PolicySchedule { rule, ..on(RunDays::default(), nights(0..7)) };
        assert_eq!(days(&[schedule], TODAY), 3);
        assert_eq!(days(&[on(daily(), nights([]))], TODAY), 0);
    }

    #[test]
    fn where_retries_are_allowed_a_day_without_a_window_moves_to_the_next_one_that_has_one() {
        // March 1 and 15 are Sundays; the window is open on Wednesdays.
        let wednesdays = StartWeek::new([(3 * DAY, 8 * HOUR)]);
        let schedule = |retries| {
            let include = days_of_month(&[1, 15]);
            let rule = ScheduleRule::Calendar { include, exclude: RunDays::default(), retries };
            PolicySchedule { rule, windows: wednesdays.clone(), snapshot_only: false }
        };
        // February 4 and 18, March 4 and 18, April 1.
        assert_eq!(days(&[schedule(true)], TODAY), 14);
        // Only April 1 is a Wednesday.
        assert_eq!(days(&[schedule(false)], TODAY), 0);
    }

    #[test]
    fn snapshots_count_only_where_nothing_is_written_to_storage() {
        let snapshots = PolicySchedule { snapshot_only: true, ..every(HOUR, StartWeek::new([(0, 7 * DAY)])) };
        let alone = PolicyDue::of(std::slice::from_ref(&snapshots), TODAY);
        assert_eq!(alone, PolicyDue { interval: Some(Duration::from_hours(1)), snapshot_only: true });
        let both = PolicyDue::of(&[snapshots, every(DAY, nights(0..7))], TODAY);
        assert_eq!(both, PolicyDue { interval: Some(Duration::from_hours(24)), snapshot_only: false });
        assert_eq!(PolicyDue::of(&[], TODAY), PolicyDue::default());
    }

    proptest! {
        #[test]
        fn the_interval_of_a_calendar_is_the_longest_way_back_from_one_of_its_days_to_the_one_before(
            named in prop::collection::vec(1_u8..=31, 1..5),
            open in prop::collection::vec(0_u64..7, 1..8),
            after in 0_i64..3_000,
        ) {
            let day = |number: i64| TODAY.checked_add(jiff::Span::new().days(after + number)).unwrap();
            let runs = |number: &i64| {
                let weekday = day(*number).weekday().to_sunday_zero_offset();
                named.iter().any(|named| i64::from(*named) == i64::from(day(*number).day()))
                    && open.iter().any(|open| i64::try_from(*open) == Ok(i64::from(weekday)))
            };
            let back = |number: i64| (-62..number).rev().find(runs).map(|before| number - before);
            let longest = (0..=62).filter(runs).filter_map(back).max().unwrap_or(0);
            let windows = StartWeek::new(open.iter().map(|day| (day * DAY + HOUR, HOUR)));
            let interval = days(&[on(days_of_month(&named), windows)], day(0));
            prop_assert_eq!(i64::try_from(interval), Ok(longest));
        }
    }
}
