//! The real program on a configuration that is not valid, with what was kept of the last good one.

use std::path::Path;
use std::process::Command;

use crate::harness::{ApiServer, Exporter, Sites, Volume, config, eventually, put, start_fails};

/// What a typo makes of a configuration.
fn broken(text: &str) -> String {
    text.replace("scheme: http", "scheme: gopher")
}

/// Names the key by a variable, so that the text may be kept in a ConfigMap.
fn without_keys(text: &str) -> String {
    let text = text.replace("apiKey: simulated-key", "apiKey: ${TEST_KEY}");
    assert!(text.contains("TEST_KEY"), "{text}");
    text
}

fn told(exporter: &Exporter, part: &str) -> usize {
    exporter.log().iter().filter(|line| line.contains(part)).count()
}

/// The program as a pod runs it, between a fresh volume and the API server.
fn pod(api: &ApiServer, text: &str) -> (Volume, Exporter) {
    let volume = Volume::new(&[("config.yaml", text)]);
    let mut command = Exporter::command(&volume.path("config.yaml"));
    api.keeps_for(&mut command).env("TEST_KEY", "simulated-key");
    (volume, Exporter::spawn(command))
}

fn keeping(config: &Path, kept: &Path) -> Command {
    let mut command = Exporter::command(config);
    command.arg("--config.last-good").arg(kept);
    command
}

fn is_ready(exporter: &Exporter) -> bool {
    exporter.get("/-/ready").status == 200
}

#[test]
fn a_start_on_an_invalid_file_runs_on_the_last_good_one_and_says_so_everywhere() {
    let sites = Sites::start(1);
    let directory = tempfile::tempdir().unwrap();
    let [file, kept] = ["config.yaml", "last-good.yaml"].map(|name| directory.path().join(name));
    let good = config(&[("paris", sites.port(0))]);
    put(&file, &good);
    let exporter = Exporter::spawn(keeping(&file, &kept));
    eventually("it is kept", || kept.exists());
    drop(exporter);
    assert!(std::fs::read_to_string(&kept).unwrap().ends_with(&good));

    put(&file, &broken(&good));
    let exporter = Exporter::spawn(keeping(&file, &kept));
    eventually("the site is collected", || exporter.is_up("paris") && is_ready(&exporter));
    assert!(exporter.runs(&good) && !exporter.is_newest());
    let place = ":9:13: nbuservers[0].scheme";
    eventually("the log names the place", || told(&exporter, place) > 0);
    let page = exporter.get("/").body();
    assert!(page.contains("The last good one runs on") && page.contains(place), "{page}");
    assert!(page.contains(&format!("kept in file {}", kept.display())), "{page}");
    let answer = exporter.post("/-/reload");
    assert!(answer.status == 500 && answer.body().contains(place), "{}", answer.body());

    put(&file, &good);
    eventually("the repair is applied", || exporter.is_newest());
    assert!(!exporter.get("/").body().contains("The last good one runs on"));
    assert!(exporter.is_up("paris"));
}

#[test]
fn with_the_file_alone_and_nothing_kept_a_start_on_an_invalid_one_ends_with_2_and_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let [file, kept, off] = ["config.yaml", "last-good.yaml", "off"].map(|name| directory.path().join(name));
    put(&file, "nbuservers: []\n");
    let exporter = Exporter::spawn(keeping(&file, &kept));
    eventually("it is kept", || kept.exists());
    drop(exporter);
    put(&file, "nbuservers: 7\n");
    let path = file.to_str().unwrap();
    for flags in [&["--config.last-good=off"][..], &["--config.last-good", off.to_str().unwrap()], &[]] {
        let (code, said) = start_fails(&[&["--config", path], flags].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.lines().last().unwrap().starts_with(&format!("{path}:1:13: ")), "{said}");
    }
}

#[test]
fn systemd_names_the_directory_in_which_it_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    put(&file, "nbuservers: []\n");
    let mut command = Exporter::command(&file);
    command.env("STATE_DIRECTORY", directory.path());
    let _exporter = Exporter::spawn(command);
    eventually("it is kept", || directory.path().join("last-good.yaml").exists());
}

