//! The Events of a reload, against a scripted API server.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::mock::{Answer, Mock};
use crate::source::kubernetes::events::DEADLY;
use crate::source::kubernetes::{
    Access, Announcement, Announcer, EventIdentity, EventReason, ObjectStatus, Pod,
};

async fn announcer(mock: &Mock) -> Announcer {
    announcer_with(&mock.access().await)
}

fn announcer_with(access: &Access) -> Announcer {
    of_pod(access, "pod")
}

fn of_pod(access: &Access, name: &str) -> Announcer {
    let pod = Pod { name: name.to_owned(), namespace: "pods".to_owned(), uid: Some(format!("{name} 1")) };
    let status = Arc::new(ObjectStatus::default());
    status.observed(Some("u1"));
    let object = Arc::new("ns/cfg".parse().unwrap());
    let (announcer, publishers) = Announcer::start(access, &object, &status, Some(pod));
    for mut publisher in publishers {
        // As its owner does it.
        tokio::spawn(async move { while AssertUnwindSafe(publisher.run()).catch_unwind().await.is_err() {} });
    }
    announcer
}

fn rejected(note: &str) -> Announcement {
    of(EventReason::ConfigRejected, note)
}

fn of(reason: EventReason, note: &str) -> Announcement {
    // The system's clock knows nothing of paused time.
    static BEGIN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    let passed = Instant::now().into_std().saturating_duration_since(*BEGIN);
    let at = Timestamp::UNIX_EPOCH + passed;
    Announcement { reason, note: note.to_owned(), at, identity: EventIdentity::Note }
}

fn about(events: &[Value], kind: &str) -> Vec<Value> {
    events.iter().filter(|event| event["regarding"]["kind"] == kind).cloned().collect()
}

