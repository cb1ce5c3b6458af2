//! The admission webhook over HTTP.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::client::{Answer, Client};
use super::world::server;
use crate::admission::Guard;
use crate::exposition::{BuildInfo, Registry};
use crate::http::{Door, HttpMetrics, Limits, Listeners};
use crate::metric::TextFormat;
use crate::telemetry::Restarts;

struct Webhook {
    listeners: Listeners,
    registry: Registry,
}

impl Webhook {
    async fn start() -> Self {
        let registry = Registry::new(&BuildInfo::current()).unwrap();
        let restarts = Restarts::new(registry.prometheus()).unwrap();
        let metrics = HttpMetrics::new(registry.prometheus(), restarts).unwrap();
        let guard = Guard::fixture("monitoring/cfg".parse().unwrap(), registry.prometheus(), None);
        let door = Door::new(guard, metrics.clone(), CancellationToken::new());
        let mut listeners = Listeners::new(door, Limits::of_the_door(), metrics);
        let prepared = listeners.prepare(&[server("127.0.0.1:0").listen_address()]).await.unwrap();
        listeners.commit(prepared);
        Self { listeners, registry }
    }

    async fn client(&self) -> Client {
        Client::connect(self.listeners.local_addrs()[0]).await
    }

    async fn post(&self, body: &str) -> Answer {
        let mut client = self.client().await;
        let length = body.len();
        client
            .send(&format!(
                "POST /admission?timeout=3s HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
            ))
            .await;
        // One that is refused by its length may be answered before it is read.
        client.send(body).await;
        client.answer(true).await.unwrap()
    }
}

#[tokio::test]
async fn a_review_is_answered_by_a_review_as_json() {
    let webhook = Webhook::start().await;
    let review = |text: &str| {
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u-1", "operation": "CREATE", "kind": { "kind": "ConfigMap" }, "name": "cfg", "namespace": "monitoring",
                "object": { "metadata": {}, "data": { "config.yaml": text } },
            },
        })
    };
    for (text, expected) in [("nbuservers: []", true), ("nbuservers: 1", false)] {
        let answer = webhook.post(&review(text).to_string()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (&answer["kind"], &answer["response"]["allowed"]),
            (&"AdmissionReview".into(), &expected.into())
        );
    }
    assert!(
        webhook
            .registry
            .render(TextFormat::Prometheus)
            .contains("nbu_exporter_http_requests_total{code=\"200\",path=\"/admission\"} 2")
    );
}

#[tokio::test]
async fn what_is_no_review_is_answered_with_a_sentence() {
    let webhook = Webhook::start().await;
    let answer = webhook.post("planted").await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("no AdmissionReview can be read") && !answer.text().contains("planted")
    );
    assert_eq!(webhook.client().await.get("/").await.status, 404);
    let answer = webhook.client().await.get("/admission").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn a_body_beyond_what_an_object_can_have_is_not_read() {
    let webhook = Webhook::start().await;
    let mut client = webhook.client().await;
    client.send("POST /admission HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\n\r\n").await;
    let chunk = " ".repeat(64 * 1024);
    let answer = async {
        for _ in 0..64 {
            client.send(&chunk).await;
        }
        client.send(" ").await;
        client.answer(true).await.unwrap()
    };
    let answer = answer.await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("larger than 4194304 bytes"), "{}", answer.text());
}
