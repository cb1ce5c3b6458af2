//! Services of hosts, against a scripted server.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::fixture::Given;
use super::super::runner::{Run, run};
use super::*;
use crate::netbackup::fixture::{Answer, Server};

const INFO: &str = r#"{"serverName":"nbu1","masterHostId":"p 1"}"#;
const HOST_LIST: &str = r#"{"hosts":[{"uuid":"m2","hostName":"media2"},{"uuid":"m1","hostName":"media1"},{"uuid":"m0","hostName":"media1","decommissionedDateTime":1},
    {"uuid":"c1","hostName":"media3"},{"hostName":"nameless"}]}"#;
const DAEMONS: &str = r#"{"data":[{"id":"nbpem","attributes":{"status":"STOPPED"}},{"id":"nbjm","attributes":{"status":"RUNNING"}},
    {"id":"ltid","attributes":{"status":"DISABLED"}},{"id":"new","attributes":{"status":"STARTING"}}]}"#;

async fn server(of_host: fn(&str) -> Answer) -> Server {
    Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        server_info::PATH => Answer::json(INFO),
        "/config/hosts" => Answer::json(HOST_LIST),
        path => of_host(path.trim_start_matches("/admin/hosts/").trim_end_matches("/services")),
    })
    .await
}

async fn given(server: &Server, hosts: &[&str]) -> Given {
    let mut given = Given::by(server.client());
    given.client.negotiate(given.context().deadline).await.unwrap();
    given.collectors.services.options.hosts = hosts.iter().map(|&host| host.to_owned()).collect();
    given
}

fn asked(server: &Server) -> Vec<String> {
    let received = server.received().into_iter();
    received.map(|request| request.path).filter(|path| path != "/ping" && path != server_info::PATH).collect()
}

fn text(run: &Run) -> String {
    run.families.iter().map(Family::text).collect()
}

#[tokio::test]
async fn without_names_the_primary_server_is_asked_alone() {
    let server = server(|_| Answer::json(DAEMONS)).await;
    let given = given(&server, &[]).await;
    let run = run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    assert_eq!(
        text(&run),
        "nbu_service_up{site=\"paris\",host=\"nbu1\",daemon=\"nbpem\"} 0\nnbu_service_up{site=\"paris\",host=\"nbu1\",daemon=\"nbjm\"} 1\n"
    );
    assert_eq!((run.diagnostics.malformed, run.diagnostics.records), (0, 4));
    assert_eq!(asked(&server), ["/admin/hosts/p%201/services"]);
}

#[tokio::test]
async fn named_media_servers_are_asked_and_one_that_can_not_be_is_not_asked_again() {
    let server = server(|host| match host {
        "m2" => Answer::status(501),
        "c1" => Answer::status(400),
        _ => Answer::json(DAEMONS),
    })
    .await;
    let given = given(&server, &["PRIMARY", "Media1", "media2", "media3", "unknown"]).await;
    let mut collector = (SPEC.new)(&given.collectors);
    let first = run(collector.as_mut(), &given.context()).await;
    assert_eq!((first.outcome.clone(), text(&first).lines().count()), (Ok(()), 4));
    assert!(text(&first).contains("host=\"media1\",daemon=\"nbjm\"} 1\n"));
    let paths = [
        "/config/hosts",
        "/admin/hosts/p%201/services",
        "/admin/hosts/m1/services",
        "/admin/hosts/m2/services",
        "/admin/hosts/c1/services",
    ];
    assert_eq!(asked(&server), paths);
    run(collector.as_mut(), &given.context()).await;
    assert_eq!(asked(&server)[paths.len()..], paths[..3]);
}

#[tokio::test]
async fn a_host_that_fails_costs_the_others_nothing_and_is_told() {
    let server =
        server(|host| if host == "m1" { Answer::status(400 + 13) } else { Answer::json(DAEMONS) }).await;
    let with_media = given(&server, &["primary", "media1"]).await;
    let partly = run((SPEC.new)(&with_media.collectors).as_mut(), &with_media.context()).await;
    assert_eq!((partly.outcome.clone(), partly.diagnostics.truncated), (Ok(()), true));
    assert_eq!(text(&partly).lines().count(), 2);
    let alone = given(&server, &["media1"]).await;
    let failed = run((SPEC.new)(&alone.collectors).as_mut(), &alone.context()).await;
    assert_eq!(failed.outcome.unwrap_err().reason(), "http_4xx");
}

#[tokio::test]
async fn a_domain_of_which_no_host_can_be_asked_is_no_failure_and_a_refusal_ends_the_run() {
    let cloud_scale = server(|_| Answer::status(400)).await;
    let given_cloud = given(&cloud_scale, &[]).await;
    let run_there = run((SPEC.new)(&given_cloud.collectors).as_mut(), &given_cloud.context()).await;
    assert!(run_there.outcome.unwrap_err().is_unsupported());
    let refusing = server(|_| Answer::status(401)).await;
    let given_refused = given(&refusing, &["primary", "media1"]).await;
    let refused = run((SPEC.new)(&given_refused.collectors).as_mut(), &given_refused.context()).await;
    assert!(refused.outcome.unwrap_err().is_unauthorized());
    assert_eq!(asked(&refusing), ["/config/hosts", "/admin/hosts/p%201/services"]);
}

#[tokio::test]
async fn hosts_that_all_refuse_while_the_server_is_turned_to_another_release_are_asked_again_when_it_is_back()
{
    static IS_TURNED: AtomicBool = AtomicBool::new(true);
    let answer =
        |_: &str| if IS_TURNED.load(Ordering::Relaxed) { Answer::status(406) } else { Answer::json(DAEMONS) };
    let server = server(answer).await;
    let given = given(&server, &["primary", "media1"]).await;
    let mut collector = (SPEC.new)(&given.collectors);
    let turned = run(collector.as_mut(), &given.context()).await;
    assert!(turned.outcome.unwrap_err().is_unsupported());
    IS_TURNED.store(false, Ordering::Relaxed);
    let back = run(collector.as_mut(), &given.context()).await;
    assert_eq!(text(&back).lines().count(), 4);
}
