//! Alerts as they come, run after run.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::*;
use crate::collector::fixture::Given;
use crate::netbackup::fixture::{Answer, Server};

/// 2026-02-03T01:00:00Z.
const NOW: i64 = 1_770_080_400;

/// An alert: its identifier, its time, its context.
type Known = (u64, i64, &'static str);

/// A server with these alerts, which it filters and sorts as it is asked, and a collector that asks it.
struct Alerting {
    server: Server,
    alerts: Arc<Mutex<Vec<Known>>>,
    collector: Alerts,
    now: i64,
}

impl Alerting {
    async fn start(alerts: &[Known]) -> Self {
        let alerts = Arc::new(Mutex::new(alerts.to_vec()));
        let shared = Arc::clone(&alerts);
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping("12.0"),
            _ => answer(&request.query, &shared.lock().unwrap()),
        })
        .await;
        Self { server, alerts, collector: Alerts::default(), now: NOW }
    }

    fn add(&self, id: u64, context: &'static str) {
        self.alerts.lock().unwrap().push((id, self.now, context));
    }

    /// One more run after so many seconds: what it asked at first, and its page.
    async fn run(&mut self, seconds: i64) -> (String, String) {
        self.now += seconds;
        let mut given = Given::by(self.server.client());
        given.now = Timestamp::from_second(self.now).unwrap();
        let before = self.server.received_at("/manage/alerts").len();
        let families = self.collector.read(&given.context(), &mut Diagnostics::default()).await.unwrap();
        let asked = self.server.received_at("/manage/alerts");
        let filter = asked[before].query.split('&').next().unwrap().to_owned();
        (filter, families.iter().map(Family::text).collect())
    }
}

