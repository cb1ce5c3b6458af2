//! Anomalies as they are counted.

use super::*;
use crate::collector::fixture::Given;
use crate::netbackup::fixture::{Answer, Server};

async fn run(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> (String, Diagnostics, Vec<String>) {
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ => answer(&request.query),
    })
    .await;
    let mut given = Given::by(server.client());
    given.now = "2026-02-03T01:00:00Z".parse().unwrap();
    let mut diagnostics = Diagnostics::default();
    let families = collect(&given.context(), &mut diagnostics).await.unwrap();
    let asked = server.received_at("/security/anomalies").into_iter().map(|request| request.query);
    (families.iter().map(Family::text).collect(), diagnostics, asked.collect())
}

#[tokio::test]
async fn each_severity_and_status_is_counted_by_one_small_request() {
    let (page, diagnostics, asked) = run(|query| {
        let is_open = query.contains("'HIGH' and anomalyStatus eq 'NOT_REVIEWED'");
        let (data, count) =
            if is_open { (r#"{"attributes":{"anomalyScore":"7.25"}}"#, r#""3""#) } else { ("", "0") };
        Answer::json(format!(r#"{{"data":[{data}],"meta":{{"pagination":{{"count":{count}}}}}}}"#))
    })
    .await;
    assert_eq!((asked.len(), diagnostics.records), (12, 3));
    assert_eq!(
        asked[0],
        "filter=anomalySeverity eq 'HIGH' and anomalyStatus eq 'ANOMALY' and createdDateTime ge 2026-01-04T01:00:00.000Z&page[limit]=1"
    );
    assert_eq!(page.lines().count(), 12);
    assert!(
        page.contains("nbu_anomalies{site=\"paris\",severity=\"HIGH\",status=\"NOT_REVIEWED\"} 3\n"),
        "{page}"
    );
    assert!(page.contains("nbu_anomalies{site=\"paris\",severity=\"LOW\",status=\"IGNORED\"} 0\n"), "{page}");
}

#[tokio::test]
async fn a_server_that_does_not_say_how_many_leaves_the_series_out() {
    let (page, _, _) = run(|query| {
        Answer::json(if query.contains("'LOW'") { r#"{"data":[{}]}"# } else { r#"{"data":[]}"# })
    })
    .await;
    assert_eq!(page.lines().count(), 8, "{page}");
    assert!(!page.contains("LOW"), "{page}");
}
