//! A start on a configuration that is not valid, with what was kept of the one before.

use std::time::Duration;

use tokio::time::sleep;

use super::super::super::*;
use super::super::object::{gone, revision};
use super::super::shelf::Shelf;
use super::rig::{Rig, Volume, config};
use crate::source::kubernetes::ObjectEvent;
use crate::telemetry::CapturedLog;

const BAD: &str = "nbuservers: 7\n";

/// A configuration without a key in it.
fn clean(site: &str) -> String {
    config(site).replace("apiKey: k", "apiKey: ${KEY}")
}

async fn start(volume: &Volume, object: ObjectEvent, shelf: &Shelf) -> Rig {
    let rig = Rig::start_kept(Some(volume), Some(object), &[shelf]).await.unwrap();
    rig.settle().await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_bad_edit_does_not_wait_for_the_next_restart() {
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v5"))]));
    let rig = start(&volume, revision("5", &config("v5")), &shelf).await;
    rig.object(revision("6", BAD)).await;
    assert!(shelf.text().ends_with(&config("v5")), "what is rejected is not kept: {}", shelf.text());
    drop(rig);
    // The pod is deleted; the new one has a new volume.
    let volume = Volume::new(&[("config.yaml", BAD)]);
    let rig = start(&volume, revision("6", BAD), &shelf).await;
    assert_eq!(rig.applied(), ["v5"]);
    let running = rig.running();
    assert!(running.origin.starts_with("last good of ") && running.origin.ends_with(", kept in shelf"));
    assert_eq!(running.resource_version.as_deref(), Some("5"));
    assert!(!rig.status.load().newest_runs);
    assert_eq!(rig.verdict().outcome, Outcome::Rejected);
    let rejection = rig.status.load().rejection.clone().unwrap().1;
    assert!(rejection.detail.contains("config.yaml:1:13"), "{}", rejection.detail);
    rig.object(revision("7", &config("v7"))).await;
    assert_eq!(rig.applied(), ["v5", "v7"], "the repair is applied at once");
    assert!(rig.status.load().newest_runs);
    assert!(shelf.text().ends_with(&config("v7")));
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_is_a_revert_is_applied_as_well() {
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v5"))]));
    drop(start(&volume, revision("5", &config("v5")), &shelf).await);
    let volume = Volume::new(&[("config.yaml", BAD)]);
    let rig = start(&volume, revision("6", BAD), &shelf).await;
    rig.object(revision("7", &config("v5"))).await;
    assert_eq!((rig.verdict().outcome, &*rig.verdict().detail), (Outcome::Applied, "no changes"));
    let running = rig.running();
    assert_eq!(
        (running.origin.as_str(), running.resource_version.as_deref()),
        ("configmap ns/cfg", Some("7"))
    );
    assert!(rig.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_good_one_never_wins_over_a_newer_valid_one() {
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v5"))]));
    drop(start(&volume, revision("5", &config("v5")), &shelf).await);
    // What was kept is not even read while the newest can run.
    let rig =
        start(&Volume::new(&[("config.yaml", BAD)]), revision("8", &config("v8")), &shelf.clone()).await;
    assert_eq!(rig.applied(), ["v8"]);
    drop(rig);
    // Made while nobody watched: v9 is valid and in the volume, v10 is not.
    let rig = start(&Volume::new(&[("config.yaml", &config("v9"))]), revision("10", BAD), &shelf).await;
    assert_eq!(rig.applied(), ["v9"]);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_lagged_does_not_win_over_what_was_kept() {
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v4"))]));
    let rig = start(&volume, revision("4", &config("v4")), &shelf).await;
    rig.object(revision("5", &config("v5"))).await;
    rig.object(revision("6", BAD)).await;
    drop(rig);
    let rig = start(&volume, revision("6", BAD), &shelf).await;
    assert_eq!(rig.applied(), ["v5"], "the container began anew before the kubelet came");
    drop(rig);
    // Once the volume has caught up, its next text is a newer one, an old text too.
    let rig = start(&volume, revision("5", &config("v5")), &shelf).await;
    volume.swap(&[("config.yaml", &config("v5"))]);
    rig.reload(Trigger::File).await;
    drop(rig);
    volume.swap(&[("config.yaml", &config("v4"))]);
    let rig = start(&volume, revision("8", BAD), &shelf).await;
    assert_eq!(rig.applied(), ["v4"]);
}

#[tokio::test(start_paused = true)]
async fn what_it_names_is_read_anew_and_waited_for() {
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v4"))]));
    let rig = start(&volume, revision("4", &config("v4")), &shelf).await;
    let key = rig.elsewhere("key", "one");
    let text = config("v5").replace("apiKey: k", &format!("apiKeyFile: {key}"));
    rig.object(revision("5", &text)).await;
    assert_eq!(rig.applied(), ["v4", "v5"]);
    std::fs::remove_file(&key).unwrap();
    let bad = Volume::new(&[("config.yaml", BAD)]);
    let log = CapturedLog::listen();
    let rig = start(&bad, revision("6", BAD), &shelf).await;
    assert!(rig.runs_nothing(), "its key is gone, or not there for a moment");
    // That it is missing has to be confirmed, on the clock of the file system's side.
    std::thread::sleep(Duration::from_millis(250));
    for _ in 0..3 {
        rig.reload(Trigger::Poll).await;
    }
    assert_eq!(rig.running().config.lacking.len(), 1, "it runs without the site that lacks its key");
    let told = log.lines("The last good configuration can not be used");
    assert!(told.len() == 1 && told[0].contains(&key), "{told:#?}");
    std::fs::write(&key, "two").unwrap();
    rig.reload(Trigger::Poll).await;
    assert_eq!(rig.applied(), ["", "v5"]);
    assert!(!rig.status.load().newest_runs && rig.status.load().rejection.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_configuration_with_inline_keys_is_not_kept_where_others_read_and_that_is_said() {
    let log = CapturedLog::listen();
    let (shelf, volume) = (Shelf::public(), Volume::new(&[("config.yaml", &clean("v5"))]));
    let rig = start(&volume, revision("5", &clean("v5")), &shelf).await;
    assert!(shelf.text().ends_with(&clean("v5")));
    rig.object(revision("6", &config("v6").replace("apiKey: k", "apiKey: planted-secret"))).await;
    assert!(!shelf.text().contains("planted-secret") && !shelf.text().contains("v5"), "{}", shelf.text());
    assert_eq!(log.lines("it is not kept there, nor an older one").len(), 1);
    drop(rig);
    let rig = start(&Volume::new(&[("config.yaml", BAD)]), revision("7", BAD), &shelf).await;
    assert!(rig.runs_nothing(), "an older one than the last good one does not come back");
    assert!(log.lines("planted-secret").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_object_does_not_say_is_not_kept_where_others_read() {
    let (shelf, volume) = (Shelf::public(), Volume::new(&[("config.yaml", &clean("v5"))]));
    let rig = start(&volume, gone(), &shelf).await;
    assert_eq!((rig.applied(), shelf.text()), (vec!["v5".to_owned()], String::new()));
    rig.object(revision("5", &clean("v5"))).await;
    assert!(shelf.text().ends_with(&clean("v5")), "it is in a ConfigMap already");
    let writes = shelf.writes();
    rig.object(revision("6", &clean("v5"))).await;
    rig.reload(Trigger::Poll).await;
    assert_eq!(shelf.writes(), writes, "no news");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told_once_and_written_when_it_works_again() {
    let log = CapturedLog::listen();
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v5"))]));
    *shelf.fails.lock().unwrap() = true;
    let rig = start(&volume, revision("5", &config("v5")), &shelf).await;
    rig.object(revision("6", &config("v6"))).await;
    sleep(Duration::from_mins(30)).await;
    assert_eq!(rig.applied(), ["v5", "v6"], "nobody waits for it");
    assert_eq!(log.lines("the shelf is locked").len(), 1, "{:#?}", log.lines("shelf"));
    *shelf.fails.lock().unwrap() = false;
    sleep(Duration::from_mins(10)).await;
    assert!(shelf.text().ends_with(&config("v6")));
}

#[tokio::test(start_paused = true)]
async fn what_keeps_it_is_started_anew_after_a_panic() {
    let log = CapturedLog::listen();
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v5"))]));
    shelf.panics.store(2, std::sync::atomic::Ordering::Relaxed);
    let rig = start(&volume, revision("5", &config("v5")), &shelf).await;
    for _ in 0..2 {
        assert_eq!(shelf.text(), "");
        rig.reload(Trigger::Poll).await;
    }
    assert!(shelf.text().ends_with(&config("v5")));
    assert_eq!(log.lines("it is started anew").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_in_the_store_is_not_used_and_that_is_said() {
    let log = CapturedLog::listen();
    let (shelf, volume) = (Shelf::default(), Volume::new(&[("config.yaml", &config("v5"))]));
    drop(start(&volume, revision("5", &config("v5")), &shelf).await);
    let edited = shelf.text().replace("nbu.example", "elsewhere.example");
    *shelf.kept.lock().unwrap() = Some(edited.into_bytes());
    let rig = start(&Volume::new(&[("config.yaml", BAD)]), revision("6", BAD), &shelf).await;
    assert!(rig.runs_nothing());
    assert_eq!(log.lines("was changed or cut").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_the_object_alone_and_no_api_the_last_good_one_runs() {
    let shelf = Shelf::default();
    let rig = Rig::start_kept(None, Some(revision("5", &config("v5"))), &[&shelf]).await.unwrap();
    rig.settle().await;
    drop(rig);
    for first in [None, Some(gone()), Some(ObjectEvent::Missing)] {
        let rig = Rig::start_kept(None, first, &[&shelf]).await.unwrap();
        rig.settle().await;
        assert_eq!(rig.applied(), ["v5"]);
        assert!(!rig.status.load().newest_runs, "nobody knows the newest");
        rig.object(revision("6", &config("v6"))).await;
        assert_eq!(rig.applied(), ["v5", "v6"]);
        assert!(rig.status.load().newest_runs);
        rig.object(revision("7", &config("v5"))).await;
    }
}
