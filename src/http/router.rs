//! Which page answers a request.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use http_body_util::Either;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::config::config;
use super::health::{health, healthy, ready};
use super::index::{index, site, status};
use super::reload::{needs_post, reload};
use super::scrape::scrape;
use super::{HttpMetrics, State};
use crate::exposition::PageBody;

/// The body of any answer. A scrape's is as it is: in a box it would cost each scrape three allocations.
pub(super) type Content = Either<PageBody, Body>;

/// All pages. The metrics page stands in front of the router: its path comes from the running configuration, and it is
/// requested most often.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    state: Arc<State>,
    metrics: HttpMetrics,
    router: Router,
}

impl Pages {
    /// The pages that show `state`; their answers are counted.
    pub(crate) fn new(state: State, metrics: HttpMetrics) -> Self {
        let state = Arc::new(state);
        let router = router(state.clone());
        Self { state, metrics, router }
    }

    /// Cancelled when the process is about to end.
    pub(super) fn announced(&self) -> &CancellationToken {
        &self.state.announced
    }

    /// Counts an answer that was given elsewhere.
    pub(super) fn counted(&self, path: &'static str, status: StatusCode) {
        self.metrics.answered(path, status);
    }

    /// Answers one request and counts that.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        let path = request.uri().path();
        let is_metrics = path == self.state.metrics_path(self.state.config.load().as_deref());
        let label = if is_metrics { "/metrics" } else { label(path) };
        let mut response = if !is_metrics {
            let Ok(response) = self.router.clone().oneshot(request.map(Body::new)).await;
            response.map(Content::Right)
        } else if matches!(*request.method(), Method::GET | Method::HEAD) {
            scrape(&self.state.exposition, request.headers()).await.map(Content::Left)
        } else {
            method_not_allowed().await.into_response().map(Content::Right)
        };
        self.metrics.answered(label, response.status());
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// Each site has one.
const SITE_PAGE: &str = "/sites/{name}";

/// All pages but the metrics page.
fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/api/v1/status", get(status))
        .route(SITE_PAGE, get(site))
        .route("/-/healthy", get(healthy))
        .route("/livez", get(healthy))
        .route("/healthz", get(healthy))
        .route("/-/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/health", any(health))
        .route("/-/reload", post(reload).put(reload).fallback(needs_post))
        .route("/config", get(config))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn not_found(extract::State(state): extract::State<Arc<State>>) -> impl IntoResponse {
    let active = state.config.load();
    let metrics_path = state.metrics_path(active.as_deref());
    let hint = format!("There is no such page. Metrics are at {metrics_path}, a list of pages is at /\n");
    (StatusCode::NOT_FOUND, hint)
}

async fn method_not_allowed() -> impl IntoResponse {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], "This page is read with GET.\n")
}

/// The value of the `path` label: a closed set, whatever clients ask for.
fn label(path: &str) -> &'static str {
    match path {
        "/" => "/",
        "/api/v1/status" => "/api/v1/status",
        _ if path.starts_with("/sites/") => "/sites/",
        "/-/healthy" | "/livez" | "/healthz" => "/-/healthy",
        "/-/ready" | "/readyz" => "/-/ready",
        "/health" => "/health",
        "/-/reload" => "/-/reload",
        "/config" => "/config",
        _ => "other",
    }
}
