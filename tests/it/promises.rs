//! The five promises that everything here serves.

use nbu_exporter_simulator::{Fault, Rule};

use crate::harness::{Exporter, Sites, Stage, Volume, config, eventually};

#[test]
fn configuration_changes_apply_without_a_restart() {
    let sites = Sites::start(3);
    let (paris, lyon, nice) = (("paris", sites.port(0)), ("lyon", sites.port(1)), ("nice", sites.port(2)));
    let volume = Volume::new(&[("config.yaml", &config(&[paris, lyon]))]);
    let mut exporter = Exporter::start(&volume.path("config.yaml"));
    eventually("both sites are up", || exporter.is_up("paris") && exporter.is_up("lyon"));
    let pid = exporter.pid();
    volume.swap(&[("config.yaml", &config(&[paris, nice]))]);
    eventually("the added site is up", || exporter.is_up("nice"));
    assert!(!exporter.metrics().contains("lyon"), "a removed site leaves no series");
    assert!(exporter.is_up("paris"));
    assert!(exporter.is_running());
    assert_eq!(exporter.pid(), pid);
}

#[test]
fn sighup_triggers_a_reload() {
    let sites = Sites::start(1);
    let volume = Volume::new(&[("config.yaml", &config(&[("paris", sites.port(0))]))]);
    let exporter = Exporter::start(&volume.path("config.yaml"));
    exporter.signal("HUP");
    eventually("the signal is answered", || exporter.reloads("signal", "unchanged") == 1.0);
}

#[test]
fn a_changed_file_triggers_a_reload_by_itself() {
    let sites = Sites::start(2);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, config(&[("paris", sites.port(0))])).unwrap();
    let exporter = Exporter::start(&file);
    std::fs::write(&file, config(&[("paris", sites.port(0)), ("lyon", sites.port(1))])).unwrap();
    eventually("the new site is up", || exporter.is_up("lyon"));
    assert_eq!(exporter.reloads("file", "applied"), 1.0);
}

#[test]
fn an_invalid_configuration_never_breaks_a_running_exporter() {
    let sites = Sites::start(1);
    let good = config(&[("paris", sites.port(0))]);
    let volume = Volume::new(&[("config.yaml", &good)]);
    let exporter = Exporter::start(&volume.path("config.yaml"));
    eventually("the site is up", || exporter.is_up("paris"));
    volume.swap(&[("config.yaml", &good.replace("scheme: http", "scheme: gopher"))]);
    let successful = "nbu_exporter_config_last_reload_successful";
    eventually("the rejection shows", || exporter.sample(successful) == Some(0.0));
    assert!(exporter.is_up("paris"), "the last good configuration runs on");
    let answer = exporter.post("/-/reload");
    assert_eq!(answer.status, 500);
    let place = format!("{}:9:13: nbuservers[0].scheme:", volume.path("config.yaml").display());
    assert!(answer.body().contains(&place), "{}", answer.body());
    let told = || exporter.log().iter().any(|line| line.contains("nbuservers[0].scheme"));
    eventually("the log tells it too", told);
    volume.swap(&[("config.yaml", &good)]);
    eventually("the way back shows", || exporter.sample(successful) == Some(1.0));
}

#[test]
fn the_caches_are_flushed_when_the_netbackup_address_changes() {
    let stage = Stage::start(3, &["paris"]);
    // A server's jobs are known by these lines, and its storage by the unit that only it has.
    let jobs = |page: &str| {
        let lines = page.lines().filter(|line| line.starts_with("nbu_jobs_window_jobs{"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let old = jobs(&stage.exporter.metrics());
    assert!(!old.is_empty());
    // This server never answers, so that the page is seen between the flush and new data.
    stage.server(1).faults().add(Rule::new(Fault::Stall));
    stage.apply(&stage.config(&[("paris", 1)]));
    let page = stage.exporter.metrics();
    assert!(jobs(&page).is_empty(), "no job of the old server is on the page");
    assert!(!page.contains("only-0"), "no storage either");
    assert!(!page.contains("nbu_up{site=\"paris\"}"), "nobody knows yet whether the new one answers");
    assert_eq!(stage.flushes("paris", "endpoint"), 1.0);
    stage.apply(&stage.config(&[("paris", 2)]));
    stage.shows("paris", 2);
    let page = stage.exporter.metrics();
    assert_ne!(jobs(&page), old, "the other server has other jobs");
    assert!(!page.contains("only-0"));
}
