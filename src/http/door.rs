//! The admission webhook over HTTP: one question, one answer.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::HttpMetrics;
use super::router::Content;
use crate::admission::{Guard, Unreadable};

/// Where it is asked.
const PATH: &str = "/admission";

/// An object has a mebibyte at most, and an update brings the old one too; the rest is for escapes and managed fields.
const LARGEST: usize = 4 << 20;

/// The admission webhook.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    guard: Arc<Guard>,
    metrics: HttpMetrics,
    /// Cancelled when the process is about to end.
    announced: CancellationToken,
}

impl Door {
    /// Its answers are counted.
    pub(crate) fn new(guard: Guard, metrics: HttpMetrics, announced: CancellationToken) -> Self {
        Self { guard: Arc::new(guard), metrics, announced }
    }

    /// Cancelled when the process is about to end.
    pub(super) fn announced(&self) -> &CancellationToken {
        &self.announced
    }

    /// Answers one request and counts that.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        let is_here = request.uri().path() == PATH;
        let response = if !is_here {
            sentence(StatusCode::NOT_FOUND, format!("There is no such page: the webhook is at {PATH}"))
        } else if request.method() != Method::POST {
            let mut response =
                sentence(StatusCode::METHOD_NOT_ALLOWED, "The webhook is asked by POST".to_owned());
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        } else {
            self.review(request.into_body())
                .await
                .unwrap_or_else(|Unreadable(why)| sentence(StatusCode::BAD_REQUEST, why))
        };
        self.metrics.answered(if is_here { PATH } else { "other" }, response.status());
        response.map(Content::Right)
    }

    async fn review(&self, body: Incoming) -> Result<Response<Body>, Unreadable> {
        let body = Limited::new(body, LARGEST).collect().await.map_err(|_| {
            Unreadable(format!("the body does not come to its end, or is larger than {LARGEST} bytes"))
        })?;
        let answer = self.guard.review(&body.to_bytes()).await?;
        let json = HeaderValue::from_static("application/json");
        Ok(([(header::CONTENT_TYPE, json)], answer).into_response())
    }
}

fn sentence(status: StatusCode, text: String) -> Response<Body> {
    (status, text + "\n").into_response()
}
