//! How a query of jobs is answered: in which order to walk, and which jobs can be left out.

use std::ops::Range;

use super::JobDatabase;
use super::schedule::{BLOCK, LONGEST};
use crate::filter::{Expression, Operator, Test, Value};
use crate::sort::SortKey;

/// The longest that the database lags behind the end of a job.
const LAG: i64 = 31_000;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) filter: Option<Expression>,
    pub(super) order: Order,
}

#[derive(Debug)]
pub(super) enum Order {
    Number { descending: bool },
    End { descending: bool },
    Attributes(Vec<SortKey>),
}

/// A place in the order of a query: what `page[after]` and `page[before]` carry. Clients must not interpret it; the `+`
/// in those of the order by end time makes a client fail that does not percent-encode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    /// End of the job, `i64::MAX` for a live one; 0 where the order does not need it.
    pub(super) end: i64,
    pub(super) number: i64,
}

/// What a filter rules out without computing a job: numbers and ends that can not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) numbers: Range<i64>,
    pub(super) ends: Range<i64>,
    pub(super) live: bool,
    pub(super) done: bool,
}

impl Plan {
    /// Without `sort` the newest start comes first.
    pub(crate) fn new(filter: Option<Expression>, sort: Vec<SortKey>) -> Self {
        Self { filter, order: Order::of(sort) }
    }

    pub(super) fn bounds(&self, database: &JobDatabase, now: i64) -> Bounds {
        let schedule = &database.schedule;
        let mut bounds = Bounds {
            numbers: schedule.first_at(now - database.retention - LONGEST)
                ..schedule.first_at(now.saturating_add(1)),
            ends: now - database.retention..now.saturating_add(1),
            live: true,
            done: true,
        };
        if let Some(filter) = &self.filter {
            bounds.narrow(database, filter);
        }
        if !bounds.done {
            bounds.starts_from(database, now - LONGEST - LAG);
        }
        bounds
    }
}

impl Order {
    fn of(sort: Vec<SortKey>) -> Self {
        let Some(first) = sort.first() else {
            return Self::Number { descending: true };
        };
        let descending = first.descending;
        let by_number = |key: &SortKey| {
            matches!(key.field.attribute, "jobId" | "startTime") && key.descending == descending
        };
        if sort.iter().all(by_number) {
            return Self::Number { descending };
        }
        if first.field.attribute == "endTime" && sort.iter().skip(1).all(by_number) {
            return Self::End { descending };
        }
        Self::Attributes(sort)
    }

    pub(super) fn write_cursor(&self, cursor: Cursor) -> String {
        match self {
            Self::End { .. } => format!("{}+{}", cursor.end, cursor.number + 1),
            Self::Number { .. } | Self::Attributes(_) => (cursor.number + 1).to_string(),
        }
    }

    pub(super) fn parse_cursor(&self, text: &str) -> Option<Cursor> {
        let (end, id) = match self {
            Self::End { .. } => text.split_once('+')?,
            Self::Number { .. } | Self::Attributes(_) => ("0", text),
        };
        let (end, id): (i64, i64) = (end.parse().ok()?, id.parse().ok()?);
        (id > 0).then_some(Cursor { end, number: id - 1 })
    }
}

impl Bounds {
    fn narrow(&mut self, database: &JobDatabase, filter: &Expression) {
        match filter {
            Expression::All(parts) => parts.iter().for_each(|part| self.narrow(database, part)),
            Expression::Test(test) => self.narrow_by(database, test),
            Expression::Any(_) | Expression::Not(_) => {}
        }
    }

    fn narrow_by(&mut self, database: &JobDatabase, test: &Test) {
        match (test.field.attribute, &test.literal) {
            ("state", Value::Text(state)) => {
                let done = (state == "DONE") == (test.operator == Operator::Equal);
                if state == "DONE" || test.operator == Operator::Equal {
                    self.done &= done;
                    self.live &= !done;
                }
            }
            ("jobId", Value::Integer(id)) => {
                if let Some(ids) = span(test.operator, *id) {
                    meet(&mut self.numbers, ids.start.saturating_sub(1)..ids.end.saturating_sub(1));
                }
            }
            ("parentJobId", Value::Integer(parent)) if *parent > 0 && test.operator == Operator::Equal => {
                meet(&mut self.numbers, *parent..parent.saturating_add(BLOCK));
            }
            ("startTime", Value::Integer(time)) => {
                if let Some(times) = span(test.operator, *time) {
                    self.starts_from(database, times.start);
                    self.starts_before(database, times.end);
                }
            }
            ("endTime", Value::Integer(time)) => {
                if let Some(times) = span(test.operator, *time) {
                    self.live = false;
                    self.starts_from(database, times.start.saturating_sub(LONGEST));
                    self.starts_before(database, times.end);
                    meet(&mut self.ends, times);
                }
            }
            ("lastUpdateTime", Value::Integer(time)) => {
                if let Some(times) = span(test.operator, *time) {
                    let earliest = times.start.saturating_sub(LAG);
                    self.starts_from(database, earliest.saturating_sub(LONGEST));
                    meet(&mut self.ends, earliest..i64::MAX);
                }
            }
            _ => {}
        }
    }

    fn starts_from(&mut self, database: &JobDatabase, time: i64) {
        self.numbers.start = self.numbers.start.max(database.schedule.first_at(time));
    }

    fn starts_before(&mut self, database: &JobDatabase, time: i64) {
        if time < database.clock.now() {
            self.numbers.end = self.numbers.end.min(database.schedule.first_at(time));
        }
    }
}

/// The values that can pass a test, or `None` when it rules out no range.
fn span(operator: Operator, value: i64) -> Option<Range<i64>> {
    match operator {
        Operator::Equal => Some(value..value.saturating_add(1)),
        Operator::Greater => Some(value.saturating_add(1)..i64::MAX),
        Operator::GreaterOrEqual => Some(value..i64::MAX),
        Operator::Less => Some(i64::MIN..value),
        Operator::LessOrEqual => Some(i64::MIN..value.saturating_add(1)),
        _ => None,
    }
}

fn meet(range: &mut Range<i64>, other: Range<i64>) {
    range.start = range.start.max(other.start);
    range.end = range.end.min(other.end);
}
