//! The real program between a mounted file and an API server that follows a script: what it runs, and what its log says.

use crate::harness::{Answer, ApiServer, Exporter, Sites, Volume, config, configmap, eventually, secret};

const WATCH_UP: &str = "nbu_exporter_config_kubernetes_watch_up";
const LAG: &str = "nbu_exporter_config_mount_lag_seconds";

struct Rig {
    _sites: Sites,
    volume: Volume,
    api: ApiServer,
    /// Three configurations that differ, the oldest first.
    texts: [String; 3],
}

impl Rig {
    /// The first configuration in the volume, the second in the object.
    fn new() -> Self {
        let sites = Sites::start(1);
        let texts = ["one", "two", "three"].map(|name| config(&[(name, sites.port(0))]));
        let volume = Volume::new(&[("config.yaml", &texts[0])]);
        let api = ApiServer::start("1200", &texts[1]);
        Self { _sites: sites, volume, api, texts }
    }

    fn start(&self) -> Exporter {
        let mut command = Exporter::command(&self.volume.path("config.yaml"));
        self.api.watched_by(&mut command);
        Exporter::spawn(command)
    }

    /// Waits until the API server was asked so many times more.
    #[track_caller]
    fn until_asked(&self, times: usize) {
        let enough = self.api.lists() + times;
        eventually("it asks again", || self.api.lists() >= enough);
    }
}

/// How often the log says this.
fn told(exporter: &Exporter, text: &str) -> usize {
    exporter.log().iter().filter(|line| line.contains(text)).count()
}

fn watch_is_up(exporter: &Exporter) -> bool {
    exporter.sample(WATCH_UP) == Some(1.0)
}

#[test]
fn fault_45_a_missing_rule_is_told_once_however_often_it_is_met() {
    let rig = Rig::new();
    rig.api.answer_lists(Answer::Status(403));
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[0]);
    rig.until_asked(3);
    let rule = "resourceNames [cfg], verbs [get, list, watch]";
    assert_eq!(told(&exporter, rule), 1, "{:#?}", exporter.log());
    assert_eq!(told(&exporter, "the verb list is missing"), 1);
    assert!(!watch_is_up(&exporter) && exporter.is_newest());

    rig.api.answer_lists(Answer::Right);
    exporter.until_runs(&rig.texts[1]);
    eventually("the watch is up", || watch_is_up(&exporter));
    assert_eq!(told(&exporter, "is watched again"), 1, "{:#?}", exporter.log());
}

#[test]
fn kustomizes_hash_of_the_name_is_told_where_the_rights_are_for_the_hashed_one() {
    let rig = Rig::new();
    rig.api.answer_lists(Answer::Status(403));
    rig.api.allow("cfg-5m2b4k7t9c");
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[0]);
    eventually("it is told", || told(&exporter, "name another ConfigMap: cfg-5m2b4k7t9c. If that is") == 1);
    assert_eq!(told(&exporter, "name it in --config.kubernetes: where kustomize renames an object"), 1);
    rig.until_asked(2);
    assert_eq!(told(&exporter, "kustomize"), 1, "{:#?}", exporter.log());
}

#[test]
fn an_object_that_is_gone_is_told_apart_from_an_api_server_that_does_not_answer() {
    let present = "nbu_exporter_config_kubernetes_object_present";
    let rig = Rig::new();
    rig.api.answer_lists(Answer::Status(403));
    rig.api.answer_gets(Answer::Status(403));
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[0]);
    rig.until_asked(2);
    assert_eq!(exporter.sample(present), None, "nobody said that it is gone");
    rig.api.answer_gets(Answer::Right);
    rig.api.answer_lists(Answer::Right);
    exporter.until_runs(&rig.texts[1]);
    assert_eq!(exporter.sample(present), Some(1.0));
    eventually("a watch is open", || rig.api.watches() > 0);
    rig.api.delete();
    eventually("it is gone", || exporter.sample(present) == Some(0.0));
    assert!(exporter.runs(&rig.texts[1]), "what runs is kept");
    // The last answer stands while there is none.
    rig.api.answer_lists(Answer::Status(500));
    rig.api.answer_watches(Answer::Status(500));
    eventually("the watch is down", || !watch_is_up(&exporter));
    assert_eq!(exporter.sample(present), Some(0.0));
    rig.api.edit_silently("1300", &rig.texts[2]);
    rig.api.answer_lists(Answer::Right);
    exporter.until_runs(&rig.texts[2]);
    assert_eq!(exporter.sample(present), Some(1.0));
}

#[test]
fn a_name_that_no_object_has_beside_a_mounted_file_is_told_with_kustomizes_hash_as_a_cause() {
    let rig = Rig::new();
    rig.api.delete();
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[0]);
    eventually("it is told", || told(&exporter, "there is no such object: create it") == 1);
    assert_eq!(told(&exporter, "where kustomize renames an object"), 1, "{:#?}", exporter.log());
}

