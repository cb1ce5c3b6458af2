//! The pages that the kubelet asks, on an address of their own: it has neither a certificate nor a login.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::Pages;
use super::router::Content;

/// What tells whether we live and are ready, and nothing else.
const PATHS: [&str; 6] = ["/-/healthy", "/livez", "/healthz", "/-/ready", "/readyz", "/health"];

/// The pages that tell whether we live and are ready.
#[derive(Clone, Debug)]
pub(crate) struct Probes(Pages);

impl Probes {
    /// Of these pages.
    pub(crate) fn new(pages: Pages) -> Self {
        Self(pages)
    }

    /// Cancelled when the process is about to end.
    pub(super) fn announced(&self) -> &CancellationToken {
        self.0.announced()
    }

    /// Answers one request and counts that.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        if PATHS.contains(&request.uri().path()) {
            return self.0.answer(request).await;
        }
        let text = format!("Only probes are answered here: {}\n", PATHS.join(", "));
        let response: Response<Body> = (StatusCode::NOT_FOUND, text).into_response();
        self.0.counted("other", response.status());
        response.map(Content::Right)
    }
}
