//! The ConfigMap volume, as the kubelet updates it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{only, outcomes};
use crate::harness::{
    CONFIG, Exporter, Scraper, Sites, Stage, Volume, eventually, first_readings, polls, unshared,
};

#[test]
fn a_swap_that_adds_removes_and_moves_sites_leaves_the_others_without_a_gap() {
    let stage = Stage::start(5, &["paris", "lyon", "nice"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    let before = polls(stage.server(0));
    stage.apply(&stage.config(&[("paris", 0), ("nice", 3), ("metz", 4)]));
    let page = stage.exporter.metrics();
    assert!(!page.contains("site=\"lyon\""), "a removed site leaves no series at all");
    assert!(!page.contains("only-2"), "what was learned from the old address is gone at once");
    stage.shows("nice", 3);
    stage.shows("metz", 4);
    let (old, lyon) = (stage.server(2).requests().count(), stage.server(1).requests().count());
    eventually("the untouched site is polled on", || polls(stage.server(0)) >= before + 3);
    scraper.stop();
    assert_eq!(first_readings(stage.server(0)), 1, "the untouched site's poller goes on where it was");
    assert_eq!(stage.flushes("paris", "endpoint"), 0.0);
    assert_eq!(stage.flushes("nice", "endpoint"), 1.0);
    assert_eq!(stage.server(2).requests().count(), old, "nobody asks the old address");
    assert_eq!(stage.server(1).requests().count(), lyon, "nobody asks a removed site");
    stage.logs("changes=\"sites: +metz -lyon ~nice(endpoint)\"", 1);
    only(&stage, &[("file", "applied", 1.0)]);
}

#[test]
fn every_one_of_many_swaps_is_applied() {
    let stage = Stage::start(2, &["paris"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    for round in 0..20 {
        let lyon: &[_] = if round % 2 == 0 { &[("paris", 0), ("lyon", 1)] } else { &[("paris", 0)] };
        stage.apply(&stage.config(lyon));
        let page = stage.exporter.metrics();
        let lyon: Vec<&str> = page.lines().filter(|line| line.contains("site=\"lyon\"")).collect();
        assert_eq!(lyon.is_empty(), round % 2 != 0, "round {round}: {lyon:#?}");
    }
    scraper.stop();
    only(&stage, &[("file", "applied", 20.0)]);
    assert_eq!(stage.logged("level=warn"), 0, "an update is nothing to warn about");
}

#[test]
fn a_burst_of_a_thousand_swaps_ends_with_the_last_one() {
    let stage = Stage::start(1, &["paris"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    let text = |number: usize| format!("{}# {number}\n", stage.config(&[("paris", 0)]));
    for number in 0..1000 {
        stage.swap(&text(number));
    }
    stage.exporter.until_runs(&text(999));
    scraper.stop();
    let applied = stage.exporter.reloads("file", "applied");
    assert!((1.0..=1000.0).contains(&applied), "{applied}");
    assert!(stage.exporter.is_newest());
    only(&stage, &[("file", "applied", applied)]);
    assert_eq!(first_readings(stage.server(0)), 1);
}

#[test]
fn equal_bytes_and_new_permissions_are_no_reload() {
    let stage = Stage::start(1, &["paris"]);
    let series = "nbu_exporter_config_last_reload_success_timestamp_seconds";
    let success = stage.exporter.sample(series);
    for _ in 0..5 {
        stage.swap(&stage.config(&[("paris", 0)]));
    }
    fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let file = fs::File::options().append(true).open(stage.path()).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    drop(file);
    // What was seen before this is answered before it.
    assert_eq!(stage.exporter.post("/-/reload").status, 200);
    only(&stage, &[("http", "unchanged", 1.0)]);
    assert_eq!(stage.exporter.sample(series), success, "nothing was put to work");
    assert_eq!(first_readings(stage.server(0)), 1);
}

#[test]
fn a_rejection_is_told_once_and_ends_when_the_running_content_is_back() {
    let stage = Stage::start(1, &["paris"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    let good = stage.config(&[("paris", 0)]);
    let bad = good.replace("apiKey:", "apiKye:");
    for _ in 0..3 {
        stage.swap(&bad);
        eventually("the rejection shows", || !stage.exporter.is_newest());
    }
    assert_eq!(stage.exporter.reloads("file", "rejected"), 1.0);
    assert_eq!(stage.exporter.post("/-/reload").status, 500);
    assert!(!stage.exporter.is_newest(), "an answer does not make it good");
    stage.swap(&good);
    eventually("the end of the rejection shows", || stage.exporter.is_newest());
    scraper.stop();
    only(&stage, &[("file", "rejected", 1.0), ("http", "rejected", 1.0), ("file", "unchanged", 1.0)]);
    assert_eq!(first_readings(stage.server(0)), 1);
}

#[test]
fn hundreds_of_reloads_leave_nothing_behind() {
    let stage = Stage::start(3, &["paris"]);
    let exporter = &stage.exporter;
    let round = |number: usize| {
        let sites: &[_] = match number % 3 {
            0 => &[("paris", 0)],
            1 => &[("paris", 0), ("lyon", 1)],
            _ => &[("paris", 0), ("lyon", 2)],
        };
        stage.swap(&format!("{}# {number}\n", stage.config(sites)));
        assert_eq!(exporter.post("/-/reload").status, 200);
    };
    let measure = || {
        let page = exporter.metrics();
        let tasks = crate::harness::sample(&page, "nbu_exporter_runtime_alive_tasks").unwrap();
        let watches = crate::harness::sample(&page, "nbu_exporter_config_watches").unwrap();
        let series = page.lines().filter(|line| line.starts_with("nbu_exporter_")).count();
        (exporter.status("Threads"), exporter.descriptors(), tasks, watches, series)
    };
    // Any multiple of three ends with one site.
    (0..60).for_each(round);
    round(60);
    stage.shows("paris", 0);
    let (before, memory) = (measure(), exporter.status("VmRSS"));
    (61..360).for_each(round);
    round(360);
    eventually(&format!("nothing more than {before:?} is left"), || {
        let now = measure();
        // A connection or a blocking thread may be between two uses.
        now.0 <= before.0 + 2
            && now.1 <= before.1 + 2
            && now.2 <= before.2 + 2.0
            && now.3 == before.3
            && now.4 == before.4
    });
    let grown = exporter.status("VmRSS").saturating_sub(memory);
    assert!(grown < 16 * 1024, "{grown} KiB more after 300 reloads");
    assert!(exporter.runs(&format!("{}# 360\n", stage.config(&[("paris", 0)]))));
    assert!(outcomes(&stage) >= 361);
}

#[test]
fn a_lone_bind_mounted_file_is_warned_about_once_and_a_post_still_reads_it() {
    let test = "a_lone_bind_mounted_file_is_warned_about_once_and_a_post_still_reads_it";
    let sites = Sites::marked(2);
    let (one, two) = (sites.config([("paris", 0)]), sites.config([("paris", 0), ("lyon", 1)]));
    let volume = Volume::new(&[(CONFIG, &one)]);
    let directory = tempfile::tempdir().unwrap();
    let lone = directory.path().join(CONFIG);
    fs::write(&lone, "").unwrap();
    let script = format!("mount --bind '{}' '{}'", volume.path(CONFIG).display(), lone.display());
    let Some(command) = unshared(test, "-Urm", &script, &Exporter::command(&lone)) else { return };
    let stage = Stage { exporter: Exporter::spawn(command), volume, sites };
    stage.shows("paris", 0);
    let mode = "nbu_exporter_config_watch_info{mode=\"unwatchable\"}";
    eventually("the metric says so", || stage.exporter.sample(mode) == Some(1.0));
    // The mount shows the very file that it was made from, so that an edit in place is seen.
    fs::write(stage.path(), &two).unwrap();
    let answer = stage.exporter.post("/-/reload");
    assert_eq!(answer.status, 200, "{}", answer.body());
    assert!(stage.exporter.runs(&two));
    // And it never shows another.
    stage.swap(&one);
    assert!(stage.exporter.post("/-/reload").body().starts_with("unchanged"));
    assert!(stage.exporter.runs(&two));
    stage.logs("subPath", 1);
}

#[test]
fn a_projected_volume_whose_other_files_change_is_no_reload() {
    let stage = Stage::start(1, &["paris"]);
    let text = stage.config(&[("paris", 0)]);
    let scraper = Scraper::start(&stage.exporter);
    for token in 0..10 {
        stage.volume.swap(&[(CONFIG, &text), ("token", &token.to_string())]);
    }
    assert_eq!(stage.exporter.post("/-/reload").status, 200);
    scraper.stop();
    only(&stage, &[("http", "unchanged", 1.0)]);
}
