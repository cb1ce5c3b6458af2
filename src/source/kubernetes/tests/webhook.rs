//! The objects of the webhook, against an API server that follows a script.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::scripted::{Reply, Scripted};
use crate::source::StoreError;
use crate::source::kubernetes::{ObjectName, WebhookObjects};

/// What a page of a proxy has, and no error may show.
const PAGE: &str = "<html><body>sign in, planted-secret</body></html>";

async fn objects(script: &Scripted) -> WebhookObjects {
    WebhookObjects::new(script.access().await, ObjectName::secret("pair").unwrap(), "door.ns".to_owned())
}

fn secret(data: &Value) -> Value {
    json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "pair", "namespace": "ns", "resourceVersion": "7"},
        "data": data})
}

fn configuration(webhooks: &Value) -> Value {
    json!({"kind": "ValidatingWebhookConfiguration", "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": "door.ns", "resourceVersion": "9"}, "webhooks": webhooks})
}

fn webhook(name: &str, bundle: &str) -> Value {
    json!({"name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"caBundle": ByteString(bundle.into())}})
}

/// What each of the four requests says where the API server answers so.
async fn all_four(reply: impl Fn() -> Reply) -> [String; 4] {
    let one = configuration(&json!([webhook("one", "old")]));
    let script = Scripted::new([reply(), reply(), reply(), Reply::Object(one), reply()]);
    let objects = objects(&script).await;
    let said = |StoreError(said)| said;
    [
        objects.secret().await.map(drop).unwrap_err(),
        objects.write_secret(BTreeMap::new(), "7").await.unwrap_err(),
        objects.bundle().await.map(drop).unwrap_err(),
        objects.write_bundle(b"new", &objects.bundle().await.ok().unwrap()).await.unwrap_err(),
    ]
    .map(said)
}

#[tokio::test]
async fn a_missing_right_is_told_with_the_whole_rule_that_gives_it() {
    let [read, write, read_bundle, write_bundle] = all_four(|| Reply::Failure(403)).await;
    let rule = "it (403): give the service account a Role in namespace ns with apiGroups [\"\"], resources [secrets], \
                resourceNames [pair], verbs [get, patch]";
    assert_eq!(read, format!("secret ns/pair: the API server forbids to get {rule}"));
    assert_eq!(write, format!("secret ns/pair: the API server forbids to patch {rule}"));
    let rule = "it (403): give the service account a ClusterRole with apiGroups [\"admissionregistration.k8s.io\"], \
                resources [validatingwebhookconfigurations], resourceNames [door.ns], verbs [get, patch]";
    let what = "validatingwebhookconfiguration door.ns: the API server forbids to";
    assert_eq!(read_bundle, format!("{what} get {rule}"));
    assert_eq!(write_bundle, format!("{what} patch {rule}"));
}

#[tokio::test]
async fn an_object_that_is_not_there_is_told_by_its_name() {
    let said = all_four(|| Reply::Failure(404)).await;
    assert!(said[..2].iter().all(|said| said.starts_with("secret ns/pair: HTTP 404 ")), "{said:?}");
    assert!(
        said[2..].iter().all(|said| said.starts_with("validatingwebhookconfiguration door.ns: HTTP 404 ")),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_page_of_a_proxy_is_none_of_the_api_server_and_is_not_shown() {
    for said in all_four(|| Reply::Text(200, PAGE)).await {
        assert!(said.ends_with(": an answer that is none of the API server"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_for_more_than_ten_seconds() {
    for said in all_four(|| Reply::Never).await {
        assert!(said.ends_with(": no answer within 10s"), "{said}");
    }
}

#[tokio::test]
async fn where_somebody_else_was_faster_nothing_is_written_and_nothing_is_wrong() {
    let one = configuration(&json!([webhook("one", "old")]));
    let script = Scripted::new([Reply::Failure(409), Reply::Object(one), Reply::Failure(409)]);
    let objects = objects(&script).await;
    objects.write_secret(BTreeMap::from([("tls.crt", Some(&b"mine"[..]))]), "7").await.unwrap();
    let before = objects.bundle().await.ok().unwrap();
    objects.write_bundle(b"new", &before).await.unwrap();
    let asked = script.asked();
    assert_eq!(asked.len(), 3, "it is not tried again: {asked:?}");
    // What makes it a conflict.
    let versions = [&asked[0], &asked[2]].map(|asked| asked.body["metadata"]["resourceVersion"].clone());
    assert_eq!(versions, ["7", "9"]);
}

#[tokio::test]
async fn of_a_secret_that_holds_more_only_our_keys_are_touched() {
    let held = secret(&json!({"theirs": ByteString(b"x".to_vec()), "tls.crt": ByteString(b"old".to_vec())}));
    let script = Scripted::new([Reply::Object(held.clone()), Reply::Object(held)]);
    let objects = objects(&script).await;
    let read = objects.secret().await.ok().unwrap();
    assert_eq!((read.value["tls.crt"].as_slice(), read.version.as_str()), (&b"old"[..], "7"));
    let keys = BTreeMap::from([("tls.crt", Some(&b"new"[..])), ("next-tls.crt", None)]);
    objects.write_secret(keys, &read.version).await.unwrap();
    let asked = script.asked();
    assert!(asked[1].line.starts_with("PATCH /api/v1/namespaces/ns/secrets/pair?"), "{asked:?}");
    let expected = json!({"metadata": {"resourceVersion": "7"},
        "data": {"tls.crt": ByteString(b"new".to_vec()), "next-tls.crt": null}});
    assert_eq!(asked[1].body, expected, "a merge patch: null removes, and what is not named stays");
}

#[tokio::test]
async fn the_bundle_is_written_to_each_webhook_by_its_name_and_read_from_the_first() {
    let both = configuration(&json!([webhook("one", "old"), webhook("two", "other")]));
    let none = configuration(&Value::Null);
    let script = Scripted::new([Reply::Object(both.clone()), Reply::Object(both), Reply::Object(none)]);
    let objects = objects(&script).await;
    let before = objects.bundle().await.ok().unwrap();
    assert_eq!(before.value.pem, b"old");
    objects.write_bundle(b"new", &before).await.unwrap();
    let empty = objects.bundle().await.ok().unwrap();
    assert_eq!(empty.value.pem, b"", "without a webhook there is nothing that would be trusted");
    let asked = script.asked();
    let bundle = ByteString(b"new".to_vec());
    let written = |name: &str| json!({"name": name, "clientConfig": {"caBundle": bundle}});
    let expected =
        json!({"metadata": {"resourceVersion": "9"}, "webhooks": [written("one"), written("two")]});
    assert_eq!(asked[1].body, expected);
}

#[tokio::test]
async fn credentials_that_are_refused_are_told_and_the_next_look_has_those_of_then() {
    let empty = secret(&Value::Null);
    let script = Scripted::new([Reply::Failure(401), Reply::Object(empty)]);
    let objects = objects(&script).await;
    let StoreError(said) = objects.secret().await.map(drop).unwrap_err();
    assert_eq!(said, "secret ns/pair: the API server does not accept our credentials (401)");
    assert!(objects.secret().await.ok().unwrap().value.is_empty(), "as the chart makes it");
}
