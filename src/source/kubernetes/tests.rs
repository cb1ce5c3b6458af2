//! The watch against a scripted API server, on paused time: each pause and time-out takes no time, and exactly as long
//! as it says.

mod announcing;
mod leases;
mod mock;
mod scripted;
mod sockets;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use mock::{Answer, Mock};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::*;

/// A watch of the mock's object.
pub(super) struct Rig {
    mock: Mock,
    reader: ObjectReader,
    watcher: ObjectWatcher,
    events: mpsc::Receiver<ObjectEvent>,
}

impl Rig {
    async fn start(mock: Mock) -> Self {
        let reader = ObjectReader::new("ns/cfg".parse().unwrap(), mock.access().await, Timing::default());
        let (watcher, events) = ObjectWatcher::start(&reader);
        Self { mock, reader, watcher, events }
    }

    /// The next event as a word: the text, `missing`, `unavailable` or why it holds no configuration.
    async fn next(&mut self) -> String {
        let event = timeout(Duration::from_hours(2), self.events.recv()).await;
        match event.expect("a event").expect("the watch lives") {
            ObjectEvent::Present(revision) => match &revision.text {
                Ok(text) => String::from_utf8_lossy(text).into_owned(),
                Err(unusable) => unusable.to_string(),
            },
            ObjectEvent::Missing => "missing".to_owned(),
            ObjectEvent::Unavailable(_) => "unavailable".to_owned(),
        }
    }

    /// Waits for a text; others may come before it, as each list tells the object again.
    async fn until(&mut self, word: &str) -> Duration {
        let began = Instant::now();
        while self.next().await != word {}
        began.elapsed()
    }

    /// All that comes within this time.
    async fn during(&mut self, time: Duration) -> Vec<String> {
        let end = Instant::now() + time;
        let mut words = Vec::new();
        while let Ok(word) = tokio::time::timeout_at(end, self.next()).await {
            words.push(word);
        }
        words
    }

    fn restarts(&self) -> u64 {
        self.reader.status().restarts()
    }

