//! The days that a calendar schedule names.

use jiff::civil::Date;

/// The fifth week of a month stands for its last one ("NetBackup API reference, /config/policies/{policyName}").
const LAST_WEEK: u8 = 5;

/// Days of months, days of weeks and dates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunDays {
    pub(super) last_of_month: bool,
    /// From 1.
    pub(super) of_month: Vec<u8>,
    /// Week of the month from 1, and day of the week from 1 for Sunday: the second Friday is (2, 6).
    pub(super) of_week: Vec<(u8, u8)>,
    pub(super) dates: Vec<Date>,
}

impl RunDays {
    /// Whether they have this day.
    pub(super) fn has(&self, date: Date) -> bool {
        let day = date.day().unsigned_abs();
        let length = date.days_in_month().unsigned_abs();
        let weekday = date.weekday().to_sunday_one_offset().unsigned_abs();
        let is_in = |week: u8| week == day.div_ceil(7) || week == LAST_WEEK && day + 7 > length;
        self.last_of_month && day == length
            || self.of_month.contains(&day)
            || self.of_week.iter().any(|(week, on)| *on == weekday && is_in(*week))
            || self.dates.contains(&date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_february(days: &RunDays) -> Vec<i8> {
        let month = jiff::civil::date(2026, 2, 1).series(jiff::Span::new().days(1)).take(28);
        month.filter(|date| days.has(*date)).map(Date::day).collect()
    }

    #[test]
    fn days_are_named_by_month_by_week_and_by_date() {
        // 2026-02-01 is a Sunday, and the month has four whole weeks.
        let none = RunDays::default();
        assert!(of_february(&none).is_empty());
        assert_eq!(of_february(&RunDays { of_month: vec![1, 15, 31], ..none.clone() }), [1, 15]);
        assert_eq!(of_february(&RunDays { last_of_month: true, ..none.clone() }), [28]);
        assert_eq!(of_february(&RunDays { of_week: vec![(1, 1), (2, 6)], ..none.clone() }), [1, 13]);
        assert_eq!(of_february(&RunDays { of_week: vec![(4, 7), (5, 7), (5, 1)], ..none.clone() }), [22, 28]);
        let dates = [jiff::civil::date(2026, 2, 3), jiff::civil::date(2027, 2, 4)];
        assert_eq!(of_february(&RunDays { dates: dates.to_vec(), ..none }), [3]);
    }

    #[test]
    fn the_last_friday_of_a_month_with_five_is_the_fifth() {
        let days = RunDays { of_week: vec![(5, 6)], ..RunDays::default() };
        let fridays: Vec<_> =
            [1, 8, 15, 22, 29].map(|day| days.has(jiff::civil::date(2026, 5, day))).to_vec();
        assert_eq!(fridays, [false, false, false, false, true]);
    }
}
