//! Policies as they come, what becomes of them, and when their details are asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::fixture::Given;
use super::*;
use crate::netbackup::fixture::{Answer, Received, Server, soon};

const DAILY: &str = r#"{"scheduleName":"daily","scheduleType":"Frequency","backupType":"Full Backup","frequencySeconds":86400,
    "startWindow":[{"dayOfWeek":1,"startSeconds":0,"durationSeconds":604800}]}"#;

/// A policy of a scripted server.
#[derive(Clone)]
struct Scripted {
    attributes: String,
    /// How its details are answered.
    status: u16,
}

/// The policies of a scripted server, by their names.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<BTreeMap<String, Scripted>>>);

impl Script {
    /// Adds a policy, or edits it.
    fn put(&self, name: &str, attributes: &str, status: u16) {
        let scripted = Scripted { attributes: attributes.to_owned(), status };
        self.0.lock().unwrap().insert(name.to_owned(), scripted);
    }

    fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    fn answer(&self, version: &str, request: &Received) -> Answer {
        let policies = self.0.lock().unwrap();
        if request.path == "/ping" {
            return Answer::ping(version);
        }
        if request.path == "/config/policies/" {
            assert!(request.query.starts_with("sort=policyName&page[limit]=500"), "{}", request.query);
            let record = |(name, policy): (&String, &Scripted)| {
                format!(r#"{{"type":"MS-Windows","id":"{name}","attributes":{{{}}}}}"#, policy.attributes)
            };
            let data: Vec<_> = policies.iter().map(record).collect();
            return Answer::json(format!(r#"{{"data":[{}]}}"#, data.join(",")));
        }
        let name = request.path.strip_prefix("/config/policies/").unwrap();
        match policies.get(name).map(|policy| policy.status) {
            Some(200) => Answer::json(format!(
                r#"{{"data":{{"id":"{name}","attributes":{{"policyAny":{{"schedules":[{DAILY}]}}}}}}}}"#
            )),
            Some(status) => Answer::status(status),
            None => Answer::status(404),
        }
    }

    async fn serve(&self, version: &'static str) -> (Server, Given) {
        let script = self.clone();
        let server = Server::start(move |request| script.answer(version, request)).await;
        let client = server.client();
        client.negotiate(soon()).await.unwrap();
        (server, Given::by(client))
    }
}

/// A run: its page and what it met.
async fn run(protection: &mut Protection, given: &Given) -> (String, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let families = protection.collect(&given.context(), &mut diagnostics).await.unwrap();
    (families.iter().map(Family::text).collect(), diagnostics)
}

/// The policies whose details were asked for, in that order.
fn asked(server: &Server) -> Vec<String> {
    let names = server.received().into_iter().filter_map(|request| {
        request.path.strip_prefix("/config/policies/").filter(|name| !name.is_empty()).map(str::to_owned)
    });
    names.collect()
}

fn interval(name: &str) -> String {
    format!("nbu_policy_expected_interval_seconds{{site=\"paris\",policy=\"{name}\"}} 86400\n")
}

#[tokio::test]
async fn a_policy_becomes_series_and_what_it_leaves_out_does_not() {
    let script = Script::default();
    script.put("a", r#""active":"TRUE","storage":"gold","autoManagedType":"1","generationId":3"#, 200);
    script.put("b", r#""active":false,"autoManagedType":9"#, 200);
    script.put("c", r#""active":true,"effectiveDateUTC":"2999-01-01T00:00:00Z","storage":null"#, 200);
    script.put("d", r#""effectiveDateUTC":"1970-01-01T00:00:00Z","storage":[1],"active":7"#, 200);
    let (server, given) = script.serve("12.0").await;
    let (page, diagnostics) = run(&mut Protection::default(), &given).await;
    for line in [
        "nbu_policies{site=\"paris\",policy_type=\"WINDOWS_NT\",active=\"true\"} 2\n",
        "nbu_policies{site=\"paris\",policy_type=\"WINDOWS_NT\",active=\"false\"} 1\n",
        "nbu_policies{site=\"paris\",policy_type=\"WINDOWS_NT\",active=\"unknown\"} 1\n",
        "nbu_policy_info{site=\"paris\",policy=\"a\",policy_type=\"WINDOWS_NT\",storage=\"gold\",managed=\"subscription\"} 1\n",
        "nbu_policy_info{site=\"paris\",policy=\"b\",policy_type=\"WINDOWS_NT\",storage=\"\",managed=\"other\"} 1\n",
        "nbu_policy_active{site=\"paris\",policy=\"a\"} 1\n",
        "nbu_policy_active{site=\"paris\",policy=\"b\"} 0\n",
        "nbu_catalog_backup_policies{site=\"paris\"} 0\n",
        &interval("a"),
        // It says nothing of being active, and its date is one that NetBackup writes for none.
        &interval("d"),
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    // One that is inactive or not in effect yet is never due, so nobody asks.
    assert_eq!(asked(&server), ["a", "d"]);
    assert!(!page.contains("nbu_policy_active{site=\"paris\",policy=\"d\"}"));
    assert_eq!((diagnostics.records, diagnostics.malformed), (4, 2));
    let facts = given.board.policies().unwrap();
    let fact = |name: &str| facts[name].clone();
    assert_eq!((fact("a").is_active, fact("a").expected_interval), (true, Some(Duration::from_hours(24))));
    assert_eq!((fact("c").is_active, fact("c").expected_interval), (false, None));
    assert_eq!((fact("b").policy_type.as_str(), fact("b").is_active), ("WINDOWS_NT", false));
}

#[test]
fn the_policies_of_the_catalog_are_counted_and_a_list_that_was_cut_short_says_nothing_of_what_it_has_not() {
    let policy = |name: &str, policy_type: &str, active| {
        let text = format!(r#"{{"id":"{name}","type":"{policy_type}","attributes":{{"active":{active}}}}}"#);
        ListedPolicy::new(serde_json::from_str(&text).unwrap(), &mut 0).unwrap()
    };
    let page = |policies: &[ListedPolicy], is_whole| -> String {
        families::counts("paris", policies, is_whole).iter().map(Family::text).collect()
    };
    let catalogs = [
        policy("a", "NBU-Catalog", true),
        policy("b", "NBU-Catalog", false),
        policy("c", "nbu_catalog", true),
        policy("d", "NBU-Catalogue", true),
    ];
    assert!(page(&catalogs, true).contains("nbu_catalog_backup_policies{site=\"paris\"} 2\n"));
    let others = [policy("a", "Standard", true)];
    assert_eq!(
        page(&others, true),
        "nbu_policies{site=\"paris\",policy_type=\"STANDARD\",active=\"true\"} 1\n\
         nbu_policies{site=\"paris\",policy_type=\"STANDARD\",active=\"false\"} 0\n\
         nbu_catalog_backup_policies{site=\"paris\"} 0\n"
    );
    assert_eq!(
        page(&others, false),
        "nbu_policies{site=\"paris\",policy_type=\"STANDARD\",active=\"true\"} 1\n"
    );
}

#[tokio::test]
async fn details_are_asked_for_once_and_again_when_the_policy_was_edited_or_is_new() {
    let script = Script::default();
    for name in ["a", "b", "c"] {
        script.put(name, r#""active":true,"generationId":1"#, 200);
    }
    let (server, given) = script.serve("12.0").await;
    let mut protection = Protection::default();
    run(&mut protection, &given).await;
    run(&mut protection, &given).await;
    assert_eq!(asked(&server), ["a", "b", "c"]);
    script.put("b", r#""active":true,"generationId":2"#, 200);
    script.put("d", r#""active":true,"generationId":1"#, 200);
    script.remove("c");
    let (page, _) = run(&mut protection, &given).await;
    // The new one first: of it nothing is known.
    assert_eq!(asked(&server), ["a", "b", "c", "d", "b"]);
    assert!(page.contains(&interval("d")) && !page.contains("policy=\"c\""));
    assert!(!given.board.policies().unwrap().contains_key("c"));
    // A policy that is created again is another one.
    script.put("c", r#""active":true,"generationId":1"#, 200);
    run(&mut protection, &given).await;
    assert_eq!(asked(&server).last().map(String::as_str), Some("c"));
    assert!(
        server
            .received()
            .iter()
            .filter(|request| request.path.len() > 17)
            .all(|request| request.generic_schema)
    );
}

#[tokio::test]
async fn before_12_0_each_type_has_its_own_schema_and_some_have_none() {
    let script = Script::default();
    script.put("a", r#""active":true"#, 200);
    script.put("b", r#""active":true"#, 501);
    let (server, given) = script.serve("10.0").await;
    let mut protection = Protection::default();
    for _ in 0..2 {
        let (page, _) = run(&mut protection, &given).await;
        assert!(
            page.contains(&interval("a")) && !page.contains("interval_seconds{site=\"paris\",policy=\"b\"}")
        );
    }
    assert_eq!(asked(&server), ["a", "b"]);
    assert!(server.received().iter().all(|request| !request.generic_schema));
    assert!(!given.absences.any_refused());
}

#[tokio::test]
async fn a_policy_whose_details_fail_lacks_its_interval_alone() {
    let script = Script::default();
    for (name, status) in [("a", 404), ("b", 500), ("c", 400), ("d", 200)] {
        script.put(name, r#""active":true,"generationId":1"#, status);
    }
    let (server, given) = script.serve("12.0").await;
    let mut protection = Protection::default();
    for _ in 0..2 {
        let (page, _) = run(&mut protection, &given).await;
        assert!(page.contains(&interval("d")));
        assert_eq!(page.matches("nbu_policy_expected_interval_seconds").count(), 1);
        assert_eq!(page.matches("nbu_policy_active").count(), 4);
    }
    let mut names = asked(&server);
    names.dedup();
    assert_eq!(names, ["a", "b", "c", "d"], "none of them is asked for in the next run");
}

#[tokio::test]
async fn a_server_that_fails_at_policy_after_policy_is_left_alone_until_the_next_run() {
    let script = Script::default();
    for number in 0..9 {
        script.put(&format!("p{number}"), r#""active":true,"generationId":1"#, 500);
    }
    let (server, given) = script.serve("12.0").await;
    let mut protection = Protection::default();
    let mut runs = Vec::new();
    for _ in 0..2 {
        run(&mut protection, &given).await;
        let mut names = asked(&server);
        names.dedup();
        runs.push(names.len());
    }
    assert_eq!(runs, [3, 6], "each run goes on where the last one stopped");
}

#[tokio::test]
async fn a_role_that_may_not_see_details_sees_the_list_and_is_not_asked_again() {
    let script = Script::default();
    script.put("a", r#""active":true"#, 401);
    script.put("b", r#""active":true"#, 401);
    let (server, given) = script.serve("12.0").await;
    let mut protection = Protection::default();
    for _ in 0..2 {
        let (page, _) = run(&mut protection, &given).await;
        assert!(page.contains("nbu_policy_active{site=\"paris\",policy=\"b\"} 1\n"));
    }
    assert!(given.absences.any_refused());
    assert_eq!(asked(&server).len(), 1);
}

#[tokio::test]
async fn a_run_asks_for_a_hundred_policies_and_the_next_ones_go_on() {
    let script = Script::default();
    for number in 0..230 {
        script.put(&format!("p{number:03}"), r#""active":true,"generationId":1"#, 200);
    }
    let (server, given) = script.serve("12.0").await;
    let mut protection = Protection::default();
    let mut known = Vec::new();
    for _ in 0..4 {
        let (page, diagnostics) = run(&mut protection, &given).await;
        assert!(!diagnostics.truncated);
        known.push(page.matches("nbu_policy_expected_interval_seconds").count());
    }
    assert_eq!((known, asked(&server).len()), (vec![100, 200, 230, 230], 230));
}

#[tokio::test]
async fn a_run_that_is_dropped_loses_nothing() {
    let script = Script::default();
    for name in ["a", "b", "c"] {
        script.put(name, r#""active":true,"generationId":1"#, 200);
    }
    let is_slow = Arc::new(Mutex::new(true));
    let (scripted, slow) = (script.clone(), is_slow.clone());
    let server = Server::start(move |request| {
        let answer = scripted.answer("12.0", request);
        let waits = *slow.lock().unwrap() && request.path.ends_with("/b");
        Answer { delay: Duration::from_hours(u64::from(waits)), ..answer }
    })
    .await;
    let client = server.client();
    client.negotiate(soon()).await.unwrap();
    let given = Given::by(client);
    let mut protection = Protection::default();
    let is_at_b = async {
        while !asked(&server).contains(&"b".to_owned()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = is_at_b => {}
        _ = run(&mut protection, &given) => panic!("the answer for b waits"),
    }
    *is_slow.lock().unwrap() = false;
    let (page, _) = run(&mut protection, &given).await;
    assert_eq!(
        asked(&server),
        ["a", "b", "c", "b"],
        "what is known is not asked for, and b waits for its turn"
    );
    assert!(["a", "b", "c"].iter().all(|name| page.contains(&interval(name))));
}

#[tokio::test]
async fn beyond_the_cap_policies_are_counted_and_have_no_series() {
    let script = Script::default();
    for name in ["c", "a", "b"] {
        script.put(name, r#""active":true,"generationId":1"#, 200);
    }
    let (server, mut given) = script.serve("12.0").await;
    given.collectors.protection.options.max_policies = 2;
    let (page, diagnostics) = run(&mut Protection::default(), &given).await;
    assert!(page.contains("active=\"true\"} 3\n") && !page.contains("policy=\"c\""));
    assert_eq!((diagnostics.capped, asked(&server).len()), (1, 2));
    assert!(given.board.policies().unwrap().contains_key("c"));
}

#[tokio::test]
async fn a_record_without_a_name_is_counted_and_a_name_that_comes_twice_is_one_policy() {
    let server = Server::start(|request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        "/config/policies/" => Answer::json(
            r#"{"data":[{"type":"Standard"},17,{"id":"","attributes":{"active":true}},
            {"id":"a","type":"Standard","attributes":{"active":false}},{"id":"a","type":"Standard","attributes":{"active":false}}]}"#,
        ),
        path => panic!("{path} is asked for"),
    })
    .await;
    let client = server.client();
    client.negotiate(soon()).await.unwrap();
    let (page, diagnostics) = run(&mut Protection::default(), &Given::by(client)).await;
    assert_eq!((diagnostics.records, diagnostics.malformed), (5, 3));
    assert!(page.contains("policy_type=\"STANDARD\",active=\"false\"} 1\n"));
}
