//! Directories that go away, limits that are reached, mounts that give no events.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::FileError;
use super::super::volume::{LinkOrder, Volume};
use super::*;

async fn plain(text: &str, options: Options) -> (tempfile::TempDir, PathBuf, Reload) {
    let (held, root) = directory();
    let path = root.join("conf/config.yml");
    fs::create_dir(root.join("conf")).unwrap();
    fs::write(&path, text).unwrap();
    let reload = Reload::start(&path, options).await;
    (held, root, reload)
}

/// Points a link elsewhere, in one step.
fn repoint(link: &Path, target: &str) {
    let temporary = link.with_extension("new");
    symlink(target, &temporary).unwrap();
    fs::rename(temporary, link).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_called_missing_once_and_seen_when_it_is_back() {
    let (_held, root, mut reload) = plain("one", by_events()).await;
    fs::remove_file(root.join("conf/config.yml")).unwrap();
    reload.until("no such file").await;
    reload.settle().await;
    // Whole at once: a new file that is written in place may be seen empty.
    fs::write(root.join("conf/next"), "one").unwrap();
    fs::rename(root.join("conf/next"), root.join("conf/config.yml")).unwrap();
    reload.until("one").await;
    assert_eq!(reload.verdicts.len(), 3, "{:?}", reload.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_renamed_away_and_made_anew_is_seen_by_events() {
    let (_held, root, mut reload) = plain("one", by_events()).await;
    fs::rename(root.join("conf"), root.join("conf.old")).unwrap();
    fs::create_dir(root.join("conf")).unwrap();
    fs::write(root.join("conf/config.yml"), "two").unwrap();
    reload.until("two").await;
    reload.settle().await;
    let before = reload.changes();
    fs::write(root.join("conf.old/config.yml"), "old").unwrap();
    fs::write(root.join("conf/next"), "three").unwrap();
    fs::rename(root.join("conf/next"), root.join("conf/config.yml")).unwrap();
    reload.until("three").await;
    assert_eq!(reload.changes(), before + 1, "the old directory is not watched any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_deleted_and_made_anew_is_seen_by_events_again_and_again() {
    let (_held, root, mut reload) = plain("version 0;", by_events()).await;
    for version in 1..=5 {
        fs::remove_dir_all(root.join("conf")).unwrap();
        if version > 3 {
            reload.until("no such file").await;
        }
        fs::create_dir(root.join("conf")).unwrap();
        fs::write(root.join("conf/config.yml"), format!("version {version};")).unwrap();
        reload.until(&format!("version {version};")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_directory_that_is_pointed_elsewhere_is_seen_by_events() {
    let (_held, root) = directory();
    for version in ["one", "two"] {
        fs::create_dir(root.join(version)).unwrap();
        fs::write(root.join(version).join("config.yml"), version).unwrap();
    }
    symlink("one", root.join("current")).unwrap();
    let mut reload = Reload::start(&root.join("current/config.yml"), by_events()).await;
    repoint(&root.join("current"), "two");
    reload.until("two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_middle_link_of_a_chain_that_is_pointed_elsewhere_is_seen_by_events() {
    let (_held, root) = directory();
    for name in ["a", "b", "one", "two"] {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("config.yml"), name).unwrap();
    }
    symlink("../b/middle", root.join("a/first")).unwrap();
    symlink("../one", root.join("b/middle")).unwrap();
    let mut reload = Reload::start(&root.join("a/first/config.yml"), by_events()).await;
    repoint(&root.join("b/middle"), "../two");
    reload.until("two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_a_circle_and_links_to_nowhere_are_named() {
    let (_held, root) = directory();
    symlink("b", root.join("a")).unwrap();
    symlink("a", root.join("b")).unwrap();
    symlink("nowhere", root.join("c")).unwrap();
    let mut reload = Reload::start(&root.join("a"), by_events()).await;
    assert!(reload.verdict().contains("ELOOP"), "{:?}", reload.verdicts);
    repoint(&root.join("b"), "c");
    reload.until(&format!("{} does not exist", root.join("nowhere").display())).await;
    fs::write(root.join("nowhere"), "here").unwrap();
    reload.until("here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_the_place_of_the_configuration_or_a_key_is_named_at_once() {
    let (_held, root) = directory();
    run("mkfifo", &[root.join("pipe").to_str().unwrap()]);
    let reload = Reload::start(&root.join("pipe"), by_events()).await;
    assert!(reload.verdict().contains("is a named pipe"), "{:?}", reload.verdicts);
    fs::write(root.join("config.yml"), "key: pipe").unwrap();
    let reload = Reload::start(&root.join("config.yml"), by_events()).await;
    assert!(reload.verdict().contains("[pipe!is a named pipe"), "{:?}", reload.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_too_large_tells_its_size() {
    let (_held, root) = directory();
    fs::File::create(root.join("config.yml")).unwrap().set_len(2 << 30).unwrap();
    let mut reload = Reload::start(&root.join("config.yml"), by_events()).await;
    assert!(matches!(
        reload.snapshot().await,
        Err(ReadError::Unreadable {
            problem: FileError::TooLarge { size: 0x8000_0000, limit: 0x10_0000 },
            ..
        })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_file_names_path_mode_owner_and_our_uid() {
    if !is_inside(module_path!(), "an_unreadable_file_names_path_mode_owner_and_our_uid", &["-U"]) {
        return;
    }
    let (_held, root, mut reload) = plain("one", by_events()).await;
    let path = root.join("conf/config.yml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    reload.until("permission denied (mode 0000, owner uid").await;
    let uid = format!("we are uid {}", nix::unistd::geteuid());
    for part in [path.to_str().unwrap(), &uid] {
        assert!(reload.verdict().contains(part), "{:?} lacks {part:?}", reload.verdict());
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    reload.until("one").await;
    fs::set_permissions(root.join("conf"), fs::Permissions::from_mode(0o000)).unwrap();
    let _ = reload.snapshot().await;
    let place = format!("permission denied in {}", root.join("conf").display());
    assert!(reload.verdict().contains(&place), "{:?}", reload.verdict());
    fs::set_permissions(root.join("conf"), fs::Permissions::from_mode(0o755)).unwrap();
    reload.until("one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overflow_of_the_queue_is_one_hint_and_later_events_still_come() {
    let (_held, root, mut reload) = plain("one", by_events()).await;
    reload.settle().await;
    let before = reload.changes();
    let queue: usize =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    fs::write(root.join("conf/next"), "two").unwrap();
    reload.watcher.stall(|| {
        for number in 0..queue {
            fs::write(root.join(format!("conf/{number}")), "").unwrap();
        }
        // Its own event is among the dropped ones.
        fs::rename(root.join("conf/next"), root.join("conf/config.yml")).unwrap();
    });
    reload.until("two").await;
    assert_eq!(reload.status().overflows, 1);
    assert_eq!(reload.changes(), before + 1);
    fs::write(root.join("conf/next"), "three").unwrap();
    fs::rename(root.join("conf/next"), root.join("conf/config.yml")).unwrap();
    reload.until("three").await;
}

fn limit(name: &str, value: u32) {
    fs::write(format!("/proc/sys/user/max_inotify_{name}"), value.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_inotify_instance_it_polls_says_so_and_recovers() {
    if !is_inside(module_path!(), "without_an_inotify_instance_it_polls_says_so_and_recovers", &["-Ur"]) {
        return;
    }
    limit("instances", 0);
    let (_held, root, mut reload) = plain("one", by_ticks()).await;
    assert_eq!(reload.status().mode, WatchMode::Poll);
    fs::write(root.join("conf/config.yml"), "two").unwrap();
    reload.until("two").await;
    assert_eq!((reload.status().mode, reload.status().watches), (WatchMode::Poll, 0));
    limit("instances", 10);
    reload.until_mode(WatchMode::Inotify).await;
    fs::write(root.join("conf/config.yml"), "three").unwrap();
    reload.until("three").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_watch_for_a_new_directory_it_polls_and_recovers() {
    if !is_inside(module_path!(), "without_a_watch_for_a_new_directory_it_polls_and_recovers", &["-Ur"]) {
        return;
    }
    // One for the current directory's `.env`, one for the configuration's.
    limit("watches", 2);
    let (_held, root, mut reload) = plain("one", by_ticks()).await;
    assert_eq!(reload.status().mode, WatchMode::Inotify);
    fs::create_dir(root.join("keys")).unwrap();
    fs::write(root.join("keys/a"), "secret").unwrap();
    fs::write(root.join("conf/config.yml"), "key: ../keys/a").unwrap();
    reload.until("=secret]").await;
    reload.until_mode(WatchMode::Poll).await;
    fs::write(root.join("keys/a"), "changed").unwrap();
    reload.until("=changed]").await;
    limit("watches", 10);
    reload.until_mode(WatchMode::Inotify).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_mounted_over_is_watched_anew_by_a_tick() {
    if !is_inside(module_path!(), "a_volume_that_is_mounted_over_is_watched_anew_by_a_tick", &["-Urm"]) {
        return;
    }
    let (_held, root) = directory();
    let name = root.to_str().unwrap();
    run("mount", &["-t", "tmpfs", "one", name]);
    Volume::at(&root, LinkOrder::AfterSwap).swap(&[("config.yml", "one")]);
    let mut reload = Reload::start(&root.join("config.yml"), by_ticks()).await;
    run("umount", &["-l", name]);
    run("mount", &["-t", "tmpfs", "two", name]);
    let volume = Volume::at(&root, LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "two")]);
    reload.until("two").await;
    reload.wait_for(|status| status.rearmed >= 1).await;
    reload.snapshot().await.unwrap();
    let before = reload.changes();
    volume.swap(&[("config.yml", "three")]);
    reload.until("three").await;
    assert!(reload.changes() > before, "the new volume gives events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_behind_an_overlay_is_found_by_a_tick_and_counted_as_missed() {
    if !is_inside(
        module_path!(),
        "a_change_behind_an_overlay_is_found_by_a_tick_and_counted_as_missed",
        &["-Urm"],
    ) {
        return;
    }
    let (_held, root) = directory();
    let name = root.to_str().unwrap();
    run("mount", &["-t", "tmpfs", "overlay", name]);
    for directory in ["lower", "upper", "work", "merged"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    fs::write(root.join("upper/config.yml"), "one").unwrap();
    let options = format!("lowerdir={name}/lower,upperdir={name}/upper,workdir={name}/work");
    let merged = root.join("merged");
    run("mount", &["-t", "overlay", "overlay", "-o", &options, merged.to_str().unwrap()]);
    let mut reload = Reload::start(&merged.join("config.yml"), by_ticks()).await;
    fs::write(root.join("upper/config.yml"), "two!").unwrap();
    reload.until("two!").await;
    reload.wait_for(|status| status.missed >= 1 && status.restarts >= 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_file_that_is_bind_mounted_is_unwatchable_and_stays_readable() {
    if !is_inside(
        module_path!(),
        "a_lone_file_that_is_bind_mounted_is_unwatchable_and_stays_readable",
        &["-Urm"],
    ) {
        return;
    }
    let (_held, root) = directory();
    let volume = Volume::at(&root.join("volume"), LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "one")]);
    fs::create_dir(root.join("app")).unwrap();
    let lone = root.join("app/config.yml");
    fs::write(&lone, "").unwrap();
    run("mount", &["--bind", volume.root().join("config.yml").to_str().unwrap(), lone.to_str().unwrap()]);
    let mut reload = Reload::start(&lone, by_ticks()).await;
    assert_eq!(reload.status().mode, WatchMode::Unwatchable);
    volume.swap(&[("config.yml", "two")]);
    reload.hints.next().await;
    let _ = reload.snapshot().await;
    assert_eq!(
        (reload.verdicts.as_slice(), reload.status().mode),
        (["one".to_owned()].as_slice(), WatchMode::Unwatchable)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inotify_thread_that_dies_is_started_anew() {
    let (_held, root, mut reload) = plain("one", by_events()).await;
    reload.settle().await;
    reload.watcher.kill("notify");
    fs::write(root.join("conf/neighbour"), "").unwrap();
    reload.wait_for(|status| status.restarts == 1).await;
    fs::write(root.join("conf/config.yml"), "two").unwrap();
    reload.until("two").await;
    assert_eq!(reload.status().mode, WatchMode::Inotify);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_watcher_whose_thread_dies_is_begun_anew_and_follows_what_it_followed() {
    let (_held, root, mut reload) = plain("one", by_events()).await;
    let key = root.join("key");
    fs::write(&key, "first").unwrap();
    fs::write(root.join("conf/config.yml"), format!("key: {}", key.display())).unwrap();
    reload.until("=first]").await;
    reload.settle().await;
    for round in 1..=2 {
        reload.watcher.kill("file-watcher");
        reload.wait_for(|status| status.restarts == round).await;
        // It may have changed while nobody watched, or after.
        fs::write(&key, format!("round{round}")).unwrap();
        reload.until(&format!("=round{round}]")).await;
        reload.until_mode(WatchMode::Inotify).await;
    }
    let mut status = reload.status.clone();
    reload.watcher.kill("file-watcher");
    drop(reload);
    // Dead or alive, it ends with its owner, and nothing is left that could change the status.
    let ended = async { while status.changed().await.is_ok() {} };
    assert!(timeout(DEADLINE, ended).await.is_ok(), "{:?}", status.borrow());
    assert_eq!(status.borrow().mode, WatchMode::Unwatched);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_mounted_at_two_places_gives_events_for_both() {
    if !is_inside(
        module_path!(),
        "a_directory_that_is_mounted_at_two_places_gives_events_for_both",
        &["-Urm"],
    ) {
        return;
    }
    let (_held, root) = directory();
    fs::create_dir(root.join("a")).unwrap();
    fs::create_dir(root.join("b")).unwrap();
    run("mount", &["--bind", root.join("a").to_str().unwrap(), root.join("b").to_str().unwrap()]);
    fs::write(root.join("a/key"), "one").unwrap();
    let text = format!("key: {}", root.join("b/key").display());
    fs::write(root.join("a/config.yml"), &text).unwrap();
    let mut reload = Reload::start(&root.join("a/config.yml"), by_events()).await;
    reload.until("=one]").await;
    fs::write(root.join("a/key"), "two").unwrap();
    reload.until("=two]").await;
    fs::write(root.join("a/config.yml"), "plain").unwrap();
    reload.until("plain").await;
    fs::write(root.join("a/config.yml"), "still heard").unwrap();
    reload.until("still heard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dotenv_beside_the_configuration_is_followed_and_a_bad_one_is_noted() {
    let (_held, root, mut reload) = plain("one", by_events()).await;
    fs::write(root.join("conf/.env"), "NBU_KEY=first\n").unwrap();
    reload.hints.next().await;
    let snapshot = reload.snapshot().await.unwrap();
    assert_eq!(snapshot.material.environment.get("NBU_KEY"), Some("first"));
    fs::write(root.join("conf/.env"), "secret nonsense\n").unwrap();
    reload.hints.next().await;
    let snapshot = reload.snapshot().await.unwrap();
    assert_eq!(snapshot.material.environment.get("NBU_KEY"), None);
    assert_eq!(snapshot.notes.len(), 1);
    assert!(!snapshot.notes[0].contains("nonsense"), "{:?}", snapshot.notes);
}

/// Starts a shell that runs a script once the directory `go` exists: making one needs no file descriptor.
fn when(go: &Path, script: &str) -> std::process::Child {
    let wait = format!("while [ ! -d '{}' ]; do sleep 0.02; done; {script}", go.display());
    Command::new("sh").args(["-c", &wait]).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_descriptor_the_snapshot_fails_and_the_next_one_succeeds() {
    if !is_inside(
        module_path!(),
        "without_a_file_descriptor_the_snapshot_fails_and_the_next_one_succeeds",
        &["-U"],
    ) {
        return;
    }
    let (_held, root, mut reload) = plain("one", by_ticks()).await;
    let pid = std::process::id();
    let mut recovery = when(&root.join("go"), &format!("prlimit --pid {pid} --nofile=1000:"));
    run("prlimit", &["--pid", &pid.to_string(), "--nofile=4:"]);
    reload.until("can not be read: Too many open files").await;
    fs::create_dir(root.join("go")).unwrap();
    reload.until("one").await;
    assert!(recovery.wait().unwrap().success());
    reload.until_mode(WatchMode::Inotify).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_swaps_leave_no_descriptor_thread_or_watch_behind() {
    if !is_inside(module_path!(), "a_thousand_swaps_leave_no_descriptor_thread_or_watch_behind", &["-U"]) {
        return;
    }
    let (_held, root) = directory();
    let volume = Volume::at(&root, LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "key: key\nversion 0;"), ("key", "0")]);
    let mut reload = Reload::start(&root.join("config.yml"), by_events()).await;
    let count = |what: &str| fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let used = |reload: &Reload| (count("fd"), count("task"), reload.status().watches);
    let mut before = None;
    for version in 1..=1000 {
        let (text, key) = (format!("key: key\nversion {version};"), version.to_string());
        volume.swap(&[("config.yml", &text), ("key", &key)]);
        reload.until(&format!("version {version};[key={version}]")).await;
        if version == 20 {
            before = Some(used(&reload));
        }
    }
    let (descriptors, threads, watches) = before.unwrap();
    let after = used(&reload);
    assert_eq!((after.0, after.2), (descriptors, watches));
    // The runtime starts and ends threads for blocking work as it likes.
    assert!(after.1 <= threads + 4, "{threads} threads became {}", after.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_stopped_sees_the_newest_edit() {
    if !is_inside(module_path!(), "a_process_that_was_stopped_sees_the_newest_edit", &["-U"]) {
        return;
    }
    let (_held, root, mut reload) = plain("one", by_ticks()).await;
    let pid = std::process::id();
    let file = root.join("conf/config.yml");
    let file = file.display();
    let script = format!(
        "kill -STOP {pid}; for i in 1 2 3 4 5; do echo edit $i > '{file}'; sleep 0.2; done; echo newest > '{file}'; \
         kill -CONT {pid}"
    );
    let mut edits = when(&root.join("go"), &script);
    fs::create_dir(root.join("go")).unwrap();
    reload.until("newest").await;
    assert!(edits.wait().unwrap().success());
}
