//! Volumes that are updated by a kubelet.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::volume::{LinkOrder, Step, Volume};
use super::*;

const ORDERS: [LinkOrder; 2] = [LinkOrder::BeforeSwap, LinkOrder::AfterSwap];

fn volume(order: LinkOrder) -> (tempfile::TempDir, Volume) {
    let (held, root) = directory();
    (held, Volume::at(&root, order))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_a_hundred_swaps_is_seen_by_its_event_alone() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "version 0;"), ("other", "x")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    for version in 1..=100 {
        volume.swap(&[("config.yml", &format!("version {version};")), ("other", "x")]);
        reload.until(&format!("version {version};")).await;
    }
    assert_eq!(reload.verdicts.len(), 101, "{:?}", reload.verdicts);
    assert_eq!((reload.status().missed, reload.status().restarts), (0, 0));
    assert!(reload.status().watches <= 3, "{:?}", reload.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_with_equal_content_brings_equal_material() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "same")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    volume.swap(&[("config.yml", "same")]);
    reload.hints.next().await;
    let _ = reload.snapshot().await;
    reload.settle().await;
    assert_eq!(reload.verdicts, ["same"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_a_thousand_swaps_ends_with_the_last_and_costs_few_snapshots() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "version 0;")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    let burst = tokio::task::spawn_blocking(move || {
        for version in 1..=1000 {
            volume.swap(&[("config.yml", &format!("version {version};"))]);
        }
    });
    reload.until("version 1000;").await;
    burst.await.unwrap();
    assert!(reload.snapshots <= 2002, "at most one for each swap and each removal, not {}", reload.snapshots);
    let verdicts = reload.verdicts.iter().filter(|verdict| !verdict.starts_with("version"));
    assert_eq!(verdicts.count(), 0, "{:?}", reload.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_around_the_first_snapshot_is_never_lost() {
    for round in 0..20 {
        let (_held, volume) = volume(LinkOrder::AfterSwap);
        volume.swap(&[("config.yml", "old")]);
        let path = volume.root().join("config.yml");
        let swapper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(round * 150));
            volume.swap(&[("config.yml", "new")]);
        });
        let mut reload = Reload::start(&path, by_events()).await;
        reload.until("new").await;
        swapper.join().unwrap();
    }
}

