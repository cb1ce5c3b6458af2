//! Clients by name.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, samples, says_that_it_is_refused, value};

const ON: &str = "perClient: {enabled: true, export: all, allowlist: ['*'], maxClients: 10000}";

#[test]
fn the_jobs_of_each_client_are_as_the_server_has_them() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    collected.page("per_client");
    let page = collected.page("jobs");
    let from = collected.now() - SignedDuration::from_hours(6);
    // A job is recorded some time after it has ended, so a little more is read than is in the window.
    let read_from = from - SignedDuration::from_mins(5);
    let (mut counts, mut lasts) = (BTreeMap::<String, f64>::new(), BTreeMap::<String, f64>::new());
    for job in collected.jobs(&format!("endTime%20ge%20{read_from:.3}")) {
        let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
        let (client, job_type, policy) = (text("clientName"), text("jobType"), text("policyName"));
        if client.is_empty() {
            continue;
        }
        let status = job["status"].as_i64().unwrap();
        let series = format!(
            "nbu_client_jobs_count{{site=\"paris\",client=\"{client}\",action=\"{job_type}\",status=\"{status}\"}}"
        );
        let end: Timestamp = text("endTime").parse().unwrap();
        if end.as_second() >= from.as_second() {
            *counts.entry(series).or_default() += 1.0;
        }
        if status == 0 {
            let labels = format!("site=\"paris\",client={client:?},policy={policy:?},action=\"{job_type}\"");
            let last = lasts.entry(format!("nbu_client_last_job_success_seconds{{{labels}}}")).or_default();
            *last = last.max(end.as_second() as f64);
        }
    }
    assert!(counts.len() > 20, "{counts:?}");
    assert_eq!(samples(&page, "nbu_client_jobs_count"), counts);
    assert_eq!(samples(&page, "nbu_client_last_job_success_seconds"), lasts);
    assert_eq!(samples(&page, "nbu_client_window_jobs").len(), counts.len());
    let listed = collected.answer("/config/unique-policy-clients?page%5Blimit%5D=5000&sort=id");
    let listed = listed["data"].as_array().unwrap().len();
    assert!(listed > 1);
    let records = value(&page, "nbu_scrape_collector_records{site=\"paris\",collector=\"per_client\"}");
    assert_eq!(records, listed as f64);
}

#[test]
fn another_allowlist_shows_other_clients_at_once() {
    let one = ON.replace("'*'", "'no such client'");
    let collected = Collected::start(ApiVersion::new(12, 0), &one);
    let page = collected.page("jobs");
    assert!(samples(&page, "nbu_client_window_jobs").is_empty());
    collected.rewrite(&one, ON);
    crate::harness::eventually("clients are shown", || {
        !samples(&collected.exporter.metrics(), "nbu_client_window_jobs").is_empty()
    });
}

#[test]
fn a_role_without_the_permission_is_told_and_the_others_go_on() {
    says_that_it_is_refused(ON, "per_client", "/config/unique-policy-clients");
}

#[test]
fn a_release_without_the_list_is_no_failure() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "per_client");
}
