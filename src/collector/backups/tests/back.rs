//! The read-back, against a scripted server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::netbackup::fixture::Received;

/// What a server holds, and how it answers.
#[derive(Default)]
struct Held {
    jobs: Vec<Ran>,
    /// The policy or client, the status, and when the backup began.
    images: Vec<(&'static str, i64, i64)>,
    is_unsorted: bool,
    refuses_images: bool,
    fails: AtomicBool,
    delay: Duration,
}

type Database = Arc<Mutex<Held>>;

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after).map_or(rest, |(found, _)| found))
}

fn second(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn jobs(held: &Held, query: &str) -> Answer {
    let until = between(query, "endTime lt ", "&").map_or(i64::MAX, second);
    let from = second(between(query, "endTime ge ", if until == i64::MAX { "&" } else { " and" }).unwrap());
    let job_type = between(query, "jobType eq '", "'");
    let limit: usize = between(query, "page[limit]=", "&").unwrap().parse().unwrap();
    let after: usize = between(query, "page[after]=", "&").map_or(0, |cursor| cursor.parse().unwrap());
    let is_asked =
        |job: &&Ran| (from..until).contains(&job.ended) && job_type.is_none_or(|asked| asked == job.job_type);
    let mut found: Vec<_> = held.jobs.iter().filter(is_asked).collect();
    if !held.is_unsorted {
        found.sort_by_key(|job| (job.ended, job.id));
    }
    if query.contains("sort=-endTime") {
        found.reverse();
    }
    let page: Vec<_> = found.iter().skip(after).take(limit).map(|job| job.json()).collect();
    let next = after + page.len();
    let next = if next < found.len() { format!(r#""next":"{next}""#) } else { String::new() };
    Answer::json(format!(r#"{{"data":[{}],"meta":{{"pagination":{{{next}}}}}}}"#, page.join(",")))
}

fn images(held: &Held, query: &str) -> Answer {
    if held.refuses_images {
        return Answer::status(401);
    }
    let name = between(query, "eq '", "' and").unwrap().replace("''", "'");
    let from = second(between(query, "backupTime ge ", " and").unwrap());
    let until = second(between(query, "backupTime le ", "&").unwrap());
    let found: Vec<_> =
        held.images.iter().filter(|(of, _, began)| *of == name && (from..=until).contains(began)).collect();
    let count = found.len();
    // In no order; and there are no offsets but the first one.
    let found = found.into_iter().take(100);
    let records = found.map(|(_, status, began)| {
        let began = jiff::Timestamp::from_second(*began).unwrap();
        format!(r#"{{"attributes":{{"backupTime":"{began}","elapsedTimeSeconds":60.0,"backupStatus":"{status}"}}}}"#)
    });
    let records = records.collect::<Vec<_>>().join(",");
    Answer::json(format!(r#"{{"data":[{records}],"meta":{{"pagination":{{"count":{count}}}}}}}"#))
}

async fn serve(held: Held) -> (Server, Database, Remembering) {
    let oldest = held.jobs.iter().map(|job| job.ended).min();
    let database = Arc::new(Mutex::new(held));
    let shared = database.clone();
    let server = Server::start(move |request: &Received| {
        let held = shared.lock().unwrap();
        let answer = match request.path.as_str() {
            // Without a clock, so that the time of the tests holds.
            "/ping" => return Answer::json("no time").with("x-netbackup-api-version", "12.0"),
            _ if held.fails.load(Ordering::SeqCst) => Answer::status(400),
            "/admin/jobs" => jobs(&held, &request.query),
            _ => images(&held, &request.query),
        };
        Answer { delay: held.delay, ..answer }
    })
    .await;
    let mut site = Remembering::of(&server).await;
    site.oldest = oldest.map_or(OldestJob::None, OldestJob::Ended);
    (server, database, site)
}

fn with_jobs(jobs: Vec<Ran>) -> Held {
    Held { jobs, ..Held::default() }
}

fn last(site: &mut Remembering, policy: &str, result: &str) -> Option<i64> {
    let labels = format!(r#"policy="{policy}",policy_type="STANDARD",result="{result}""#);
    site.value("policy_last_backup_timestamp_seconds", &labels).map(|second| second as i64)
}

fn older_than(site: &mut Remembering, age: &str) -> Option<f64> {
    site.value("clients_without_backup", &format!("older_than=\"{age}\""))
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_start_reads_back_until_every_last_good_backup_is_known_and_a_day_at_least() {
    let (server, _, mut site) = serve(with_jobs(vec![
        Ran::alone(1, "weekly", "web", 0, NOW - 6 * DAY),
        Ran::alone(2, "weekly", "web", 96, NOW - 3 * DAY),
        Ran::alone(3, "daily", "db", 0, NOW - 5 * HOUR),
        Ran::alone(4, "daily", "db", 0, NOW - 30 * DAY),
    ]))
    .await;
    site.knows(&[("weekly", &["web"]), ("daily", &["db"])]);
    site.read_back().await;
    assert_eq!(server.received_at("/admin/jobs").len(), 0, "never before live data");
    site.live(&[]);
    assert_eq!(site.value("backup_history_start_timestamp_seconds", ""), Some((NOW - HOUR) as f64));
    assert_eq!(
        (older_than(&mut site, "1d"), older_than(&mut site, "never")),
        (None, None),
        "absent while unknown"
    );
    for _ in 0..3 {
        site.read_back().await;
    }
    assert_eq!(last(&mut site, "weekly", "success"), Some(NOW - 6 * DAY));
    assert_eq!(last(&mut site, "daily", "success"), Some(NOW - 5 * HOUR));
    assert_eq!(site.value("policy_consecutive_failures", r#"policy="weekly""#), Some(1.0));
    assert_eq!(
        ["1d", "2d", "7d", "never"].map(|age| older_than(&mut site, age)),
        [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]
    );
    assert_eq!(site.value("backup_history_read_ratio", ""), Some(1.0));
    // 6 days and what is left of the step, not the 30 days to the oldest job.
    let steps = server.received_at("/admin/jobs").len();
    assert_eq!(steps, 24);
    assert!(server.received_at("/catalog/images").is_empty());
    site.read_back().await;
    assert_eq!(server.received_at("/admin/jobs").len(), steps, "what is over is not asked for again");
}

#[tokio::test]
async fn twenty_pages_a_run_are_read_and_the_next_run_goes_on_within_a_step() {
    // All in one step, several in each second.
    let jobs =
        (1..=3050_u32).map(|id| Ran::alone(id, "files", "web", 96, NOW - HOUR - 2 - i64::from(id / 7)));
    let (server, _, mut site) = serve(with_jobs(jobs.collect())).await;
    site.knows(&[("files", &[])]);
    site.live(&[]);
    site.read_back().await;
    assert_eq!(server.received_at("/admin/jobs").len(), 20);
    assert_eq!(last(&mut site, "files", "failed"), Some(NOW - HOUR - 2));
    assert_eq!(
        site.value("policy_consecutive_failures", r#"policy="files""#),
        Some(0.0),
        "only over whole steps"
    );
    let read = site.value("backup_history_read_ratio", "");
    assert_eq!(read, Some(0.0));
    site.read_back().await;
    assert_eq!(site.value("policy_consecutive_failures", r#"policy="files""#), Some(1000.0));
    assert_eq!(
        site.value("policy_jobs_total", r#"policy="files",result="failed""#),
        Some(0.0),
        "counters begin at 0"
    );
    assert!(site.backups.reading.is_walked);
}

#[tokio::test]
async fn a_run_that_is_dropped_loses_nothing_of_what_was_read_back() {
    let jobs: Vec<_> = (1..=900_u32)
        .map(|id| {
            Ran::alone(id, "files", "web", if id % 3 == 0 { 0 } else { 96 }, NOW - HOUR - 10 * i64::from(id))
        })
        .collect();
    let (_server, database, mut site) =
        serve(Held { delay: Duration::from_millis(20), ..with_jobs(jobs) }).await;
    site.knows(&[("files", &[])]);
    site.live(&[]);
    let mut reached = Vec::new();
    for _ in 0..3 {
        // The answers take longer than the patience of the second page.
        let _ = tokio::time::timeout(Duration::from_millis(50), site.read_back()).await;
        reached.push(site.backups.reading.step.as_ref().map_or(0, |step| step.jobs.len()));
    }
    assert!(reached.is_sorted() && reached.iter().all(|jobs| *jobs < 900), "{reached:?}");
    database.lock().unwrap().delay = Duration::ZERO;
    site.read_back().await;
    assert_eq!(site.backups.reading.frontier, Some(NOW - HOUR - 9000), "as far as there are jobs");
    assert_eq!(last(&mut site, "files", "success"), Some(NOW - HOUR - 30));
    assert_eq!(site.value("policy_consecutive_failures", r#"policy="files""#), Some(2.0));
}

#[tokio::test]
async fn who_ran_before_the_oldest_job_is_found_in_the_images_and_the_rest_never_ran() {
    let jobs = vec![
        Ran::alone(1, "fails", "bad", 96, NOW - 2 * HOUR),
        Ran::alone(2, "fails", "bad", 96, NOW - 30 * HOUR),
    ];
    let images = vec![
        ("o'brien", 0, NOW - 20 * DAY),
        ("o'brien", 1, NOW - 10 * DAY),
        ("o'brien", 0, NOW - 12 * DAY),
        ("web", 0, NOW - 12 * DAY),
    ];
    let (server, database, mut site) = serve(Held { images, ..with_jobs(jobs) }).await;
    site.knows(&[("o'brien", &["web"]), ("fails", &["bad"]), ("none", &["nobody"])]);
    site.live(&[]);
    site.read_back().await;
    assert_eq!(last(&mut site, "o'brien", "success"), Some(NOW - 12 * DAY + 60));
    assert_eq!(last(&mut site, "o'brien", "partial"), Some(NOW - 10 * DAY + 60));
    assert_eq!(site.value("policy_consecutive_failures", r#"policy="fails""#), Some(2.0));
    assert_eq!(
        ["1d", "7d", "never"].map(|age| older_than(&mut site, age)),
        [Some(3.0), Some(3.0), Some(2.0)]
    );
    let start = site.value("backup_history_start_timestamp_seconds", "").unwrap();
    assert_eq!(start as i64, NOW - 35 * DAY);
    let asked = server.received_at("/catalog/images").len();
    assert_eq!(asked, 6, "three policies, three clients");
    // One that comes later is looked for as well, and nobody else is asked for again.
    database.lock().unwrap().images.push(("new", 0, NOW - DAY / 2));
    let mut policies = (*site.given.board.policies().unwrap()).clone();
    policies.insert("new".to_owned(), daily());
    site.given.board.learn_policies(policies);
    site.read_back().await;
    assert_eq!(last(&mut site, "new", "success"), Some(NOW - DAY / 2 + 60));
    assert_eq!(server.received_at("/catalog/images").len(), asked + 1);
}

#[tokio::test]
async fn nobody_never_ran_as_long_as_the_images_are_not_seen() {
    let (server, database, mut site) = serve(Held { refuses_images: true, ..Held::default() }).await;
    site.knows(&[("files", &["web"])]);
    site.live(&[]);
    for _ in 0..3 {
        site.read_back().await;
    }
    assert_eq!(server.received_at("/catalog/images").len(), 1, "it is not asked again and again");
    assert_eq!(older_than(&mut site, "never"), None);
    assert_eq!(site.value("backup_history_read_ratio", ""), Some(0.99));
    // It shows at the collector of policies, whose resource it is, and not at that of jobs.
    assert!(site.given.board.read_for_others().is_refused("/catalog/images"));
    assert!(!site.given.absences.any_refused());
    database.lock().unwrap().refuses_images = false;
    site.given.board.forget_refusals();
    site.read_back().await;
    assert_eq!((older_than(&mut site, "never"), older_than(&mut site, "1d")), (Some(1.0), Some(1.0)));
}

#[tokio::test]
async fn the_newest_of_many_images_is_found_with_few_questions() {
    let many = (0..5000).map(|number| ("files", 0, NOW - 34 * DAY + 400 * number)).collect();
    let (server, _, mut site) = serve(Held { images: many, ..Held::default() }).await;
    site.knows(&[("files", &[])]);
    site.live(&[]);
    site.read_back().await;
    assert_eq!(last(&mut site, "files", "success"), Some(NOW - 34 * DAY + 400 * 4999 + 60));
    let asked = server.received_at("/catalog/images").len();
    assert!(asked <= 12, "{asked}");
}

#[tokio::test]
async fn twenty_questions_for_images_a_run() {
    let (server, _, mut site) = serve(Held::default()).await;
    let names: Vec<_> = (0..30).map(|number| format!("policy-{number}")).collect();
    site.knows(&names.iter().map(|name| (name.as_str(), &[] as &[&str])).collect::<Vec<_>>());
    site.live(&[]);
    site.read_back().await;
    assert_eq!(server.received_at("/catalog/images").len(), 20);
    assert_eq!(older_than(&mut site, "never"), None);
    site.read_back().await;
    assert_eq!(server.received_at("/catalog/images").len(), 30);
    assert_eq!(older_than(&mut site, "never"), Some(0.0));
}

#[tokio::test]
async fn an_error_costs_the_run_nothing_and_the_next_one_goes_on() {
    let (_server, database, mut site) =
        serve(with_jobs(vec![Ran::alone(1, "files", "web", 0, NOW - 2 * HOUR)])).await;
    site.knows(&[("files", &["web"])]);
    site.live(&[Ran::alone(2, "files", "web", 96, NOW - 1000)]);
    database.lock().unwrap().fails.store(true, Ordering::SeqCst);
    assert_eq!(site.read_back().await, Diagnostics::default());
    assert_eq!(
        (last(&mut site, "files", "failed"), last(&mut site, "files", "success")),
        (Some(NOW - 1000), None)
    );
    database.lock().unwrap().fails.store(false, Ordering::SeqCst);
    site.read_back().await;
    assert_eq!(last(&mut site, "files", "success"), Some(NOW - 2 * HOUR));
    assert_eq!(site.value("policy_consecutive_failures", r#"policy="files""#), Some(1.0));
}

#[tokio::test]
async fn a_server_that_does_not_sort_is_not_read_back_by_jobs() {
    let jobs = (1..=5).map(|id| Ran::alone(id, "files", "web", 0, NOW - 2 * HOUR - i64::from(id * 7 % 5)));
    let (server, _, mut site) = serve(Held { is_unsorted: true, ..with_jobs(jobs.collect()) }).await;
    site.knows(&[("files", &[])]);
    site.live(&[]);
    site.read_back().await;
    assert!(site.backups.reading.is_walked);
    assert_eq!(site.value("backup_history_start_timestamp_seconds", ""), Some((NOW - 35 * DAY) as f64));
    let asked = server.received_at("/admin/jobs").len();
    site.read_back().await;
    assert_eq!(server.received_at("/admin/jobs").len(), asked);
}

#[tokio::test]
async fn catalog_backups_and_snapshots_are_read_back_where_policies_make_them() {
    let (server, _, mut site) = serve(with_jobs(vec![
        Ran::alone(1, "catalog", "primary", 0, NOW - 2 * HOUR).of_type("DBBACKUP"),
        Ran::alone(2, "snaps", "nas", 0, NOW - 3 * HOUR).of_type("SNAPSHOT"),
    ]))
    .await;
    site.knows(&[("files", &[])]);
    site.live(&[]);
    let mut policies = Policies::new();
    policies.insert("catalog".to_owned(), Policy { policy_type: "NBU_CATALOG".to_owned(), ..daily() });
    policies.insert("snaps".to_owned(), Policy { snapshot_only: true, ..daily() });
    site.given.board.learn_policies(policies);
    site.read_back().await;
    assert_eq!(last(&mut site, "snaps", "success"), Some(NOW - 3 * HOUR));
    let of_catalog = r#"policy="catalog",policy_type="NBU_CATALOG",result="success""#;
    assert_eq!(site.value("policy_last_backup_timestamp_seconds", of_catalog), Some((NOW - 2 * HOUR) as f64));
    let asked = server.received_at("/admin/jobs");
    assert!(
        ["BACKUP", "DBBACKUP", "SNAPSHOT"]
            .iter()
            .all(|name| asked.iter().any(|request| request.query.contains(&format!("jobType eq '{name}'"))))
    );
}
