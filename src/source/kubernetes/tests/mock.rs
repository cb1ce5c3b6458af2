//! An API server that follows a script, as a service in the place of connections.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tower::service_fn;

use crate::source::kubernetes::Access;

type Chunk = Result<Bytes, io::Error>;
type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

/// What a kind of request is answered by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    Normal,
    /// This HTTP status.
    Status(u16),
    /// Nothing, ever.
    Hang,
    /// A watch that begins and then says nothing, not even its end.
    Silent,
    /// A watch that has a bookmark and then an ERROR event with this code.
    ErrorAfterBookmark(u16),
}

/// How it answers.
pub(super) struct Script {
    pub(super) list: Answer,
    pub(super) get: Answer,
    pub(super) watch: Answer,
    pub(super) events: Answer,
    /// The only token that is accepted, if not every one.
    pub(super) token: Option<&'static str>,
    /// The token in the client's file.
    pub(super) file: &'static str,
    object: Option<Value>,
    watches: Vec<mpsc::UnboundedSender<Chunk>>,
    log: Vec<(Instant, String)>,
    published: Vec<Value>,
    edits_of_events: usize,
}

#[derive(Clone)]
pub(super) struct Mock(Arc<Mutex<Script>>);

impl Mock {
    pub(super) fn empty() -> Self {
        Self(Arc::new(Mutex::new(Script {
            list: Answer::Normal,
            get: Answer::Normal,
            watch: Answer::Normal,
            events: Answer::Normal,
            token: None,
            file: "first",
            object: None,
            watches: Vec::new(),
            log: Vec::new(),
            published: Vec::new(),
            edits_of_events: 0,
        })))
    }

    pub(super) fn with(version: &str, text: &str) -> Self {
        let mock = Self::empty();
        mock.set(|script| script.object = Some(configmap("cfg", "u1", version, text)));
        mock
    }

    pub(super) fn set<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub(super) fn edit(&self, version: &str, text: &str) {
        self.edit_silently(version, text);
        self.tell("MODIFIED");
    }

    pub(super) fn edit_silently(&self, version: &str, text: &str) {
        self.set(|script| {
            let uid = script.object.as_ref().unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
            script.object = Some(configmap("cfg", &uid, version, text));
        });
    }

    pub(super) fn create(&self, uid: &str, version: &str, text: &str) {
        self.set(|script| script.object = Some(configmap("cfg", uid, version, text)));
        self.tell("ADDED");
    }

    pub(super) fn delete(&self) {
        self.tell("DELETED");
        self.delete_silently();
    }

    pub(super) fn delete_silently(&self) {
        self.set(|script| script.object = None);
    }

    fn tell(&self, kind: &str) {
        let line = self.set(|script| event(kind, script.object.as_ref().unwrap()));
        self.line(&line);
    }

    /// Sends a line to every open watch.
    pub(super) fn line(&self, line: &str) {
        self.chunk(&format!("{line}\n"));
    }

    pub(super) fn chunk(&self, chunk: &str) {
        let chunk = Bytes::copy_from_slice(chunk.as_bytes());
        self.set(|script| script.watches.retain(|watch| watch.send(Ok(chunk.clone())).is_ok()));
    }

    /// Ends every open watch.
    pub(super) fn close(&self) {
        self.set(|script| script.watches.clear());
    }

    pub(super) fn count(&self, verb: &str) -> usize {
        self.times(verb).len()
    }

