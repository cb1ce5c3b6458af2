//! A volume that does not follow the object: what is told of it, and how often.

use std::time::Duration;

use tokio::time::sleep;

use super::super::super::*;
use super::super::object::{immutable, revision, unusable};
use super::both;
use super::rig::{Rig, Volume, config};
use crate::source::kubernetes::Unusable;
use crate::telemetry::CapturedLog;

const TOLD: &str = "The mounted file does not follow the ConfigMap";

/// Ticks as the slow poll gives them.
async fn ticks(rig: &Rig, minutes: u64) {
    for _ in 0..2 * minutes {
        sleep(Duration::from_secs(29)).await;
        rig.reload(Trigger::Poll).await;
    }
}

#[tokio::test(start_paused = true)]
async fn fault_28_a_volume_that_stops_following_is_told_once_after_three_minutes() {
    let log = CapturedLog::listen();
    let (rig, volume) = both().await;
    rig.object(revision("6", &config("v6"))).await;
    ticks(&rig, 2).await;
    assert!(log.lines(TOLD).is_empty(), "the kubelet needs its time");
    ticks(&rig, 20).await;
    let told = log.lines(TOLD);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("WARN") && told[0].contains("the kubelet does not update the volume"),
        "{told:?}"
    );

    volume.swap(&[("config.yaml", &config("v6"))]);
    rig.reload(Trigger::File).await;
    rig.object(revision("7", &config("v7"))).await;
    ticks(&rig, 20).await;
    assert_eq!(log.lines(TOLD).len(), 2, "it lags anew");
}

#[tokio::test(start_paused = true)]
async fn fault_65_a_mount_of_another_configmap_is_told_with_its_cure() {
    let log = CapturedLog::listen();
    let volume = Volume::new(&[("config.yaml", &config("other"))]);
    let rig = Rig::start(Some(&volume), Some(revision("6", &config("ours")))).await.unwrap();
    ticks(&rig, 20).await;
    let told = log.lines(TOLD);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("the mount and --config.kubernetes are not the same ConfigMap or key"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_immutable_object_that_was_made_again_is_told_with_its_cure() {
    let log = CapturedLog::listen();
    let (rig, _volume) = both().await;
    rig.object(immutable("6", &config("v6"))).await;
    ticks(&rig, 20).await;
    let told = log.lines(TOLD);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("immutable") && told[0].contains("restart the pod"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_configuration_is_no_lag_of_the_volume() {
    let log = CapturedLog::listen();
    let (rig, volume) = both().await;
    let no_key = Unusable::NoKey { key: "config.yaml".to_owned(), keys: "none".to_owned() };
    rig.object(unusable("6", no_key)).await;
    ticks(&rig, 2).await;
    volume.remove("config.yaml");
    ticks(&rig, 20).await;
    assert!(!rig.status.load().newest_runs, "it is refused");
    assert_eq!(rig.lag(), Duration::ZERO);
    assert!(log.lines(TOLD).is_empty());
    assert_eq!(rig.applied(), ["v5"]);
}
