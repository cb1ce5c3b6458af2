//! One request: to the control endpoint or to the API, and there through the faults.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::CONTROL_PATH;
use super::api::{self, Answer, ApiRequest};
use super::control;
use super::error::ApiError;
use super::fault::{Fault, RetryAfter, mangle};
use super::request_log::LoggedRequest;
use super::site::{Site, State};

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// No request of this API is longer.
const LARGEST_REQUEST: usize = 64 * 1024;

pub(super) async fn answer(
    site: &Site,
    request: Request<Incoming>,
    reset: &CancellationToken,
) -> Response<Body> {
    let state = &*site.0;
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_REQUEST).collect().await else {
        return whole(error_answer(state, StatusCode::PAYLOAD_TOO_LARGE));
    };
    let body = body.to_bytes();
    let path = head.uri.path();
    if let Some(rest) = path.strip_prefix(CONTROL_PATH) {
        return whole(control::answer(site, &head.method, rest, &body));
    }
    let Some(path) = path.strip_prefix(&state.base_path) else {
        return whole(error_answer(state, StatusCode::NOT_FOUND));
    };
    let effect = state.faults.take(path);
    let mut entry = log_entry(state, &head);
    entry.fault = effect.fault.as_ref().map(Fault::name);
    let in_flight = state.requests.arrive(entry);
    if !effect.delay.is_zero() {
        tokio::time::sleep(effect.delay).await;
    }
    let mut api_request = ApiRequest {
        method: &head.method,
        path,
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
        first_page_only: false,
    };
    let response = match effect.fault {
        None => whole(api::answer(state, &api_request)),
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Reset) => {
            reset.cancel();
            std::future::pending().await
        }
        Some(Fault::StuckCursor) => {
            api_request.first_page_only = true;
            whole(api::answer(state, &api_request).map_body(mangle::never_last))
        }
        Some(fault) => faulty(state, &fault, api::answer(state, &api_request), reset),
    };
    in_flight.answered(response.status().as_u16());
    response
}

fn log_entry(state: &State, head: &http::request::Parts) -> LoggedRequest {
    LoggedRequest {
        number: 0,
        time: state.clock.now(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        accept: text(&head.headers, http::header::ACCEPT),
        key_fingerprint: text(&head.headers, http::header::AUTHORIZATION)
            .map(|key| super::keys::fingerprint(&key)),
        status: None,
        fault: None,
    }
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn error_answer(state: &State, status: StatusCode) -> Answer {
    Answer::error(&ApiError::of(status), state.api_version())
}

fn whole(answer: Answer) -> Response<Body> {
    let body = Full::new(Bytes::from(answer.body));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = answer.status;
    response.headers_mut().extend(answer.headers);
    response
}

/// A good answer with a fault.
fn faulty(state: &State, fault: &Fault, answer: Answer, reset: &CancellationToken) -> Response<Body> {
    match fault {
        Fault::Status { code, retry_after } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = whole(error_answer(state, status));
            if let Some(form) = retry_after {
                let now = state.clock.now();
                // Both are by the server's clock, whatever the machine's says.
                for (name, form) in [(DATE, RetryAfter::HttpDate(0)), (RETRY_AFTER, *form)] {
                    if let Ok(value) = HeaderValue::from_str(&form.value(now)) {
                        response.headers_mut().insert(name, value);
                    }
                }
            }
            response
        }
        Fault::Html { code } => html(*code),
        Fault::ContentType { value } => {
            let mut response = whole(answer);
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(CONTENT_TYPE, value);
            }
            response
        }
        Fault::Garbage => whole(answer.map_body(mangle::garbage)),
        Fault::MalformedRecords => whole(answer.map_body(mangle::malformed_records)),
        Fault::Truncate => halved(
            answer,
            stream::once(async {
                wait_until_sent().await;
                Err(io::Error::other("the answer is to be cut here"))
            }),
        ),
        Fault::StallBody => halved(answer, stream::pending()),
        Fault::ResetBody => {
            let reset = reset.clone();
            halved(
                answer,
                stream::once(async move {
                    wait_until_sent().await;
                    reset.cancel();
                    std::future::pending().await
                }),
            )
        }
        Fault::Oversized { bytes } => oversized(answer, *bytes),
        Fault::Latency { .. } | Fault::Stall | Fault::Reset | Fault::StuckCursor => whole(answer),
    }
}

fn html(code: u16) -> Response<Body> {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    );
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    whole(Answer { status, headers, body: page.into_bytes() })
}

/// Announces the whole body, sends half of it and then what `rest` says.
fn halved(
    mut answer: Answer,
    rest: impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    let half = answer.body.len() / 2;
    answer.headers.insert(CONTENT_LENGTH, answer.body.len().into());
    answer.body.truncate(half);
    let first = Bytes::from(std::mem::take(&mut answer.body));
    streamed(answer, stream::once(async { Ok(first) }).chain(rest))
}

/// Waits until the first half has left the buffers: an error or a reset discards what is still in them.
async fn wait_until_sent() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// JSON that opens and then goes on with spaces.
fn oversized(answer: Answer, bytes: Option<u64>) -> Response<Body> {
    const CHUNK: usize = 64 * 1024;
    let chunks =
        bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(CHUNK));
    let spaces = Bytes::from(vec![b' '; CHUNK]);
    let opening = Bytes::from_static(b"{\"data\":[");
    streamed(answer, stream::once(async { Ok(opening) }).chain(stream::repeat(spaces).map(Ok).take(chunks)))
}

fn streamed(
    answer: Answer,
    chunks: impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    let body = StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data)));
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = answer.status;
    response.headers_mut().extend(answer.headers);
    response
}
