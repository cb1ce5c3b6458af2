//! Files and directories that go, come back, or can not be read or watched.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::only;
use crate::harness::{
    CONFIG, Exporter, Sites, Stage, Volume, as_nobody, eventually, is_root, open_to_all, put, shows, skip,
    unshared,
};

/// An exporter on a plain file in a directory below a temporary one.
fn plain(sites: Sites, command: impl FnOnce(&Path) -> Option<std::process::Command>) -> Option<Stage> {
    let keep = tempfile::tempdir().unwrap();
    open_to_all(keep.path());
    let volume = Volume::plain(keep, "conf");
    fs::write(volume.path(CONFIG), sites.config([("paris", 0)])).unwrap();
    open_to_all(volume.root());
    fs::set_permissions(volume.path(CONFIG), fs::Permissions::from_mode(0o644)).unwrap();
    let exporter = Exporter::spawn(command(&volume.path(CONFIG))?);
    let stage = Stage { exporter, volume, sites };
    stage.shows("paris", 0);
    Some(stage)
}

#[test]
fn a_deleted_file_is_rejected_once_and_its_return_ends_that() {
    let stage = plain(Sites::marked(1), |path| Some(Exporter::command(path))).unwrap();
    let scraper = stage.scrape(&[("paris", 0)]);
    fs::remove_file(stage.path()).unwrap();
    eventually("the rejection shows", || !stage.exporter.is_newest());
    let answer = stage.exporter.post("/-/reload");
    assert_eq!(answer.status, 500);
    assert!(answer.body().contains(stage.path().to_str().unwrap()), "{}", answer.body());
    put(&stage.path(), &stage.config(&[("paris", 0)]));
    eventually("the return shows", || stage.exporter.is_newest());
    scraper.stop();
    only(&stage, &[("file", "rejected", 1.0), ("http", "rejected", 1.0), ("file", "unchanged", 1.0)]);
}

#[test]
fn a_directory_that_is_removed_and_made_anew_is_followed() {
    let stage = plain(Sites::marked(2), |path| Some(Exporter::command(path))).unwrap();
    let scraper = stage.scrape(&[("paris", 0)]);
    let directory = stage.volume.root().to_owned();
    for text in [stage.config(&[("paris", 0), ("lyon", 1)]), stage.config(&[("paris", 0)])] {
        fs::remove_dir_all(&directory).unwrap();
        eventually("the rejection shows", || !stage.exporter.is_newest());
        fs::create_dir(&directory).unwrap();
        fs::write(stage.path(), &text).unwrap();
        stage.exporter.until_runs(&text);
        assert!(stage.exporter.is_newest());
    }
    // Renamed away, with another in its place at once.
    let next = directory.with_extension("next");
    fs::create_dir(&next).unwrap();
    let text = stage.config(&[("paris", 0), ("nice", 1)]);
    fs::write(next.join(CONFIG), &text).unwrap();
    fs::rename(&directory, directory.with_extension("old")).unwrap();
    fs::rename(&next, &directory).unwrap();
    stage.exporter.until_runs(&text);
    scraper.stop();
}

#[test]
fn a_file_that_may_no_longer_be_read_is_rejected_with_mode_and_user_until_it_may() {
    let this = "a_file_that_may_no_longer_be_read_is_rejected_with_mode_and_user_until_it_may";
    let Some(stage) = plain(Sites::marked(1), |path| as_nobody(this, path)) else {
        return;
    };
    let scraper = stage.scrape(&[("paris", 0)]);
    fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o000)).unwrap();
    let answer = stage.exporter.post("/-/reload");
    assert_eq!(answer.status, 500);
    let body = answer.body();
    let user = if is_root() { 65534 } else { nix::unistd::geteuid().as_raw() };
    assert!(body.contains("permission denied") && body.contains("mode 0000"), "{body}");
    assert!(body.contains(&format!("uid {user}")) && body.contains("fsGroup"), "{body}");
    assert!(!stage.exporter.is_newest());
    fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(stage.exporter.post("/-/reload").body().starts_with("unchanged"));
    assert!(stage.exporter.is_newest());
    scraper.stop();
}

