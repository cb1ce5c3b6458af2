//! Keys and certificates that change, come late, or are refused.

use std::fs;

use nbu_exporter_simulator::{Options, SiteOptions, Tls};

use super::only;
use crate::harness::{
    CONFIG, Exporter, LinkOrder, Sites, Stage, Volume, eventually, fingerprint, first_readings, put,
};

/// A site whose key lies in the file `key` beside the configuration.
fn by_file(key: &str) -> (Stage, String) {
    let sites = Sites::marked(1);
    sites.simulation().sites()[0].replace_keys(&[key.to_owned()]);
    let text = sites.config([("paris", 0)]).replace("apiKey: simulated-key", "apiKeyFile: key");
    let stage = Stage::with(sites, &[(CONFIG, &text), ("key", &format!("{key}\n"))]);
    stage.shows("paris", 0);
    (stage, text)
}

/// Waits until the newest request for jobs has this key.
#[track_caller]
fn uses(stage: &Stage, key: &str) {
    let key = fingerprint(key);
    eventually("the key is used", || {
        let requests = stage.server(0).requests().matching("/admin/jobs");
        requests.last().is_some_and(|request| request.key_fingerprint.as_ref() == Some(&key))
    });
}

fn accepted(stage: &Stage) -> Option<f64> {
    stage.exporter.sample("nbu_api_credential_accepted{site=\"paris\"}")
}

#[test]
fn a_key_file_that_rotates_is_used_at_once_and_keeps_the_caches() {
    let (stage, text) = by_file("first-key");
    let scraper = stage.scrape(&[("paris", 0)]);
    // Both are good for a while, as it should be.
    stage.server(0).add_key("second-key");
    stage.volume.swap(&[(CONFIG, &text), ("key", "second-key\n")]);
    uses(&stage, "second-key");
    stage.server(0).remove_key("first-key");
    let jobs = || stage.server(0).requests().matching("/admin/jobs").len();
    let before = jobs();
    eventually("polling goes on", || jobs() >= before + 4);
    scraper.stop();
    assert_eq!(first_readings(stage.server(0)), 1, "nothing is read anew");
    assert_eq!(stage.flushes("paris", "endpoint"), 0.0);
    stage.logs("~paris(credentials)", 1);
    only(&stage, &[("file", "applied", 1.0)]);
}

#[test]
fn an_empty_key_file_is_rejected_and_line_ends_do_not_count() {
    let (stage, text) = by_file("first-key");
    let scraper = stage.scrape(&[("paris", 0)]);
    for empty in ["", "\n", "\r\n\n"] {
        stage.volume.swap(&[(CONFIG, &text), ("key", empty)]);
        let answer = stage.exporter.post("/-/reload");
        assert_eq!(answer.status, 500);
        assert!(answer.body().contains("apiKeyFile"), "{}", answer.body());
    }
    stage.volume.swap(&[(CONFIG, &text), ("key", "first-key\r\n\n")]);
    eventually("the way back shows", || stage.exporter.is_newest());
    assert_eq!(stage.logged("~paris(credentials)"), 0, "it is the same key");
    scraper.stop();
}

