//! What each page answers.

use std::io::Read as _;
use std::sync::Arc;

use flate2::read::GzDecoder;
use jiff::Timestamp;

use super::world::{World, active, active_config, snapshot};
use crate::config::{RESERVED_PATHS, SiteId};
use crate::exposition::content_type;
use crate::http::Limits;
use crate::metric::TextFormat;
use crate::reload::{Digest, Outcome, ReloadStatus, Trigger, Verdict};

fn id(name: &str) -> SiteId {
    SiteId::Named(name.into())
}

#[tokio::test]
async fn a_scrape_shows_the_snapshots_and_the_process() {
    let world = World::new().await;
    let writer = world.store.writer(id("paris"));
    writer.publish(snapshot("paris", 3));
    let mut client = world.client().await;
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some(content_type(TextFormat::Prometheus)));
    assert_eq!(answer.header("vary"), Some("accept, accept-encoding"));
    assert!(answer.text().starts_with("# HELP nbu_jobs Jobs.\n# TYPE nbu_jobs gauge\nnbu_jobs{"));
    assert!(answer.text().contains("\nprocess_start_time_seconds "));
    drop(writer);
    assert!(!client.get("/metrics").await.text().contains("paris"));
}

#[tokio::test]
async fn a_scraper_that_asks_for_openmetrics_gets_it() {
    let world = World::new().await;
    let writer = world.store.writer(id("paris"));
    writer.publish(snapshot("paris", 3));
    let mut client = world.client().await;
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n";
    let answer = client.request("GET", "/metrics", accept).await;
    assert_eq!(answer.header("content-type"), Some(content_type(TextFormat::OpenMetrics)));
    assert_eq!(answer.header("vary"), Some("accept, accept-encoding"));
    let text = answer.text();
    assert!(text.starts_with("# TYPE nbu_jobs gauge\n# HELP nbu_jobs Jobs.\nnbu_jobs{"), "{text}");
    assert!(
        text.contains("\n# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\n"),
        "{text}"
    );
    assert!(text.contains("\nprocess_cpu_seconds_total ") && text.ends_with("\n# EOF\n"), "{text}");
}