/// Each with its note and how often it was told.
fn told(mock: &Mock) -> Vec<(String, i64)> {
    let of = |event: &Value| {
        let count = event["series"]["count"].as_i64().unwrap_or(1);
        (event["note"].as_str().unwrap().to_owned(), count)
    };
    about(&mock.published(), "ConfigMap").iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_is_about_the_configmap_and_the_pod() {
    let mock = Mock::empty();
    announcer(&mock).await.announce(&rejected("configmap ns/cfg:3:41: nbuservers[0].port: no port"));
    sleep(Duration::from_secs(1)).await;
    let published = mock.published();
    assert_eq!(published.len(), 2);
    for (kind, name, namespace, uid) in [("ConfigMap", "cfg", "ns", "u1"), ("Pod", "pod", "pods", "pod 1")] {
        let event = &about(&published, kind)[0];
        assert_eq!((&event["regarding"]["name"], &event["regarding"]["uid"]), (&name.into(), &uid.into()));
        assert_eq!(event["metadata"]["namespace"], namespace);
        assert_eq!((&event["reason"], &event["type"]), (&"ConfigRejected".into(), &"Warning".into()));
        assert_eq!(event["reportingInstance"], "pod");
        assert!(event["note"].as_str().unwrap().contains(":3:41:"));
    }
}

#[tokio::test(start_paused = true)]
async fn equal_events_are_one_series_and_others_keep_their_own_text() {
    let mock = Mock::empty();
    let announcer = announcer(&mock).await;
    for (note, expected) in [
        ("a", vec![("a", 1)]),
        ("a", vec![("a", 2)]),
        ("b", vec![("a", 2), ("b", 1)]),
        ("a", vec![("a", 3), ("b", 1)]),
    ] {
        announcer.announce(&rejected(note));
        sleep(Duration::from_secs(200)).await;
        let expected: Vec<_> = expected.into_iter().map(|(note, count)| (note.to_owned(), count)).collect();
        assert_eq!(told(&mock), expected);
    }
    mock.expire_events();
    announcer.announce(&rejected("a"));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(told(&mock), [("a".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn three_replicas_tell_one_thing_once_on_the_configmap_and_each_on_its_pod() {
    let mock = Mock::empty();
    let access = mock.access().await;
    let replicas = ["a", "b", "c"].map(|name| of_pod(&access, name));
    let revision = |revision: &str| EventIdentity::Revision(revision.into());
    // What was changed differs from one to the other; and a volume is later than another.
    for (identity, notes) in [
        (revision("7"), ["+paris", "+paris, +lyon", "+paris"]),
        (EventIdentity::Note, ["paris: credentials"; 3]),
        (revision("8"), ["-lyon", "-lyon", "-lyon"]),
    ] {
        for (replica, note) in replicas.iter().zip(notes) {
            let identity = identity.clone();
            replica.announce(&Announcement { identity, ..of(EventReason::ConfigReloaded, note) });
            sleep(Duration::from_secs(35)).await;
        }
    }
    let told = told(&mock);
    let told: Vec<_> = told.iter().map(|(note, count)| (note.as_str(), *count)).collect();
    assert_eq!(told, [("+paris", 1), ("paris: credentials", 1), ("-lyon", 1)]);
    assert_eq!(mock.edits_of_events(), 0);
    assert_eq!(about(&mock.published(), "Pod").len(), 9);
    // The same again, much later: all of them meet in one series.
    sleep(Duration::from_mins(5)).await;
    for replica in &replicas {
        replica.announce(&of(EventReason::ConfigReloaded, "paris: credentials"));
        sleep(Duration::from_secs(35)).await;
    }
    let events = about(&mock.published(), "ConfigMap");
    assert_eq!((events.len(), &events[1]["series"]["count"]), (3, &2.into()));
}

#[tokio::test(start_paused = true)]
async fn a_rejections_event_is_never_starved() {
    // As seen: forty edits in eighty seconds, and the broken one's Event never came.
    for broken in 0..40 {
        let mock = Mock::empty();
        let announcer = announcer(&mock).await;
        for edit in 0..40 {
            announcer.announce(&of(EventReason::CredentialRejected, &edit.to_string()));
            if edit == broken {
                announcer.announce(&rejected("broken"));
                sleep(Duration::from_secs(1)).await;
                assert!(told(&mock).iter().any(|(note, _)| note == "broken"), "at once: {broken}");
            } else {
                announcer.announce(&of(EventReason::ConfigReloaded, &edit.to_string()));
            }
            sleep(Duration::from_secs(2)).await;
        }
        sleep(Duration::from_secs(10)).await;
        let newest = if broken == 39 { "38" } else { "39" };
        let events = about(&mock.published(), "ConfigMap");
        let is_told = |event: &Value| event["reason"] == "ConfigReloaded" && event["note"] == newest;
        assert!(events.iter().any(is_told), "the newest is told in the end: {broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn fault_55_a_slow_a_refusing_and_a_failing_events_api_never_hold_anybody_up() {
    for answer in [Answer::Hang, Answer::Status(403), Answer::Status(500)] {
        let mock = Mock::empty();
        mock.set(|script| script.events = answer);
        let announcer = announcer(&mock).await;
        let began = Instant::now();
        for number in 0..1000 {
            announcer.announce(&rejected(&number.to_string()));
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "no more waits than there is budget for");
        sleep(Duration::from_mins(10)).await;
        let tried = mock.count("POST");
        assert!(tried <= 60, "{tried}: the pauses grow");
        mock.set(|script| script.events = Answer::Normal);
        announcer.announce(&rejected("after"));
        sleep(Duration::from_mins(1)).await;
        assert_eq!(told(&mock).last().unwrap().0, "after", "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_dies_goes_on_with_what_is_announced_next() {
    let mock = Mock::empty();
    let announcer = announcer(&mock).await;
    for note in ["before", DEADLY, "after"] {
        announcer.announce(&rejected(note));
        sleep(Duration::from_mins(1)).await;
    }
    let notes: Vec<_> = told(&mock).into_iter().map(|(note, _)| note).collect();
    assert_eq!(notes, ["before", "after"]);
}

#[tokio::test(start_paused = true)]
async fn the_newest_verdict_is_told_when_the_api_answers_again() {
    let mock = Mock::empty();
    mock.set(|script| script.events = Answer::Status(503));
    let announcer = announcer(&mock).await;
    for number in 0..100 {
        announcer.announce(&rejected(&number.to_string()));
    }
    sleep(Duration::from_hours(1)).await;
    assert_eq!(mock.published(), Vec::<Value>::new());
    mock.set(|script| script.events = Answer::Normal);
    sleep(Duration::from_secs(40)).await;
    assert_eq!(told(&mock).last(), Some(&("99".to_owned(), 1)));
}

#[tokio::test(start_paused = true)]
async fn an_event_is_published_with_the_credentials_of_now() {
    let mock = Mock::empty();
    let access = mock.access().await;
    let announcer = announcer_with(&access);
    mock.set(|script| (script.token, script.file) = (Some("second"), "second"));
    announcer.announce(&rejected("a"));
    sleep(Duration::from_secs(20)).await;
    assert_eq!(mock.published(), Vec::<Value>::new());
    access.renew().await;
    sleep(Duration::from_secs(40)).await;
    assert_eq!(mock.published().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_limited_and_a_trickle_is_not() {
    let mock = Mock::empty();
    let announcer = announcer(&mock).await;
    for number in 0..300 {
        announcer.announce(&rejected(&number.to_string()));
        sleep(Duration::from_secs(1)).await;
    }
    let events = about(&mock.published(), "ConfigMap").len();
    assert!((50..=60).contains(&events), "{events}: 25 at once and one in ten seconds");
}