    /// The times between requests.
    pub(super) fn pauses(&self, verb: &str) -> Vec<Duration> {
        self.times(verb).windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn times(&self, verb: &str) -> Vec<Instant> {
        self.set(|script| script.log.iter().filter(|(_, logged)| logged == verb).map(|(at, _)| *at).collect())
    }

    /// The Events that there are.
    pub(super) fn published(&self) -> Vec<Value> {
        self.set(|script| script.published.clone())
    }

    /// As the API server forgets them after an hour.
    pub(super) fn expire_events(&self) {
        self.set(|script| script.published.clear());
    }

    /// One Event for each name and namespace, as the API server keeps them.
    fn event(&self, method: &str, path: &str, body: &Value) -> Response<AnswerBody> {
        let place = |event: &Value| {
            let [namespace, name] = ["namespace", "name"].map(|key| event["metadata"][key].as_str().unwrap());
            format!("/namespaces/{namespace}/events/{name}")
        };
        self.set(|script| match method {
            "POST" if script.published.iter().any(|event| place(event) == place(body)) => failure(409),
            "POST" => {
                assert!(body["metadata"]["name"].is_string() && body["eventTime"].is_string(), "{body}");
                script.published.push(body.clone());
                whole(201, &body.to_string())
            }
            "PATCH" => match script.published.iter_mut().find(|event| path.ends_with(&place(event))) {
                None => failure(404),
                Some(event) => {
                    script.edits_of_events += usize::from(*body != json!({}));
                    event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
                    whole(200, &event.to_string())
                }
            },
            _ => failure(403),
        })
    }

    /// How often an Event was changed.
    pub(super) fn edits_of_events(&self) -> usize {
        self.set(|script| script.edits_of_events)
    }

    pub(super) async fn access(&self) -> Access {
        let mock = self.clone();
        Access::new("ns", move || {
            let (mock, token) = (mock.clone(), mock.set(|script| script.file));
            Box::pin(async move {
                let service = service_fn(move |request| mock.clone().answer(request, token));
                Ok(Client::new(service, "ns"))
            })
        })
        .await
        .unwrap()
    }

    async fn answer(self, request: Request<Body>, token: &str) -> Result<Response<AnswerBody>, Infallible> {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let path = parts.uri.path().to_owned();
        let verb = if path.starts_with("/apis/events.k8s.io/v1/namespaces/") {
            parts.method.as_str()
        } else if path == "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" {
            return Ok(failure(403));
        } else if path == "/api/v1/namespaces/ns/configmaps/cfg" {
            "get"
        } else {
            assert_eq!(path, "/api/v1/namespaces/ns/configmaps");
            assert!(
                query.contains("fieldSelector=metadata.name%3Dcfg"),
                "without it a Role does not allow it: {query}"
            );
            if query.contains("watch=true") { "watch" } else { "list" }
        };
        let (answer, accepted) = self.set(|script| {
            script.log.push((Instant::now(), verb.to_owned()));
            let answer = match verb {
                "get" => script.get,
                "list" => script.list,
                "watch" => script.watch,
                _ => script.events,
            };
            (answer, script.token.is_none_or(|accepted| accepted == token))
        });
        if !accepted {
            return Ok(failure(401));
        }
        Ok(match answer {
            Answer::Status(code) => failure(code),
            Answer::Hang => std::future::pending().await,
            Answer::ErrorAfterBookmark(code) => {
                let bookmark =
                    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"resourceVersion": "5"}});
                whole(200, &format!("{}\n{}\n", event("BOOKMARK", &bookmark), event("ERROR", &status(code))))
            }
            Answer::Silent => self.watch(None),
            Answer::Normal => self.normal(verb, &path, &query, body).await,
        })
    }

    async fn normal(&self, verb: &str, path: &str, query: &str, body: Body) -> Response<AnswerBody> {
        let object = self.set(|script| script.object.clone());
        match verb {
            "get" => object.map_or_else(|| failure(404), |object| whole(200, &object.to_string())),
            "list" => {
                let version = object
                    .as_ref()
                    .map_or(json!("1"), |object| object["metadata"]["resourceVersion"].clone());
                let items: Vec<_> = object.into_iter().collect();
                let list = json!({"kind": "ConfigMapList", "apiVersion": "v1",
                    "metadata": {"resourceVersion": version}, "items": items});
                whole(200, &list.to_string())
            }
            "watch" => {
                let seconds = query.split('&').find_map(|part| part.strip_prefix("timeoutSeconds=")).unwrap();
                self.watch(Some(Duration::from_secs(seconds.parse().unwrap())))
            }
            method => {
                let body = body.collect().await.unwrap().to_bytes();
                self.event(method, path, &serde_json::from_slice(&body).unwrap())
            }
        }
    }

    /// A stream that ends after its time, as a server does it.
    fn watch(&self, time: Option<Duration>) -> Response<AnswerBody> {
        let (sender, receiver) = mpsc::unbounded_channel();
        // A dead connection has no other end.
        let keep = if time.is_some() {
            self.set(|script| script.watches.push(sender));
            None
        } else {
            Some(sender)
        };
        let end = Instant::now() + time.unwrap_or(Duration::from_hours(24));
        let frames = stream::unfold((receiver, keep), move |(mut receiver, keep)| async move {
            let chunk = timeout_at(end, receiver.recv()).await.ok().flatten()?;
            Some((chunk.map(Frame::data), (receiver, keep)))
        });
        Response::builder().status(200).body(StreamBody::new(frames).boxed_unsync()).unwrap()
    }
}

pub(super) fn configmap(name: &str, uid: &str, version: &str, text: &str) -> Value {
    json!({"kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "ns", "uid": uid, "resourceVersion": version},
        "data": {"config.yaml": text}})
}

pub(super) fn event(kind: &str, object: &Value) -> String {
    json!({"type": kind, "object": object}).to_string()
}

fn status(code: u16) -> Value {
    let reason = if code == 404 { "NotFound" } else { "Scripted" };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "as the script says", "reason": reason, "code": code})
}

fn failure(code: u16) -> Response<AnswerBody> {
    whole(code, &status(code).to_string())
}

fn whole(code: u16, text: &str) -> Response<AnswerBody> {
    let body = http_body_util::Full::new(Bytes::copy_from_slice(text.as_bytes()));
    Response::builder().status(code).body(body.map_err(|never| match never {}).boxed_unsync()).unwrap()
}