fn answer(query: &str, alerts: &[Known]) -> Answer {
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or("0");
    let offset: usize = parameter("page[offset]=").parse().unwrap();
    let filter = parameter("filter=");
    let passes = |id: u64, time: i64| match filter.split_once(" gt ") {
        Some((_, last)) => id > last.parse().unwrap(),
        None => time >= filter.split_once(" ge ").unwrap().1.parse::<Timestamp>().unwrap().as_second(),
    };
    let mut found: Vec<_> = alerts.iter().filter(|(id, time, _)| passes(*id, *time)).collect();
    found.sort();
    let records = found.iter().skip(offset).take(100).map(|(id, time, context)| {
        let time = Timestamp::from_second(*time).unwrap();
        format!(r#"{{"id":{id},"attributes":{{"severity":"ERROR","context":"{context}","category":"JOB","createdDateTime":"{time}"}}}}"#)
    });
    let records: Vec<_> = records.collect();
    Answer::json(format!(
        r#"{{"data":[{}],"meta":{{"pagination":{{"count":{}}}}}}}"#,
        records.join(","),
        found.len()
    ))
}

const FAILED: &str = "JOB_STATE_FAILED";

#[track_caller]
fn check(page: &str, context: &str, created: u64, recent: u64) {
    for line in [
        format!(
            "nbu_alerts_created_total{{site=\"paris\",severity=\"ERROR\",context=\"{context}\"}} {created}\n"
        ),
        format!(
            "nbu_alerts_window_alerts{{site=\"paris\",severity=\"ERROR\",context=\"{context}\"}} {recent}\n"
        ),
    ] {
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn the_first_run_counts_the_last_day_and_nothing_as_new() {
    let mut site = Alerting::start(&[(3, NOW - 90_000, FAILED), (4, NOW - 60, FAILED)]).await;
    let (filter, page) = site.run(0).await;
    assert_eq!(filter, "filter=createdDateTime ge 2026-02-02T01:00:00.000Z");
    check(&page, FAILED, 0, 1);
    check(&page, "CREDENTIAL", 0, 0);
    assert!(
        page.contains("nbu_alerts_count{site=\"paris\",severity=\"ERROR\",category=\"JOB\"} 1\n"),
        "{page}"
    );
    assert!(
        page.contains("nbu_alerts_count{site=\"paris\",severity=\"INFO\",category=\"JOB\"} 0\n"),
        "{page}"
    );
}

#[tokio::test]
async fn later_runs_ask_for_what_is_newer_and_count_it_once() {
    let mut site = Alerting::start(&[(9, NOW - 60, FAILED)]).await;
    site.run(0).await;
    site.add(10, FAILED);
    site.add(11, "NEVER_HEARD_OF");
    for (seconds, expected) in [(300, "filter=alertId gt 9"), (300, "filter=alertId gt 11")] {
        let (filter, page) = site.run(seconds).await;
        assert_eq!(filter, expected);
        check(&page, FAILED, 1, 2);
        check(&page, "NEVER_HEARD_OF", 1, 1);
    }
    let (_, page) = site.run(86_100).await;
    check(&page, FAILED, 1, 0);
}

#[tokio::test]
async fn a_site_without_alerts_is_asked_by_time_and_its_first_alert_counts() {
    let mut site = Alerting::start(&[]).await;
    check(&site.run(0).await.1, FAILED, 0, 0);
    site.add(1, FAILED);
    let (filter, page) = site.run(300).await;
    assert!(filter.contains("createdDateTime ge"), "{filter}");
    check(&page, FAILED, 1, 1);
}

#[tokio::test]
async fn what_was_created_while_the_server_was_out_of_reach_for_days_counts_once() {
    let mut site = Alerting::start(&[(9, NOW - 60, FAILED)]).await;
    site.run(0).await;
    site.now += 3600;
    site.add(10, FAILED);
    let (filter, page) = site.run(3 * 86_400).await;
    assert_eq!(filter, "filter=createdDateTime ge 2026-02-03T01:00:00.000Z");
    check(&page, FAILED, 1, 0);
    check(&site.run(300).await.1, FAILED, 1, 0);
}

#[tokio::test]
async fn deleted_alerts_go_and_identifiers_that_begin_anew_are_noticed_within_the_hour() {
    let mut site = Alerting::start(&[(900, NOW - 60, FAILED), (901, NOW - 50, FAILED)]).await;
    check(&site.run(0).await.1, FAILED, 0, 2);
    site.alerts.lock().unwrap().clear();
    site.add(1, FAILED);
    check(&site.run(300).await.1, FAILED, 0, 2);
    check(&site.run(3600).await.1, FAILED, 1, 1);
    site.add(2, FAILED);
    let (filter, page) = site.run(300).await;
    assert_eq!(filter, "filter=alertId gt 1");
    check(&page, FAILED, 2, 2);
}

#[tokio::test]
async fn a_storm_is_read_over_several_runs_and_none_of_it_is_new() {
    let storm: Vec<_> = (1..=6000).map(|id| (id, NOW - 60, FAILED)).collect();
    let mut site = Alerting::start(&storm).await;
    let (_, page) = site.run(0).await;
    check(&page, FAILED, 0, 5000);
    assert!(!page.contains("nbu_alerts_window_alerts{site=\"paris\",severity=\"INFO\""), "{page}");
    let (filter, page) = site.run(300).await;
    assert_eq!(filter, "filter=alertId gt 5000");
    check(&page, FAILED, 0, 6000);
    site.add(6001, FAILED);
    check(&site.run(300).await.1, FAILED, 1, 6001);
}

#[test]
fn a_record_without_an_identifier_is_malformed_and_one_without_words_is_not() {
    let mut alerts = Alerts::default();
    let mut diagnostics = Diagnostics::default();
    let mut found = HashSet::new();
    let text = r#"{"data":[{"id":"","attributes":{}},{"id":"x"},{"id":"7","attributes":{"severity":null,"createdDateTime":"1970-01-01T00:00:00Z"}}]}"#;
    alerts.fold(text, NOW, &mut found, &mut diagnostics).unwrap();
    assert_eq!((diagnostics.malformed, found.len(), alerts.last), (2, 1, Some(7)));
    alerts.arrivals.forget_before(NOW);
    let page: String = families::render("paris", &alerts.arrivals, true).iter().map(Family::text).collect();
    let line = "nbu_alerts_window_alerts{site=\"paris\",severity=\"UNKNOWN\",context=\"UNKNOWN\"} 1\n";
    assert!(page.contains(line), "{page}");
}