#[test]
fn fault_45_a_watch_that_is_forbidden_is_told_once_although_lists_succeed() {
    let rig = Rig::new();
    rig.api.answer_watches(Answer::Status(403));
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[1]);
    rig.until_asked(3);
    assert_eq!(told(&exporter, "the verb watch is missing"), 1, "{:#?}", exporter.log());
    // Each new attempt begins with a list, so that an edit arrives all the same.
    rig.api.edit_silently("1201", &rig.texts[2]);
    exporter.until_runs(&rig.texts[2]);
    assert_eq!(told(&exporter, "the verb watch is missing"), 1);
    assert_eq!(told(&exporter, "is watched again"), 0);
}

#[test]
fn fault_63_an_api_server_that_is_slow_at_the_start_is_not_waited_for_and_has_the_last_word() {
    let rig = Rig::new();
    rig.api.answer_lists(Answer::Held);
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[0]);
    assert_eq!(exporter.post("/-/reload").status, 200, "it asks by a GET");
    rig.api.answer_lists(Answer::Right);
    exporter.until_runs(&rig.texts[1]);
    eventually("the watch is up", || watch_is_up(&exporter));
    assert_eq!(exporter.post("/-/reload").status, 200);
    assert!(exporter.runs(&rig.texts[1]), "the file is the older one");
}

#[test]
fn a_revert_while_the_object_can_not_be_read_applies() {
    let rig = Rig::new();
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[1]);
    rig.volume.swap(&[("config.yaml", &rig.texts[1])]);
    eventually("the volume has caught up", || exporter.sample(LAG) == Some(0.0));
    // The RoleBinding is taken away.
    rig.api.answer_lists(Answer::Status(403));
    rig.api.answer_gets(Answer::Status(403));
    rig.api.answer_watches(Answer::Status(403));
    eventually("it is noticed", || !watch_is_up(&exporter));
    for text in [&rig.texts[0], &rig.texts[1], &rig.texts[0]] {
        rig.volume.swap(&[("config.yaml", text)]);
        exporter.until_runs(text);
        let answer = exporter.post("/-/reload");
        assert!(answer.status == 200 && answer.body().contains("unchanged"), "{}", answer.body());
        assert!(exporter.is_newest() && exporter.sample(LAG) == Some(0.0));
    }
}

#[test]
fn fault_47_two_hundred_with_garbage_is_no_configuration_and_no_deletion() {
    let rig = Rig::new();
    rig.api.answer_lists(Answer::Body("<html>sign in</html>".to_owned()));
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[0]);
    rig.until_asked(2);
    assert_eq!(told(&exporter, "The ConfigMap can not be watched"), 1, "{:#?}", exporter.log());
    rig.api.answer_lists(Answer::Right);
    exporter.until_runs(&rig.texts[1]);

    let other = configmap("other", "1300", &rig.texts[2]).to_string();
    for garbage in ["<html>sign in</html>", "", "{}", "[]", "null", r#"{"kind":"Status","code":500}"#, &other]
    {
        rig.api.answer_gets(Answer::Body(garbage.to_owned()));
        let answer = exporter.post("/-/reload");
        assert_eq!(answer.status, 200, "{garbage}: {}", answer.body());
        assert!(exporter.runs(&rig.texts[1]) && exporter.is_newest(), "{garbage}");
        assert_eq!(exporter.sample("nbu_exporter_config_kubernetes_object_present"), Some(1.0), "{garbage}");
    }
    rig.api.edit("1301", &rig.texts[2]);
    exporter.until_runs(&rig.texts[2]);
}

#[test]
fn fault_47_events_of_another_object_and_bookmarks_alone_change_nothing() {
    let rig = Rig::new();
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[1]);
    eventually("a watch is open", || rig.api.watches() > 0);
    for version in 1300..1320 {
        rig.api.tell("MODIFIED", &configmap("other", &version.to_string(), &rig.texts[2]));
        rig.api.tell("DELETED", &configmap("other", &version.to_string(), &rig.texts[2]));
        let bookmark = serde_json::json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null}});
        rig.api.tell("BOOKMARK", &bookmark);
    }
    rig.api.edit("1321", &rig.texts[2]);
    exporter.until_runs(&rig.texts[2]);
    assert_eq!(exporter.reloads("kubernetes", "applied"), 1.0);
    assert_eq!(exporter.reloads("kubernetes", "rejected"), 0.0);
    assert_eq!(exporter.sample("nbu_exporter_config_kubernetes_object_present"), Some(1.0));
}

