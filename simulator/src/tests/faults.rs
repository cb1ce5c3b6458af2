//! Each fault as a client meets it.

use super::*;

/// Starts a site with one fault on `/admin/jobs`, and asks for a page of jobs.
async fn ask(fault: Fault) -> (Simulation, Site, Got) {
    let (simulation, site) = start(options()).await;
    site.faults().add(Rule::new(fault).on("/admin/jobs"));
    let got = jobs(&site, "", "", 100).await;
    assert_eq!(get(&site, "/storage/storage-units").await.status, 200);
    (simulation, site, got)
}

/// The first bytes of an answer that never ends, at least so many, and whether it has ended a moment after them.
async fn trickle(site: &Site, least: usize) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    let request = format!(
        "GET /netbackup/admin/jobs?page%5Blimit%5D=100 HTTP/1.1\r\nHost: primary\r\nAuthorization: {KEY}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while bytes.len() < least && stream.read_buf(&mut bytes).await.unwrap() > 0 {}
    let rest = stream.read_to_end(&mut bytes);
    let ended = tokio::time::timeout(Duration::from_millis(400), rest).await.is_ok();
    (bytes, ended)
}

#[tokio::test]
async fn a_status_comes_with_the_vendors_body_and_the_asked_retry_after() {
    for code in [401, 403, 404, 406, 429, 500, 502, 503] {
        let (_simulation, _, got) = ask(Fault::Status { code, retry_after: None }).await;
        assert_eq!((got.status, got.header("Retry-After")), (code, None));
        assert!(got.json()["errorMessage"].is_string());
    }
    for (form, expected) in [
        (RetryAfter::Seconds(30), "30"),
        (RetryAfter::HttpDate(30), "Tue, 03 Feb 2026 12:00:30 GMT"),
        (RetryAfter::Iso8601(30), "2026-02-03T12:00:30.000Z"),
    ] {
        let (_simulation, _, got) = ask(Fault::Status { code: 503, retry_after: Some(form) }).await;
        assert_eq!(got.header("Retry-After"), Some(expected));
        assert_eq!(got.header("Date"), Some("Tue, 03 Feb 2026 12:00:00 GMT"));
    }
}

