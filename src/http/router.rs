use std::sync::Arc;

use axum::Router;
use axum::extract::{self, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use super::config::config;
use super::health::{health, healthy, ready};
use super::index::index;
use super::reload::{needs_post, reload};
use super::scrape::scrape;
use super::{HttpMetrics, State};

/// All pages. The path of the metrics page comes from the running configuration at each request.
pub fn router(state: State, metrics: HttpMetrics) -> Router {
    // Each request takes it more than once, so that is to be cheap.
    let state = Arc::new(state);
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
        .fallback(metrics_or_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state((state.clone(), Arc::new(metrics)), finish))
        .with_state(state)
}

async fn metrics_or_not_found(
    extract::State(state): extract::State<Arc<State>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let active = state.config.load();
    let metrics_path = &active.config.server.metrics_path;
    if uri.path() != metrics_path {
        let hint = format!("There is no such page. Metrics are at {metrics_path}, a list of pages is at /\n");
        return (StatusCode::NOT_FOUND, hint).into_response();
    }
    match method {
        Method::GET | Method::HEAD => scrape(&state.exposition, &headers).await,
        _ => method_not_allowed().await.into_response(),
    }
}

async fn method_not_allowed() -> impl IntoResponse {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], "This page is read with GET.\n")
}

/// Counts the answer and adds what all answers have.
async fn finish(
    extract::State((state, metrics)): extract::State<(Arc<State>, Arc<HttpMetrics>)>,
    request: Request,
    next: Next,
) -> Response {
    let path = match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some(matched) => page(matched),
        None if request.uri().path() == state.config.load().config.server.metrics_path => "/metrics",
        None => "other",
    };
    let mut response = next.run(request).await;
    metrics.answered(path, response.status());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
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