#[tokio::test]
async fn gzip_unpacks_to_the_same_samples() {
    let world = World::new().await;
    let writer = world.store.writer(id("paris"));
    writer.publish(snapshot("paris", 5000));
    let mut client = world.client().await;
    let plain = client.get("/metrics").await;
    for _ in 0..2 {
        let packed = client.request("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert!(packed.body.len() < plain.body.len() / 4);
        let mut text = String::new();
        GzDecoder::new(&*packed.body).read_to_string(&mut text).unwrap();
        let sites = |text: &str| text.lines().filter(|line| line.contains("nbu_jobs")).collect::<String>();
        assert_eq!(sites(&text), sites(plain.text()));
        assert!(text.contains("\nprocess_open_fds "));
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let world = World::new().await;
    let mut client = world.client().await;
    let answer = client.request("HEAD", "/metrics", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-length").unwrap().parse::<usize>().unwrap() > 100);
    // The connection is still in step.
    assert_eq!(client.get("/-/healthy").await.text(), "Healthy\n");
    assert_eq!(client.request("HEAD", "/-/ready", "").await.status, 200);
    assert_eq!(client.request("HEAD", "/", "").await.status, 200);
}

#[tokio::test]
async fn each_page_knows_its_methods() {
    let world = World::new().await;
    for (method, path, status, allow) in [
        ("POST", "/metrics", 405, Some("GET, HEAD")),
        ("POST", "/", 405, Some("GET, HEAD")),
        ("DELETE", "/-/healthy", 405, Some("GET, HEAD")),
        ("POST", "/config", 405, Some("GET, HEAD")),
        ("GET", "/-/reload", 405, Some("POST, PUT")),
        ("GET", "/-/quit", 404, None),
        ("POST", "/nothing", 404, None),
        ("GET", "/metrics/", 404, None),
        ("GET", "//metrics", 404, None),
        ("POST", "/health", 200, None),
        ("GET", "/livez", 200, None),
        ("GET", "/healthz", 200, None),
        ("GET", "/readyz", 200, None),
    ] {
        let answer = world.client().await.request(method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("allow").map(|allow| allow.replace(',', ", ").replace("  ", " ")).as_deref(),
            allow
        );
        assert!(!answer.body.is_empty(), "{method} {path}");
    }
    let mut client = world.client().await;
    assert_eq!(client.get("/-/reload").await.text(), "This endpoint requires a POST request.\n");
    assert!(client.get("/metrisc").await.text().contains("Metrics are at /metrics"));
}

#[tokio::test]
async fn requests_are_counted_under_a_closed_set_of_paths() {
    let world = World::new().await;
    let mut client = world.client().await;
    for path in ["/metrics", "/metrics", "/livez", "/one", "/two?x=/metrics"] {
        client.get(path).await;
    }
    let of = |labels: &str| world.sample(&format!("nbu_exporter_http_requests_total{{{labels}}}"));
    assert!((of("code=\"200\",path=\"/metrics\"") - 2.0).abs() < 0.1);
    assert!((of("code=\"200\",path=\"/-/healthy\"") - 1.0).abs() < 0.1);
    assert!((of("code=\"404\",path=\"other\"") - 2.0).abs() < 0.1);
}

#[tokio::test]
async fn every_page_of_our_own_is_reserved() {
    let world = World::new().await;
    let mut client = world.client().await;
    for path in RESERVED_PATHS {
        assert_ne!(client.get(path).await.status, 404, "{path}");
    }
    let source = include_str!("../router.rs");
    let routes: Vec<&str> =
        source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(routes.len(), RESERVED_PATHS.len());
    assert!(routes.iter().all(|route| RESERVED_PATHS.contains(route)), "{routes:?}");
}

#[tokio::test]
async fn the_metrics_path_follows_the_configuration_on_an_open_connection() {
    let world = World::new().await;
    let mut client = world.client().await;
    assert_eq!(client.get("/metrics").await.status, 200);
    world.config.publish(Arc::new(active_config(&[], "/nbu")));
    assert_eq!(client.get("/metrics").await.status, 404);
    assert_eq!(client.get("/nbu").await.status, 200);
}

#[tokio::test]
async fn readiness_waits_for_the_first_poll_of_each_site() {
    let world = World::new().await;
    world.config.publish(active(&["paris", "lyon"]));
    let mut client = world.client().await;
    let answer = client.get("/-/ready").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("site paris: its first poll has not finished"));
    let paris = world.store.writer(id("paris"));
    paris.publish(snapshot("paris", 1));
    let lyon = world.store.writer(id("lyon"));
    lyon.publish(crate::snapshot::Snapshot { complete: false, up: None, ..snapshot("lyon", 0) });
    assert!(!client.get("/-/ready").await.text().contains("paris"));
    lyon.publish(crate::snapshot::Snapshot { up: Some(false), ..snapshot("lyon", 0) });
    let answer = client.get("/-/ready?verbose").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text(),
        "[+] configuration: ok\n[+] site paris: ok\n[+] site lyon: ok\n[+] shutdown: ok\nReady\n"
    );
}

#[tokio::test]
async fn a_site_that_was_loaded_long_ago_is_no_longer_waited_for() {
    let world = World::new().await;
    let mut config = active_config(&["paris"], "/metrics");
    config.loaded_at = Timestamp::now() - jiff::SignedDuration::from_secs(31);
    world.config.publish(Arc::new(config));
    let mut client = world.client().await;
    assert_eq!(client.get("/-/ready").await.status, 200);
}

#[tokio::test]
async fn adding_a_site_does_not_make_a_ready_pod_unready() {
    let world = World::new().await;
    world.config.publish(active(&["paris"]));
    let mut client = world.client().await;
    assert_eq!(client.get("/-/ready").await.status, 503);
    let paris = world.store.writer(id("paris"));
    paris.publish(snapshot("paris", 1));
    assert_eq!(client.get("/-/ready").await.status, 200);
    // By a firewall that drops, its first poll takes half a minute.
    world.config.publish(active(&["paris", "lyon"]));
    let answer = client.get("/readyz?verbose").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.text().contains("[+] site lyon: ok: its first poll has not finished"),
        "{}",
        answer.text()
    );
    // Nor does it matter what becomes of the first one.
    drop(paris);
    assert_eq!(client.get("/-/ready").await.status, 200);
}

