//! The page with the running configuration.

use std::sync::Arc;

use axum::extract;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::State;

/// The running configuration with its secrets masked.
pub(super) async fn config(
    extract::State(state): extract::State<Arc<State>>,
    headers: HeaderMap,
) -> Response {
    let kind = (header::CONTENT_TYPE, "text/yaml; charset=utf-8".to_owned());
    let Some(active) = state.config.load() else {
        return ([kind], "# no configuration yet\n").into_response();
    };
    let tag = format!("\"{}\"", active.text_digest);
    let known = |value: &str| value.split(',').any(|one| matches!(one.trim(), "*") || weak(one) == tag);
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if asked.is_some_and(known) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([kind, (header::ETAG, tag)], active.redacted.clone()).into_response()
}

/// `If-None-Match` compares without regard to weakness (RFC 9110 §13.1.2).
fn weak(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}
