//! Jobs.

use std::collections::BTreeMap;

use nbu_exporter_simulator::ApiVersion;
use serde_json::Value;

use super::{Collected, samples, value};
use crate::harness::{eventually, request};

const ON: &str = "jobs: {enabled: true}";

#[test]
fn what_runs_and_what_waits_on_a_bad_night_is_as_the_server_has_it() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("jobs");
    let (mut waiting, mut rates) = (BTreeMap::<String, f64>::new(), BTreeMap::<String, f64>::new());
    for job in collected.jobs("state%20ne%20%27DONE%27") {
        match job["state"].as_str().unwrap() {
            "QUEUED" | "REQUEUED" => {
                if let Some(resource) = job["jobQueueResource"].as_str().filter(|name| !name.is_empty()) {
                    let series = format!(
                        "nbu_jobs_queued_by_resource{{site=\"paris\",queue_resource=\"{resource}\"}}"
                    );
                    *waiting.entry(series).or_default() += 1.0;
                }
            }
            "ACTIVE" if job["childCount"].as_u64().unwrap_or(0) == 0 => {
                let job_type = job["jobType"].as_str().unwrap();
                let series = format!(
                    "nbu_jobs_active_transfer_bytes_per_second{{site=\"paris\",job_type=\"{job_type}\"}}"
                );
                *rates.entry(series).or_default() += job["transferRate"].as_f64().unwrap_or(0.0) * 1024.0;
            }
            _ => {}
        }
    }
    assert!(!waiting.is_empty() && !rates.is_empty(), "{waiting:?} {rates:?}");
    assert!(waiting.len() <= 20, "{waiting:?}");
    assert_eq!(samples(&page, "nbu_jobs_queued_by_resource"), waiting);
    assert_eq!(samples(&page, "nbu_jobs_active_transfer_bytes_per_second"), rates);
}

/// The page once it shows what is asked when the jobs are shown.
fn rest_of(collected: &Collected) -> String {
    let start = || samples(&collected.exporter.metrics(), "nbu_jobs_history_start_timestamp_seconds");
    eventually("how far back jobs reach is known", || !start().is_empty());
    collected.page("jobs")
}

#[test]
fn how_many_jobs_there_are_and_how_far_back_is_as_the_server_says() {
    let collected = Collected::start(ApiVersion::new(12, 0), ON);
    let page = rest_of(&collected);
    let oldest =
        collected.answer("/admin/jobs?filter=state%20eq%20%27DONE%27&sort=endTime&page%5Blimit%5D=1");
    let end: jiff::Timestamp = oldest["data"][0]["attributes"]["endTime"].as_str().unwrap().parse().unwrap();
    let start = value(&page, "nbu_jobs_history_start_timestamp_seconds{site=\"paris\"}");
    assert_eq!(start, end.as_second() as f64);
    let body = r#"{"data":{"type":"jobCount","attributes":{}}}"#;
    let count = request(
        collected.server().address(),
        &format!(
            "POST /netbackup/admin/jobs-count-requests HTTP/1.1\r\nHost: paris\r\nConnection: close\r\n\
             Authorization: simulated-key\r\nAccept: application/vnd.netbackup+json;version=12.0\r\n\
             Content-Type: application/vnd.netbackup+json;version=12.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let count: Value = serde_json::from_str(&count.unwrap().body()).unwrap();
    let records = value(&page, "nbu_jobs_records{site=\"paris\"}");
    assert_eq!(Some(records), count["data"]["attributes"]["count"].as_f64());
}

#[test]
fn a_role_that_may_list_jobs_and_not_count_them_sees_all_but_the_count() {
    let collected = Collected::prepared(ApiVersion::new(14, 0), ON, |server| {
        server.set_denied(vec!["/admin/jobs-count-requests".to_owned()]);
    });
    collected.until("nbu_scrape_collector_unauthorized{site=\"paris\",collector=\"jobs\"} 1");
    let page = rest_of(&collected);
    assert_eq!(samples(&page, "nbu_jobs_records"), BTreeMap::new());
    assert!(value(&page, "nbu_jobs_history_start_timestamp_seconds{site=\"paris\"}") > 0.0);
    assert!(!samples(&page, "nbu_jobs_window_jobs").is_empty());
}
