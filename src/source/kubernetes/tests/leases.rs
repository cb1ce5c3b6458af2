//! The Leases of a fleet, against an API server that follows a script.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::scripted::{Asked, Reply, Scripted};
use crate::source::kubernetes::{LeaseOwner, Leases, Pod};
use crate::source::{LeaseChange, LeaseFailure, LeaseFault, LeaseMarks, LeaseStore as _, SeenLease};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";

fn owner(answer: Duration) -> LeaseOwner {
    let pod = Pod { name: "m".to_owned(), namespace: "ns".to_owned(), uid: Some("p1".to_owned()) };
    LeaseOwner {
        namespace: "ns".to_owned(),
        fleet: "f".to_owned(),
        member: "m".to_owned(),
        pod: Some(pod),
        duration: Duration::from_secs(15),
        answer,
    }
}

async fn leases(script: &Scripted) -> Leases {
    Leases::new(script.access().await, owner(Duration::from_secs(3)))
}

/// A Lease called `m` of this fleet, as the API server has it.
fn lease(fleet: &str, holder: &str, uid: &str, version: &str) -> Value {
    json!({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "m", "namespace": "ns", "uid": uid, "resourceVersion": version,
            "labels": {"nbu-exporter/fleet": fleet}},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}})
}

/// Our own.
fn ours(version: &str) -> Value {
    lease("f", "m_p1", "l1", version)
}

fn marks() -> LeaseMarks {
    LeaseMarks { token: "t1".into(), sees: "t2,t3".into() }
}

/// The methods of what was asked, and which of it was about one Lease.
#[track_caller]
fn methods(asked: &[Asked]) -> Vec<&str> {
    for asked in asked {
        assert!(asked.line.contains(PATH), "{asked:?}");
    }
    asked.iter().map(|asked| asked.line.split(' ').next().unwrap()).collect()
}

/// Renewed once, so that our own Lease is known.
async fn joined(script: &Scripted) -> Leases {
    script.then([Reply::Failure(404), Reply::Object(ours("1"))]);
    let leases = leases(script).await;
    leases.renew(marks()).await.unwrap();
    script.asked();
    leases
}

#[tokio::test]
async fn a_lease_is_made_where_there_is_none_and_replaced_by_its_version_from_then_on() {
    let script = Scripted::new([Reply::Failure(404), Reply::Object(ours("1")), Reply::Object(ours("2"))]);
    let leases = leases(&script).await;
    let first = leases.renew(marks()).await.unwrap();
    assert_eq!((&*first.version, first.continued), ("1", false));
    let second = leases.renew(marks()).await.unwrap();
    assert_eq!((&*second.version, second.continued), ("2", true));
    let asked = script.asked();
    assert_eq!(methods(&asked), ["GET", "POST", "PUT"]);
    let made = &asked[1].body;
    assert_eq!(made["metadata"]["labels"], json!({"nbu-exporter/fleet": "f"}));
    assert_eq!(
        made["metadata"]["annotations"],
        json!({"nbu-exporter/token": "t1", "nbu-exporter/sees": "t2,t3"})
    );
    assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], "p1", "it ends with its pod");
    assert_eq!(
        (&made["spec"]["holderIdentity"], &made["spec"]["leaseDurationSeconds"]),
        (&json!("m_p1"), &json!(15))
    );
    assert_eq!(asked[2].body["metadata"]["resourceVersion"], "1");
}

#[tokio::test]
async fn a_missing_right_is_told_with_the_whole_rule_and_is_our_fault_alone() {
    let script = Scripted::new([Reply::Failure(403)]);
    let LeaseFailure { fault, why } = leases(&script).await.list().await.err().unwrap();
    assert_eq!(fault, LeaseFault::Ours);
    assert_eq!(
        why,
        "list: HTTP 403 as the script says; give the service account a Role in namespace ns with apiGroups \
         [coordination.k8s.io], resources [leases], verbs [create, delete, get, list, update, watch]"
    );
}

