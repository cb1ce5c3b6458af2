//! The backlog of storage lifecycle policies as it comes, and what becomes of it.

use super::super::fixture::{Given, has_lines, page_of};
use super::*;
use crate::netbackup::fixture::{Answer, Received};

fn list(data: &str) -> Answer {
    Answer::json(format!(r#"{{"data":[{data}]}}"#))
}

fn image(slp: &str, state: &str, time: &str, rest: &str) -> String {
    format!(
        r#"{{"id":"c_1","attributes":{{"slpName":"{slp}","slpImageState":"{state}","backupTime":"{time}"{rest}}}}}"#
    )
}

/// The state that a request for images asks for.
fn asked_state(request: &Received) -> &str {
    let (_, rest) = request.query.split_once("slpImageState eq '").unwrap();
    rest.split_once('\'').unwrap().0
}

#[tokio::test]
async fn each_state_is_a_walk_of_its_own_and_an_slp_without_a_backlog_has_zeros_and_no_age() {
    let given = Given::at("10.0", |request| match request.path.as_str() {
        "/config/slps" => list(
            r#"{"id":"gold","attributes":{"slpName":"gold","active":true,"flagValues":[]}},
            {"id":"sil\"ver\\","attributes":{"flagValues":["inactive"]}},{"id":"tin","attributes":{"slpName":"tin"}}"#,
        ),
        _ => match asked_state(request) {
            "NOT_STARTED" => list(&format!(
                "{},{}",
                image("gold", "NOT_STARTED", "2026-02-03T01:00:00.000Z", ""),
                image("gold", "NOT_STARTED", "1970-01-01T00:00:00.000Z", r#","copies":null"#)
            )),
            "IN_PROCESS|INACTIVE" => list(&image(
                "gold",
                "IN_PROCESS|INACTIVE",
                "2026-02-02T01:00:00.000Z",
                r#","copies":[{"copyType":"BACKUP","copyState":"COPYCOMPLETE","retryCount":3},
                {"copyType":"DUPLICATE","copyState":"IN_PROCESS|INACTIVE","retryCount":"2"},
                {"copyType":"DUPLICATE","copyState":"CANT_PROCESS","retryCount":0},
                {"copyType":"REPLICATE_TO_REMOTE_MASTER","copyState":"IMPORT_PENDING"},
                {"copyType":"IMPORT","copyState":"NEVER_HEARD_OF","retryCount":1}]"#,
            )),
            _ => list(""),
        },
    })
    .await;
    let run = given.run(&SPEC).await;
    assert_eq!((run.outcome.clone(), run.diagnostics.malformed, run.diagnostics.records), (Ok(()), 0, 6));
    let page = page_of(&run);
    has_lines(
        &page,
        &[
            "nbu_slp_active{site=\"paris\",slp=\"gold\"} 1",
            "nbu_slp_active{site=\"paris\",slp=\"sil\\\"ver\\\\\"} 0",
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"NOT_STARTED\"} 2",
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"IN_PROCESS\"} 0",
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"IN_PROCESS|INACTIVE\"} 1",
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"tin\",state=\"NOT_STARTED\"} 0",
            "nbu_slp_oldest_incomplete_backup_timestamp_seconds{site=\"paris\",slp=\"gold\"} 1769994000",
            "nbu_slp_pending_copies{site=\"paris\",slp=\"gold\",copy_type=\"DUPLICATE\",copy_state=\"IN_PROCESS\"} 1",
            "nbu_slp_pending_copies{site=\"paris\",slp=\"gold\",copy_type=\"DUPLICATE\",copy_state=\"CANT_PROCESS\"} 1",
            "nbu_slp_pending_copies{site=\"paris\",slp=\"gold\",copy_type=\"DUPLICATE\",copy_state=\"DEFERRED\"} 0",
            "nbu_slp_pending_copies{site=\"paris\",slp=\"gold\",copy_type=\"REPLICATE_TO_REMOTE_MASTER\",copy_state=\"IMPORT_PENDING\"} 1",
            "nbu_slp_retried_copies{site=\"paris\",slp=\"gold\"} 1",
            "nbu_slp_retried_copies{site=\"paris\",slp=\"tin\"} 0",
        ],
    );
    for absent in ["backup_timestamp_seconds{site=\"paris\",slp=\"tin\"", "active{site=\"paris\",slp=\"tin\""]
    {
        assert!(!page.contains(absent), "{absent} is in\n{page}");
    }
    assert!(!page.contains("copy_type=\"BACKUP\"") && !page.contains("copy_type=\"IMPORT\""));
}

#[tokio::test]
async fn of_a_list_without_an_end_the_oldest_images_of_each_state_are_read_and_it_is_cut_short() {
    let given = Given::at("12.0", |request| {
        if request.path == "/config/slps" {
            list("")
        } else {
            // The page's number is its cursor.
            let number = request.query.split_once("page[after]=").map_or(0, |(_, after)| {
                after.split_once('&').map_or(after, |(number, _)| number).parse::<i64>().unwrap()
            });
            let time = jiff::Timestamp::from_second(1_700_000_000 + number).unwrap();
            let image = image("gold", asked_state(request), &time.to_string(), "");
            Answer::json(format!(
                r#"{{"data":[{image}],"meta":{{"pagination":{{"limit":1000,"next":"{}"}}}}}}"#,
                number + 1
            ))
        }
    })
    .await;
    let run = given.run(&SPEC).await;
    assert!(run.outcome.is_ok() && run.diagnostics.truncated);
    let asked = given.asked("/catalog/slp-images");
    let pages = INCOMPLETE.map(|state| asked.iter().filter(|asked| asked_state(asked) == state).count());
    assert_eq!(pages, [35, 5, 5, 5]);
    has_lines(
        &page_of(&run),
        &[
            "nbu_slp_oldest_incomplete_backup_timestamp_seconds{site=\"paris\",slp=\"gold\"} 1700000000",
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"NOT_STARTED\"} 35",
        ],
    );
}

#[tokio::test]
async fn images_of_another_state_than_was_asked_for_do_not_count() {
    let given = Given::at("12.0", |request| match request.path.as_str() {
        "/config/slps" => list(""),
        // It does not understand the filter.
        _ => list(&format!(
            "{},{}",
            image("gold", "COMPLETE", "2026-02-02T01:00:00.000Z", ""),
            image("gold", "IN_PROCESS", "2026-02-03T01:00:00.000Z", "")
        )),
    })
    .await;
    let run = given.run(&SPEC).await;
    has_lines(
        &page_of(&run),
        &[
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"IN_PROCESS\"} 1",
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"NOT_STARTED\"} 0",
            "nbu_slp_oldest_incomplete_backup_timestamp_seconds{site=\"paris\",slp=\"gold\"} 1770080400",
        ],
    );
}

#[tokio::test]
async fn without_the_permission_for_the_list_the_slps_with_a_backlog_are_shown() {
    let given = Given::at("12.0", |request| match request.path.as_str() {
        "/config/slps" => Answer::status(401),
        "/security/api-keys" => list(""),
        _ if asked_state(request) == "IN_PROCESS" => {
            list(&image("gold", "IN_PROCESS", "2026-02-03T01:00:00.000Z", ""))
        }
        _ => list(""),
    })
    .await;
    let run = given.run(&SPEC).await;
    assert_eq!(run.outcome, Ok(()));
    assert!(given.absences.any_refused());
    let page = page_of(&run);
    has_lines(&page, &["nbu_slp_incomplete_images{site=\"paris\",slp=\"gold\",state=\"IN_PROCESS\"} 1"]);
    assert!(!page.contains("nbu_slp_active"));
}

#[tokio::test]
async fn malformed_parts_cost_only_themselves() {
    let given = Given::at("12.0", |request| match request.path.as_str() {
        "/config/slps" => {
            list(r#"{"id":"a","attributes":{"active":7,"flagValues":"inactive"}},{"attributes":{}},17"#)
        }
        _ if asked_state(request) == "IN_PROCESS" => list(
            r#"{"attributes":{"slpName":"a","backupTime":"soon","copies":{"a":1}}},
            {"attributes":{"slpName":"a","copies":[1,{"copyType":["x"],"copyState":"DEFERRED","retryCount":"?"}]}},
            {"attributes":{"slpName":""}},{"id":"x"}"#,
        ),
        _ => list(""),
    })
    .await;
    let run = given.run(&SPEC).await;
    has_lines(
        &page_of(&run),
        &[
            "nbu_slp_incomplete_images{site=\"paris\",slp=\"a\",state=\"IN_PROCESS\"} 2",
            "nbu_slp_pending_copies{site=\"paris\",slp=\"a\",copy_type=\"\",copy_state=\"DEFERRED\"} 1",
        ],
    );
    // Of SLPs a truth, a list and two records; of images a time, a list, a copy, a text, a number, and two records.
    assert_eq!(run.diagnostics.malformed, 4 + 7);
}

#[tokio::test]
async fn five_hundred_slps_have_series_and_the_others_are_counted() {
    let given = Given::at("12.0", |request| {
        if request.path == "/config/slps" {
            let slps = (0..503)
                .map(|number| format!(r#"{{"id":"slp-{number:03}","attributes":{{"active":true}}}}"#));
            list(&slps.collect::<Vec<_>>().join(","))
        } else {
            list("")
        }
    })
    .await;
    let run = given.run(&SPEC).await;
    assert_eq!(run.diagnostics.capped, 3);
    let active = run.families.iter().find(|family| family.desc().name == "nbu_slp_active").unwrap();
    assert_eq!(active.series(), 500);
    assert!(active.text().contains("slp-000") && !active.text().contains("slp-500"));
}
