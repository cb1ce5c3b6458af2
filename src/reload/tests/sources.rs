//! The reloader with both sources: a real directory that is swapped as the kubelet does it, and an object that a test
//! holds. Time is paused; a read on the blocking pool keeps it from running on.

mod lag;
mod last_good;
mod rig;

use std::time::Duration;

use rig::{Rig, Volume, config};
use tokio::time::sleep;

use super::super::*;
use super::object::{bytes, gone, of_uid, revision, unusable};
use crate::source::kubernetes::{ApiError, ObjectEvent, Unusable};
use crate::telemetry::CapturedLog;

/// Both sources, with revision 5 in each.
async fn both() -> (Rig, Volume) {
    let volume = Volume::new(&[("config.yaml", &config("v5"))]);
    let rig = Rig::start(Some(&volume), Some(revision("5", &config("v5")))).await.unwrap();
    rig.settle().await;
    (rig, volume)
}

#[tokio::test(start_paused = true)]
async fn an_edit_comes_by_the_object_first_and_the_volume_only_says_the_same() {
    let (rig, volume) = both().await;
    rig.object(revision("6", &config("v6"))).await;
    assert_eq!(rig.applied(), ["v5", "v6"]);
    let running = rig.running();
    assert_eq!(
        (running.origin.as_str(), running.resource_version.as_deref()),
        ("configmap ns/cfg", Some("6"))
    );
    assert_eq!(rig.verdict().revision.as_deref(), Some("6"));
    assert!(rig.lag() > Duration::ZERO);
    volume.swap(&[("config.yaml", &config("v6"))]);
    rig.reload(Trigger::File).await;
    assert_eq!((rig.verdict().trigger, rig.verdict().outcome), (Trigger::File, Outcome::Unchanged));
    assert_eq!(rig.lag(), Duration::ZERO);
    assert_eq!(rig.applied(), ["v5", "v6"], "applied once");
}

#[tokio::test(start_paused = true)]
async fn fault_57_a_lagging_file_is_superseded_by_tick_hangup_and_post_and_the_gauge_stays() {
    let (rig, _volume) = both().await;
    rig.object(revision("6", &config("v6"))).await;
    for trigger in [Trigger::Poll, Trigger::File, Trigger::Signal] {
        rig.reload(trigger).await;
        assert!(rig.status.load().newest_runs, "{trigger:?}");
    }
    assert_eq!((rig.verdict().trigger, rig.verdict().outcome), (Trigger::Signal, Outcome::Superseded));
    let gets = rig.gets();
    assert_eq!(rig.post().await.outcome, Outcome::Superseded);
    assert_eq!(rig.gets(), gets + 1, "a POST asks for the object as well");
    assert_eq!(rig.applied(), ["v5", "v6"]);
}

