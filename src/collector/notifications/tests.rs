//! Notifications as they come, run after run.

use jiff::Timestamp;

use super::*;
use crate::collector::fixture::Given;
use crate::netbackup::fixture::{Answer, Server};

/// 2026-02-03T01:00:00Z.
const NOW: i64 = 1_770_080_400;

/// One run at a server that lists these notifications, `since` which time it was asked, and the page.
async fn run(collector: &mut Notifications, now: i64, records: &[&str]) -> (String, String, Diagnostics) {
    let body = format!(r#"{{"data":[{}]}}"#, records.join(","));
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ => Answer::json(body.clone()),
    })
    .await;
    let mut given = Given::by(server.client());
    given.now = Timestamp::from_second(now).unwrap();
    let mut diagnostics = Diagnostics::default();
    let families = collector.read(&given.context(), &mut diagnostics).await.unwrap();
    let asked = server.received_at("/eventlog/notifications").remove(0).query;
    let since = asked.strip_prefix("filter=createdDateTime gt ").unwrap();
    assert!(since.ends_with("Z&sort=createdDateTime&page[limit]=100"), "{since}");
    (since[..19].to_owned(), families.iter().map(Family::text).collect(), diagnostics)
}

#[track_caller]
fn check(page: &str, severity: &str, priority: &str, count: u64) {
    let line = format!(
        "nbu_notifications_created_total{{site=\"paris\",severity=\"{severity}\",priority=\"{priority}\"}} {count}\n"
    );
    assert!(page.contains(&line), "{line} is not in\n{page}");
}

const OLD: &str = r#"{"id":"a","attributes":{"severity":"ERROR","priority":"HIGH","createdDateTime":"2026-02-03T00:59:30.500Z"}}"#;
const NEW: &str = r#"{"id":"b","attributes":{"severity":"ERROR","priority":"HIGH","createdDateTime":"2026-02-03T01:04:00Z"}}"#;

#[tokio::test]
async fn the_past_is_not_counted_and_what_comes_later_counts_once() {
    let mut collector = Notifications::default();
    let (since, page, _) = run(&mut collector, NOW, &[OLD]).await;
    assert_eq!(since, "2026-02-03T00:59:00");
    check(&page, "ERROR", "HIGH", 0);
    check(&page, "RCA", "MEDIUM", 0);
    // The last minute is asked for again, since one may become visible late; none of it counts twice.
    let late = OLD.replace("\"a\"", "\"c\"");
    let (since, page, _) = run(&mut collector, NOW + 300, &[OLD, &late, NEW]).await;
    assert_eq!(since, "2026-02-03T00:59:00");
    check(&page, "ERROR", "HIGH", 2);
    let (since, page, _) = run(&mut collector, NOW + 600, &[NEW]).await;
    assert_eq!(since, "2026-02-03T01:03:00");
    check(&page, "ERROR", "HIGH", 2);
}

#[tokio::test]
async fn what_was_created_while_the_server_was_out_of_reach_is_asked_for() {
    let mut collector = Notifications::default();
    run(&mut collector, NOW, &[]).await;
    let (since, page, _) = run(&mut collector, NOW + 3 * 86_400, &[NEW]).await;
    assert_eq!(since, "2026-02-03T00:59:00");
    check(&page, "ERROR", "HIGH", 1);
}

#[tokio::test]
async fn one_that_claims_to_be_of_the_future_counts_once_and_hides_nothing() {
    let mut collector = Notifications::default();
    run(&mut collector, NOW, &[]).await;
    let future = r#"{"id":"f","attributes":{"severity":"INFO","createdDateTime":"2099-01-01T00:00:00Z"}}"#;
    for now in [NOW + 300, NOW + 600, NOW + 900] {
        let (since, page, _) = run(&mut collector, now, &[future]).await;
        assert!(since.starts_with("2026-02-03T"), "{since}");
        check(&page, "INFO", "LOW", 1);
    }
}

#[tokio::test]
async fn what_is_left_out_has_its_default_and_an_unknown_word_is_shown_as_it_is() {
    let mut collector = Notifications::default();
    run(&mut collector, NOW, &[]).await;
    let records = [
        r#"{"id":"1","attributes":{"severity":null}}"#,
        r#"{"id":2,"attributes":{"severity":"FATAL","priority":"HIGH","createdDateTime":"?"}}"#,
        r#"{"id":"3"}"#,
    ];
    let (_, page, diagnostics) = run(&mut collector, NOW + 300, &records).await;
    check(&page, "INFO", "LOW", 1);
    check(&page, "FATAL", "HIGH", 1);
    assert_eq!((diagnostics.records, diagnostics.malformed), (3, 2));
}

/// A server whose notifications were created at these seconds, in their order; it takes filter and offset.
async fn listing(seconds: Vec<i64>) -> Server {
    Server::start(move |request| {
        if request.path == "/ping" {
            return Answer::ping("12.0");
        }
        let part = |before: &str| request.query.split(before).nth(1).and_then(|rest| rest.split('&').next());
        let since = part("createdDateTime gt ").unwrap().parse::<Timestamp>().unwrap().as_second();
        let offset = part("page[offset]=").map_or(0, |offset| offset.parse().unwrap());
        let newer = seconds.iter().enumerate().filter(|(_, second)| **second > since);
        let record = |(id, second): (usize, &i64)| {
            format!(r#"{{"id":"{id}","attributes":{{"createdDateTime":"{}"}}}}"#, date_time(*second))
        };
        let page: Vec<_> = newer.skip(offset).take(100).map(record).collect();
        Answer::json(format!(r#"{{"data":[{}]}}"#, page.join(",")))
    })
    .await
}

/// Some runs: the last page, and which of them could not read all.
async fn runs(collector: &mut Notifications, given: &Given, count: usize) -> (String, Vec<bool>) {
    let (mut page, mut truncated) = (String::new(), Vec::new());
    for _ in 0..count {
        let mut diagnostics = Diagnostics::default();
        let families = collector.read(&given.context(), &mut diagnostics).await.unwrap();
        page = families.iter().map(Family::text).collect();
        truncated.push(diagnostics.truncated);
    }
    (page, truncated)
}

#[tokio::test]
async fn a_flood_is_read_run_by_run_and_what_is_too_much_for_one_second_is_skipped_and_told() {
    let mut collector = Notifications::default();
    run(&mut collector, NOW, &[]).await;
    // 12 000 in the last half minute, 6 000 in one second, and some later.
    let flood = (0..12_000).map(|number| NOW + 10 + number / 400);
    let second = std::iter::repeat_n(NOW + 100, 6_000);
    let server = listing(flood.chain(second).chain([NOW + 200; 10]).collect()).await;
    let mut given = Given::by(server.client());
    given.now = Timestamp::from_second(NOW + 300).unwrap();
    let (page, truncated) = runs(&mut collector, &given, 6).await;
    check(&page, "INFO", "LOW", 12_000 + 5_000 + 10);
    assert_eq!(truncated, [true, true, true, true, false, false]);
    let (page, _) = runs(&mut collector, &given, 2).await;
    check(&page, "INFO", "LOW", 12_000 + 5_000 + 10);
}
