//! Walking the jobs of a query, from any place in either direction, without collecting what is not asked for.

use std::cmp::Ordering;
use std::ops::Range;

use super::plan::{Bounds, Cursor, Order, Plan};
use super::schedule::HOUR;
use super::{Job, JobDatabase};
use crate::{locked, sort};

/// Up to `limit` jobs of a query, and what lies around them.
pub(crate) struct Page<'a> {
    pub(crate) jobs: Vec<Job<'a>>,
    /// Cursor for `page[before]`, if there is a page before.
    pub(crate) prev: Option<String>,
    /// Cursor for `page[after]`, if there is a page after.
    pub(crate) next: Option<String>,
    pub(crate) truncated: bool,
}

type Jobs<'a> = Box<dyn Iterator<Item = Job<'a>> + 'a>;

impl JobDatabase {
    /// One page by cursor. `None` for a cursor that this order does not know.
    pub(crate) fn page<'a>(
        &'a self,
        plan: &'a Plan,
        after: Option<&str>,
        before: Option<&str>,
        limit: usize,
    ) -> Option<Page<'a>> {
        let now = self.clock.now();
        let newest = self.schedule.first_at(now.saturating_add(1));
        let known = |cursor: &Cursor| cursor.number < newest;
        let read = |text: Option<&str>| match text {
            None => Some(None),
            Some(text) => plan.order.parse_cursor(text).filter(known).map(Some),
        };
        let (after, before) = (read(after)?, read(before)?);
        let backwards = after.is_none() && before.is_some();
        let walk = Walk::new(self, plan, now, backwards);
        let mut jobs: Vec<_> = match (after, before) {
            (Some(after), Some(before)) => {
                let end = walk.clone_backwards();
                walk.from(Some(after))
                    .take_while(|job| end.compare(job, before).is_gt())
                    .take(limit + 1)
                    .collect()
            }
            (after, before) => walk.from(after.or(before)).take(limit + 1).collect(),
        };
        let more = jobs.len() > limit;
        jobs.truncate(limit);
        if backwards {
            jobs.reverse();
        }
        let cursor = |job: &Job<'a>| plan.cursor(job);
        Some(Page {
            prev: jobs.first().filter(|_| after.is_some() || (backwards && more)).map(cursor),
            next: jobs
                .last()
                .filter(|_| backwards || more || (after.is_some() && before.is_some()))
                .map(cursor),
            truncated: more && after.is_some() && before.is_some(),
            jobs,
        })
    }

    /// One page by offset, and the number of all jobs of the query.
    pub(crate) fn slice<'a>(&'a self, plan: &'a Plan, offset: usize, limit: usize) -> (Vec<Job<'a>>, usize) {
        let mut count = 0;
        let mut jobs = Vec::new();
        for job in Walk::new(self, plan, self.clock.now(), false).from(None) {
            if count >= offset && jobs.len() < limit {
                jobs.push(job);
            }
            count += 1;
        }
        (jobs, count)
    }

    pub(crate) fn count(&self, plan: &Plan) -> usize {
        Walk::new(self, plan, self.clock.now(), false).from(None).count()
    }
}

impl Plan {
    /// The cursor of a job, `meta.page.cursor`.
    pub(crate) fn cursor(&self, job: &Job<'_>) -> String {
        self.order.write_cursor(job.cursor())
    }
}

impl Job<'_> {
    fn cursor(&self) -> Cursor {
        Cursor { end: self.end().unwrap_or(i64::MAX), number: self.timeline.number }
    }
}

/// One direction through the jobs of a plan at one moment.
struct Walk<'a> {
    database: &'a JobDatabase,
    plan: &'a Plan,
    bounds: Bounds,
    now: i64,
    backwards: bool,
}

impl<'a> Walk<'a> {
    fn new(database: &'a JobDatabase, plan: &'a Plan, now: i64, backwards: bool) -> Self {
        Self { database, plan, bounds: plan.bounds(database, now), now, backwards }
    }

    fn clone_backwards(&self) -> Self {
        Self { bounds: self.bounds.clone(), backwards: true, ..*self }
    }