#[tokio::test]
async fn once_the_end_is_announced_it_is_unready_serves_on_and_sends_its_clients_elsewhere() {
    let world = World::new().await;
    let (mut one, mut other) = (world.client().await, world.client().await);
    assert_eq!(one.get("/-/ready").await.status, 200);
    assert_eq!(other.get("/metrics").await.header("connection"), None);
    world.announced.cancel();
    let answer = one.get("/-/ready").await;
    assert_eq!(
        (answer.status, answer.text()),
        (503, "[-] shutdown: the exporter is about to end\nNot ready\n")
    );
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(one.rest().await.is_empty());
    // An open connection is not cut, and a new one is served.
    for mut client in [other, world.client().await] {
        let answer = client.get("/metrics").await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(client.rest().await.is_empty());
    }
}

#[tokio::test]
async fn a_pinned_path_stays_whatever_the_configuration_says() {
    let world = World::pinned("127.0.0.1", Limits::default(), Some("/pinned")).await;
    let mut client = world.client().await;
    for configured in ["/metrics", "/stats"] {
        world.config.publish(Arc::new(active_config(&[], configured)));
        assert_eq!(client.get("/pinned").await.status, 200);
        let answer = client.get(configured).await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains("Metrics are at /pinned"), "{}", answer.text());
        assert!(client.get("/").await.text().contains("href=\"/pinned\""));
    }
}

#[tokio::test]
async fn health_is_always_200() {
    let world = World::new().await;
    let mut client = world.client().await;
    assert_eq!(client.get("/health").await.text(), "OK\n");
    world.config.publish(active(&["paris"]));
    assert_eq!(client.get("/health").await.text(), "OK (starting)\n");
    let writer = world.store.writer(id("paris"));
    writer.publish(crate::snapshot::Snapshot { up: Some(false), ..snapshot("paris", 0) });
    let answer = client.get("/health").await;
    assert_eq!((answer.status, answer.text()), (200, "UNHEALTHY: NetBackup API unreachable\n"));
}

