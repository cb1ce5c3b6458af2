//! The collector of jobs over runs, against a scripted server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::descs::FAMILIES;
use super::*;
use crate::collector::fixture::Given;
use crate::collector::runner::run;
use crate::config;
use crate::netbackup::date_time;
use crate::netbackup::fixture::{Answer, Received, Server, client, soon};

/// A NetBackup with jobs in it; the clock of the tests stands at [`NOW`].
#[derive(Clone)]
struct Jobbed {
    id: u64,
    state: &'static str,
    job_type: &'static str,
    status: i64,
    /// Seconds before [`NOW`].
    ended_ago: i64,
    /// Further attributes, each with a comma after it.
    more: &'static str,
}

const NOW: i64 = 1_770_080_400;

impl Jobbed {
    fn done(id: u64, ended_ago: i64) -> Self {
        Self { id, state: "DONE", job_type: "BACKUP", status: 0, ended_ago, more: "" }
    }

    fn json(&self) -> String {
        let Self { id, state, job_type, status, ended_ago, more } = self;
        let end = NOW - ended_ago;
        let ended = match *state {
            "DONE" => format!(r#""status":{status},"endTime":"{}","#, date_time(end)),
            _ => r#""endTime":"1970-01-01T00:00:00.000Z","jobQueueReason":5,"#.to_owned(),
        };
        let start = date_time(end - 1296);
        format!(
            r#"{{"type":"job","id":"{id}","links":{{}},"meta":{{"page":{{"cursor":"{id}"}}}},"attributes":{{"jobId":{id},
            "jobType":"{job_type}","state":"{state}","policyType":"VMWARE","policyName":"VM-GOLD","scheduleType":"FULL_BACKUP",
            {ended}{more}"clientName":"vm-017","kilobytesTransferred":1000,"numberOfFiles":7,"dedupRatio":93.1,
            "startTime":"{start}","elapsedTime":"PT21M36S"}}}}"#
        )
    }
}

type Database = Arc<Mutex<Vec<Jobbed>>>;

