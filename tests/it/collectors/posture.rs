//! Risk score and approvals.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "posture: {enabled: true}";

#[test]
fn the_risk_of_a_bad_night_is_high_and_tickets_wait() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("posture");
    let status = collected.answer("/security/status");
    let score = status["data"]["attributes"]["platformRiskScore"].as_f64().unwrap();
    assert_eq!(value(&page, "nbu_security_risk_score{site=\"paris\"}"), score);
    let tickets = collected.answer("/security/mpa-tickets?page%5Blimit%5D=100");
    let tickets = tickets["data"].as_array().unwrap();
    for state in ["PENDING", "REJECTED", "DONE", "APPROVED"] {
        let count = tickets.iter().filter(|ticket| ticket["attributes"]["currentState"] == state).count();
        assert_eq!(
            value(&page, &format!("nbu_mpa_tickets{{site=\"paris\",state=\"{state}\"}}")),
            count as f64
        );
        assert_eq!(count == 0, state == "APPROVED");
    }
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "posture", "/security/mpa-tickets");
}

#[test]
fn a_release_before_10_3_is_not_asked_and_one_before_10_5_has_no_score() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "posture");
    let collected = Collected::start(ApiVersion::new(10, 0), ON);
    let page = collected.page("posture");
    assert!(page.contains("\nnbu_mpa_tickets{") && !page.contains("\nnbu_security_risk_score{"));
}
