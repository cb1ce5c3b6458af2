//! Files that people and tools write.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use super::*;

/// A plain directory with a configuration.
async fn plain(text: &str, options: Options) -> (tempfile::TempDir, PathBuf, Reload) {
    let (held, root) = directory();
    let path = root.join("config.yml");
    fs::write(&path, text).unwrap();
    let mut reload = Reload::start(&path, options).await;
    // From here on a snapshot has its reason in an event, so it comes after what the event tells.
    reload.settle().await;
    (held, path, reload)
}

/// Runs a tool on the configuration, `one`, and waits until `two` is read by events alone; all verdicts on the way.
async fn verdicts(tool: impl FnOnce(&Path)) -> Vec<String> {
    let (_held, path, mut reload) = plain("one\n", by_events()).await;
    tool(&path);
    reload.until("two").await;
    reload.settle().await;
    reload.verdicts
}

/// The same where nothing else may be read.
async fn check(tool: impl FnOnce(&Path)) {
    assert_eq!(verdicts(tool).await, ["one\n", "two\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sed_in_place_is_seen() {
    check(|path| run("sed", &["-i", "s/one/two/", path.to_str().unwrap()])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_over_the_file_is_seen() {
    check(|path| {
        let other = path.with_file_name("other");
        fs::write(&other, "two\n").unwrap();
        run("cp", &[other.to_str().unwrap(), path.to_str().unwrap()]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_from_another_directory_is_seen() {
    let (_other, elsewhere) = directory();
    fs::write(elsewhere.join("new"), "two\n").unwrap();
    check(|path| run("mv", &[elsewhere.join("new").to_str().unwrap(), path.to_str().unwrap()])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_of_the_shell_is_seen() {
    check(|path| run("sh", &["-c", &format!("echo two > '{}'", path.display())])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rsync_with_its_temporary_name_is_seen() {
    check(|path| {
        let temporary = path.with_file_name(".config.yml.Xa81kq");
        fs::write(&temporary, "two\n").unwrap();
        fs::rename(&temporary, path).unwrap();
    })
    .await;
}

/// The verdicts while vim saves, where it is installed.
async fn verdicts_of_vim(backup: &str) -> Option<Vec<String>> {
    if Command::new("vim").arg("--version").output().is_err() {
        skip("editors", "vim is not installed here");
        return None;
    }
    let settings = format!("set backup writebackup swapfile backupcopy={backup}");
    let edit = |path: &Path| {
        let file = path.to_str().unwrap();
        run("vim", &["-u", "NONE", "-N", "-es", "-c", &settings, "-c", "%s/one/two/", "-c", "wq", file]);
    };
    Some(verdicts(edit).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn vim_that_renames_the_old_file_away_is_seen() {
    let Some(verdicts) = verdicts_of_vim("no").await else { return };
    // Between its steps there is no file, and then an empty one, for as long as a busy machine keeps vim waiting.
    let whole: Vec<_> =
        verdicts.iter().filter(|text| !text.is_empty() && !text.contains("no such file")).collect();
    assert_eq!(whole, ["one\n", "two\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn vim_that_writes_in_place_is_seen() {
    let Some(verdicts) = verdicts_of_vim("yes").await else { return };
    assert_eq!(verdicts, ["one\n", "two\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beside_the_configuration_bring_no_hint() {
    let (_held, path, mut reload) = plain("one\n", by_events()).await;
    reload.settle().await;
    let before = reload.changes();
    for name in [".config.yml.swp", "config.yml~", ".#config.yml", "4913", "config.yml.bak"] {
        let neighbour = path.with_file_name(name);
        fs::write(&neighbour, "x").unwrap();
        fs::rename(&neighbour, path.with_file_name("renamed")).unwrap();
        fs::remove_file(path.with_file_name("renamed")).unwrap();
    }
    let temporary = path.with_file_name("temporary");
    fs::write(&temporary, "two\n").unwrap();
    fs::rename(&temporary, &path).unwrap();
    reload.until("two").await;
    assert_eq!(reload.changes(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_file_is_never_read_whatever_asks_for_it() {
    let (_held, path, mut reload) = plain("one: 1\ntwo: 2\n", by_events()).await;
    let mut file = File::create(&path).unwrap();
    file.write_all(b"one: 3\n").unwrap();
    is_held(&mut reload).await;
    file.write_all(b"two: 4\n").unwrap();
    is_held(&mut reload).await;
    drop(file);
    reload.until("two: 4").await;
    assert_eq!(reload.verdicts, ["one: 1\ntwo: 2\n", "one: 3\ntwo: 4\n"]);
}

/// Whoever asks for a snapshot now, as SIGHUP would, has to wait.
async fn is_held(reload: &mut Reload) {
    reload.catch_up().await;
    assert!(reload.snapshot().now_or_never().is_none());
    assert_eq!(reload.verdicts.len(), 1, "{:?}", reload.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_truncated_and_written_later_is_seen_as_a_whole() {
    let (_held, path, mut reload) = plain("one\n", by_events()).await;
    let mut file = OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    is_held(&mut reload).await;
    file.write_all(b"two\n").unwrap();
    drop(file);
    reload.until("two").await;
    assert_eq!(reload.verdicts, ["one\n", "two\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_emptied_and_closed_is_seen_empty_at_most_once() {
    let (_held, path, mut reload) = plain("one\n", by_events()).await;
    File::create(&path).unwrap();
    reload.settle().await;
    fs::write(&path, "two\n").unwrap();
    reload.until("two").await;
    // Whether it was seen in between is a matter of time.
    let unseen = ["one\n", "two\n"];
    assert!(reload.verdicts == unseen || reload.verdicts == ["one\n", "", "two\n"], "{:?}", reload.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_never_stops_does_not_hold_a_snapshot_back_for_ever() {
    let options = Options { longest_hold: Duration::from_millis(300), ..by_events() };
    let (_held, path, mut reload) = plain("one\n", options).await;
    let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = std::sync::Arc::clone(&is_over);
    let writer = std::thread::spawn(move || {
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all(b"more\n").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    reload.until("more\nmore\n").await;
    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_of_many_files_ends_with_all_of_them_new() {
    let text = "key: a\nkey: b\nkey: c\n";
    let (_held, path, mut reload) = plain(text, by_events()).await;
    for name in ["a", "b", "c"] {
        fs::write(path.with_file_name(name), "old").unwrap();
    }
    reload.until("[a=old][b=old][c=old]").await;
    // As git does it: unlink, create, write, one after the other.
    for (name, content) in
        [("a", "new"), ("b", "new"), ("c", "new"), ("config.yml", "key: a\nkey: b\nkey: c\nnew\n")]
    {
        let file = path.with_file_name(name);
        fs::remove_file(&file).unwrap();
        fs::write(&file, content).unwrap();
    }
    reload.until("new\n[a=new][b=new][c=new]").await;
    reload.settle().await;
    assert!(
        !reload.verdicts.iter().any(|verdict| verdict.contains("no such file") && verdict.contains("new\n"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_mode_or_times_that_change_bring_equal_material() {
    let (_held, path, mut reload) = plain("one\n", by_events()).await;
    let name = path.to_str().unwrap();
    run("touch", &[name]);
    run("chmod", &["600", name]);
    run("touch", &["-m", "-d", "2001-01-01", name]);
    reload.hints.next().await;
    let _ = reload.snapshot().await;
    reload.settle().await;
    assert_eq!(reload.verdicts, ["one\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_begins_in_the_same_moment_as_a_writer_never_keeps_the_half() {
    let (_held, path, mut reload) = plain("whole\n", by_events()).await;
    for round in 0..50 {
        let mut file = File::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            writeln!(file, " and whole {round}").unwrap();
        });
        let _ = reload.snapshot().await;
        writer.join().unwrap();
    }
    assert!(reload.verdicts.iter().all(|verdict| verdict.contains("whole")), "{:?}", reload.verdicts);
}
