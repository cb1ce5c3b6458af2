//! Catalog backups by their jobs and images, against a scripted server.

use super::super::board::{Policies, Policy};
use super::super::fixture::Given;
use super::super::runner::{Run, run};
use super::*;
use crate::netbackup::fixture::{Answer, Received, Server};

/// A server with these answers to: all jobs, jobs with a good status, images.
async fn server(all: &'static str, good: &'static str, images: &'static str) -> Server {
    let answer = move |request: &Received| {
        let data = match request.path.as_str() {
            "/ping" => return Answer::ping("12.0"),
            "/catalog/images" if images == "401" => return Answer::status(401),
            "/catalog/images" => images,
            _ if request.query.contains("status le 1") => good,
            _ => all,
        };
        Answer::json(format!(r#"{{"data":[{data}]}}"#))
    };
    Server::start(answer).await
}

async fn collected(server: &Server, given: &Given) -> Run {
    given.client.negotiate(given.context().deadline).await.unwrap();
    assert!(server.received_at("/admin/jobs").is_empty());
    run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await
}

/// The page, and what was asked.
async fn page(all: &'static str, good: &'static str, images: &'static str) -> (String, Vec<String>) {
    let server = server(all, good, images).await;
    let run = collected(&server, &Given::by(server.client())).await;
    assert_eq!((run.outcome, run.diagnostics.malformed), (Ok(()), 0));
    let asked = server.received().into_iter().filter(|request| request.path != "/ping");
    let page = run.families.iter().map(Family::text).collect();
    (page, asked.map(|request| format!("{} {}", request.path, request.query)).collect())
}

/// A root and its two children: 2 MiB in three minutes, ended at 00:03 of the first day of 2026.
const GOOD: &str = r#"
    {"id":"7","attributes":{"jobId":7,"jobPath":"7","parentJobId":7,"childCount":2,"jobType":"BACKUP","policyName":"Catalog","status":0,
     "kilobytesTransferred":99,"startTime":"2026-01-01T00:00:00.000Z","endTime":"2026-01-01T00:03:00.000Z"}},
    {"id":"8","attributes":{"jobId":8,"jobPath":"7.8","childCount":0,"jobType":"BACKUP","policyName":"Catalog","status":0,
     "kilobytesTransferred":1024,"startTime":"2026-01-01T00:01:00.000Z","endTime":"2026-01-01T00:02:00.000Z"}},
    {"id":"9","attributes":{"jobId":9,"jobPath":"7.9","childCount":0,"jobType":"BACKUP","policyName":"Catalog","status":0,
     "kilobytesTransferred":"1024","startTime":"2026-01-01T00:01:00.000Z","endTime":"2026-01-01T00:02:00.000Z"}}"#;
const FAILED: &str = r#"
    {"attributes":{"jobId":20,"parentJobId":0,"jobType":"DBBACKUP","policyName":"Catalog","status":13,
     "startTime":"2026-01-02T00:00:00.000Z","endTime":"2026-01-02T00:01:00.000Z"}},
    {"attributes":{"jobId":21,"parentJobId":0,"jobType":"RESTORE","policyName":"Catalog","status":5,
     "startTime":"2026-01-03T00:00:00.000Z","endTime":"2026-01-03T00:01:00.000Z"}},
    {"attributes":{"jobId":22,"parentJobId":0,"jobType":"BACKUP","policyName":"Catalog","startTime":null,"endTime":"1970-01-01T00:00:00.000Z"}}"#;

#[tokio::test]
async fn a_good_backup_is_one_request_and_its_size_is_that_of_its_leaves() {
    let (page, asked) = page(GOOD, "", "").await;
    assert_eq!(
        page,
        "nbu_catalog_backup_last_timestamp_seconds{site=\"paris\",policy=\"Catalog\",result=\"success\"} 1767225780\n\
         nbu_catalog_backup_last_status{site=\"paris\",policy=\"Catalog\"} 0\n\
         nbu_catalog_backup_last_bytes{site=\"paris\",policy=\"Catalog\"} 2097152\n\
         nbu_catalog_backup_last_duration_seconds{site=\"paris\",policy=\"Catalog\"} 180\n"
    );
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].contains("sort=-endTime&page[limit]=20"), "{asked:?}");
}

#[tokio::test]
async fn after_failures_the_last_good_backup_is_looked_for() {
    let (page, asked) = page(FAILED, GOOD, "").await;
    assert_eq!(asked.len(), 2, "{asked:?}");
    for line in [
        "nbu_catalog_backup_last_timestamp_seconds{site=\"paris\",policy=\"Catalog\",result=\"success\"} 1767225780\n",
        "nbu_catalog_backup_last_timestamp_seconds{site=\"paris\",policy=\"Catalog\",result=\"failed\"} 1767312060\n",
        "nbu_catalog_backup_last_status{site=\"paris\",policy=\"Catalog\"} 13\n",
        "nbu_catalog_backup_last_bytes{site=\"paris\",policy=\"Catalog\"} 2097152\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
}

#[tokio::test]
async fn where_no_job_tells_of_a_good_backup_its_image_does() {
    const IMAGES: &str = r#"
        {"attributes":{"policyName":"Catalog","backupTime":"2025-12-30T00:00:00.000Z","elapsedTimeSeconds":60.0,"backupStatus":1,"kbytes":2}},
        {"attributes":{"policyName":"Catalog","backupTime":"2025-12-29T00:00:00.000Z","elapsedTimeSeconds":30,"backupStatus":0,"kbytes":3}}"#;
    let (with_jobs, asked) = page(FAILED, "", IMAGES).await;
    assert_eq!(asked.len(), 3, "{asked:?}");
    for line in [
        "result=\"partial\"} 1767052860\n",
        "result=\"success\"} 1766966430\n",
        "last_bytes{site=\"paris\",policy=\"Catalog\"} 2048\n",
    ] {
        assert!(with_jobs.contains(line), "{line}{with_jobs}");
    }
    assert!(with_jobs.contains("last_status{site=\"paris\",policy=\"Catalog\"} 13\n"), "{with_jobs}");
    let (alone, asked) = page("", "", IMAGES).await;
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(alone.contains("result=\"success\"} 1766966430\n") && !alone.contains("last_status"), "{alone}");
}

#[tokio::test]
async fn an_empty_list_says_nothing_and_never_that_there_was_no_backup() {
    assert_eq!(page("", "", "").await.0, "");
    let (failed, _) = page(FAILED, "", "401").await;
    assert!(failed.contains("result=\"failed\"") && !failed.contains("result=\"success\""), "{failed}");
}

#[tokio::test]
async fn jobs_of_a_policy_that_is_gone_are_not_shown() {
    let server = server(GOOD, "", "").await;
    let given = Given::by(server.client());
    given.board.learn_policies(Policies::from([("Other".to_owned(), Policy::default())]));
    let run = collected(&server, &given).await;
    assert!(run.families.iter().all(|family| family.series() == 0));
}
