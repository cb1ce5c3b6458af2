use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::mock::{Answer, Mock};
use crate::source::kubernetes::{Access, Announcement, Announcer, Kind, Pod, Status};

async fn announcer(mock: &Mock) -> Announcer {
    announcer_with(mock.access().await)
}

fn announcer_with(access: Access) -> Announcer {
    let pod = Pod { name: "pod".to_owned(), namespace: "pods".to_owned(), uid: Some("p1".to_owned()) };
    let status = Arc::new(Status::default());
    status.seen(Some("u1"));
    let object = Arc::new("ns/cfg".parse().unwrap());
    Announcer::start(access, object, status, Some(pod)).0
}

fn rejected(note: &str) -> Announcement {
    Announcement { kind: Kind::ConfigRejected, note: note.to_owned() }
}

fn about(events: &[Value], kind: &str) -> Vec<Value> {
    events.iter().filter(|event| event["event"]["regarding"]["kind"] == kind).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_is_about_the_configmap_and_the_pod() {
    let mock = Mock::empty();
    announcer(&mock).await.announce(rejected("configmap ns/cfg:3:41: nbuservers[0].port: no port"));
    sleep(Duration::from_secs(1)).await;
    let published = mock.published();
    assert_eq!(published.len(), 2);
    for (kind, name, namespace, uid) in [("ConfigMap", "cfg", "ns", "u1"), ("Pod", "pod", "pods", "p1")] {
        let event = &about(&published, kind)[0]["event"];
        assert_eq!((&event["regarding"]["name"], &event["regarding"]["uid"]), (&name.into(), &uid.into()));
        assert_eq!(event["metadata"]["namespace"], namespace);
        assert_eq!((&event["reason"], &event["type"]), (&"ConfigRejected".into(), &"Warning".into()));
        assert!(event["note"].as_str().unwrap().contains(":3:41:"));
    }
}

#[tokio::test(start_paused = true)]
async fn equal_events_are_one_series_and_others_keep_their_own_text() {
    let mock = Mock::empty();
    let announcer = announcer(&mock).await;
    for note in ["a", "a", "b", "a"] {
        announcer.announce(rejected(note));
        sleep(Duration::from_secs(20)).await;
    }
    let events = about(&mock.published(), "ConfigMap");
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let (method, count) =
                (event["method"].as_str().unwrap(), event["event"]["series"]["count"].as_i64());
            (method, event["event"]["note"].as_str().unwrap(), count)
        })
        .collect();
    assert_eq!(
        told,
        [("POST", "a", None), ("PATCH", "a", Some(2)), ("POST", "b", None), ("PATCH", "a", Some(3))]
    );
}

#[tokio::test(start_paused = true)]
async fn fault_55_a_slow_a_refusing_and_a_failing_events_api_never_hold_anybody_up() {
    for answer in [Answer::Hang, Answer::Status(403), Answer::Status(500)] {
        let mock = Mock::empty();
        mock.set(|script| script.events = answer);
        let announcer = announcer(&mock).await;
        let began = Instant::now();
        for number in 0..1000 {
            announcer.announce(rejected(&number.to_string()));
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "no more waits than the queue holds");
        sleep(Duration::from_mins(10)).await;
        mock.set(|script| script.events = Answer::Normal);
        announcer.announce(rejected("after"));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(mock.published().last().unwrap()["event"]["note"], "after", "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_series_that_fails_begins_anew_with_the_credentials_of_now() {
    let mock = Mock::empty();
    let access = mock.access().await;
    let announcer = announcer_with(access.clone());
    for expected in [2, 2, 4] {
        announcer.announce(rejected("a"));
        sleep(Duration::from_secs(20)).await;
        assert_eq!(mock.published().len(), expected);
        mock.set(|script| (script.token, script.file) = (Some("second"), "second"));
        access.renew().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_limited_and_a_trickle_is_not() {
    let mock = Mock::empty();
    let announcer = announcer(&mock).await;
    for number in 0..300 {
        announcer.announce(rejected(&number.to_string()));
        sleep(Duration::from_secs(1)).await;
    }
    let events = about(&mock.published(), "ConfigMap").len();
    assert!((50..=60).contains(&events), "{events}: 25 at once and one in ten seconds");
}
