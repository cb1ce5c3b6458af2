//! When in a week backups may start.

pub(super) const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;

/// The start windows of a schedule, as spans of seconds since the midnight before Sunday: in order, and none touches another. Hours that
/// a change of clocks adds or takes are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StartWeek(Vec<(u64, u64)>);

impl StartWeek {
    /// From windows that each begin so many seconds after that midnight, and last so many.
    pub(super) fn new(windows: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut spans = Vec::new();
        for (start, length) in windows.into_iter().filter(|(_, length)| *length > 0) {
            let start = start % WEEK;
            let end = start + length.min(WEEK);
            spans.push((start, end.min(WEEK)));
            if end > WEEK {
                spans.push((0, end - WEEK));
            }
        }
        spans.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }

    /// Whether a backup may start at some time of a day; 0 is Sunday.
    pub(super) fn is_open_on(&self, day: u64) -> bool {
        self.0.iter().any(|(start, end)| *start < (day + 1) * DAY && *end > day * DAY)
    }

    /// The longest time between the starts of two backups that are due so many seconds after each other, since each waits until
    /// it may start; `None` if none ever may.
    ///
    /// The longest wait is that of a backup which is due just as a window closes, or else of the first one after it.
    pub(super) fn longest_gap(&self, frequency: u64) -> Option<u64> {
        let mut longest = frequency;
        for (_, closed) in &self.0 {
            let weeks = (frequency / WEEK + 1) * WEEK;
            let start = self.next_open(closed + weeks - frequency)?;
            longest = longest.max(self.next_open(start + frequency)? - start);
        }
        (!self.0.is_empty()).then_some(longest)
    }

    /// The first time from this one on at which a backup may start.
    fn next_open(&self, time: u64) -> Option<u64> {
        let (first, _) = self.0.first()?;
        let (before, second) = (time - time % WEEK, time % WEEK);
        let span = self.0.iter().find(|(_, end)| *end > second);
        Some(span.map_or(before + WEEK + first, |(start, _)| before + second.max(*start)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600;

    /// A window on each of these days, from one hour on for so many hours.
    fn on(days: impl IntoIterator<Item = u64>, from: u64, hours: u64) -> StartWeek {
        StartWeek::new(days.into_iter().map(|day| (day * DAY + from * HOUR, hours * HOUR)))
    }

    #[test]
    fn windows_that_touch_or_overlap_are_one_and_the_week_is_a_ring() {
        assert_eq!(on(0..7, 0, 24), StartWeek(vec![(0, WEEK)]));
        assert_eq!(on([1], 22, 30), StartWeek(vec![(DAY + 22 * HOUR, 3 * DAY + 4 * HOUR)]));
        assert_eq!(on([6], 20, 10), StartWeek(vec![(0, 6 * HOUR), (6 * DAY + 20 * HOUR, WEEK)]));
        assert_eq!(on([3], 5, 1_000), StartWeek(vec![(0, WEEK)]));
        assert_eq!(on(0..7, 5, 0), StartWeek::default());
        assert_eq!(StartWeek::new([(u64::MAX, u64::MAX)]), StartWeek(vec![(0, WEEK)]));
    }

    #[test]
    fn a_window_over_midnight_is_open_on_both_days() {
        let week = on([6], 22, 8);
        let open: Vec<_> = (0..7).filter(|day| week.is_open_on(*day)).collect();
        assert_eq!(open, [0, 6]);
        let open: Vec<_> = (0..7).filter(|day| on([2], 0, 24).is_open_on(*day)).collect();
        assert_eq!(open, [2]);
    }

    #[test]
    fn a_backup_that_is_due_while_the_window_is_closed_waits() {
        for (week, frequency, gap) in [
            // Every night; Monday to Friday; once a week; at any time.
            (on(0..7, 20, 8), 24, 24),
            (on(1..6, 20, 8), 24, 72),
            (on([0], 6, 10), 24, 7 * 24),
            (on(0..7, 0, 24), 4, 4),
            // Every 4 hours of a night: the last one of a night is at 2 o'clock.
            (on(0..7, 22, 8), 4, 20),
            // Not quite all day.
            (on(0..7, 0, 23), 4, 5),
            // Weekly, in any night; monthly, on Saturdays.
            (on(0..7, 20, 8), 7 * 24, 7 * 24),
            (on([6], 20, 8), 30 * 24, 35 * 24),
            // A day and a half is two days if it is night only once a day.
            (on(0..7, 20, 8), 36, 48),
        ] {
            assert_eq!(
                week.longest_gap(frequency * HOUR),
                Some(gap * HOUR),
                "{week:?} every {frequency} hours"
            );
        }
        assert_eq!(StartWeek::default().longest_gap(HOUR), None);
    }

    proptest! {
        #[test]
        fn the_longest_gap_is_that_of_all_hours_at_which_a_backup_may_start(
            windows in prop::collection::vec((0_u64..168, 1_u64..40), 1..9),
            frequency in 1_u64..900,
        ) {
            let open: Vec<_> = (0..168)
                .filter(|hour| windows.iter().any(|(start, length)| (hour + 168 - start) % 168 < *length))
                .collect();
            let next = |time: u64| (time..=time + 168).find(|time| open.contains(&(time % 168))).unwrap();
            let longest = open.iter().map(|start| next(start + frequency) - start).max().unwrap();
            let week = StartWeek::new(windows.iter().map(|(start, length)| (start * HOUR, length * HOUR)));
            prop_assert_eq!(week.longest_gap(frequency * HOUR), Some(longest * HOUR));
        }

        #[test]
        fn no_number_is_too_large(windows in prop::collection::vec(any::<(u64, u64)>(), 0..9), frequency in 0_u64..1 << 62) {
            let gap = StartWeek::new(windows).longest_gap(frequency);
            prop_assert!(gap.is_none_or(|gap| gap >= frequency && gap <= frequency + WEEK));
        }
    }
}