/// Answers filters on the end time and on the state, sorts by end, and pages by cursor.
fn answer(database: &Database, request: &Received) -> Answer {
    if request.path == "/ping" {
        let clock = NOW * 1000;
        return Answer { body: clock.to_string().into_bytes(), ..Answer::ping("12.0") };
    }
    if request.path == "/admin/jobs-count-requests" {
        let count = database.lock().unwrap().len();
        return Answer::json(format!(r#"{{"data":{{"attributes":{{"count":{count}}}}}}}"#));
    }
    let bound = |operator: &str| {
        let text = request.query.split(operator).nth(1)?.split([' ', '&']).next()?;
        Some(text.parse::<jiff::Timestamp>().unwrap().as_second())
    };
    let (from, until) = (bound("endTime ge "), bound("endTime le ").unwrap_or(i64::MAX));
    let mut jobs = database.lock().unwrap().clone();
    jobs.retain(|job| match from {
        Some(from) => job.state == "DONE" && (from..=until).contains(&(NOW - job.ended_ago)),
        None if request.query.contains("state eq 'DONE'") => job.state == "DONE",
        None => job.state != "DONE",
    });
    jobs.sort_by_key(|job| (-job.ended_ago, job.id));
    let after = request.query.split("page[after]=").nth(1).and_then(|cursor| cursor.parse().ok());
    let start =
        after.and_then(|id: u64| jobs.iter().position(|job| job.id == id)).map_or(0, |index| index + 1);
    let page: Vec<_> = jobs.iter().skip(start).take(100).collect();
    let next = match page.last() {
        Some(last) if start + page.len() < jobs.len() => format!(r#""next":"{}""#, last.id),
        _ => String::new(),
    };
    let data: Vec<_> = page.iter().map(|job| job.json()).collect();
    Answer::json(format!(r#"{{"data":[{}],"meta":{{"pagination":{{{next}}}}}}}"#, data.join(",")))
}

struct Site {
    database: Database,
    server: Server,
    given: Given,
    jobs: Jobs,
}

impl Site {
    async fn new(jobs: Vec<Jobbed>) -> Self {
        let database = Database::new(Mutex::new(jobs));
        let shared = database.clone();
        let server = Server::start(move |request| answer(&shared, request)).await;
        let given = Given::by(server.client());
        Self { database, server, given, jobs: Jobs::default() }
    }

    /// One run with its rest; the page as text.
    async fn run(&mut self) -> (String, Diagnostics) {
        let (live, diagnostics) = self.run_live().await;
        if !self.jobs.has_rest(&self.given.context()) {
            return (live, diagnostics);
        }
        (self.run_rest(false).await, diagnostics)
    }

    /// One run until its families are shown.
    async fn run_live(&mut self) -> (String, Diagnostics) {
        self.given.client.negotiate(soon()).await.unwrap();
        let run = run(&mut self.jobs, &self.given.context()).await;
        assert_eq!(run.outcome, Ok(()));
        assert_eq!(run.families.iter().map(Family::duplicates).sum::<u64>(), 0);
        (run.families.iter().map(Family::text).collect(), run.diagnostics)
    }

    /// The rest of it.
    async fn run_rest(&mut self, is_probe_refused: bool) -> String {
        let context = Context { is_probe_refused, ..self.given.context() };
        let families = self.jobs.collect_rest(&context, &mut Diagnostics::default()).await;
        families.iter().map(Family::text).collect()
    }

    fn add(&self, job: Jobbed) {
        self.database.lock().unwrap().push(job);
    }

    /// The queries for finished jobs, but for the first ones.
    fn asked(&self, skip: usize) -> Vec<String> {
        let received = self.server.received_at("/admin/jobs");
        let of_finished = received.into_iter().filter(|request| request.query.contains("endTime ge"));
        of_finished.skip(skip).map(|request| request.query).collect()
    }
}

fn line(text: &str, start: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(start))?;
    line.rsplit_once(' ').map(|(_, value)| value.to_owned())
}

const COUNT: &str = r#"nbu_jobs_count{site="paris",action="BACKUP",policy_type="VMWARE",status="0"}"#;
const FINISHED: &str = r#"nbu_jobs_finished_total{site="paris",job_type="BACKUP",policy_type="VMWARE",schedule_type="FULL_BACKUP",level="root",result="success"}"#;

#[tokio::test]
async fn jobs_become_exactly_these_families() {
    let mut site = Site::new(vec![
        Jobbed { more: r#""childCount":1,"jobPath":"1","#, ..Jobbed::done(1, 1800) },
        Jobbed { status: 1, more: r#""childCount":0,"jobPath":"1.2","#, ..Jobbed::done(2, 1700) },
        Jobbed { state: "ACTIVE", more: r#""transferRate":100,"#, ..Jobbed::done(4, 0) },
        Jobbed { state: "QUEUED", more: r#""jobQueueResource":"stu_1","#, ..Jobbed::done(5, 0) },
        Jobbed { state: "REQUEUED", job_type: "RESTORE", ..Jobbed::done(6, 0) },
        Jobbed { state: "SUSPENDED", ..Jobbed::done(7, 0) },
        Jobbed::done(8, 7200),
    ])
    .await;
    site.run().await;
    site.add(Jobbed { status: 196, job_type: "DUPLICATE", ..Jobbed::done(9, 60) });
    let (text, diagnostics) = site.run().await;
    // Four that are not done, one that is new, and two that are read again.
    assert_eq!(diagnostics, Diagnostics { records: 7, ..Diagnostics::default() });
    assert_eq!(text, include_str!("jobs.prom"), "{text}");
    let rendered: std::collections::BTreeSet<_> =
        text.lines().filter_map(|line| line.split_once('{').map(|(name, _)| name)).collect();
    for desc in FAMILIES {
        assert!(rendered.iter().any(|name| name.starts_with(desc.name)), "{} has no sample", desc.name);
    }
}

#[tokio::test]
async fn how_many_jobs_there_are_and_how_far_back_is_asked_once_and_costs_a_run_nothing() {
    let refused = Arc::new(AtomicBool::new(true));
    let database = Database::new(Mutex::new(vec![Jobbed::done(1, 9000), Jobbed::done(2, 100)]));
    let (shared, is_refusing) = (database.clone(), refused.clone());
    let server = Server::start(move |request| {
        let is_rare = request.path.ends_with("count-requests") || request.query.contains("state eq 'DONE'");
        if is_rare && is_refusing.load(Ordering::SeqCst) {
            Answer::status(403)
        } else {
            answer(&shared, request)
        }
    })
    .await;
    let mut site = Site { database, given: Given::by(server.client()), server, jobs: Jobs::default() };
    let (text, _) = site.run().await;
    assert_eq!(line(&text, COUNT).as_deref(), Some("1"));
    assert_eq!((line(&text, "nbu_jobs_records"), line(&text, "nbu_jobs_history_start")), (None, None));
    refused.store(false, Ordering::SeqCst);
    site.jobs = Jobs::default();
    for _ in 0..2 {
        let (text, _) = site.run().await;
        assert_eq!(line(&text, "nbu_jobs_records").as_deref(), Some("2"));
        let start = (NOW - 9000).to_string();
        assert_eq!(line(&text, "nbu_jobs_history_start"), Some(start));
    }
    assert_eq!(site.server.received_at("/admin/jobs-count-requests").len(), 2);
}

#[tokio::test]
async fn what_can_wait_is_asked_for_when_the_jobs_are_shown_and_the_number_of_records_of_nobody_who_may_not_count()
 {
    let mut site = Site::new(vec![Jobbed::done(1, 100)]).await;
    let (live, _) = site.run_live().await;
    assert_eq!(site.server.received_at("/admin/jobs").len(), 2, "what is live");
    let rest = site.run_rest(true).await;
    for page in [&live, &rest] {
        assert_eq!(line(page, COUNT).as_deref(), Some("1"));
    }
    let start = Some((NOW - 100).to_string());
    assert_eq!([&live, &rest].map(|page| line(page, "nbu_jobs_history_start")), [None, start]);
    assert!(site.server.received_at("/admin/jobs-count-requests").is_empty());
    let refused = Context { is_probe_refused: true, ..site.given.context() };
    assert!(!site.jobs.has_rest(&refused) && site.jobs.has_rest(&site.given.context()));
}

#[tokio::test]
async fn a_client_that_may_be_shown_from_now_on_has_its_whole_window_and_nothing_counts_twice() {
    let mut site = Site::new(vec![Jobbed::done(1, 900)]).await;
    site.run().await;
    site.add(Jobbed::done(2, 100));
    let client_jobs = r#"nbu_client_window_jobs{site="paris",client="vm-017",job_type="BACKUP",status="0"}"#;
    let (text, _) = site.run().await;
    assert_eq!((line(&text, client_jobs), line(&text, FINISHED).as_deref()), (None, Some("1")));
    site.given.collectors.per_client.enabled = true;
    site.given.collectors.per_client.options.allowlist = vec!["VM-0*".to_owned()];
    let asked = site.asked(0).len();
    for _ in 0..2 {
        let (text, _) = site.run().await;
        assert_eq!(line(&text, client_jobs).as_deref(), Some("2"));
        assert_eq!((line(&text, FINISHED).as_deref(), line(&text, COUNT).as_deref()), (Some("1"), Some("2")));
        let last = (NOW - 100).to_string();
        assert_eq!(line(&text, "nbu_client_last_job_success_seconds"), Some(last));
    }
    // The new part twice and the window once more.
    assert_eq!(site.asked(asked).len(), 3);
}

#[tokio::test]
async fn the_data_that_children_moved_counts_once_and_the_go_exporters_family_has_it_twice() {
    let mut site = Site::new(Vec::new()).await;
    site.run().await;
    site.add(Jobbed { more: r#""childCount":2,"jobPath":"1","#, ..Jobbed::done(1, 50) });
    site.add(Jobbed { more: r#""childCount":0,"jobPath":"1.2","#, ..Jobbed::done(2, 60) });
    site.add(Jobbed { status: 6, more: r#""parentJobId":1,"#, ..Jobbed::done(3, 60) });
    let (text, _) = site.run().await;
    for (start, value) in [
        (FINISHED, "1"),
        (&FINISHED.replace("root", "child"), "1"),
        (r#"nbu_jobs_failed_total{site="paris",job_type="BACKUP",level="child",status="6"}"#, "1"),
        ("nbu_jobs_transferred_bytes_total", "2048000"),
        ("nbu_jobs_files_total", "14"),
        (
            r#"nbu_jobs_window_transferred_bytes{site="paris",job_type="BACKUP",policy_type="VMWARE",status="0"}"#,
            "1024000",
        ),
        (r#"nbu_jobs_window_jobs{site="paris",job_type="BACKUP",policy_type="VMWARE",status="0"}"#, "2"),
        ("nbu_jobs_window_files", "14"),
        (r#"nbu_jobs_bytes{site="paris",action="BACKUP",policy_type="VMWARE",status="0"}"#, "2048000"),
        ("nbu_jobs_files_count", "21"),
    ] {
        assert_eq!(line(&text, start).as_deref(), Some(value), "{start}");
    }
}

#[tokio::test]
async fn a_window_of_many_pages_is_read_once_and_then_only_what_is_new() {
    let ends = |id: u64| 3000 - 10 * i64::try_from(id).unwrap();
    let mut site = Site::new((1..=250).map(|id| Jobbed::done(id, ends(id))).collect()).await;
    let (text, _) = site.run().await;
    assert_eq!(line(&text, COUNT).as_deref(), Some("250"));
    assert_eq!(line(&text, FINISHED).as_deref(), Some("0"), "what ended before we watched does not count");
    assert_eq!(site.asked(0).len(), 3);
    site.add(Jobbed::done(251, 5));
    let (text, _) = site.run().await;
    assert_eq!(line(&text, COUNT).as_deref(), Some("251"));
    assert_eq!(line(&text, FINISHED).as_deref(), Some("1"));
    let asked = site.asked(3);
    // The newest job that was seen ended 500 s ago; five minutes more are read again.
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(&date_time(NOW - 500 - 300)), "{asked:?}");
}

#[tokio::test]
async fn a_job_is_counted_once_however_often_it_is_read_and_its_newest_record_holds() {
    let mut site = Site::new(vec![Jobbed::done(1, 400)]).await;
    site.run().await;
    site.add(Jobbed::done(2, 50));
    site.run().await;
    site.database.lock().unwrap()[1].ended_ago = 40;
    site.database.lock().unwrap()[1].status = 50;
    let (text, _) = site.run().await;
    assert_eq!(line(&text, FINISHED).as_deref(), Some("1"));
    assert_eq!(line(&text, COUNT).as_deref(), Some("1"));
    let failed = r#"nbu_jobs_count{site="paris",action="BACKUP",policy_type="VMWARE",status="50"}"#;
    assert_eq!(line(&text, failed).as_deref(), Some("1"));
}

#[tokio::test]
async fn an_id_that_comes_again_after_a_catalog_recovery_is_another_job() {
    let mut site = Site::new(vec![Jobbed::done(1, 3000)]).await;
    site.run().await;
    *site.database.lock().unwrap() = vec![Jobbed { status: 50, ..Jobbed::done(1, 60) }];
    let failed = r#"nbu_jobs_failed_total{site="paris",job_type="BACKUP",level="root",status="50"}"#;
    for _ in 0..2 {
        let (text, _) = site.run().await;
        assert_eq!(line(&text, failed).as_deref(), Some("1"));
        assert_eq!(line(&text, COUNT).as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn the_window_follows_a_reload_in_both_directions() {
    let mut site = Site::new(vec![Jobbed::done(1, 7000), Jobbed::done(2, 100)]).await;
    assert_eq!(line(&site.run().await.0, COUNT).as_deref(), Some("1"));
    site.given.window = Duration::from_hours(2);
    let (text, _) = site.run().await;
    assert_eq!(line(&text, COUNT).as_deref(), Some("2"));
    assert_eq!(line(&text, FINISHED).as_deref(), Some("0"), "an older part of the window is not new");
    assert!(site.asked(2)[0].contains("endTime le"), "{:?}", site.asked(2));
    site.given.window = Duration::from_hours(1);
    assert_eq!(line(&site.run().await.0, COUNT).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_malformed_record_loses_nothing_but_itself() {
    let server = Server::start(|request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ if request.query.contains("state ne") => Answer::json(r#"{"data":[]}"#),
        _ => {
            let end = Timestamp::now();
            Answer::json(format!(
                r#"{{"data":[
                {{"id":"1","attributes":{{"jobId":"1","jobType":"BACKUP","status":"0","endTime":"{end}","startTime":"","dedupRatio":"?"}}}},
                {{"id":"2","attributes":{{"jobType":"NEVER_HEARD_OF","state":"DONE","status":0.0,"endTime":"{end}"}}}},
                {{"id":"3","attributes":null}},
                {{"id":"6","attributes":{{"jobType":"ARCHIVE","status":0,"endTime":"{end}","kilobytesTransferred":-5,
                  "numberOfFiles":99999999999999999999999,"dedupRatio":-1e300}}}},
                {{"id":"4","attributes":{{"status":0,"endTime":""}}}},
                {{"id":"5000000000","attributes":{{"status":0,"endTime":"{end}"}}}},
                17, "job"]}}"#
            ))
        }
    })
    .await;
    let given = Given::by(server.client());
    let run = run(&mut Jobs::default(), &given.context()).await;
    assert_eq!(run.outcome, Ok(()));
    let text: String = run.families.iter().map(Family::text).collect();
    for job_type in ["BACKUP", "NEVER_HEARD_OF"] {
        let start = format!(r#"nbu_jobs_count{{site="paris",action="{job_type}""#);
        assert_eq!(line(&text, &start).as_deref(), Some("1"), "{text}");
    }
    assert_eq!(line(&text, r#"nbu_jobs_files_count{site="paris",action="ARCHIVE""#).as_deref(), Some("0"));
    // Two malformed fields of the first; the third; two of the sixth; two for the empty end time; the fifth; two that are no
    // objects.
    assert_eq!(run.diagnostics, Diagnostics { records: 8, malformed: 10, ..Diagnostics::default() });
}

#[tokio::test]
async fn a_walk_that_fails_keeps_what_came_and_goes_on_from_there() {
    let database = Database::new(Mutex::new(
        (1..=250).map(|id| Jobbed::done(id, 3500 - i64::try_from(id).unwrap())).collect(),
    ));
    let (shared, broken) = (database.clone(), Arc::new(AtomicBool::new(true)));
    let breaks = broken.clone();
    let server = Server::start(move |request| {
        if breaks.load(Ordering::SeqCst) && request.query.contains("page[after]=200") {
            return Answer::status(400);
        }
        answer(&shared, request)
    })
    .await;
    let mut site = Site { database, given: Given::by(server.client()), server, jobs: Jobs::default() };
    site.given.client.negotiate(soon()).await.unwrap();
    let context = site.given.context();
    assert_eq!(run(&mut site.jobs, &context).await.outcome.unwrap_err().reason(), "http_4xx");
    assert_eq!(site.jobs.window.len(), 200);
    broken.store(false, Ordering::SeqCst);
    let (text, _) = site.run().await;
    assert_eq!(line(&text, COUNT).as_deref(), Some("250"));
    assert!(site.asked(3)[0].contains(&date_time(NOW - 3300)), "{:?}", site.asked(3));
}

#[tokio::test]
async fn before_version_9_jobs_are_paged_by_offset() {
    let server =
        Server::start(|request| match (request.path.as_str(), request.query.contains("page[offset]=100")) {
            ("/ping", _) => Answer::ping("8.0"),
            (_, false) if request.query.contains("endTime") => Answer::json(format!(
                r#"{{"data":[{}],"meta":{{"pagination":{{"offset":0,"next":100,"count":150}}}}}}"#,
                vec![Jobbed::done(1, 10).json(); 100].join(",")
            )),
            _ => Answer::json(r#"{"data":[]}"#),
        })
        .await;
    let client = server.client();
    let mut site =
        Site { database: Database::default(), given: Given::by(client), server, jobs: Jobs::default() };
    site.run().await;
    assert!(site.asked(1)[0].contains("page[offset]=100"));
}

#[test]
fn too_many_label_sets_share_one_for_each_result_and_unused_ones_are_removed() {
    let (mut labels, mut window, mut diagnostics) =
        (Labels::default(), Window::default(), Diagnostics::default());
    let most = i64::try_from(labels::MOST_GROUPS).unwrap();
    let mut add = |status: i64, ended: i64, window: &mut Window, labels: &mut Labels| {
        let job = format!(
            r#"{{"data":[{{"id":{ended},"attributes":{{"status":{status},"endTime":"{}"}}}}]}}"#,
            date_time(ended)
        );
        let page = fold(&job, &mut diagnostics, |job, diagnostics| {
            window.add(Finished::new(&job, true, labels, diagnostics).unwrap());
        });
        page.unwrap();
    };
    for status in 0..=most {
        add(status, 1000 + status, &mut window, &mut labels);
    }
    let summary = window.summary(0..=i64::MAX, &labels);
    assert_eq!(summary.by_group.iter().map(|(_, totals)| totals.jobs).sum::<u64>(), most.unsigned_abs() + 1);
    window.settle(1000 + most, |_| {});
    window.tidy(&mut labels);
    assert_eq!(labels.groups().len(), 12);
    add(5, 90_000, &mut window, &mut labels);
    assert_eq!(window.summary(0..=i64::MAX, &labels).by_group.last().unwrap().0.status.label(), "5");
    assert_eq!(diagnostics.capped, 13);
}

#[tokio::test]
async fn a_run_too_short_for_the_backfill_shows_what_it_has_and_the_next_goes_on() {
    let ends = |id: u64| 3000 - 10 * i64::try_from(id).unwrap();
    let database = Database::new(Mutex::new((1..=150).map(|id| Jobbed::done(id, ends(id))).collect()));
    let (shared, slow) = (database.clone(), Arc::new(AtomicBool::new(true)));
    let stalls = slow.clone();
    let server = Server::start(move |request| {
        let stall = stalls.load(Ordering::SeqCst) && request.query.contains("page[after]=100");
        Answer { delay: Duration::from_hours(u64::from(stall)), ..answer(&shared, request) }
    })
    .await;
    let client = client(&config::Site { timeout: Duration::from_hours(1), ..server.site() });
    let mut site = Site { database, given: Given::by(client), server, jobs: Jobs::default() };
    site.given.client.negotiate(soon()).await.unwrap();
    let context = site.given.context();
    let mut jobs = Jobs::default();
    // Once the stalled page is asked for, the run's time goes by itself.
    let stalled = async {
        while !site.asked(0).iter().any(|query| query.contains("page[after]=100")) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::pause();
    };
    let (first, ()) = tokio::join!(run(&mut jobs, &context), stalled);
    tokio::time::resume();
    assert_eq!((first.outcome, first.diagnostics.truncated), (Ok(()), true));
    let text: String = first.families.iter().map(Family::text).collect();
    assert_eq!(line(&text, COUNT).as_deref(), Some("100"));
    slow.store(false, Ordering::SeqCst);
    site.jobs = jobs;
    let (text, diagnostics) = site.run().await;
    assert_eq!((line(&text, COUNT).as_deref(), diagnostics.truncated), (Some("150"), false));
}

#[tokio::test]
async fn a_job_from_the_future_counts_once_and_is_in_no_window() {
    let mut site = Site::new(vec![Jobbed::done(1, 600)]).await;
    site.run().await;
    site.add(Jobbed::done(2, -400_000_000));
    site.add(Jobbed::done(3, -60));
    for _ in 0..3 {
        let (text, _) = site.run().await;
        assert_eq!(line(&text, COUNT).as_deref(), Some("2"));
        assert_eq!(line(&text, FINISHED).as_deref(), Some("2"));
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_leaves_nothing_behind_that_counts_twice() {
    let mut site = Site::new((1..=150).map(|id| Jobbed::done(id, 600)).collect()).await;
    site.given.client.negotiate(soon()).await.unwrap();
    for _ in 0..3 {
        let context = site.given.context();
        let mut diagnostics = Diagnostics::default();
        let run = site.jobs.run(&context, &mut diagnostics);
        // The first answers come only after a while, so this drops the run in the middle of its work.
        let _ = tokio::time::timeout(Duration::from_millis(15), run).await;
        assert!(site.jobs.window.len() <= 300);
    }
    let (text, _) = site.run().await;
    assert_eq!(line(&text, COUNT).as_deref(), Some("150"));
    assert_eq!(site.jobs.window.len(), 150);
}

/// What happens between two looks at the model of a job database.
#[derive(Clone, Debug)]
enum Event {
    /// Time goes on by so many seconds, and a job is recorded that ended so many seconds before.
    Finish { after: i64, lag: i64 },
    /// A run whose walks end after so many jobs, if they have more.
    Run { most: usize },
    /// A reload changes the window.
    Window { seconds: i64 },
    /// The server's clock is set back.
    SetBack { seconds: i64 },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..400_i64, 0..300_i64).prop_map(|(after, lag)| Event::Finish { after, lag }),
        2 => (0..6_usize).prop_map(|most| Event::Run { most }),
        1 => Just(Event::Run { most: usize::MAX }),
        1 => (60..4000_i64).prop_map(|seconds| Event::Window { seconds }),
    ];
    proptest::collection::vec(event, 1..60)
}

fn events_and_clock_changes() -> impl Strategy<Value = Vec<Event>> {
    let set_back = (1..8000_i64, 0..6_usize)
        // Where the clock is right again before anybody has looked, nobody can know.
        .prop_map(|(seconds, most)| vec![Event::SetBack { seconds }, Event::Run { most }]);
    let parts = prop_oneof![4 => events(), 1 => set_back];
    proptest::collection::vec(parts, 1..5).prop_map(|parts| parts.concat())
}

/// A job database and a reader of it, without a network in between.
struct Model {
    now: i64,
    window_seconds: i64,
    /// Id and end of each recorded job.
    recorded: Vec<(u32, i64)>,
    counted: Vec<u32>,
    /// The jobs that were recorded before the reader had caught up.
    old: Option<usize>,
    jobs: Jobs,
}

impl Default for Model {
    fn default() -> Self {
        let jobs = Jobs::default();
        Self { now: NOW, window_seconds: 3600, recorded: Vec::new(), counted: Vec::new(), old: None, jobs }
    }
}

impl Model {
    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Finish { after, lag } => {
                self.now += after;
                self.recorded.push((u32::try_from(self.recorded.len()).unwrap(), self.now - lag));
            }
            Event::Run { most } => self.run(most),
            Event::Window { seconds } => self.window_seconds = seconds,
            Event::SetBack { seconds } => self.now -= seconds,
        }
    }

    fn run(&mut self, most: usize) {
        let from = self.now - self.window_seconds;
        self.jobs.watermark.begin(from, self.now);
        let mut whole = true;
        for range in self.jobs.watermark.ranges() {
            let counts = self.jobs.watermark.counts(range);
            let until = range.until.unwrap_or(i64::MAX);
            let mut matching: Vec<_> =
                self.recorded.iter().filter(|(_, end)| (range.from..=until).contains(end)).collect();
            matching.sort_by_key(|(id, end)| (*end, *id));
            let mut reached = Reached::default();
            for (id, end) in matching.iter().take(most) {
                let text =
                    format!(r#"{{"id":{id},"attributes":{{"status":0,"endTime":"{}"}}}}"#, date_time(*end));
                let job = Job::new(serde_json::from_str(&text).unwrap(), &mut 0).unwrap();
                let job =
                    Finished::new(&job, counts, &mut self.jobs.labels, &mut Diagnostics::default()).unwrap();
                reached.note(job.ended());
                self.jobs.window.add(job);
            }
            let complete = matching.len() <= most;
            self.jobs.watermark.end(range, reached, complete, self.now);
            whole &= complete;
            if range.until.is_none() && complete {
                self.old.get_or_insert(self.recorded.len());
            }
            if !complete {
                break;
            }
        }
        let keep = self.jobs.watermark.keep_from(from);
        let counted = &mut self.counted;
        self.jobs.window.settle(keep, |job| counted.push(job.id()));
        if whole {
            let range = from..=self.now + OVERLAP;
            let summary = self.jobs.window.summary(range.clone(), &self.jobs.labels);
            let total: u64 = summary.by_group.iter().map(|(_, totals)| totals.jobs).sum();
            let expected = self.recorded.iter().filter(|(_, end)| range.contains(end)).count();
            assert_eq!(total, expected as u64, "jobs in the window after a whole run");
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_whole_run_has_the_whole_window_and_every_new_job_counts_once(events in events()) {
        let mut model = Model::default();
        for event in &events {
            model.happen(event);
        }
        model.run(usize::MAX);
        let old = u32::try_from(model.old.unwrap()).unwrap();
        let expected: Vec<u32> = (old..u32::try_from(model.recorded.len()).unwrap()).collect();
        model.counted.sort_unstable();
        prop_assert_eq!(model.counted, expected);
    }

    #[test]
    fn a_clock_that_is_set_back_hides_no_job_and_counts_none_twice(events in events_and_clock_changes()) {
        let mut model = Model::default();
        for event in &events {
            model.happen(event);
        }
        model.run(usize::MAX);
        let before = model.recorded.len();
        model.happen(&Event::Finish { after: 30, lag: 0 });
        model.run(usize::MAX);
        model.counted.sort_unstable();
        prop_assert!(model.counted.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", model.counted);
        prop_assert_eq!(model.counted.last().copied(), u32::try_from(before).ok());
    }
}