#[test]
fn a_bad_edit_does_not_wait_for_the_next_restart() {
    let sites = Sites::start(2);
    let good = without_keys(&config(&[("paris", sites.port(0))]));
    let api = ApiServer::start("10", &good);
    let (_volume, exporter) = pod(&api, &good);
    eventually("the site is collected", || exporter.is_up("paris"));
    eventually("it is kept", || api.kept().ends_with(&good));
    api.edit("11", &broken(&good));
    eventually("it is rejected", || !exporter.is_newest());
    assert!(exporter.is_up("paris"));
    drop(exporter);

    // The node is drained: a new pod with a new volume, which has the broken one as well.
    let events = api.events().len();
    let (_volume, exporter) = pod(&api, &broken(&good));
    eventually("the scrape goes on", || exporter.is_up("paris") && is_ready(&exporter));
    assert!(exporter.runs(&good) && !exporter.is_newest());
    eventually("the new pod tells it", || {
        let told = api.events().into_iter().skip(events);
        told.filter(|event| event["reason"] == "ConfigRejected").count() >= 2
    });
    assert!(exporter.get("/").body().contains("kept in configmap ns/kept"));
    let repaired = without_keys(&config(&[("lyon", sites.port(1))]));
    api.edit("12", &repaired);
    exporter.until_runs(&repaired);
    eventually("the repair is applied", || exporter.is_newest() && exporter.is_up("lyon"));
    eventually("it is kept", || api.kept().ends_with(&repaired));
}

#[test]
fn where_nothing_is_kept_the_process_stays_up_tells_the_report_everywhere_and_applies_the_repair() {
    let sites = Sites::start(1);
    let good = without_keys(&config(&[("paris", sites.port(0))]));
    let api = ApiServer::start("10", &broken(&good));
    let (_volume, exporter) = pod(&api, &broken(&good));
    let place = "nbuservers[0].scheme";
    eventually("the log names the place", || {
        told(&exporter, place) > 0 && told(&exporter, "Error reloading") == 1
    });
    let ready = exporter.get("/-/ready?verbose");
    assert!(ready.status == 503 && ready.body().contains("it is rejected"), "{}", ready.body());
    assert_eq!(exporter.get("/-/healthy").status, 200);
    assert!(!exporter.is_newest());
    let page = exporter.get("/").body();
    assert!(page.contains("Nothing is collected until it is mended") && page.contains(place), "{page}");
    eventually("there is an Event", || api.events().iter().any(|event| event["reason"] == "ConfigRejected"));
    api.edit("11", &good);
    eventually("the repair is applied", || exporter.is_newest() && exporter.is_up("paris"));
    eventually("it is ready", || is_ready(&exporter));
}

#[test]
fn no_key_is_ever_kept_in_the_configmap_and_that_is_said() {
    let sites = Sites::start(1);
    let inline = config(&[("paris", sites.port(0))]);
    let good = without_keys(&inline);
    let api = ApiServer::start("10", &good);
    let (_volume, exporter) = pod(&api, &good);
    eventually("it is kept", || api.kept().ends_with(&good));
    api.edit("11", &inline);
    eventually("it is said", || told(&exporter, "The configuration holds keys itself") == 1);
    let kept = api.kept();
    assert!(!kept.contains("simulated-key") && !kept.contains("TEST_KEY"), "nor is an older one: {kept}");
    assert!(exporter.runs(&inline) && exporter.is_newest());
}

#[test]
fn a_right_that_is_missing_to_keep_it_is_told_once_and_holds_nobody_up() {
    let sites = Sites::start(1);
    let good = without_keys(&config(&[("paris", sites.port(0))]));
    let api = ApiServer::start("10", &good);
    api.may_keep(false);
    let (_volume, exporter) = pod(&api, &good);
    let rule = "resourceNames [kept], verbs [get, update, patch]";
    eventually("it is told", || told(&exporter, rule) == 1);
    assert!(exporter.runs(&good) && exporter.is_newest());
    api.may_keep(true);
    eventually("it is kept in the end", || api.kept().ends_with(&good));
    assert_eq!(told(&exporter, rule), 1);
}

#[test]
fn a_configuration_from_a_secret_is_never_kept_in_a_configmap() {
    let sites = Sites::start(1);
    let good = without_keys(&config(&[("paris", sites.port(0))]));
    let api = ApiServer::with_secret("10", &good);
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("last-good.yaml");
    let volume = Volume::new(&[("config.yaml", &good)]);
    let mut command = keeping(&volume.path("config.yaml"), &kept);
    api.keeps_for(&mut command).env("TEST_KEY", "simulated-key");
    let exporter = Exporter::spawn(command);
    assert_eq!(told(&exporter, "it is never kept in a ConfigMap"), 1);
    eventually("it is kept in the file", || kept.exists());
    assert_eq!(api.kept(), "");
}