#[test]
fn a_pair_of_files_is_never_mixed_while_a_volume_is_swapped_all_the_time() {
    for order in ORDERS {
        let (_held, volume) = volume(order);
        let files = |version: u32| (format!("key: key\nversion {version};"), format!("version {version};"));
        let (config, key) = files(0);
        volume.swap(&[("config.yml", &config), ("key", &key)]);
        let source = FileSource::new(&volume.root().join("config.yml"), BTreeMap::new(), by_events());
        let (is_over, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stop, count) = (Arc::clone(&is_over), Arc::clone(&swaps));
        let swapper = std::thread::spawn(move || {
            for version in 1.. {
                let (config, key) = files(version);
                volume.swap(&[("config.yml", &config), ("key", &key)]);
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(300));
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let (mut versions, mut snapshots) = (BTreeSet::new(), 0);
        // On a busy machine one side may rest for long.
        while snapshots < 10_000 || versions.len() <= 10 || swaps.load(Ordering::Relaxed) <= 100 {
            snapshots += 1;
            match source.reader().snapshot(None, &references) {
                Ok(snapshot) => {
                    let text = String::from_utf8(snapshot.material.text).unwrap();
                    let key = snapshot.material.files[Path::new("key")].clone().unwrap();
                    assert!(text.ends_with(&String::from_utf8(key).unwrap()), "a mixed pair: {text}");
                    versions.insert(text);
                }
                // No verdict.
                Err(error) => assert!(error.retry_after().is_some(), "{error}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_early_events_of_a_slow_swap_bring_nothing_and_its_rename_brings_the_new_content() {
    for order in ORDERS {
        let (_held, volume) = volume(order);
        volume.swap(&[("config.yml", "old")]);
        let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
        let update = volume.begin(&[("config.yml", "new")]);
        for step in update.steps() {
            if step == Step::Swap {
                assert_eq!(reload.verdicts, ["old"]);
            }
            update.take(step);
            reload.settle().await;
        }
        assert_eq!(reload.verdicts, ["old", "new"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_added_and_named_in_one_update_is_waited_for_in_both_link_orders() {
    for order in ORDERS {
        let (_held, volume) = volume(order);
        volume.swap(&[("config.yml", "old")]);
        let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
        let update = volume.begin(&[("config.yml", "new\nkey: extra"), ("extra", "secret")]);
        for step in update.steps() {
            update.take(step);
            let snapshot = reload.reader.snapshot(None, &references);
            if step == Step::Swap && order == LinkOrder::AfterSwap {
                assert!(snapshot.unwrap_err().retry_after().is_some());
            }
        }
        reload.until("new").await;
        assert_eq!(reload.verdicts, ["old", "new\nkey: extra[extra=secret]"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_removed_leaves_the_others_alone_at_each_step() {
    for order in ORDERS {
        let (_held, volume) = volume(order);
        volume.swap(&[("config.yml", "same"), ("extra", "x")]);
        let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
        let update = volume.begin(&[("config.yml", "same")]);
        for step in update.steps() {
            update.take(step);
            let _ = reload.snapshot().await;
        }
        assert!(!volume.root().join("extra").exists());
        assert_eq!(reload.verdicts, ["same"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_configuration_still_names_is_called_missing_once_it_is_removed_for_good() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "key: extra"), ("extra", "x")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    volume.swap(&[("config.yml", "key: extra")]);
    reload.until("no such file").await;
    volume.swap(&[("config.yml", "key: extra"), ("extra", "y")]);
    reload.until("[extra=y]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_link_that_a_killed_kubelet_left_does_nothing() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "old")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    let update = volume.begin(&[("config.yml", "new")]);
    update.take(Step::Payload);
    update.take(Step::TemporaryLink);
    reload.settle().await;
    let _ = reload.snapshot().await;
    assert_eq!(reload.verdicts, ["old"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_in_a_subdirectory_of_the_volume_is_seen_at_every_swap() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("conf/config.yml", "version 0;")]);
    let mut reload = Reload::start(&volume.root().join("conf/config.yml"), by_events()).await;
    for version in 1..=5 {
        volume.swap(&[("conf/config.yml", &format!("version {version};"))]);
        reload.until(&format!("version {version};")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projected_volume_whose_token_rotates_brings_the_same_material_each_time() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "same"), ("token", "0")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    for token in 1..=10 {
        volume.swap(&[("config.yml", "same"), ("token", &token.to_string())]);
        reload.hints.next().await;
        let _ = reload.snapshot().await;
    }
    reload.settle().await;
    assert_eq!(reload.verdicts, ["same"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_listing_the_volume_brings_no_hint() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "old")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    reload.settle().await;
    let before = reload.changes();
    for _ in 0..100 {
        fs::read_dir(volume.root()).unwrap().for_each(drop);
        fs::read(volume.root().join("config.yml")).unwrap();
        fs::read_dir(volume.root().join("..data")).unwrap().for_each(drop);
    }
    // What comes after them in the queue shows that they have been handled.
    let update = volume.begin(&[("config.yml", "new")]);
    for step in [Step::Payload, Step::TemporaryLink, Step::Swap] {
        update.take(step);
    }
    reload.until("new").await;
    assert_eq!(reload.changes(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_volume_of_its_own_is_followed_like_the_configuration() {
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    let (_secret, secret) = self::volume(LinkOrder::AfterSwap);
    secret.swap(&[("paris", "one")]);
    let key = secret.root().join("paris");
    let text = format!("key: {}", key.display());
    volume.swap(&[("config.yml", &text)]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    reload.until("=one]").await;
    secret.swap(&[("paris", "two")]);
    reload.until("=two]").await;
    volume.swap(&[("config.yml", &format!("{text}\nmore"))]);
    reload.until("more").await;
    secret.swap(&[("paris", "three")]);
    reload.until("=three]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_file_whose_directory_does_not_exist_yet_is_seen_when_it_appears() {
    let (_held, root) = directory();
    fs::write(root.join("config.yml"), "key: keys/deep/paris").unwrap();
    let mut reload = Reload::start(&root.join("config.yml"), by_events()).await;
    assert!(reload.verdict().contains("no such file"), "{:?}", reload.verdicts);
    fs::create_dir_all(root.join("keys/deep")).unwrap();
    fs::write(root.join("keys/deep/paris"), "secret").unwrap();
    reload.until("=secret]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_permissions_come_after_the_swap_is_read_once_they_are_there() {
    if !is_inside(
        module_path!(),
        "a_file_whose_permissions_come_after_the_swap_is_read_once_they_are_there",
        &["-U"],
    ) {
        return;
    }
    let (_held, volume) = volume(LinkOrder::AfterSwap);
    volume.swap(&[("config.yml", "old")]);
    let mut reload = Reload::start(&volume.root().join("config.yml"), by_events()).await;
    let update = volume.begin(&[("config.yml", "new")]);
    update.take(Step::Payload);
    let file = update.payload().join("config.yml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    for step in [Step::TemporaryLink, Step::Swap, Step::OldPayload] {
        update.take(step);
    }
    reload.until("permission denied").await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    reload.until("new").await;
}