#[tokio::test]
async fn the_configuration_is_shown_redacted_with_its_hash_as_tag() {
    let world = World::new().await;
    let mut client = world.client().await;
    let answer = client.get("/config").await;
    assert_eq!(answer.header("content-type"), Some("text/yaml; charset=utf-8"));
    assert!(answer.text().contains("apiKey: <secret>"));
    let tag = answer.header("etag").unwrap().to_owned();
    let again = client.request("GET", "/config", &format!("If-None-Match: W/{tag}\r\n")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    world.config.publish(active(&["paris"]));
    let changed = client.request("GET", "/config", &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn hostile_names_stay_text() {
    let name = "<script>alert(1)</script>\"'&";
    let world = World::new().await;
    let mut config = active_config(&[name], "/metrics");
    config.origin = "<img src=x>".to_owned();
    world.config.publish(Arc::new(config));
    let writer = world.store.writer(id(name));
    writer.publish(snapshot(name, 1));
    let verdict = verdict(Outcome::Rejected, "config.yaml:1:2: </pre><script>");
    let status =
        ReloadStatus { rejection: Some((Timestamp::now(), Arc::new(verdict))), ..ReloadStatus::default() };
    world.status.publish(status);
    let mut client = world.client().await;
    let answer = client.get("/").await;
    assert!(!answer.text().contains("<script") && !answer.text().contains("<img"));
    assert!(answer.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;"));
    assert!(answer.text().contains("config.yaml:1:2: &lt;/pre&gt;&lt;script&gt;"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(!answer.text().contains("key-that-nobody-sees"));
    let metrics = client.get("/metrics").await;
    assert!(metrics.text().contains("{site=\"<script>alert(1)</script>\\\"'&\",policy=\"policy-0\"} 0\n"));
}

fn verdict(outcome: Outcome, detail: &str) -> Verdict {
    Verdict {
        trigger: Trigger::Http,
        outcome,
        text_digest: Some(Digest::of_text(b"x")),
        revision: None,
        detail: detail.into(),
        lacks_reference: false,
    }
}

/// Answers every request as the reloader does.
fn reloader(world: &mut World, outcome: Outcome, detail: &'static str) -> tokio::task::JoinHandle<()> {
    let mut requests = world.requests.take().unwrap();
    tokio::spawn(async move {
        while let Some(sender) = requests.recv().await {
            let _ = sender.send(Arc::new(verdict(outcome, detail)));
        }
    })
}

async fn check_reload(outcome: Outcome, detail: &'static str, status: u16, text: &str) {
    let mut world = World::new().await;
    let reloader = reloader(&mut world, outcome, detail);
    for method in ["POST", "PUT"] {
        let answer = world.client().await.request(method, "/-/reload", "").await;
        assert_eq!((answer.status, answer.text()), (status, text));
    }
    reloader.abort();
}

#[tokio::test]
async fn a_reload_answers_with_its_outcome() {
    check_reload(Outcome::Applied, "sites: +lyon", 200, "applied: sites: +lyon\n").await;
    check_reload(Outcome::Unchanged, "", 200, "unchanged\n").await;
    check_reload(Outcome::Superseded, "older", 200, "superseded: older\n").await;
    check_reload(Outcome::Rejected, "f:1:2: a\nf:3:4: b", 500, "rejected:\nf:1:2: a\nf:3:4: b\n").await;
}

#[tokio::test]
async fn who_learns_that_a_reload_is_applied_finds_it_in_the_next_scrape() {
    let mut world = World::new().await;
    let applied = prometheus::IntGauge::new("applied", "Applied.").unwrap();
    world.registry.prometheus().register(Box::new(applied.clone())).unwrap();
    let mut requests = world.requests.take().unwrap();
    let reloader = tokio::spawn(async move {
        while let Some(sender) = requests.recv().await {
            applied.inc();
            let _ = sender.send(Arc::new(verdict(Outcome::Applied, "")));
        }
    });
    let (mut client, mut scraper) = (world.client().await, world.client().await);
    for count in 1..20 {
        scraper.get("/metrics").await;
        client.request("POST", "/-/reload", "").await;
        assert!(scraper.get("/metrics").await.text().contains(&format!("\napplied {count}\n")));
    }
    reloader.abort();
}

#[tokio::test]
async fn a_reload_answers_in_json_when_asked() {
    let mut world = World::new().await;
    let reloader = reloader(&mut world, Outcome::Rejected, "f:1:2: a\nf:3:4: b");
    let accept = "Accept: text/plain;q=0.5, application/json\r\n";
    let answer = world.client().await.request("POST", "/-/reload", accept).await;
    assert_eq!(answer.status, 500);
    let value = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap();
    assert_eq!(value["outcome"], "rejected");
    assert_eq!(value["detail"], serde_json::json!(["f:1:2: a", "f:3:4: b"]));
    assert_eq!(value["hash"], Digest::of_text(b"x").to_string());
    reloader.abort();
}

#[tokio::test]
async fn a_reload_without_a_reloader_is_unavailable() {
    let mut world = World::new().await;
    drop(world.requests.take());
    assert_eq!(world.client().await.request("POST", "/-/reload", "").await.status, 503);
}

#[tokio::test]
async fn a_reload_goes_on_when_its_client_leaves() {
    let mut world = World::new().await;
    let mut requests = world.requests.take().unwrap();
    let mut client = world.client().await;
    client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let Some(sender) = requests.recv().await else { panic!("no request") };
    drop(client);
    world.wait_for("nbu_exporter_http_connections", 0.0).await;
    // The reloader's answer finds nobody, and the next client is served.
    assert!(sender.send(Arc::new(verdict(Outcome::Applied, ""))).is_err());
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_reload_with_a_large_body_is_refused() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n").await;
    client.send(&"x".repeat(70_000)).await;
    assert_eq!(client.answer(true).await.unwrap().status, 413);
}
