//! Sends requests to one server: within the budget, with retries, and counted.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::Site;

use super::gate::QuietScope;
use super::keys::API_KEYS;
use super::request::{Accept, Request, media_type};
use super::retry::{Retry, date, retry_after};
use super::transport::Transport;
use super::{Cause, ClientError, DecodeError, Error, QuietGate, Stats, TlsCache, body, budget, trace};

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// From sending the request, the try that succeeded, to the head of the answer.
    pub(super) took: Duration,
}

/// An attempt that failed, and for how long the server asks us to wait.
struct FailedAttempt {
    cause: Cause,
    retry_after: Option<Duration>,
}

impl From<Cause> for FailedAttempt {
    fn from(cause: Cause) -> Self {
        Self { cause, retry_after: None }
    }
}

/// Sends requests within the budget, repeats those whose failure may pass, and counts all of them.
#[derive(Debug)]
pub(super) struct Exchange {
    transport: Transport,
    key: HeaderValue,
    timeout: Duration,
    permits: Semaphore,
    /// Questions about the key have a permit of their own: one that is not answered must not hold up what is collected.
    key_permit: Semaphore,
    pub(super) retry: Retry,
    stats: Arc<Stats>,
    gate: Arc<QuietGate>,
}

/// The largest text that is no JSON: a time in milliseconds.
const LARGEST_TEXT: usize = 1 << 10;

impl Exchange {
    pub(super) fn new(
        site: &Site,
        tls: &TlsCache,
        stats: Arc<Stats>,
        gate: Arc<QuietGate>,
    ) -> Result<Self, ClientError> {
        let mut key = HeaderValue::from_str(site.api_key.expose()).map_err(|_| ClientError::Key)?;
        key.set_sensitive(true);
        Ok(Self {
            transport: Transport::new(site, tls)?,
            key,
            timeout: site.timeout,
            permits: Semaphore::new(site.max_concurrent_requests.max(1)),
            key_permit: Semaphore::new(1),
            retry: Retry::default(),
            stats,
            gate,
        })
    }

