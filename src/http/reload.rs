//! `POST /-/reload`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::json;
use tokio::time::timeout;

use super::State;
use crate::reload::{Outcome, Verdict};

/// A reload needs no body; what a client sends is read so that it gets an answer.
const BODY_LIMIT: usize = 64 * 1024;
const BODY_TIME: Duration = Duration::from_secs(10);
/// Longer than a reload may take, which waits for half-written files and for the API server.
const RELOAD_TIME: Duration = Duration::from_secs(45);

/// Asks for a reload and answers with its outcome. The reload goes on when the client leaves.
pub(super) async fn reload(
    extract::State(state): extract::State<Arc<State>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(refused) = read(body).await {
        return refused.into_response();
    }
    let verdict = timeout(RELOAD_TIME, state.reload.reload()).await;
    // Whoever learns the outcome also finds it in the next scrape.
    state.exposition.renew();
    match verdict {
        Ok(Some(verdict)) => answer(&verdict, wants_json(&headers)),
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "the exporter is shutting down\n").into_response(),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "no outcome within 45 s; the reload goes on\n").into_response()
        }
    }
}

/// Answers another method with the words of Prometheus' own exporters.
pub(super) async fn needs_post() -> impl IntoResponse {
    let allow = [(header::ALLOW, "POST, PUT")];
    (StatusCode::METHOD_NOT_ALLOWED, allow, "This endpoint requires a POST request.\n")
}

async fn read(body: Body) -> Result<(), (StatusCode, &'static str)> {
    match timeout(BODY_TIME, Limited::new(body, BODY_LIMIT).collect()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "a reload needs no body; at most 64 KiB are read\n"))
        }
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body can not be read\n")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body did not come within 10 s\n")),
    }
}

fn answer(verdict: &Verdict, as_json: bool) -> Response {
    let status = match verdict.outcome {
        Outcome::Rejected => StatusCode::INTERNAL_SERVER_ERROR,
        Outcome::Applied | Outcome::Unchanged | Outcome::Superseded => StatusCode::OK,
    };
    let outcome = verdict.outcome.as_ref();
    if as_json {
        let hash = verdict.text_digest.map(|digest| digest.to_string());
        let body = json!({
            "outcome": outcome,
            "trigger": verdict.trigger.as_ref(),
            "hash": hash,
            "detail": verdict.detail.lines().collect::<Vec<_>>(),
        });
        return (status, Json(body)).into_response();
    }
    let text = match verdict.outcome {
        // A report has one mistake per line, and the first begins a line as well.
        Outcome::Rejected => format!("{outcome}:\n{}\n", verdict.detail.trim_end()),
        _ if verdict.detail.is_empty() => format!("{outcome}\n"),
        _ => format!("{outcome}: {}\n", verdict.detail.trim_end()),
    };
    (status, text).into_response()
}

fn wants_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|element| {
        let media_type = element.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    })
}