    fn is_up(&self) -> bool {
        self.reader.status().is_up()
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_arrives_at_once_and_each_minute_begins_with_a_list() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    assert_eq!(rig.next().await, "a");
    rig.mock.edit("2", "b");
    assert_eq!(rig.until("b").await, Duration::ZERO);
    assert!(rig.is_up() && rig.reader.status().is_present() == Some(true));
    // An edit that no watch told of is found by the next list.
    rig.mock.edit_silently("3", "c");
    assert!(rig.until("c").await <= Duration::from_secs(61));
    assert_eq!(rig.restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn fault_40_an_error_410_in_the_stream_leads_to_a_new_list_and_leaves_no_gap() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    rig.mock.edit_silently("2", "b");
    rig.mock.line(r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old","reason":"Expired","code":410}}"#);
    assert!(rig.until("b").await < Duration::from_secs(2));
    assert_eq!(rig.restarts(), 1);
    rig.mock.edit("3", "c");
    assert_eq!(rig.next().await, "c");
}

#[tokio::test(start_paused = true)]
async fn fault_41_a_410_as_http_status_does_not_keep_the_dead_version() {
    let mock = Mock::with("1", "a");
    mock.set(|script| script.watch = Answer::Status(410));
    let mut rig = Rig::start(mock).await;
    rig.until("a").await;
    rig.mock.edit("2", "b");
    assert!(rig.until("b").await < Duration::from_secs(40), "by a list");
    rig.mock.set(|script| script.watch = Answer::Normal);
    rig.mock.edit_silently("3", "c");
    assert!(rig.until("c").await < Duration::from_secs(40));
    assert!(rig.is_up());
}

#[tokio::test(start_paused = true)]
async fn fault_42_an_outage_is_known_within_a_minute_asked_about_with_growing_pauses_and_survived() {
    let mut rig = Rig::start(Mock::with("1200", "a")).await;
    rig.until("a").await;
    rig.mock.set(|script| (script.list, script.watch) = (Answer::Status(503), Answer::Status(503)));
    rig.mock.close();
    assert!(rig.until("unavailable").await <= Duration::from_mins(1));
    assert!(!rig.is_up());
    let before = rig.mock.count("list");
    assert_eq!(rig.during(Duration::from_mins(5)).await, Vec::<String>::new(), "it is said once");
    let asked = rig.mock.count("list") - before;
    assert!((9..=16).contains(&asked), "{asked} lists in five minutes");
    rig.mock.set(|script| (script.list, script.watch) = (Answer::Normal, Answer::Normal));
    rig.mock.edit("1000", "restored");
    assert!(rig.until("restored").await <= Duration::from_secs(37));
    assert!(rig.is_up());
}

#[tokio::test(start_paused = true)]
async fn fault_43_errors_in_a_stream_that_has_bookmarks_are_met_with_growing_pauses() {
    for code in [500, 403] {
        let mut rig = Rig::start(Mock::with("1", "a")).await;
        rig.until("a").await;
        rig.mock.set(|script| script.watch = Answer::ErrorAfterBookmark(code));
        rig.mock.close();
        let began = rig.mock.count("list");
        rig.during(Duration::from_mins(2)).await;
        let lists = rig.mock.count("list") - began;
        assert!((5..=10).contains(&lists), "{lists} lists in two minutes");
        let pauses = rig.mock.pauses("list");
        assert!(pauses.iter().skip(1).all(|pause| *pause >= Duration::from_millis(800)), "{pauses:?}");
        rig.mock.set(|script| script.watch = Answer::Normal);
        rig.mock.edit("2", "b");
        assert!(rig.until("b").await <= Duration::from_secs(37));
    }
}

#[tokio::test(start_paused = true)]
async fn fault_44_refused_credentials_are_read_again_and_a_rotated_token_heals() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    rig.mock.set(|script| script.token = Some("rotated"));
    rig.mock.close();
    rig.until("unavailable").await;
    rig.during(Duration::from_mins(2)).await;
    rig.mock.set(|script| script.file = "rotated");
    assert!(rig.until("a").await <= Duration::from_secs(70));
}

#[tokio::test(start_paused = true)]
async fn fault_45_a_forbidden_list_is_asked_for_ever_with_growing_pauses_and_told_once() {
    let mock = Mock::with("1", "a");
    mock.set(|script| script.list = Answer::Status(403));
    let mut rig = Rig::start(mock).await;
    assert_eq!(rig.next().await, "unavailable");
    assert_eq!(rig.reader.status().is_present(), None, "nobody said that it is gone");
    assert_eq!(rig.during(Duration::from_hours(1)).await, Vec::<String>::new());
    let lists = rig.mock.count("list");
    assert!((100..=130).contains(&lists), "{lists} lists in an hour");
    rig.mock.set(|script| script.list = Answer::Normal);
    assert!(rig.until("a").await <= Duration::from_secs(37));
}

#[test]
fn fault_45_a_missing_rule_is_named_with_verb_resource_and_name() {
    let sentence = ApiError::Forbidden { verb: "watch" }.sentence(&"ns/cfg".parse().unwrap());
    for part in
        ["403", "namespace ns", "configmaps", "[cfg]", "[get, list, watch]", "the verb watch is missing"]
    {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
}

#[tokio::test(start_paused = true)]
async fn fault_46_a_server_that_never_answers_is_left_after_the_time_out() {
    let mock = Mock::with("1", "a");
    mock.set(|script| (script.list, script.get) = (Answer::Hang, Answer::Hang));
    let mut rig = Rig::start(mock).await;
    assert_eq!(rig.until("unavailable").await, Duration::from_secs(10));
    let began = Instant::now();
    assert!(matches!(rig.reader.get().await, ObjectEvent::Unavailable(ApiError::Timeout(_))));
    assert_eq!(began.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn fault_46_a_half_open_watch_is_found_within_sixty_five_seconds() {
    let mock = Mock::with("1", "a");
    mock.set(|script| script.watch = Answer::Hang);
    let mut rig = Rig::start(mock).await;
    rig.until("a").await;
    rig.mock.set(|script| script.watch = Answer::Silent);
    rig.until("a").await;
    rig.mock.edit_silently("2", "b");
    let found = rig.until("b").await;
    assert!(found <= Duration::from_secs(70), "{found:?}");
    assert!(rig.restarts() >= 1);
}

#[tokio::test(start_paused = true)]
async fn fault_47_garbage_other_kinds_and_cut_chunks_are_errors_and_nothing_else() {
    let other_kind = r#"{"type":"MODIFIED","object":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"cfg","resourceVersion":"9"},"data":{}}}"#;
    for line in ["no JSON at all", "{}", r#"{"type":"MODIFIED","object":7}"#, other_kind] {
        let mut rig = Rig::start(Mock::with("1", "a")).await;
        rig.until("a").await;
        rig.mock.line(line);
        assert_eq!(rig.during(Duration::from_secs(3)).await, ["a"], "{line}: only the next list");
        assert_eq!(rig.restarts(), 1, "{line}");
        rig.mock.edit("2", "b");
        assert_eq!(rig.next().await, "b", "{line}");
    }
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    rig.mock.chunk(r#"{"type":"MODIFIED","object":{"kind":"Conf"#);
    rig.mock.close();
    assert_eq!(rig.during(Duration::from_secs(3)).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn fault_47_an_object_of_another_name_is_not_ours() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    rig.mock.line(&mock::event("MODIFIED", &mock::configmap("other", "u9", "5", "not ours")));
    rig.mock.edit("6", "b");
    assert_eq!(rig.next().await, "b");
}

#[tokio::test(start_paused = true)]
async fn fault_48_an_object_that_is_created_later_is_seen() {
    let mut rig = Rig::start(Mock::empty()).await;
    assert_eq!(rig.next().await, "missing");
    assert!(rig.is_up() && rig.reader.status().is_present() == Some(false));
    rig.mock.create("u1", "5", "a");
    assert_eq!(rig.next().await, "a");
}

#[tokio::test(start_paused = true)]
async fn fault_49_a_deleted_and_recreated_object_is_told_with_its_other_uid() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    rig.mock.delete();
    assert_eq!(rig.next().await, "missing");
    rig.mock.create("u2", "7", "b");
    assert_eq!(rig.next().await, "b");
    assert_eq!(rig.reader.status().uid().as_deref(), Some("u2"));
}

#[tokio::test(start_paused = true)]
async fn fault_50_a_deletion_that_no_watch_told_of_is_found_by_the_list() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    rig.mock.delete_silently();
    assert!(rig.until("missing").await <= Duration::from_secs(61));
    assert_eq!(rig.reader.status().is_present(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn fault_53_odd_versions_are_given_back_as_they_came() {
    let long = "9".repeat(40);
    let mut rig = Rig::start(Mock::with("00", "a")).await;
    rig.until("a").await;
    for (version, text) in [("abc", "b"), (long.as_str(), "c"), ("", "d")] {
        rig.mock.edit(version, text);
        let Some(ObjectEvent::Present(revision)) = rig.events.recv().await else { panic!("{version}") };
        assert_eq!(
            (revision.resource_version.as_str(), revision.text.as_deref()),
            (version, Ok(text.as_bytes()))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn fault_56_a_thousand_edits_all_pass_through_a_bounded_queue_in_order() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    for version in 2..=1001 {
        rig.mock.edit(&version.to_string(), &format!("text {version}"));
    }
    for version in 2..=1001 {
        assert_eq!(rig.next().await, format!("text {version}"));
        assert!(rig.events.len() <= 16);
    }
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_owner() {
    let mut rig = Rig::start(Mock::with("1", "a")).await;
    rig.until("a").await;
    drop(rig.watcher);
    while rig.events.recv().await.is_some() {}
}

#[test]
fn fault_52_the_key_is_taken_from_data_or_binary_data_byte_by_byte() {
    let check = |object: serde_json::Value, expected: Result<&[u8], Unusable>| {
        let object: k8s_openapi::api::core::v1::ConfigMap = serde_json::from_value(object).unwrap();
        let revision = Revision::new(object, "config.yaml");
        assert_eq!(revision.text, expected.map(<[u8]>::to_vec));
    };
    let of = |data: serde_json::Value, binary: serde_json::Value| serde_json::json!({"metadata": {"name": "cfg"}, "data": data, "binaryData": binary});
    let none = serde_json::Value::Null;
    let text = "\u{feff}a: 1\r\n ";
    check(of(serde_json::json!({"config.yaml": text}), none.clone()), Ok(text.as_bytes()));
    check(of(none.clone(), serde_json::json!({"config.yaml": "/w=="})), Ok(&[0xff]));
    let unusable = Unusable::NoKey { key: "config.yaml".to_owned(), keys: "a, b".to_owned() };
    check(of(serde_json::json!({"b": ""}), serde_json::json!({"a": ""})), Err(unusable));
    let unusable = Unusable::NoKey { key: "config.yaml".to_owned(), keys: "none".to_owned() };
    check(of(none.clone(), none.clone()), Err(unusable));
    let empty = Unusable::Empty("config.yaml".to_owned());
    check(of(serde_json::json!({"config.yaml": ""}), none.clone()), Err(empty.clone()));
    check(of(serde_json::json!({"config.yaml": " \n"}), none), Err(empty));
}

#[test]
fn the_key_of_a_secret_is_the_bytes_behind_its_base64_and_no_debug_shows_them() {
    let object = serde_json::json!({"metadata": {"name": "cfg"}, "data": {"config.yaml": "YTogMQ0K/w=="}});
    let object: k8s_openapi::api::core::v1::Secret = serde_json::from_value(object).unwrap();
    let revision = Revision::new(object.clone(), "config.yaml");
    assert_eq!(revision.text, Ok(b"a: 1\r\n\xff".to_vec()));
    assert_eq!(format!("{:?}", ObjectEvent::Present(Arc::new(revision))), "Present(Revision( of ))");
    let unusable = Unusable::NoKey { key: "other".to_owned(), keys: "config.yaml".to_owned() };
    assert_eq!(Revision::new(object, "other").text, Err(unusable));
}

#[tokio::test]
async fn access_to_the_api_server_shows_no_token() {
    assert_eq!(format!("{:?}", Mock::empty().access().await), "Access(ns)");
}

#[tokio::test(start_paused = true)]
async fn a_get_says_what_is_there_now() {
    let rig = Rig::start(Mock::with("1", "a")).await;
    rig.mock.edit_silently("2", "b");
    let ObjectEvent::Present(revision) = rig.reader.get().await else { panic!("present") };
    assert_eq!(
        *revision,
        Revision {
            uid: "u1".to_owned(),
            resource_version: "2".to_owned(),
            text: Ok(b"b".to_vec()),
            immutable: false,
        }
    );
    rig.mock.delete_silently();
    assert!(matches!(rig.reader.get().await, ObjectEvent::Missing));
    rig.mock.set(|script| script.get = Answer::Status(403));
    assert!(matches!(rig.reader.get().await, ObjectEvent::Unavailable(ApiError::Forbidden { verb: "get" })));
}
