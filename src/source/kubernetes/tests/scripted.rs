//! An API server that gives one answer after the other, whatever it is asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use crate::source::kubernetes::Access;

/// What it answers.
pub(super) enum Reply {
    /// This object.
    Object(Value),
    /// A failure with this code, as an API server words one.
    Failure(u16),
    /// This status and text, as whatever stands between says it.
    Text(u16, &'static str),
    /// Nothing, ever.
    Never,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Method, path and query.
    pub(super) line: String,
    /// Its body, if it has one.
    pub(super) body: Value,
}

/// The answers that are left, and what was asked.
#[derive(Clone)]
pub(super) struct Scripted(Arc<Mutex<(VecDeque<Reply>, Vec<Asked>)>>);

impl Scripted {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Arc::new(Mutex::new((replies.into_iter().collect(), Vec::new()))))
    }

    /// What was asked since the last look. There is no answer left that nobody asked for.
    #[track_caller]
    pub(super) fn asked(&self) -> Vec<Asked> {
        let (left, asked) = &mut *self.0.lock().unwrap();
        assert!(left.is_empty(), "{} answers are left; asked was {asked:?}", left.len());
        std::mem::take(asked)
    }

    /// What is answered from now on.
    pub(super) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.0.lock().unwrap().0.extend(replies);
    }

    pub(super) async fn access(&self) -> Access {
        let script = self.clone();
        let connect = move || {
            let script = script.clone();
            let service = service_fn(move |request| script.clone().answer(request));
            let client = Client::new(service, "ns");
            Box::pin(async move { Ok(client) }) as _
        };
        Access::new("ns", connect).await.unwrap()
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let line = format!("{} {}", head.method, head.uri);
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let reply = {
            let (left, asked) = &mut *self.0.lock().unwrap();
            asked.push(Asked { line, body });
            left.pop_front().expect("an answer for each request")
        };
        let (code, text) = match reply {
            Reply::Object(object) => (200, object.to_string()),
            Reply::Failure(code) => (code, failure(code).to_string()),
            Reply::Text(code, text) => (code, text.to_owned()),
            Reply::Never => std::future::pending().await,
        };
        Ok(Response::builder().status(code).body(Full::new(text.into())).unwrap())
    }
}

fn failure(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "as the script says",
        "reason": "Scripted", "code": code})
}
