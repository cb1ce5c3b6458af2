//! Protection plans, against a scripted server.

use super::super::fixture::Given;
use super::super::runner::run;
use super::*;
use crate::netbackup::fixture::{Answer, Received, Server};

async fn page(answer: impl Fn(&Received) -> String + Send + Sync + 'static) -> (String, Diagnostics) {
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ => Answer::json(format!(r#"{{"data":[{}]}}"#, answer(request))),
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(given.context().deadline).await.unwrap();
    let run = run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    assert_eq!(run.outcome, Ok(()));
    (run.families.iter().map(Family::text).collect(), run.diagnostics)
}

#[tokio::test]
async fn plans_and_subscriptions_are_counted_by_workload() {
    let (page, diagnostics) = page(|_| {
        r#"{"attributes":{"workloadType":"VMWARE","subscriptionCount":120}},{"attributes":{"workloadType":"VMWARE","subscriptionCount":"3"}},
           {"attributes":{"workloadType":"NEW \"ONE\"","subscriptionCount":1.5}},{"id":"x"}"#
            .to_owned()
    })
    .await;
    assert_eq!(
        page,
        "nbu_protection_plans{site=\"paris\",workload=\"NEW \\\"ONE\\\"\"} 1\nnbu_protection_plans{site=\"paris\",workload=\"VMWARE\"} 2\n\
         nbu_protection_plan_subscriptions{site=\"paris\",workload=\"NEW \\\"ONE\\\"\"} 0\n\
         nbu_protection_plan_subscriptions{site=\"paris\",workload=\"VMWARE\"} 123\nnbu_slo_count{site=\"paris\"} 3\n"
    );
    assert_eq!(diagnostics.malformed, 2);
}

#[tokio::test]
async fn all_plans_count_and_not_just_the_first_hundred() {
    let plan = r#"{"attributes":{"workloadType":"CLOUD","subscriptionCount":1}}"#;
    let (page, _) = page(move |request| {
        let is_second = request.query.contains("page[offset]=100");
        vec![plan; if is_second { 30 } else { 100 }].join(",")
    })
    .await;
    assert!(page.ends_with("nbu_slo_count{site=\"paris\"} 130\n"), "{page}");
}

#[tokio::test]
async fn a_role_that_sees_no_plan_has_the_go_exporters_zero_and_nothing_else() {
    assert_eq!(page(|_| String::new()).await.0, "nbu_slo_count{site=\"paris\"} 0\n");
}
