//! Queries of jobs give the same in every way to ask them.

use super::schedule::DAY;
use super::*;
use crate::world::{Extent, Scenario};
use crate::{filter, sort};

/// 2026-02-03T12:00:00Z
const NOON: i64 = 1_770_120_000_000;

fn database(jobs_per_day: u32) -> JobDatabase {
    let world = World::new(&Extent {
        seed: 42,
        server_name: "primary.paris.example",
        jobs_per_day,
        policies: None,
        scenario: Scenario::Ordinary,
        now: NOON,
    });
    JobDatabase::new(world, 7 * DAY, Clock::manual(NOON), vec!["stu-1".into()])
}

fn plan(filter: &str, sort: &str) -> Plan {
    let filter = (!filter.is_empty()).then(|| filter::parse(filter, FIELDS).unwrap());
    let keys = if sort.is_empty() { Vec::new() } else { sort::parse(sort, FIELDS).unwrap() };
    Plan::new(filter, keys)
}

/// The shortcuts of the plan must not change the answer: compares with looking at every job.
fn check(database: &JobDatabase, text: &str) {
    let expression = filter::parse(text, FIELDS).unwrap();
    let behind = database.schedule.first_at(NOON + 1);
    let expected: Vec<_> = (0..behind)
        .map(|number| Job::new(database, number, NOON))
        .filter(|job| database.keeps(job, NOON) && expression.matches(job))
        .map(|job| job.id())
        .collect();
    for sort in ["jobId", "-startTime", "endTime", "-endTime", "clientName"] {
        let plan = plan(text, sort);
        let (jobs, count) = database.slice(&plan, 0, usize::MAX);
        let mut found: Vec<_> = jobs.iter().map(Job::id).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text} by {sort}");
        assert_eq!(count, expected.len());
    }
}

#[test]
fn shortcuts_of_the_plan_never_change_the_answer() {
    let database = database(200);
    for filter in [
        "jobId ge 70000",
        "jobId gt 79000 and jobId le 79500",
        "jobId eq 79612",
        "endTime ge 2026-02-03T00:00:00Z",
        "endTime gt 2026-02-02T00:00:00Z and endTime lt 2026-02-02T03:00:00Z",
        "endTime le 2026-01-30T00:00:00Z",
        "not (endTime ge 2026-02-03T00:00:00Z)",
        "endTime ne 2026-02-03T00:00:00Z",
        "startTime ge 2026-02-03T09:30:00Z",
        "startTime lt 2026-01-29T09:30:00Z",
        "lastUpdateTime ge 2026-02-03T11:30:00Z",
        "lastUpdateTime lt 2026-02-03T11:30:00Z",
        "state ne 'DONE'",
        "state eq 'DONE'",
        "state eq 'QUEUED' or state eq 'ACTIVE'",
        "state ne 'QUEUED'",
        "state eq 'ACTIVE'",
        "not state eq 'DONE'",
        "status ne 0",
        "parentJobId ne 0 and status gt 1",
        "parentJobId eq 79601",
        "parentJobId eq 0 and jobId gt 79000",
        "endTime ge 9999-01-01T00:00:00Z",
        "startTime ge 0001-01-01T00:00:00Z",
        "jobId gt 9223372036854775807",
    ] {
        check(&database, filter);
    }
}

#[test]
fn orders_are_what_they_say() {
    let database = database(500);
    let done = |job: &Job<'_>| job.end().unwrap_or(i64::MAX);
    let (up, down) = (plan("", "endTime"), plan("", "-endTime"));
    let by_end = database.slice(&up, 0, usize::MAX).0;
    assert!(by_end.is_sorted_by_key(done));
    let by_end = database.slice(&down, 0, usize::MAX).0;
    assert!(by_end.iter().rev().is_sorted_by_key(done));
    let clients = plan("", "clientName,-jobId");
    let by_client = database.slice(&clients, 0, usize::MAX).0;
    assert!(by_client.is_sorted_by_key(|job| (job.client().to_owned(), -job.id())));
}

#[test]
fn a_quiet_server_has_no_jobs() {
    let database = database(0);
    assert_eq!(database.count(&plan("", "")), 0);
    assert_eq!(database.count(&plan("endTime ge 2026-02-03T00:00:00Z", "-endTime")), 0);
    assert!(database.find(1).is_none());
}

#[test]
fn old_jobs_are_forgotten() {
    let database = database(1_000);
    let done = plan("state eq 'DONE'", "endTime");
    let (jobs, _) = database.slice(&done, 0, 1);
    let oldest = jobs[0].end().unwrap();
    assert!((NOON - 7 * DAY..NOON - 7 * DAY + 600_000).contains(&oldest));
    assert!(database.find(jobs[0].id()).is_some() && database.find(1).is_none());
}

#[test]
fn the_mix_is_that_of_a_real_site() {
    let database = database(5_000);
    let all = database.count(&plan("state eq 'DONE'", ""));
    let share = |filter: &str| database.count(&plan(filter, "")) * 1_000 / all;
    for (filter, range) in [
        ("state eq 'DONE' and status eq 0", 870..930),
        ("state eq 'DONE' and status eq 1", 30..70),
        ("state eq 'DONE' and status gt 1", 30..70),
        ("jobType eq 'BACKUP'", 600..800),
        ("jobType eq 'IMAGEDELETE'", 40..90),
        ("jobType eq 'SNAPSHOT'", 20..90),
        ("parentJobId ne 0", 60..140),
        ("policyType eq 'VMWARE'", 120..400),
        ("state ne 'DONE'", 1..20),
    ] {
        assert!(range.contains(&share(filter)), "{filter}: {}", share(filter));
    }
}

/// What docs/migration.md says of the rule `NbuBackupSuccessRateLow`.
#[test]
fn of_an_ordinary_weeks_backups_a_tenth_fails_in_some_hour_and_not_in_six() {
    let database = database(2_000);
    let plan = plan("jobType eq 'BACKUP' and state eq 'DONE'", "endTime");
    let (jobs, _) = database.slice(&plan, 0, usize::MAX);
    let ended: Vec<_> = jobs.iter().map(|job| (job.end().unwrap(), job.profile().status > 1)).collect();
    let worst = |window: i64| {
        let windows = (NOON - 6 * DAY..NOON).step_by(15 * 60_000).map(|end| {
            let from = ended.partition_point(|(at, _)| *at <= end - window);
            let until = ended.partition_point(|(at, _)| *at <= end);
            let failed = ended[from..until].iter().filter(|(_, failed)| *failed).count();
            failed * 1_000 / (until - from)
        });
        windows.max().unwrap()
    };
    let (hour, six) = (worst(HOUR), worst(6 * HOUR));
    assert!(hour > 100 && six < 100, "of a thousand: {hour} in an hour, {six} in six");
}
