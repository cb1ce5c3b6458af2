//! Risk score and tickets, against a scripted server.

use super::super::fixture::Given;
use super::super::runner::{Run, run};
use super::*;
use crate::netbackup::fixture::{Answer, Server};

async fn collected(version: &'static str, status: Answer) -> (Run, usize) {
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping(version),
        "/security/status" => status.clone(),
        _ if request.query.contains("'PENDING'") => {
            Answer::json(r#"{"data":[{}],"meta":{"pagination":{"count":2}}}"#)
        }
        _ => Answer::json(r#"{"data":[],"meta":{"pagination":{"count":0}}}"#),
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(given.context().deadline).await.unwrap();
    let run = run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    assert!(server.received_at(TICKETS.path).iter().all(|request| request.query.contains("page[limit]=1")));
    (run, server.received_at(STATUS.path).len())
}

fn text(run: &Run) -> String {
    assert_eq!(run.outcome, Ok(()));
    run.families.iter().map(Family::text).collect()
}

#[tokio::test]
async fn the_score_and_every_state_of_tickets_are_shown() {
    let (run, _) =
        collected("14.0", Answer::json(r#"{"data":{"attributes":{"platformRiskScore":"71.5"}}}"#)).await;
    let page = text(&run);
    assert!(page.starts_with("nbu_security_risk_score{site=\"paris\"} 71.5\nnbu_mpa_tickets{site=\"paris\",state=\"PENDING\"} 2\n"), "{page}");
    assert_eq!(page.matches("} 0\n").count(), STATES.len() - 1, "{page}");
}

#[tokio::test]
async fn before_10_5_or_without_the_permission_there_is_no_score() {
    let (old, asked) = collected("11.0", Answer::status(500)).await;
    assert_eq!((text(&old).contains("risk"), asked), (false, 0));
    let (refused, _) = collected("12.0", Answer::status(401)).await;
    assert!(!text(&refused).contains("risk"));
    let (unset, _) =
        collected("12.0", Answer::json(r#"{"data":{"attributes":{"platformRiskScore":null}}}"#)).await;
    assert!(!text(&unset).contains("risk"));
}