#[test]
fn a_named_key_file_that_appears_later_is_applied_with_no_other_trigger() {
    let stage = Stage::start(2, &["paris"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    let secrets = tempfile::tempdir().unwrap();
    // Not even its directory is there.
    let key = secrets.path().join("mounted/later/key");
    let lyon = stage.config(&[("paris", 0), ("lyon", 1)]);
    let (head, tail) = lyon.rsplit_once("apiKey: simulated-key").unwrap();
    let text = format!("{head}apiKeyFile: {}{tail}", key.display());
    stage.swap(&text);
    eventually("the rejection shows", || !stage.exporter.is_newest());
    let volume = Volume::at(key.parent().unwrap(), LinkOrder::AfterSwap);
    volume.swap(&[("key", "simulated-key")]);
    stage.exporter.until_runs(&text);
    stage.shows("lyon", 1);
    assert!(stage.exporter.is_newest());
    scraper.stop();
    let rejected = stage.exporter.reloads("file", "rejected");
    only(&stage, &[("file", "rejected", rejected), ("file", "applied", 1.0)]);
    assert!((1.0..=3.0).contains(&rejected), "{rejected}");
    drop(volume);
}

#[test]
fn one_sites_missing_key_file_at_a_start_leaves_the_others_collected() {
    let sites = Sites::marked(2);
    let text = sites.config([("paris", 0), ("lyon", 1)]);
    let (head, tail) = text.rsplit_once("apiKey: simulated-key").unwrap();
    let secrets = tempfile::tempdir().unwrap();
    let key = secrets.path().join("lyon");
    let text = format!("{head}apiKeyFile: {}{tail}", key.display());
    let stage = Stage::with(sites, &[(CONFIG, &text)]);
    stage.shows("paris", 0);
    let scraper = stage.scrape(&[("paris", 0)]);
    assert_eq!(stage.exporter.sample("nbu_up{site=\"lyon\"}"), Some(0.0));
    eventually("it is told by the metric", || !stage.exporter.is_newest());
    stage.logs("The site can not be collected", 1);
    let page = stage.exporter.get("/").body();
    assert!(page.contains("nbuservers[1].apiKeyFile: names a file that can not be read"), "{page}");
    assert!(page.contains("put it in place: it is looked for again by itself"), "{page}");
    assert!(page.contains("It runs without the sites that lack something"), "{page}");
    assert_eq!(stage.exporter.get("/-/ready").status, 200);
    assert_eq!(stage.exporter.post("/-/reload").status, 500, "the whole is refused until it is there");
    put(&key, "simulated-key\n");
    stage.shows("lyon", 1);
    eventually("the whole runs", || stage.exporter.is_newest());
    scraper.stop();
    stage.logs("sites: +lyon", 1);
    assert_eq!(first_readings(stage.server(0)), 1, "the other site is not touched");
}

#[test]
fn a_pipe_or_a_huge_file_in_the_place_of_a_key_is_rejected_and_nothing_hangs() {
    let (stage, text) = by_file("first-key");
    let scraper = stage.scrape(&[("paris", 0)]);
    let places = tempfile::tempdir().unwrap();
    let (pipe, huge) = (places.path().join("pipe"), places.path().join("huge"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    fs::File::create(&huge).unwrap().set_len(1 << 31).unwrap();
    for path in [&pipe, &huge] {
        let text = text.replace("apiKeyFile: key", &format!("apiKeyFile: {}", path.display()));
        stage.volume.swap(&[(CONFIG, &text), ("key", "first-key\n")]);
        let answer = stage.exporter.post("/-/reload");
        assert_eq!(answer.status, 500);
        assert!(answer.body().contains(path.to_str().unwrap()), "{}", answer.body());
    }
    scraper.stop();
}

#[test]
fn a_new_key_that_is_refused_does_not_take_the_site_down_and_is_used_once_it_is_good() {
    let (stage, text) = by_file("first-key");
    let scraper = stage.scrape(&[("paris", 0)]);
    stage.volume.swap(&[(CONFIG, &text), ("key", "too-early-key\n")]);
    eventually("the refusal shows", || accepted(&stage) == Some(0.0));
    stage.logs("refuses the new API key; the old one stays in use", 1);
    uses(&stage, "first-key");
    assert!(stage.exporter.is_up("paris"));
    stage.server(0).add_key("too-early-key");
    uses(&stage, "too-early-key");
    eventually("the acceptance shows", || accepted(&stage) == Some(1.0));
    scraper.stop();
    assert_eq!(first_readings(stage.server(0)), 1);
}

#[test]
fn a_variable_that_appears_in_dotenv_is_applied_and_so_is_its_new_value() {
    let sites = Sites::marked(1);
    let text = sites.config([("paris", 0)]);
    let volume = Volume::new(&[(CONFIG, &text)]);
    let mut command = Exporter::command(&volume.path(CONFIG));
    command.current_dir(volume.root()).env_remove("PARIS_KEY");
    let stage = Stage { exporter: Exporter::spawn(command), volume, sites };
    stage.shows("paris", 0);
    let scraper = stage.scrape(&[("paris", 0)]);
    let text = text.replace("apiKey: simulated-key", "apiKey: ${PARIS_KEY}");
    stage.swap(&text);
    eventually("the rejection shows", || !stage.exporter.is_newest());
    assert!(stage.exporter.post("/-/reload").body().contains("PARIS_KEY"));
    let dotenv = stage.volume.root().join(".env");
    fs::write(&dotenv, "PARIS_KEY simulated-key\n").unwrap();
    let told = stage.exporter.post("/-/reload").body();
    assert!(told.contains("/.env: line 1: it is not NAME=value"), "the cause is named: {told}");
    stage.server(0).add_key("variable-key");
    put(&dotenv, "PARIS_KEY=simulated-key\n");
    stage.exporter.until_runs(&text);
    fs::write(&dotenv, "PARIS_KEY=variable-key\nUNUSED=1\n").unwrap();
    uses(&stage, "variable-key");
    fs::write(&dotenv, "PARIS_KEY=variable-key\nUNUSED=2\n").unwrap();
    assert!(stage.exporter.post("/-/reload").body().starts_with("unchanged"), "nobody names it");
    scraper.stop();
    let counts = [
        ("file", "rejected", 1.0),
        ("http", "rejected", 2.0),
        ("file", "applied", 2.0),
        ("http", "unchanged", 1.0),
    ];
    only(&stage, &counts);
}

#[test]
fn a_new_authority_is_asked_of_pooled_connections_too() {
    let options =
        || Options { sites: vec![SiteOptions::named("tls")], tls: Tls::Valid, ..Options::default() };
    let (sites, stranger) = (Sites::with(options()).mark(), Sites::with(options()));
    let pem = |sites: &Sites| sites.simulation().sites()[0].ca_pem().unwrap().to_owned();
    let (own, other) = (pem(&sites), pem(&stranger));
    let text = sites.config([("paris", 0)]).replace("scheme: http", "scheme: https\n    caFile: ca.pem");
    let stage = Stage::with(sites, &[(CONFIG, &text), ("ca.pem", &own)]);
    stage.shows("paris", 0);
    let swap = |pem: &str| stage.volume.swap(&[(CONFIG, &text), ("ca.pem", pem)]);
    // A bundle with no certificate, or half of one, never comes so far.
    for bad in ["", "no certificate\n", &own[..own.len() / 2]] {
        swap(bad);
        let answer = stage.exporter.post("/-/reload");
        assert_eq!(answer.status, 500);
        assert!(answer.body().contains("caFile"), "{}", answer.body());
        assert!(stage.exporter.is_up("paris"));
    }
    swap(&other);
    eventually("the server is not trusted any more", || !stage.exporter.is_up("paris"));
    swap(&format!("{other}{own}"));
    eventually("the server is trusted again", || stage.exporter.is_up("paris"));
    assert_eq!(stage.flushes("paris", "endpoint"), 0.0);
    assert_eq!(first_readings(stage.server(0)), 1, "the caches are kept");
    eventually("both changes are logged", || stage.logged("~paris(connection)") >= 2);
}

#[test]
fn a_changed_system_ca_bundle_is_used_without_a_restart() {
    let options =
        || Options { sites: vec![SiteOptions::named("tls")], tls: Tls::Valid, ..Options::default() };
    let (sites, stranger) = (Sites::with(options()), Sites::with(options()));
    let pem = |sites: &Sites| sites.simulation().sites()[0].ca_pem().unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let (config, bundle) = (directory.path().join("config.yaml"), directory.path().join("bundle.pem"));
    fs::write(&config, sites.config([("paris", 0)]).replace("scheme: http", "scheme: https")).unwrap();
    let mut command = Exporter::command(&config);
    command.env("SSL_CERT_FILE", &bundle).env_remove("SSL_CERT_DIR");
    let exporter = Exporter::spawn(command);
    let says = |text: &str| exporter.log().iter().any(|line| line.contains(text));
    eventually("nobody is trusted", || says("the system has no certificate authorities"));
    fs::write(&bundle, pem(&stranger)).unwrap();
    eventually("another of the same name is trusted", || says("that one has another key"));
    assert!(!exporter.is_up("paris"));
    fs::write(&bundle, format!("{}{}", pem(&stranger), pem(&sites))).unwrap();
    eventually("the server is trusted", || exporter.is_up("paris"));
}
