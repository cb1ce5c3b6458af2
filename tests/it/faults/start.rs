//! A start that fails says all that is wrong, by its exit code too.

use std::net::TcpListener;
use std::path::Path;

use crate::harness::{ApiServer, Exporter, eventually, start_fails};

fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    (directory, path.to_str().unwrap().to_owned())
}

#[test]
fn a_start_with_an_invalid_configuration_ends_with_2_and_the_whole_report() {
    let (_keep, path) = file(
        "server: {port: 0, uri: metrics}\nnbuservers:\n  - {site: paris, hots: nbu, apiKey: planted-key}\n",
    );
    let (code, said) = start_fails(&["--config", &path]);
    assert_eq!(code, Some(2), "{said}");
    for place in ["server.port", "server.uri", "nbuservers[0].hots", "nbuservers[0].host"] {
        assert!(said.lines().any(|line| line.starts_with(&path) && line.contains(place)), "{place}: {said}");
    }
    assert!(!said.contains("planted-key"), "{said}");
}

#[test]
fn a_start_without_a_configuration_ends_with_2_and_says_what_is_missing() {
    let (code, said) = start_fails(&["--config", "/nowhere/config.yaml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("/nowhere"), "{said}");
    let (code, said) = start_fails(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--config") && said.contains("NBU_EXPORTER_CONFIG"), "{said}");
}

#[test]
fn a_start_on_a_port_in_use_ends_with_1_and_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_keep, path) = file("nbuservers: []\n");
    let (code, said) = start_fails(&["--config", &path, "--web.listen-address", &address]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
}

#[test]
fn with_json_logs_the_last_words_of_a_start_that_fails_are_one_json_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_invalid, invalid) = file("nbuservers:\n  - {site: a, hots: b}\n  - {site: c, hots: d}\n");
    let (_asking, asking) = file("log: {format: json}\nnbuservers: 7\n");
    let (_valid, valid) = file("log: {format: json}\nnbuservers: []\n");
    let json = ["--log.format", "json"];
    let port = ["--web.listen-address", address.as_str()];
    for (flags, code, words) in [
        // By the flag: many mistakes, no file, no name of a file, a flag that is wrong, and a port in use.
        ([&json[..], &["--config", &invalid]].concat(), 2, "nbuservers[1].hots"),
        ([&json[..], &["--config", "/nowhere/config.yaml"]].concat(), 2, "/nowhere"),
        (json.to_vec(), 2, "NBU_EXPORTER_CONFIG"),
        ([&json[..], &["--nope"]].concat(), 2, "--nope"),
        ([&json[..], &["--config", &valid], &port].concat(), 1, "in use"),
        // By the file, which may be wrong.
        (["--config", &asking].to_vec(), 2, "nbuservers"),
        ([&["--config", &valid][..], &port].concat(), 1, "in use"),
    ] {
        let (exit, said) = start_fails(&flags);
        assert_eq!(exit, Some(code), "{said}");
        // A thread that is ending beside it may still say so.
        let last = said.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
        let record: serde_json::Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(record["level"], "ERROR", "{last}");
        assert!(record["error"].as_str().unwrap().contains(words), "{last}");
    }
}

#[test]
fn a_proxy_of_the_environment_is_not_taken_for_the_api_server() {
    let (_keep, path) = file("nbuservers: []\n");
    let api = ApiServer::start("1", "nbuservers: []\n");
    let mut command = Exporter::command(Path::new(&path));
    // Nobody is there (port 9, discard).
    api.watched_by(&mut command).env("HTTPS_PROXY", "http://127.0.0.1:9").env_remove("NO_PROXY");
    let exporter = Exporter::spawn(command);
    eventually("the ConfigMap is watched", || {
        exporter.sample("nbu_exporter_config_kubernetes_watch_up") == Some(1.0)
    });
}