    /// Answers from memory, and tries nothing twice.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn answer_from(&mut self, answers: super::CannedAnswers) {
        self.transport.canned = Some(answers);
        self.retry.tries = 1;
    }

    pub(super) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Counts a failure, and names its endpoint. A request that was not sent has not failed.
    pub(super) fn fail(&self, endpoint: &'static str, cause: Cause) -> Error {
        if !matches!(cause, Cause::Quiet(_)) {
            self.stats.failed(&cause);
        }
        Error::new(endpoint, cause)
    }

    /// Reads an answer that is no list.
    pub(super) fn parse<T: DeserializeOwned>(&self, endpoint: &'static str, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.fail(endpoint, DecodeError::Syntax { line, column }.into())
        })
    }

    /// Sends the request until it is answered, fails for good, or the deadline is near.
    pub(super) async fn send(&self, request: &Request, deadline: Instant) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let error = self.fail(request.endpoint, failure.cause);
            if !error.cause.is_transient() {
                return Err(error);
            }
            let Some(delay) = self.retry.delay(attempt, failure.retry_after, deadline) else {
                return Err(error);
            };
            sleep(delay).await;
            self.stats.retried();
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &Request, deadline: Instant) -> Result<Answer, FailedAttempt> {
        let _permit = self.turn(request.endpoint, deadline).await?;
        if !budget::take() {
            return Err(Cause::Budget.into());
        }
        let started = Instant::now();
        let timeout = self.timeout.min(deadline.saturating_duration_since(started));
        let response = match self.transport.send(self.builder(request).timeout(timeout)).await {
            Ok(response) => response,
            Err(error) => {
                self.stats.unanswered(request.endpoint);
                return Err(self.transport.cause(&error).into());
            }
        };
        let took = started.elapsed();
        self.stats.answered(request.endpoint, response.status().as_u16(), took);
        if let Some(certificate) = self.transport.certificate(&response) {
            self.stats.certificate(certificate);
        }
        if response.status() != StatusCode::OK {
            return Err(self.refused(request, response).await);
        }
        let headers = response.headers().clone();
        let text = match request.accept {
            Accept::Text => body::read(response, LARGEST_TEXT)
                .await
                .map(|body| String::from_utf8_lossy(&body).into_owned())?,
            Accept::Json(_) | Accept::OpenJson(_) => body::read_json(response, request.largest_body).await?,
        };
        trace::answer(request, StatusCode::OK.as_u16(), text.as_bytes(), self.key.as_bytes());
        Ok(Answer { headers, text, took })
    }

    /// Waits for the site's gate and for one of the requests that the budget allows.
    async fn turn(&self, endpoint: &'static str, deadline: Instant) -> Result<SemaphorePermit<'_>, Cause> {
        let permits = if endpoint == API_KEYS { &self.key_permit } else { &self.permits };
        loop {
            self.gate.passed(endpoint, deadline).await.map_err(Cause::Quiet)?;
            let permit = timeout_at(deadline, permits.acquire()).await;
            let Ok(Ok(permit)) = permit else { return Err(Cause::Timeout) };
            // A request that was answered meanwhile may have closed it.
            if !self.gate.is_closed(endpoint) {
                return Ok(permit);
            }
        }
    }

    fn builder(&self, request: &Request) -> reqwest::RequestBuilder {
        let base = &self.transport.base;
        let question = if request.query.is_empty() { "" } else { "?" };
        let path = request.path.as_deref().unwrap_or(request.endpoint);
        let url = format!("{base}{path}{question}{}", request.query);
        let http = &self.transport.http;
        let builder = match &request.body {
            None => http.get(url),
            Some(body) => http.post(url).body(body.clone()),
        };
        let mut builder = builder.header("x-client-id", "nbu-exporter");
        if request.generic_schema {
            builder = builder.header("x-netbackup-policy-use-generic-schema", "true");
        }
        if let Some(host) = &self.transport.host {
            builder = builder.header(HOST, host);
        }
        match request.accept {
            Accept::Text => builder.header(ACCEPT, "*/*"),
            Accept::Json(version) => {
                if request.body.is_some() {
                    builder = builder.header(CONTENT_TYPE, media_type(version));
                }
                builder.header(ACCEPT, media_type(version)).header(AUTHORIZATION, &self.key)
            }
            Accept::OpenJson(version) => builder.header(ACCEPT, media_type(version)),
        }
    }

    async fn refused(&self, request: &Request, response: Response) -> FailedAttempt {
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        // A date in Retry-After is by the server's clock.
        let now = text(DATE).and_then(date).unwrap_or_else(Timestamp::now);
        let status = response.status().as_u16();
        let retry_after = match status {
            429 | 503 => text(RETRY_AFTER).and_then(|value| retry_after(value, now)),
            _ => None,
        };
        if let Some(quiet) = retry_after {
            let scope = if status == 429 { QuietScope::Resource } else { QuietScope::Site };
            self.gate.close(request.endpoint, scope, quiet);
            self.stats.quiet(self.gate.closed_until());
        }
        if status == 429 || retry_after.is_some() {
            self.stats.throttled();
        }
        // Of the others only the status counts; under --trace their bodies are shown as well.
        let has_code = status >= 400 && !matches!(status, 401 | 403 | 404 | 406 | 415 | 429);
        let body =
            if has_code || trace::shows(request) { body::read_error(response).await } else { Vec::new() };
        trace::answer(request, status, &body, self.key.as_bytes());
        let code = body::error_code(&body);
        let cause = match (status, request.accept) {
            (401, _) => Cause::Unauthorized,
            (403, _) => Cause::Forbidden,
            (404, _) => Cause::NotFound,
            (406 | 415, Accept::Json(version) | Accept::OpenJson(version)) => Cause::NotAcceptable(version),
            (429, _) => Cause::RateLimited,
            (300..=399, _) => Cause::Redirect(status),
            (400..=499, _) => Cause::Client { status, code },
            (500.., _) => Cause::Server { status, code },
            _ => Cause::ContentType(format!("an answer with status {status}")),
        };
        FailedAttempt { cause, retry_after }
    }
}
