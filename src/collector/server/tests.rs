//! The primary server, against a scripted one.

use super::super::fixture::Given;
use super::super::runner::{Run, run};
use super::*;
use crate::netbackup::fixture::{Answer, Server};

async fn collected(version: &'static str, info: &'static str, paused: Answer) -> (Run, usize) {
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping(version),
        server_info::PATH => Answer::json(info),
        _ => paused.clone(),
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(given.context().deadline).await.unwrap();
    let run = run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    (run, server.received_at(PAUSED.path).len())
}

fn text(run: &Run) -> String {
    run.families.iter().map(Family::text).collect()
}

#[tokio::test]
async fn the_server_and_who_paused_clients_are_told_with_zeros_of_a_list_that_was_read_whole() {
    let info = r#"{"serverName":"nbu1","nbuVersion":"11.2","freezeModeEnabled":true}"#;
    let (run, _) =
        collected("14.0", info, Answer::json(r#"{"data":[{"attributes":{"triggerMethod":"AUTOMATIC"}}]}"#))
            .await;
    assert_eq!(
        text(&run),
        "nbu_server_info{site=\"paris\",server=\"nbu1\",release=\"11.2\"} 1\nnbu_server_freeze_mode{site=\"paris\"} 1\n\
         nbu_paused_clients{site=\"paris\",trigger=\"AUTOMATIC\"} 1\nnbu_paused_clients{site=\"paris\",trigger=\"MANUAL\"} 0\n"
    );
}

#[tokio::test]
async fn before_11_2_nothing_is_said_of_freezing_and_an_unknown_word_is_counted_as_one() {
    let info = r#"{"serverName":"nbu1","nbuVersion":"10.5"}"#;
    let paused = r#"{"data":[{"attributes":{"triggerMethod":"BY_CHANCE"}},{"attributes":{}},{},3]}"#;
    let (run, _) = collected("12.0", info, Answer::json(paused)).await;
    let page = text(&run);
    assert!(!page.contains("freeze"), "{page}");
    assert!(page.ends_with("trigger=\"UNKNOWN\"} 2\n"), "{page}");
    assert_eq!((run.diagnostics.malformed, run.diagnostics.records), (2, 5));
}

#[tokio::test]
async fn pages_go_on_until_a_short_one_since_nothing_tells_how_many_there_are() {
    let page = vec![r#"{"attributes":{"triggerMethod":"MANUAL"}}"#; 100].join(",");
    let (run, pages) = collected("12.0", "{}", Answer::json(format!(r#"{{"data":[{page}]}}"#))).await;
    assert_eq!((pages, run.diagnostics.truncated), (50, true), "a list without end is cut short");
    assert!(text(&run).contains("trigger=\"MANUAL\"} 5000\n"), "{}", text(&run));
}

#[tokio::test]
async fn a_role_that_may_not_see_paused_clients_sees_the_server() {
    let (run, _) = collected("12.0", r#"{"serverName":"nbu1"}"#, Answer::status(401)).await;
    assert_eq!(text(&run), "nbu_server_info{site=\"paris\",server=\"nbu1\",release=\"\"} 1\n");
}