#[tokio::test(start_paused = true)]
async fn fault_58_a_file_that_the_watch_never_saw_is_superseded_by_one_get() {
    let volume = Volume::new(&[("config.yaml", &config("v5"))]);
    let rig = Rig::start(Some(&volume), Some(revision("6", &config("v6")))).await.unwrap();
    rig.settle().await;
    for _ in 0..3 {
        rig.reload(Trigger::Poll).await;
    }
    assert_eq!((rig.applied(), rig.gets()), (vec!["v6".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn fault_59_with_the_api_away_the_file_applies_and_the_next_list_reconciles() {
    let (rig, volume) = both().await;
    rig.object(revision("7", &config("v7"))).await;
    rig.object(gone()).await;
    volume.swap(&[("config.yaml", &config("v6"))]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.applied(), ["v5", "v7", "v6"]);
    assert!(rig.status.load().newest_runs);
    rig.object(revision("7", &config("v7"))).await;
    assert_eq!(rig.applied(), ["v5", "v7", "v6", "v7"]);
}

#[tokio::test(start_paused = true)]
async fn a_revert_while_the_object_can_not_be_read_applies() {
    for is_told in [true, false] {
        let (rig, volume) = both().await;
        rig.object(revision("6", &config("v6"))).await;
        volume.swap(&[("config.yaml", &config("v6"))]);
        rig.reload(Trigger::File).await;
        // The RoleBinding is taken away: the watch says so, or its stream still lives and only a GET is refused.
        let forbidden = ObjectEvent::Unavailable(ApiError::Forbidden { verb: "get" });
        if is_told {
            rig.object(forbidden).await;
        } else {
            rig.answer(forbidden);
        }
        volume.swap(&[("config.yaml", &config("v5"))]);
        rig.reload(Trigger::File).await;
        assert_eq!((rig.verdict().trigger, rig.verdict().outcome), (Trigger::File, Outcome::Applied));
        let verdict = rig.post().await;
        assert_eq!(verdict.outcome, Outcome::Unchanged, "nothing is older than what runs");
        assert!(verdict.detail.contains("the verb get is missing"), "{}", verdict.detail);
        assert_eq!(rig.applied(), ["v5", "v6", "v5"]);
        rig.object(revision("7", &config("v5"))).await;
        assert_eq!(rig.applied(), ["v5", "v6", "v5"], "the object says the same when it can be read again");
    }
}

#[tokio::test(start_paused = true)]
async fn fault_60_a_revert_is_applied_and_the_late_file_between_is_superseded() {
    let (rig, volume) = both().await;
    rig.object(revision("6", &config("v6"))).await;
    rig.object(revision("7", &config("v5"))).await;
    volume.swap(&[("config.yaml", &config("v6"))]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.verdict().outcome, Outcome::Superseded);
    assert_eq!(rig.applied(), ["v5", "v6", "v5"]);
}

#[tokio::test(start_paused = true)]
async fn fault_61_a_refused_revision_stays_refused_whatever_the_lagging_file_shows() {
    let (rig, volume) = both().await;
    rig.object(revision("6", "nbuservers: 7\n")).await;
    assert_eq!(rig.verdict().outcome, Outcome::Rejected);
    assert!(
        rig.verdict().detail.starts_with("configmap ns/cfg:config.yaml:1:13: "),
        "{}",
        rig.verdict().detail
    );
    let told = rig.status.load().last_verdict.clone();
    for trigger in [Trigger::Poll, Trigger::File] {
        rig.reload(trigger).await;
        assert!(!rig.status.load().newest_runs, "{trigger:?}");
    }
    volume.swap(&[("config.yaml", "nbuservers: 7\n")]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.status.load().last_verdict, told, "the volume shows the same mistakes: no second alarm");
    assert_eq!(rig.post().await.outcome, Outcome::Rejected, "who asks learns what stands");
    assert!(!rig.status.load().newest_runs);
    assert_eq!(rig.applied(), ["v5"]);
}

#[tokio::test(start_paused = true)]
async fn fault_62_a_valid_revision_after_an_invalid_one_is_applied_and_the_files_copy_of_the_invalid_one_is_not()
 {
    let (rig, volume) = both().await;
    rig.object(revision("6", "nbuservers: 7\n")).await;
    rig.object(revision("7", &config("v7"))).await;
    volume.swap(&[("config.yaml", "nbuservers: 7\n")]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.verdict().outcome, Outcome::Superseded);
    assert!(rig.status.load().newest_runs);
    assert_eq!(rig.applied(), ["v5", "v7"]);
}

#[tokio::test(start_paused = true)]
async fn fault_63_a_start_waits_for_the_api_but_not_for_long() {
    let volume = Volume::new(&[("config.yaml", &config("v4"))]);
    let rig = Rig::start(Some(&volume), None).await.unwrap();
    assert_eq!((rig.applied(), rig.waited), (vec!["v4".to_owned()], Duration::from_secs(2)));
    rig.object(revision("6", &config("v6"))).await;
    assert_eq!(rig.applied(), ["v4", "v6"]);
    let rig = Rig::start(Some(&volume), Some(revision("6", &config("v6")))).await.unwrap();
    assert_eq!((rig.applied(), rig.waited), (vec!["v6".to_owned()], Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_refused_object_and_a_good_file_runs_the_file_and_says_so() {
    let volume = Volume::new(&[("config.yaml", &config("v5"))]);
    let rig = Rig::start(Some(&volume), Some(revision("6", "nbuservers: 7\n"))).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.applied(), ["v5"]);
    assert_eq!(rig.verdict().outcome, Outcome::Rejected);
    assert!(!rig.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn a_start_with_nothing_that_could_run_stays_up_where_the_object_can_be_mended() {
    let bad = Volume::new(&[("config.yaml", "nbuservers: 7\n")]);
    let with_object = [
        Rig::start(Some(&bad), None).await.unwrap(),
        Rig::start(Some(&bad), Some(revision("6", "nbuservers: 8\n"))).await.unwrap(),
        Rig::start(None, Some(revision("6", "nbuservers: 8\n"))).await.unwrap(),
    ];
    for rig in with_object {
        rig.settle().await;
        assert!(rig.runs_nothing() && !rig.status.load().newest_runs);
        assert_eq!(rig.verdict().outcome, Outcome::Rejected);
        assert!(rig.verdict().detail.contains(":1:13: "), "the whole report: {}", rig.verdict().detail);
        rig.object(revision("7", &config("v7"))).await;
        assert_eq!(rig.applied(), ["v7"], "the repair is applied at once");
        assert!(rig.status.load().newest_runs && rig.status.load().rejection.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_object_alone_and_no_api_it_waits_without_a_configuration() {
    for first in [None, Some(gone()), Some(ObjectEvent::Missing)] {
        let rig = Rig::start(None, first).await.unwrap();
        rig.settle().await;
        assert!(rig.runs_nothing() && !rig.status.load().newest_runs);
        assert_eq!(rig.post().await.outcome, Outcome::Rejected);
        rig.object(revision("6", &config("v6"))).await;
        assert_eq!(rig.running().config.sites.len(), 1);
        assert!(rig.status.load().newest_runs);
    }
}

#[tokio::test(start_paused = true)]
async fn fault_64_a_file_before_the_watch_is_applied_once() {
    let (rig, volume) = both().await;
    rig.answer(revision("6", &config("v6")));
    volume.swap(&[("config.yaml", &config("v6"))]);
    rig.reload(Trigger::File).await;
    assert_eq!((rig.verdict().trigger, rig.verdict().outcome), (Trigger::File, Outcome::Applied));
    assert_eq!(rig.running().resource_version.as_deref(), Some("6"));
    rig.object(revision("6", &config("v6"))).await;
    assert_eq!(rig.applied(), ["v5", "v6"]);
}

#[tokio::test(start_paused = true)]
async fn fault_65_a_mount_of_another_configmap_never_takes_turns() {
    let volume = Volume::new(&[("config.yaml", &config("other1"))]);
    let rig = Rig::start(Some(&volume), Some(revision("6", &config("ours")))).await.unwrap();
    for other in ["other2", "other1", "other2"] {
        sleep(Duration::from_mins(2)).await;
        volume.swap(&[("config.yaml", &config(other))]);
        rig.reload(Trigger::File).await;
    }
    assert_eq!(rig.applied(), ["ours"]);
    assert!(rig.lag() > Duration::from_mins(3));
}

#[tokio::test(start_paused = true)]
async fn fault_66_a_revision_that_names_files_of_the_volume_waits_for_them_and_never_mixes() {
    let with_key = |site: &str| config(site).replace("apiKey: k", "apiKeyFile: key");
    let volume = Volume::new(&[("config.yaml", &with_key("v5")), ("key", "old")]);
    let rig = Rig::start(Some(&volume), Some(revision("5", &with_key("v5")))).await.unwrap();
    rig.settle().await;
    rig.object(revision("6", &with_key("v6"))).await;
    assert_eq!(rig.applied(), ["v5"], "held: the key beside it is still the old one");
    assert!(rig.post().await.detail.contains("held until the mounted volume"));
    volume.swap(&[("config.yaml", &with_key("v6")), ("key", "new")]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.applied(), ["v5", "v6"]);
    assert!(rig.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn fault_66_a_held_revision_is_refused_after_three_minutes_and_applied_when_it_lands_after_all() {
    let with_key = |site: &str| config(site).replace("apiKey: k", "apiKeyFile: key");
    let volume = Volume::new(&[("config.yaml", &config("v5")), ("key", "old")]);
    let rig = Rig::start(Some(&volume), Some(revision("5", &config("v5")))).await.unwrap();
    rig.object(revision("6", &with_key("v6"))).await;
    sleep(Duration::from_secs(181)).await;
    rig.reload(Trigger::Poll).await;
    assert_eq!(rig.verdict().outcome, Outcome::Rejected);
    assert!(rig.verdict().detail.contains("subPath"));
    volume.swap(&[("config.yaml", &with_key("v6")), ("key", "new")]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.applied(), ["v5", "v6"]);
}

#[tokio::test(start_paused = true)]
async fn fault_66_files_elsewhere_are_read_as_usual_and_their_rotation_is_seen_while_the_volume_lags() {
    let (rig, _volume) = both().await;
    let key = rig.elsewhere("key", "one");
    let text = config("v6").replace("apiKey: k", &format!("apiKeyFile: {key}"));
    rig.object(revision("6", &text)).await;
    assert_eq!(rig.applied(), ["v5", "v6"]);
    rig.elsewhere("key", "two");
    rig.reload(Trigger::File).await;
    assert_eq!((rig.applied().len(), rig.verdict().outcome), (3, Outcome::Applied));
    assert!(rig.verdict().detail.contains("credentials"), "{}", rig.verdict().detail);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_of_what_runs_is_used_while_a_newer_configuration_stands_rejected() {
    let (rig, _volume) = both().await;
    let key = rig.elsewhere("key", "one");
    let text = config("v6").replace("apiKey: k", &format!("apiKeyFile: {key}"));
    rig.object(revision("6", &text)).await;
    rig.object(revision("7", "nbuservers: 7\n")).await;
    rig.elsewhere("key", "two");
    for _ in 0..2 {
        rig.reload(Trigger::File).await;
        assert_eq!(rig.applied(), ["v5", "v6", "v6"], "once");
        assert_eq!(rig.running().config.sites[0].api_key.expose(), "two");
        assert!(!rig.status.load().newest_runs && rig.status.load().rejection.is_some());
    }
    rig.object(revision("8", &text)).await;
    assert_eq!(rig.verdict().outcome, Outcome::Unchanged, "a revert ends the rejection, and it runs already");
    assert!(rig.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_came_with_a_rejected_revision_is_not_mixed_with_the_text_that_runs() {
    let with_key = config("v5").replace("apiKey: k", "apiKeyFile: key");
    let volume = Volume::new(&[("config.yaml", &with_key), ("key", "old")]);
    let rig = Rig::start(Some(&volume), Some(revision("5", &with_key))).await.unwrap();
    rig.settle().await;
    rig.object(revision("6", "nbuservers: 7\n")).await;
    volume.swap(&[("config.yaml", "nbuservers: 7\n"), ("key", "new")]);
    rig.reload(Trigger::File).await;
    assert_eq!(rig.verdict().outcome, Outcome::Rejected);
    assert_eq!(rig.applied(), ["v5"]);
}

#[tokio::test(start_paused = true)]
async fn fault_49_and_50_a_deleted_object_is_kept_and_a_recreated_one_counts_by_content() {
    let (rig, _volume) = both().await;
    rig.object(ObjectEvent::Missing).await;
    assert_eq!(rig.applied(), ["v5"]);
    assert!(rig.status.load().newest_runs);
    rig.object(of_uid("u2", "9", &config("v5"))).await;
    assert_eq!(rig.applied(), ["v5"], "the same data");
    rig.object(of_uid("u2", "10", &config("v6"))).await;
    assert_eq!(rig.applied(), ["v5", "v6"]);
}

#[tokio::test(start_paused = true)]
async fn fault_51_an_edit_of_metadata_alone_changes_nothing() {
    let (rig, _volume) = both().await;
    let verdict = rig.status.load().last_verdict.clone();
    rig.object(revision("6", &config("v5"))).await;
    assert_eq!(rig.applied(), ["v5"]);
    assert_eq!(rig.status.load().last_verdict, verdict, "no news, nothing counted or logged");
}

#[tokio::test(start_paused = true)]
async fn fault_52_an_object_without_a_configuration_is_refused_and_what_runs_is_kept() {
    let (rig, volume) = both().await;
    let no_key = Unusable::NoKey { key: "config.yaml".to_owned(), keys: "none".to_owned() };
    for (version, reason) in [("6", no_key), ("7", Unusable::Empty("config.yaml".to_owned()))] {
        rig.object(unusable(version, reason)).await;
        assert_eq!(rig.verdict().outcome, Outcome::Rejected);
        assert!(!rig.status.load().newest_runs);
        rig.reload(Trigger::Poll).await;
        assert!(!rig.status.load().newest_runs, "the lagging file hides nothing");
    }
    volume.remove("config.yaml");
    rig.reload(Trigger::File).await;
    // That it is missing has to be confirmed, on the clock of the file system's side.
    std::thread::sleep(Duration::from_millis(250));
    sleep(Duration::from_secs(20)).await;
    rig.object(bytes("8", vec![b'a', 0xff])).await;
    assert_eq!(rig.verdict().outcome, Outcome::Rejected);
    rig.object(revision("9", &config("v9"))).await;
    assert_eq!(rig.applied(), ["v5", "v9"]);
    assert!(rig.status.load().newest_runs, "a file that is gone takes nothing from the object");
}

#[tokio::test(start_paused = true)]
async fn fault_42_a_restored_backup_is_confirmed_by_a_get_and_applied() {
    let (rig, _volume) = both().await;
    rig.object(revision("1200", &config("new"))).await;
    rig.object(revision("1000", &config("restored"))).await;
    assert_eq!(rig.applied(), ["v5", "new", "restored"]);
}

#[tokio::test(start_paused = true)]
async fn fault_54_a_replica_that_lags_is_superseded() {
    let (rig, _volume) = both().await;
    rig.object(revision("1200", &config("new"))).await;
    rig.event(revision("1000", &config("old"))).await;
    assert_eq!((rig.verdict().trigger, rig.verdict().outcome), (Trigger::Kubernetes, Outcome::Superseded));
    assert_eq!(rig.applied(), ["v5", "new"]);
}

#[tokio::test(start_paused = true)]
async fn fault_45_with_the_api_forbidden_the_file_works_alone() {
    let volume = Volume::new(&[("config.yaml", &config("v1"))]);
    let forbidden = ObjectEvent::Unavailable(ApiError::Forbidden { verb: "list" });
    let rig = Rig::start(Some(&volume), Some(forbidden)).await.unwrap();
    for site in ["v2", "v1", "v3"] {
        volume.swap(&[("config.yaml", &config(site))]);
        rig.reload(Trigger::File).await;
    }
    assert_eq!(rig.applied(), ["v1", "v2", "v1", "v3"]);
}

#[tokio::test(start_paused = true)]
async fn fault_56_of_a_thousand_edits_the_last_one_runs() {
    let (rig, _volume) = both().await;
    for version in 6..=1005 {
        rig.send(revision(&version.to_string(), &config(&format!("v{version}")))).await;
    }
    rig.settle().await;
    assert_eq!(rig.applied().last().unwrap(), "v1005");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_told_once_and_again_only_after_it_was_back() {
    let log = CapturedLog::listen();
    let rig = Rig::start(None, Some(revision("5", &config("v5")))).await.unwrap();
    for (version, expected) in [("6", 1), ("7", 2)] {
        for _ in 0..3 {
            rig.object(ObjectEvent::Missing).await;
            rig.reload(Trigger::Poll).await;
        }
        assert_eq!(log.lines("there is no such object").len(), expected);
        rig.object(revision(version, &config("v6"))).await;
    }
    assert_eq!(log.lines("WARN").len(), 2);
}
