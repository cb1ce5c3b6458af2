//! Protection plans.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, value};

const ON: &str = "slo: {enabled: true}";

#[test]
fn plans_are_counted_by_workload_under_both_names() {
    let collected = Collected::start(ApiVersion::new(13, 0), ON);
    let page = collected.page("slo");
    let plans = collected.answer("/servicecatalog/slos?page%5Blimit%5D=100");
    let plans = plans["data"].as_array().unwrap();
    assert!(!plans.is_empty());
    assert_eq!(value(&page, "nbu_slo_count{site=\"paris\"}"), plans.len() as f64);
    for plan in plans {
        let workload = &plan["attributes"]["workloadType"];
        let of_workload = || plans.iter().filter(|plan| plan["attributes"]["workloadType"] == *workload);
        let subscriptions =
            of_workload().map(|plan| plan["attributes"]["subscriptionCount"].as_f64().unwrap()).sum::<f64>();
        let labels = format!("{{site=\"paris\",workload={workload}}}");
        assert_eq!(value(&page, &format!("nbu_protection_plans{labels}")), of_workload().count() as f64);
        assert_eq!(value(&page, &format!("nbu_protection_plan_subscriptions{labels}")), subscriptions);
    }
}

#[test]
fn a_role_that_covers_no_plan_gets_an_empty_list_and_no_plans_are_made_up() {
    let collected = Collected::prepared(ApiVersion::new(12, 0), ON, |server| {
        server.set_denied(vec!["/servicecatalog/slos".to_owned()]);
    });
    let page = collected.page("slo");
    assert!(!page.contains("\nnbu_protection_plan"));
    assert_eq!(value(&page, "nbu_slo_count{site=\"paris\"}"), 0.0);
}

#[test]
fn a_release_before_10_3_is_not_asked() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "slo");
}
