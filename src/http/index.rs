//! What runs, for people and for programs: `/`, `/sites/NAME` and `/api/v1/status`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{self, Path, RawQuery};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::Markup;
use tokio::task::spawn_blocking;

use super::State;
use super::html::{self, POLICY, Reader};
use crate::admission::AdmissionMetrics;
use crate::fleet::FleetReader;
use crate::status::{StatusFilter, StatusPicture, StatusSource, WebhookPicture};

const NOT_KEPT: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// What runs, at a glance.
pub(super) async fn index(state: extract::State<Arc<State>>, RawQuery(query): RawQuery) -> Response {
    let filter = StatusFilter::of_query(&query.unwrap_or_default());
    made(state, move |state, status| {
        let mut shown = status.sites.clone();
        filter.apply(&mut shown);
        page(StatusCode::OK, state, |reader| html::start(reader, &status, &shown, &filter))
    })
    .await
}

/// One site.
pub(super) async fn site(state: extract::State<Arc<State>>, Path(name): Path<String>) -> Response {
    made(state, move |state, status| match status.sites.iter().find(|site| site.name == name) {
        Some(site) => page(StatusCode::OK, state, |reader| html::site(reader, &status, site)),
        None => page(StatusCode::NOT_FOUND, state, |reader| html::no_site(reader, &name, &status)),
    })
    .await
}

/// The same for programs.
pub(super) async fn status(state: extract::State<Arc<State>>, RawQuery(query): RawQuery) -> Response {
    let filter = StatusFilter::of_query(&query.unwrap_or_default());
    made(state, move |_, mut status| {
        filter.apply(&mut status.sites);
        ([NOT_KEPT], Json(status)).into_response()
    })
    .await
}

/// Makes the picture, and an answer of it. Of hundreds of sites that takes a while, so no scrape waits for it.
async fn made(
    extract::State(state): extract::State<Arc<State>>,
    answer: impl FnOnce(&State, StatusPicture) -> Response + Send + 'static,
) -> Response {
    let made = spawn_blocking(move || answer(&state, picture(&state)));
    made.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn picture(state: &State) -> StatusPicture {
    StatusSource {
        build: state.build,
        started: state.started,
        ending: state.announced.is_cancelled(),
        active: state.config.load().as_deref(),
        reload: &state.status.load(),
        snapshots: &state.exposition.store().load(),
        fleet: state.fleet.as_ref().map(FleetReader::load).as_deref(),
        webhook: state.webhook.as_ref().map(of_webhook).as_ref(),
        now: Timestamp::now(),
    }
    .picture()
}

fn of_webhook(counted: &AdmissionMetrics) -> WebhookPicture {
    let (last_asked_at, certificate_ends_at) = counted.moments();
    WebhookPicture { last_asked_at, certificate_ends_at, trouble: counted.trouble() }
}

fn page(code: StatusCode, state: &State, content: impl FnOnce(&Reader<'_>) -> Markup) -> Response {
    let active = state.config.load();
    let metrics_path = state.metrics_path(active.as_deref());
    let reader = Reader { now: Timestamp::now(), metrics_path, version: state.build.version };
    let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let headers = [kind, NOT_KEPT, (header::CONTENT_SECURITY_POLICY, POLICY)];
    (code, headers, content(&reader).into_string()).into_response()
}
