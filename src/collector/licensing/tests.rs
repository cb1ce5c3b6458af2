//! Licences, against a scripted server.

use super::super::fixture::Given;
use super::super::runner::{Run, run};
use super::*;
use crate::netbackup::fixture::{Answer, Server};

async fn collected(entitlements: &'static str, capacity: Answer) -> (Run, Vec<String>) {
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        server_info::PATH => Answer::json(r#"{"serverName":"nbu1"}"#),
        "/licensing/entitlements" => Answer::json(format!(r#"{{"data":[{entitlements}]}}"#)),
        _ => capacity.clone(),
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(given.context().deadline).await.unwrap();
    let run = run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    let asked = server.received_at(CAPACITY.path).into_iter().map(|request| request.query).collect();
    (run, asked)
}

fn text(run: &Run) -> String {
    assert_eq!(run.outcome, Ok(()));
    run.families.iter().map(Family::text).collect()
}

/// Two active ones and an old one of one kind, one that has expired for good, and one without an end.
const LICENSES: &str = r#"
    {"attributes":{"productName":"Base","licenseType":"SUBSCRIPTION","licenseMeter":"FETB","licenseCount":300,"endDate":"2027-01-01T00:00:00Z","status":"ACTIVE"}},
    {"attributes":{"productName":"Base","licenseType":"SUBSCRIPTION","licenseMeter":"FETB","licenseCount":"20","endDate":"2026-01-01T00:00:00Z","status":"ACTIVE"}},
    {"attributes":{"productName":"Base","licenseType":"SUBSCRIPTION","licenseMeter":"FETB","licenseCount":5,"endDate":"2020-01-01T00:00:00Z","status":"EXPIRED"}},
    {"attributes":{"productName":"Trial","licenseType":"DEMO","licenseMeter":"CPU","licenseCount":4,"endDate":"2020-01-01T00:00:00Z","status":"EXPIRED"}},
    {"attributes":{"productName":"Old","licenseType":"PERPETUAL","licenseMeter":"SERVER","licenseCount":1,"endDate":"9999-12-31T23:59:59Z","status":"ACTIVE"}}"#;

#[tokio::test]
async fn licences_of_one_kind_are_one_and_the_first_active_end_counts() {
    let (run, asked) = collected(
        LICENSES,
        Answer::json(r#"{"data":[{"attributes":{"masterConsumptionMB":1.5,"clientDetails":[{}]}}]}"#),
    )
    .await;
    assert_eq!(
        text(&run),
        "nbu_license_expiry_timestamp_seconds{site=\"paris\",product=\"Base\",license_type=\"SUBSCRIPTION\",meter=\"FETB\"} 1767225600\n\
         nbu_license_expiry_timestamp_seconds{site=\"paris\",product=\"Trial\",license_type=\"DEMO\",meter=\"CPU\"} 1577836800\n\
         nbu_license_units{site=\"paris\",product=\"Base\",license_type=\"SUBSCRIPTION\",meter=\"FETB\"} 320\n\
         nbu_license_units{site=\"paris\",product=\"Old\",license_type=\"PERPETUAL\",meter=\"SERVER\"} 1\n\
         nbu_license_consumed_bytes{site=\"paris\"} 1572864\n"
    );
    assert_eq!(run.diagnostics.malformed, 0);
    assert_eq!(asked, ["filter=masterServer eq 'nbu1'&page[limit]=1"]);
}

#[tokio::test]
async fn without_a_report_or_the_permission_for_it_there_is_no_consumption() {
    let (run, _) = collected("", Answer::status(404)).await;
    assert_eq!(text(&run), "");
    let (run, _) = collected("", Answer::status(401)).await;
    assert_eq!(text(&run), "");
    let (run, _) =
        collected("", Answer::json(r#"{"data":[{"attributes":{"masterConsumptionMB":"much"}}]}"#)).await;
    assert_eq!((text(&run), run.diagnostics.malformed), (String::new(), 1));
}