#[test]
fn without_an_inotify_instance_it_says_that_it_polls_and_finds_a_change() {
    let this = "without_an_inotify_instance_it_says_that_it_polls_and_finds_a_change";
    let limit = "echo 0 > /proc/sys/user/max_inotify_instances";
    let stage = plain(Sites::marked(2), |path| unshared(this, "-Ur", limit, &Exporter::command(path)));
    let Some(stage) = stage else { return };
    let mode =
        |mode: &str| stage.exporter.sample(&format!("nbu_exporter_config_watch_info{{mode=\"{mode}\"}}"));
    eventually("the metric says so", || mode("poll") == Some(1.0));
    assert_eq!(mode("inotify"), Some(0.0));
    // The look after the start is over with this; what comes later is found by a tick.
    assert_eq!(stage.exporter.post("/-/reload").status, 200);
    let scraper = stage.scrape(&[("paris", 0)]);
    let file_text = stage.config(&[("paris", 0), ("lyon", 1)]);
    put(&stage.path(), &file_text);
    stage.exporter.until_runs(&file_text);
    scraper.stop();
    only(&stage, &[("http", "unchanged", 1.0), ("poll", "applied", 1.0)]);
    stage.logs("No inotify", 1);
}

#[test]
fn without_descriptors_a_reload_and_a_scrape_wait_and_then_go_on() {
    let limit = |path: &Path| {
        let program = Exporter::command(path);
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "ulimit -n 40; exec \"$@\"", "sh"])
            .arg(program.get_program())
            .args(program.get_args());
        Some(command)
    };
    let stage = plain(Sites::marked(2), limit).unwrap();
    let address = stage.exporter.address();
    let clients: Vec<_> = (0..60).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    eventually("no descriptor is left", || stage.exporter.descriptors() >= 40);
    let text = stage.config(&[("paris", 0), ("lyon", 1)]);
    fs::write(stage.path(), &text).unwrap();
    drop(clients);
    eventually("it answers again", || {
        crate::harness::get(address, "/-/healthy").is_ok_and(|page| page.status == 200)
    });
    // A look that failed is tried again at the next trigger.
    eventually("a reload succeeds", || stage.exporter.post("/-/reload").status == 200);
    stage.exporter.until_runs(&text);
    stage.shows("lyon", 1);
    stage.shows("paris", 0);
    assert!(stage.exporter.is_newest());
}

#[test]
fn a_full_disk_keeps_no_reload_away() {
    let this = "a_full_disk_keeps_no_reload_away";
    if !is_root() {
        skip(this, "only root sees the files of another mount namespace");
        return;
    }
    let sites = Sites::marked(2);
    let keep = tempfile::tempdir().unwrap();
    let directory = keep.path().join("full");
    fs::create_dir(&directory).unwrap();
    let (one, two) = (sites.config([("paris", 0)]), sites.config([("paris", 0), ("lyon", 1)]));
    fs::write(keep.path().join("first"), format!("{one}{}", "#".repeat(two.len()))).unwrap();
    let script = format!(
        "cd '{0}'; mount -t tmpfs -o size=64k full full; cd full; cp ../first {CONFIG}\n\
         head -c 1M /dev/zero > fill 2>/dev/null || true; export TMPDIR='{0}/full'",
        keep.path().display()
    );
    let program = Exporter::command(&directory.join(CONFIG));
    let Some(command) = unshared(this, "-m", &script, &program) else { return };
    let exporter = Exporter::spawn(command);
    eventually("the site is there", || shows(&exporter.metrics(), "paris", 0));
    let inside = Path::new("/proc")
        .join(exporter.pid().to_string())
        .join("root")
        .join(directory.strip_prefix("/").unwrap());
    assert!(fs::write(inside.join("more"), [0; 8192]).is_err(), "the disk is full");
    // An edit in place needs no room.
    let padded = format!("{two}{}", "#".repeat(one.len()));
    fs::write(inside.join(CONFIG), &padded).unwrap();
    exporter.until_runs(&padded);
    eventually("the new site is there", || shows(&exporter.metrics(), "lyon", 1));
}
