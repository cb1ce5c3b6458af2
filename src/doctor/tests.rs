//! Whole examinations, against scripted servers.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::report::{CheckStep, Finding};
use super::*;
use crate::config::{Material, Strictness, fixture, load};
use crate::netbackup::fixture::{Answer, Server};

fn config(sites: &[(&str, u16)]) -> Config {
    let mut text = String::from("nbuservers:\n");
    for (name, port) in sites {
        let place = format!("host: 127.0.0.1, port: {port}, scheme: http, proxyUrl: none");
        let _ = writeln!(text, "  - {{site: \"{name}\", {place}, apiKey: k}}");
    }
    let material = Material { text: text.into_bytes(), ..Material::default() };
    let config = load(std::path::Path::new("config.yaml"), &material, Strictness::Full).unwrap().config;
    Config { collectors: fixture::collectors(), ..config }
}

#[tokio::test]
async fn what_there_is_no_time_for_is_said() {
    let server = Server::start(|_| Answer { delay: Duration::from_hours(1), ..Answer::ping("12.0") }).await;
    let config = config(&[("paris", server.address.port())]);
    let diagnosis = examine_within(&config, None, Duration::from_secs(2), &|| {}).await;
    assert_eq!(diagnosis.exit_code(), 1);
    let site = diagnosis.sites.first().unwrap();
    assert!(!site.finished);
    assert_eq!(site.checks.len(), 8);
    assert!(table(&diagnosis, Style::Plain).contains("the doctor's time is over"));
}

#[tokio::test]
async fn sites_are_examined_side_by_side_and_reported_in_their_order() {
    let server = Server::start(|request| match request.path.as_str() {
        "/netbackup/ping" => Answer { delay: Duration::from_millis(100), ..Answer::ping("12.0") },
        "/netbackup/security/serverinfo" => Answer::json(r#"{"nbuVersion":"10.5"}"#),
        _ => Answer::json(r#"{"data":[]}"#),
    })
    .await;
    let names: Vec<String> = (0..20).map(|number| format!("site-{number}")).collect();
    let sites: Vec<_> = names.iter().map(|name| (name.as_str(), server.address.port())).collect();
    let examined = AtomicUsize::new(0);
    let count = || {
        examined.fetch_add(1, Ordering::Relaxed);
    };
    let diagnosis = examine(&config(&sites), None, &count).await;
    assert_eq!(examined.into_inner(), 20, "each is told as it is done");
    assert_eq!(diagnosis.exit_code(), 0, "{}", table(&diagnosis, Style::Plain));
    assert_eq!(diagnosis.sites.iter().map(|site| site.site.clone()).collect::<Vec<_>>(), names);
    assert!((2..=CONCURRENT_SITES).contains(&server.most_under_way()), "{}", server.most_under_way());
    let keyless = ["/netbackup/ping", "/netbackup/security/serverinfo"];
    for request in server.received() {
        assert_eq!(request.key.is_none(), keyless.contains(&request.path.as_str()), "{}", request.path);
    }
}

#[test]
fn what_a_server_says_can_not_write_rows_of_its_own() {
    let check = Check {
        step: CheckStep::Tls,
        collector: None,
        finding: Finding::warned("the name a\n  ok    key\x1b[2J", "none"),
    };
    let site = SiteDiagnosis {
        site: "paris".to_owned(),
        address: String::new(),
        finished: true,
        checks: vec![check],
    };
    let diagnosis = Diagnosis { sites: vec![site], webhook: None };
    let text = table(&diagnosis, Style::Plain);
    assert!(text.contains(r"the name a\n  ok    key\u{1b}[2J"), "{text}");
    assert!(!text.contains('\x1b'));
    assert!(table(&diagnosis, Style::Coloured).contains("\x1b[33mwarn\x1b[0m"));
    assert!(table(&Diagnosis::default(), Style::Plain).starts_with("no sites"));
}