#[tokio::test]
async fn latency_delays_the_answer() {
    let before = std::time::Instant::now();
    let (_simulation, _, got) = ask(Fault::Latency { milliseconds: 120 }).await;
    assert_eq!(got.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_stall_never_answers_and_ends_with_the_simulation() {
    let (simulation, site) = start(options()).await;
    site.faults().add(Rule::new(Fault::Stall));
    let (bytes, ended) = trickle(&site, 0).await;
    assert!(bytes.is_empty() && !ended);
    while site.requests().count() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(site.requests().recent(1)[0].status, None);
    tokio::time::timeout(Duration::from_secs(20), simulation.shutdown())
        .await
        .expect("shutdown does not wait for stalled requests");
}

#[tokio::test]
async fn a_stalled_body_stops_half_way() {
    let (_simulation, site) = start(options()).await;
    site.faults().add(Rule::new(Fault::StallBody));
    let (bytes, ended) = trickle(&site, 50_000).await;
    assert!(bytes.len() >= 50_000 && !ended);
    assert!(bytes.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_announced() {
    let (_simulation, _, got) = ask(Fault::Truncate).await;
    let announced: usize = got.header("Content-Length").unwrap().parse().unwrap();
    assert_eq!((got.status, got.body.len()), (200, announced / 2));
}

#[tokio::test]
async fn an_oversized_body_has_the_asked_size_or_no_end() {
    let (_simulation, _, got) = ask(Fault::Oversized { bytes: Some(1 << 20) }).await;
    assert!(got.body.len() >= 1 << 20);
    let (_simulation, site) = start(options()).await;
    site.faults().add(Rule::new(Fault::Oversized { bytes: None }));
    let (bytes, ended) = trickle(&site, 1 << 18).await;
    assert!(bytes.len() >= 1 << 18 && !ended);
}

#[tokio::test]
async fn an_html_page_and_a_wrong_content_type_are_told_by_the_header() {
    let (_simulation, _, got) = ask(Fault::Html { code: 502 }).await;
    assert_eq!((got.status, got.header("Content-Type")), (502, Some("text/html; charset=utf-8")));
    let (_simulation, _, got) = ask(Fault::ContentType { value: "text/plain".into() }).await;
    assert_eq!((got.status, got.header("Content-Type")), (200, Some("text/plain")));
    assert_eq!(got.ids().len(), 100);
}

#[tokio::test]
async fn a_reset_ends_the_connection_with_an_error() {
    let (_simulation, _, got) = ask(Fault::Reset).await;
    assert!(got.broken && got.head.is_empty());
    let (_simulation, _, got) = ask(Fault::ResetBody).await;
    assert!(got.broken);
}

#[tokio::test]
async fn garbage_is_no_json() {
    let (_simulation, _, got) = ask(Fault::Garbage).await;
    assert_eq!(got.status, 200);
    assert!(serde_json::from_slice::<Value>(&got.body).is_err());
}

#[tokio::test]
async fn odd_records_stand_among_good_ones() {
    let (_simulation, _, got) = ask(Fault::MalformedRecords).await;
    let json = got.json();
    let attributes = |index: usize| &json["data"][index]["attributes"];
    assert!(attributes(0)["jobId"].is_string());
    assert_eq!(attributes(1)["startTime"], "");
    assert_eq!(attributes(2)["state"], "NEWER_THAN_YOU");
    assert!(attributes(3)["jobId"].is_null() && attributes(3).is_object());
    assert!(attributes(4).is_null() && json["data"][4].get("attributes").is_some());
    assert!(json["data"][5].get("attributes").is_none());
    assert!(attributes(7)["jobId"].is_i64() && attributes(8)["jobId"].is_i64());
}

#[tokio::test]
async fn a_stuck_cursor_leads_nowhere() {
    let (_simulation, site) = start(options()).await;
    site.faults().add(Rule::new(Fault::StuckCursor));
    let first = get(&site, "/admin/jobs").await.json();
    let next = first["meta"]["pagination"]["next"].as_str().unwrap();
    let second = get(&site, &format!("/admin/jobs?page%5Bafter%5D={next}")).await.json();
    assert_eq!(second["meta"]["pagination"]["next"], next);
    let units = get(&site, "/storage/storage-units?page%5Boffset%5D=10").await.json();
    assert_eq!(units["meta"]["pagination"]["next"], 10);
    assert!(!units["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn faults_are_controlled_over_http() {
    let (_simulation, site) = start(options()).await;
    let rule = r#"{"fault":"status","code":429,"retryAfter":"seconds:5","path":"/admin/jobs","times":2}"#;
    let id = send(&site, "POST", "/simulator/faults", &[], rule).await.json()["id"].clone();
    for expected in [429, 429, 200] {
        assert_eq!(get(&site, "/admin/jobs").await.status, expected);
    }
    let listed = send(&site, "GET", "/simulator/faults", &[], "").await.json();
    assert_eq!((&listed["faults"][0]["id"], &listed["faults"][0]["hits"]), (&id, &json!(2)));
    assert_eq!(send(&site, "DELETE", &format!("/simulator/faults/{id}"), &[], "").await.status, 200);
    assert_eq!(send(&site, "DELETE", &format!("/simulator/faults/{id}"), &[], "").await.status, 404);
    send(&site, "POST", "/simulator/faults", &[], r#"{"fault":"html"}"#).await;
    assert_eq!(get(&site, "/admin/jobs").await.status, 502);
    send(&site, "DELETE", "/simulator/faults", &[], "").await;
    assert_eq!(get(&site, "/admin/jobs").await.status, 200);
    for wrong in ["", "{}", r#"{"fault":"fire"}"#, r#"{"fault":"stall","time":1}"#] {
        let got = send(&site, "POST", "/simulator/faults", &[], wrong).await;
        assert_eq!(got.status, 400, "{wrong}");
        assert!(got.json()["error"].is_string());
    }
    assert_eq!(send(&site, "GET", "/simulator/state", &[], "").await.json()["apiVersion"], "12.0");
    assert_eq!(send(&site, "GET", "/simulator/nothing", &[], "").await.status, 404);
}

#[tokio::test]
async fn requests_at_the_same_time_are_counted() {
    let (_simulation, site) = start(options()).await;
    assert_eq!(get(&site, "/admin/jobs").await.status, 200);
    assert_eq!(site.requests().most_at_once(), 1);
    let rule = Rule::new(Fault::Latency { milliseconds: 300 });
    site.faults().add(rule.on("/storage"));
    tokio::join!(
        get(&site, "/storage/storage-units"),
        get(&site, "/storage/disk-pools"),
        get(&site, "/storage/disk-pools")
    );
    assert_eq!(site.requests().most_at_once(), 3);
}

#[tokio::test]
async fn a_reset_works_below_tls_too() {
    let options = Options { tls: Tls::Valid, faults: vec![Rule::new(Fault::Reset)], ..options() };
    let (_simulation, site) = start(options).await;
    let mut stream = tls::connect(&site).await.unwrap();
    let request = b"GET /netbackup/ping HTTP/1.1\r\nHost: primary\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}