#[tokio::test]
async fn a_lease_of_our_name_that_is_no_fleets_or_anothers_is_never_written() {
    let other = lease("another", "x", "l9", "1");
    let mut unlabelled = other.clone();
    unlabelled["metadata"]["labels"] = Value::Null;
    for found in [other, unlabelled] {
        let script = Scripted::new([Reply::Object(found)]);
        let LeaseFailure { fault, why } = leases(&script).await.renew(marks()).await.unwrap_err();
        assert_eq!(fault, LeaseFault::Taken);
        assert_eq!(why, "the Lease m is not of this fleet: give this process another name");
        assert_eq!(methods(&script.asked()), ["GET"]);
    }
}

#[tokio::test]
async fn a_conflict_with_an_older_try_of_ours_is_no_failure() {
    let script = Scripted::new([]);
    let leases = joined(&script).await;
    script.then([Reply::Failure(409), Reply::Object(ours("5")), Reply::Object(ours("6"))]);
    let renewal = leases.renew(marks()).await.unwrap();
    assert_eq!((&*renewal.version, renewal.continued), ("6", true));
    let asked = script.asked();
    assert_eq!(methods(&asked), ["PUT", "GET", "PUT"]);
    assert_eq!(asked[2].body["metadata"]["resourceVersion"], "5");
}

#[tokio::test]
async fn a_second_process_of_our_name_is_told_once_before_its_lease_is_taken_back() {
    let script = Scripted::new([]);
    let leases = joined(&script).await;
    let theirs = || lease("f", "m_other", "l1", "5");
    script.then([Reply::Failure(409), Reply::Object(theirs())]);
    let LeaseFailure { fault, why } = leases.renew(marks()).await.unwrap_err();
    assert_eq!(fault, LeaseFault::Taken);
    assert!(why.contains("held by m_other: two processes have one name"), "{why}");
    assert_eq!(methods(&script.asked()), ["PUT", "GET"], "it is left alone");
    // They renewed it no more.
    script.then([Reply::Object(theirs()), Reply::Object(ours("6"))]);
    leases.renew(marks()).await.unwrap();
    assert_eq!(methods(&script.asked()), ["GET", "PUT"]);
}

#[tokio::test]
async fn a_lease_that_somebody_deleted_is_made_anew_and_that_is_no_continuation() {
    let script = Scripted::new([]);
    let leases = joined(&script).await;
    let anew = lease("f", "m_p1", "l2", "9");
    script.then([Reply::Failure(404), Reply::Failure(404), Reply::Object(anew)]);
    assert!(!leases.renew(marks()).await.unwrap().continued);
    assert_eq!(methods(&script.asked()), ["PUT", "GET", "POST"]);
}

#[tokio::test]
async fn a_lease_is_given_back_by_its_uid_after_it_says_so() {
    let script = Scripted::new([]);
    leases(&script).await.give_back().await.unwrap();
    assert!(script.asked().is_empty(), "there is none");
    let leases = joined(&script).await;
    // A renewal came first.
    script.then([
        Reply::Failure(409),
        Reply::Object(ours("2")),
        Reply::Object(ours("3")),
        Reply::Object(ours("3")),
    ]);
    leases.give_back().await.unwrap();
    let asked = script.asked();
    assert_eq!(methods(&asked), ["PUT", "GET", "PUT", "DELETE"]);
    assert_eq!(asked[2].body["metadata"]["annotations"]["nbu-exporter/token"], "");
    assert_eq!(asked[3].body["preconditions"], json!({"uid": "l1"}));
    // It is gone already.
    script.then([Reply::Failure(404), Reply::Failure(404)]);
    leases.give_back().await.unwrap();
    assert_eq!(methods(&script.asked()), ["PUT", "DELETE"]);
}

#[tokio::test]
async fn a_dead_members_lease_is_removed_only_in_the_version_that_was_seen() {
    let dead = SeenLease {
        member: "dead".into(),
        version: "4".into(),
        duration: Duration::from_secs(15),
        marks: LeaseMarks::default(),
    };
    let script = Scripted::new([Reply::Failure(404), Reply::Failure(409)]);
    let leases = leases(&script).await;
    leases.remove(dead.clone()).await.unwrap();
    let failure = leases.remove(dead).await.unwrap_err();
    assert!(failure.fault == LeaseFault::Ours && failure.why.contains("HTTP 409"), "{failure:?}");
    let asked = script.asked();
    assert!(asked[0].line.ends_with("/leases/dead?"), "{asked:?}");
    assert_eq!(asked[0].body["preconditions"], json!({"resourceVersion": "4"}));
}

