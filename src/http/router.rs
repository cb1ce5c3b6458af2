use std::sync::Arc;

use axum::Router;
use axum::extract::{self, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use super::config::config;
use super::health::{health, healthy, ready};
use super::index::index;
use super::reload::{needs_post, reload};
use super::{HttpMetrics, State};

/// All pages but the metrics page.
pub(super) fn router(state: Arc<State>, metrics: HttpMetrics) -> Router {
    Router::new()
        .route("/", get(index))
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
        .layer(middleware::from_fn_with_state(Arc::new(metrics), finish))
        .with_state(state)
}

async fn not_found(extract::State(state): extract::State<Arc<State>>) -> impl IntoResponse {
    let active = state.config.load();
    let metrics_path = state.metrics_path(active.as_deref());
    let hint = format!("There is no such page. Metrics are at {metrics_path}, a list of pages is at /\n");
    (StatusCode::NOT_FOUND, hint)
}

pub(super) async fn method_not_allowed() -> impl IntoResponse {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], "This page is read with GET.\n")
}

/// Counts the answer and adds what all answers have.
async fn finish(
    extract::State(metrics): extract::State<Arc<HttpMetrics>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("other", |matched| page(matched.as_str()));
    let mut response = next.run(request).await;
    metrics.answered(path, response.status());
    common_headers(response.headers_mut());
    response
}

/// Adds the headers that all answers have.
pub(super) fn common_headers(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The value of the `path` label: a closed set, whatever clients ask for.
fn page(matched: &str) -> &'static str {
    match matched {
        "/" => "/",
        "/-/healthy" | "/livez" | "/healthz" => "/-/healthy",
        "/-/ready" | "/readyz" => "/-/ready",
        "/health" => "/health",
        "/-/reload" => "/-/reload",
        "/config" => "/config",
        _ => "other",
    }
}