    /// The jobs behind `cursor`, in the order of the walk.
    fn from(self, cursor: Option<Cursor>) -> Jobs<'a> {
        let Self { database, plan, now, .. } = self;
        let candidates = match &plan.order {
            Order::Number { descending } => {
                let cursor = cursor.map(|cursor| cursor.number);
                self.numbers(cursor, *descending != self.backwards)
            }
            Order::End { descending } => self.ends(cursor, *descending != self.backwards),
            Order::Attributes(_) => self.sorted(cursor),
        };
        Box::new(candidates.filter(move |job| {
            database.keeps(job, now) && plan.filter.as_ref().is_none_or(|filter| filter.matches(job))
        }))
    }

    /// The jobs beyond a number, by number.
    fn numbers(&self, cursor: Option<i64>, descending: bool) -> Jobs<'a> {
        let (database, now) = (self.database, self.now);
        let job = move |number| Job::new(database, number, now);
        let numbers = beyond(self.bounds.numbers.clone(), cursor, descending);
        // The bounds know how long jobs live, but for the one that never ends.
        let is_beyond = |hung: &i64| match cursor {
            None => true,
            Some(cursor) if descending => *hung < cursor,
            Some(cursor) => *hung > cursor,
        };
        let hung =
            database.schedule.hung().filter(|hung| self.bounds.live && *hung < self.bounds.numbers.start);
        let hung = hung.filter(is_beyond).into_iter();
        if descending {
            Box::new(numbers.rev().chain(hung).map(job))
        } else {
            Box::new(hung.chain(numbers).map(job))
        }
    }

    /// Live jobs have no end: they come last, and first in descending order.
    fn ends(&self, cursor: Option<Cursor>, descending: bool) -> Jobs<'a> {
        let beyond_cursor = move |job: &Job<'a>| match cursor {
            None => true,
            Some(cursor) if descending => job.cursor() < cursor,
            Some(cursor) => job.cursor() > cursor,
        };
        let live: Jobs<'a> = if self.bounds.live {
            Box::new(self.numbers(None, descending).filter(|job| !job.is_done()))
        } else {
            Box::new(std::iter::empty())
        };
        let done = self.done(cursor, descending);
        if descending {
            Box::new(live.chain(done).filter(beyond_cursor))
        } else {
            Box::new(done.chain(live).filter(beyond_cursor))
        }
    }

    fn done(&self, cursor: Option<Cursor>, descending: bool) -> Jobs<'a> {
        let (database, now) = (self.database, self.now);
        let mut ends = self.bounds.ends.clone();
        match cursor {
            Some(cursor) if descending => ends.end = ends.end.min(cursor.end.saturating_add(1)),
            Some(cursor) => ends.start = ends.start.max(cursor.end),
            None => {}
        }
        if !self.bounds.done || ends.is_empty() {
            return Box::new(std::iter::empty());
        }
        let hours = ends.start.div_euclid(HOUR)..(ends.end - 1).div_euclid(HOUR) + 1;
        let jobs = move |hour: i64| {
            let jobs = locked(&database.ends).hour(&database.schedule, hour);
            let inside = jobs.partition_point(|(end, _)| *end < ends.start)
                ..jobs.partition_point(|(end, _)| *end < ends.end);
            let count = inside.len();
            (0..count).filter_map(move |step| {
                let index = if descending { inside.end - 1 - step } else { inside.start + step };
                jobs.get(index).map(|(_, number)| Job::new(database, *number, now))
            })
        };
        let jobs: Jobs<'a> =
            if descending { Box::new(hours.rev().flat_map(jobs)) } else { Box::new(hours.flat_map(jobs)) };
        Box::new(jobs.filter(Job::is_done))
    }

    /// Any other order: all matching jobs are computed and sorted, which takes a while without a bound on time.
    fn sorted(self, cursor: Option<Cursor>) -> Jobs<'a> {
        let Order::Attributes(keys) = &self.plan.order else {
            return Box::new(std::iter::empty());
        };
        let mut found: Vec<_> = self
            .numbers(None, false)
            .filter(|job| self.database.keeps(job, self.now))
            .filter(|job| {
                let filter = self.plan.filter.as_ref();
                filter.is_none_or(|filter| filter.matches(job))
            })
            .map(|job| (sort::values(&job, keys), job.timeline.number))
            .collect();
        found.sort_by(|a, b| sort::order(&a.0, &b.0, keys).then(a.1.cmp(&b.1)));
        if self.backwards {
            found.reverse();
        }
        let (database, now) = (self.database, self.now);
        let jobs = found.into_iter().map(move |(_, number)| Job::new(database, number, now));
        match cursor {
            None => Box::new(jobs),
            Some(cursor) => Box::new(jobs.skip_while(move |job| self.compare(job, cursor).is_le())),
        }
    }

    /// Whether `job` comes before or behind `cursor` in this walk.
    fn compare(&self, job: &Job<'_>, cursor: Cursor) -> Ordering {
        let (order, descending) = match &self.plan.order {
            Order::Number { descending } => (job.timeline.number.cmp(&cursor.number), *descending),
            Order::End { descending } => (job.cursor().cmp(&cursor), *descending),
            Order::Attributes(keys) => {
                let there = Job::new(self.database, cursor.number, self.now);
                let order = sort::order(&sort::values(job, keys), &sort::values(&there, keys), keys);
                (order.then(job.timeline.number.cmp(&cursor.number)), false)
            }
        };
        if descending == self.backwards { order } else { order.reverse() }
    }
}

fn beyond(numbers: Range<i64>, cursor: Option<i64>, descending: bool) -> Range<i64> {
    match cursor {
        None => numbers,
        Some(cursor) if descending => numbers.start..numbers.end.min(cursor),
        Some(cursor) => numbers.start.max(cursor.saturating_add(1))..numbers.end,
    }
}