#[tokio::test]
async fn a_list_is_of_this_fleet_alone_and_what_happens_follows_from_its_version() {
    let mut unreadable = ours("1");
    unreadable["spec"] = json!({});
    let list = json!({"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "metadata": {"resourceVersion": "41"},
        "items": [ours("40"), unreadable]});
    let events = concat!(
        r#"{"type":"MODIFIED","object":{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"m","resourceVersion":"42"},"spec":{"leaseDurationSeconds":15}}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"resourceVersion":"43"}}}"#,
        "\n",
        r#"{"type":"DELETED","object":{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"m","resourceVersion":"44"},"spec":{}}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old","reason":"Expired","code":410}}"#,
        "\n",
    );
    let script = Scripted::new([Reply::Object(list), Reply::Text(200, events)]);
    let list = leases(&script).await.list().await.unwrap();
    assert_eq!(list.leases.iter().map(|seen| &*seen.version).collect::<Vec<_>>(), ["40"]);
    let changes: Vec<_> = list.changes.collect().await;
    assert!(matches!(&changes[0], Ok(LeaseChange::Seen(seen)) if &*seen.version == "42"), "{changes:?}");
    assert_eq!(changes[1], Ok(LeaseChange::Gone("m".into())));
    let why = "watch: HTTP 410 too old".to_owned();
    assert_eq!(changes[2], Err(LeaseFailure { fault: LeaseFault::Ours, why }));
    let asked = script.asked();
    assert!(
        asked.iter().all(|asked| asked.line.contains("labelSelector=nbu-exporter%2Ffleet%3Df")),
        "{asked:?}"
    );
    assert!(asked[1].line.contains("resourceVersion=41"), "{asked:?}");
}

/// Whose fault it is that a list comes to nothing.
async fn fault(reply: Reply, server: Option<&str>, answer: Duration) -> LeaseFailure {
    let script = Scripted::new([reply]);
    let access = script.access().await.at(server);
    Leases::new(access, owner(answer)).list().await.err().unwrap()
}

#[tokio::test]
async fn an_api_server_that_says_itself_that_it_can_not_is_away_and_any_other_refusal_is_ours() {
    let patience = Duration::from_mins(1);
    for (code, expected) in [500, 502, 503, 504]
        .map(|code| (code, LeaseFault::Away))
        .into_iter()
        .chain([400, 401, 403, 429, 501].map(|code| (code, LeaseFault::Ours)))
    {
        assert_eq!(fault(Reply::Failure(code), None, patience).await.fault, expected, "{code}");
    }
    // As a load balancer in front of it says it.
    let failure = fault(Reply::Text(503, "<html>no backend</html>"), None, patience).await;
    assert_eq!(failure.fault, LeaseFault::Away, "{failure}");
}

/// The way to the API server is tried by a connection, where no proxy is on it.
#[tokio::test]
async fn without_an_answer_the_way_to_the_server_decides_whose_fault_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap().to_string();
    let answer = Duration::from_millis(200);
    let page = || Reply::Text(200, "<html>sign in, planted-secret</html>");
    let silent = fault(Reply::Never, Some(&open), answer).await;
    assert_eq!((silent.fault, &*silent.why), (LeaseFault::Away, "list: no answer within 200ms"));
    let strange = fault(page(), Some(&open), answer).await;
    assert!(strange.fault == LeaseFault::Away && !strange.why.contains("planted"), "{strange}");
    drop(listener);
    assert_eq!(
        fault(Reply::Never, Some(&open), answer).await.fault,
        LeaseFault::Away,
        "nobody listens there"
    );
    // A name that has no address (RFC 6761), and a proxy on the way.
    assert_eq!(fault(Reply::Never, Some("nowhere.invalid:443"), answer).await.fault, LeaseFault::Ours);
    assert_eq!(fault(page(), None, answer).await.fault, LeaseFault::Ours);
}