#[test]
fn fault_42_versions_that_went_back_with_another_text_are_applied_once_and_told() {
    let rig = Rig::new();
    let exporter = rig.start();
    exporter.until_runs(&rig.texts[1]);
    // As after an etcd restored from its backup: the server goes away, and comes back with less.
    rig.api.edit_silently("1000", &rig.texts[2]);
    rig.api.answer_watches(Answer::Right);
    exporter.until_runs(&rig.texts[2]);
    assert_eq!(told(&exporter, "went back, as after a restored backup"), 1, "{:#?}", exporter.log());
    rig.api.answer_watches(Answer::Right);
    rig.until_asked(1);
    eventually("a watch is open", || rig.api.watches() > 0);
    rig.api.edit("1001", &rig.texts[1]);
    exporter.until_runs(&rig.texts[1]);
    assert_eq!(told(&exporter, "went back, as after a restored backup"), 1);
}

#[test]
fn fault_55_events_that_are_forbidden_for_one_of_two_objects_are_told_once() {
    let rig = Rig::new();
    rig.api.forbid_events("pods");
    let mut command = Exporter::command(&rig.volume.path("config.yaml"));
    rig.api.announced_to(&mut command);
    let exporter = Exporter::spawn(command);
    exporter.until_runs(&rig.texts[1]);
    eventually("a watch is open", || rig.api.watches() > 0);
    for (version, text) in [("1201", &rig.texts[2]), ("1202", &rig.texts[1]), ("1203", &rig.texts[2])] {
        let tried = rig.api.events().len();
        rig.api.edit(version, text);
        exporter.until_runs(text);
        eventually("both are tried", || rig.api.events().len() >= tried + 2);
    }
    let told: Vec<_> = exporter.log().into_iter().filter(|line| line.contains("An Event can not")).collect();
    assert!(told.len() == 1 && told[0].contains("a Role in namespace pods"), "{told:#?}");
}

#[test]
fn a_configuration_in_a_secret_is_followed_like_a_configmap_and_shown_nowhere() {
    let sites = Sites::marked(1);
    let key = "planted-in-a-secret-4711-A1b2C3d4E5f6G7h8I9j0K1l2M3n4";
    sites.simulation().sites()[0].replace_keys(&[key.to_owned()]);
    let texts = ["one", "two", "three"].map(|name| {
        config(&[(name, sites.port(0))]).replace("apiKey: simulated-key", &format!("apiKey: {key}"))
    });
    assert!(texts[0].contains(key));
    let volume = Volume::new(&[("config.yaml", &texts[0])]);
    let api = ApiServer::with_secret("1200", &texts[1]);
    let mut command = Exporter::command(&volume.path("config.yaml"));
    api.announced_to(&mut command).args(["--log.level", "trace", "--trace"]);
    let exporter = Exporter::spawn(command);
    exporter.until_runs(&texts[1]);
    eventually("a watch is open", || api.watches() > 0);
    api.edit("1201", &texts[2]);
    exporter.until_runs(&texts[2]);
    assert_eq!(exporter.post("/-/reload").status, 200, "the lagging volume is superseded");
    assert!(exporter.runs(&texts[2]));
    volume.swap(&[("config.yaml", &texts[2])]);
    eventually("the volume has caught up", || {
        exporter.sample("nbu_exporter_config_mount_lag_seconds") == Some(0.0)
    });

    // A mistake on the line of the key, an answer that is no Secret, and one whose data can not be read.
    api.edit("1202", &texts[2].replacen("apiKey:", "apiKye:", 1));
    eventually("it is refused", || !exporter.is_newest());
    let refused = exporter.post("/-/reload");
    assert!(
        refused.status == 500 && refused.body().contains("secret ns/cfg:config.yaml:"),
        "{}",
        refused.body()
    );
    let encoded = secret("cfg", "1203", &texts[1]);
    let mut unreadable = encoded.clone();
    unreadable["data"] = key.into();
    for wrong in [configmap("cfg", "1203", &texts[1]), unreadable] {
        api.answer_gets(Answer::Body(wrong.to_string()));
        exporter.post("/-/reload");
        api.tell("MODIFIED", &wrong);
        let enough = api.lists() + 1;
        eventually("it asks again", || api.lists() >= enough);
    }
    api.answer_gets(Answer::Right);
    eventually("both Events are there", || {
        ["ConfigReloaded", "ConfigRejected"].iter().all(|reason| {
            api.events().iter().any(|event| {
                event["reason"] == *reason
                    && event["regarding"]["kind"] == "Secret"
                    && event["regarding"]["name"] == "cfg"
            })
        })
    });
    let base64 = encoded["data"]["config.yaml"].as_str().unwrap();
    let told = [
        exporter.log().join("\n"),
        exporter.metrics(),
        exporter.get("/").body(),
        exporter.get("/config").body(),
        exporter.post("/-/reload").body(),
        serde_json::Value::from(api.events()).to_string(),
    ]
    .join("\n");
    assert!(told.contains("secret ns/cfg") && !told.contains(key) && !told.contains(&base64[..40]), "{told}");
}
