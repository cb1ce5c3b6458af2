//! One client's connection: its requests, its time limits and its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::progress::{Overdue, Progress};
use super::router::Content;
use super::stream::Stream;
use super::surface::Surface;
use super::tls::ServingCertificate;
use super::tracked::{TrackedBody, TrackedStream};
use super::{HttpMetrics, Limits};

/// How much of a page is handed to the kernel at one time; the pieces are shared, so it costs no memory.
const BUFFER: usize = 4 * 1024 * 1024;

/// What a connection is served with.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) surface: Surface,
    /// What clients are shown first; without it all is in the clear.
    pub(super) certificate: Option<ServingCertificate>,
    pub(super) limits: Limits,
    pub(super) metrics: HttpMetrics,
    /// One for each connection that may be open.
    pub(super) permits: Arc<Semaphore>,
    /// Has an accept task panic at its next client, for a test.
    #[cfg(test)]
    pub(super) panics: Arc<std::sync::atomic::AtomicBool>,
}

impl Service {
    pub(super) fn new(
        surface: Surface,
        certificate: Option<ServingCertificate>,
        limits: Limits,
        metrics: HttpMetrics,
    ) -> Self {
        Self {
            surface,
            certificate,
            limits,
            metrics,
            permits: Arc::new(Semaphore::new(limits.connections)),
            #[cfg(test)]
            panics: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn panic_if_asked(&self) {
        assert!(!self.panics.swap(false, std::sync::atomic::Ordering::Relaxed), "injected");
    }

    /// Serves one client until it ends, exceeds a limit, or `drain` is cancelled and the open request is answered.
    pub(super) async fn serve(self, stream: TcpStream, drain: &CancellationToken) {
        let open = OpenConnection::count(&self.metrics);
        // Answers are written whole: waiting to fill a segment would only delay their ends.
        let _ = stream.set_nodelay(true);
        if let Some(stream) = self.secured(stream).await {
            self.converse(stream, drain).await;
        }
        drop(open);
    }

    /// The connection after its handshake, which has the time that headers have; `None` if there was none.
    async fn secured(&self, stream: TcpStream) -> Option<Stream> {
        let Some(certificate) = &self.certificate else { return Some(Stream::Plain(stream)) };
        match timeout(self.limits.head, certificate.handshake(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                debug!(%error, "No TLS handshake");
                None
            }
            Err(_) => {
                self.metrics.cut(Overdue::Head);
                None
            }
        }
    }

    /// Answers one request after the other.
    async fn converse(&self, stream: Stream, drain: &CancellationToken) {
        // Asking a token locks it, so each connection asks tokens of its own.
        let ends = [drain, self.surface.announced()].map(CancellationToken::child_token);
        let [drain, _] = &ends;
        let progress = Arc::new(Progress::new());
        let answer = service_fn(|request| answer(&self.surface, request, progress.clone(), &ends));
        let connection = http1::Builder::new()
            // hyper's own timer also runs while the connection is idle; `Progress` knows the difference.
            .header_read_timeout(None)
            .max_header_size(self.limits.head_size)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(TrackedStream { stream, progress: progress.clone() }), answer);
        self.drive(connection, http1::Connection::graceful_shutdown, &progress, drain).await;
    }

    /// Runs the connection; `finish` asks it to end after the open request.
    async fn drive<C: Future<Output = hyper::Result<()>>>(
        &self,
        connection: C,
        finish: impl Fn(Pin<&mut C>),
        progress: &Progress,
        drain: &CancellationToken,
    ) {
        let mut connection = pin!(connection);
        let mut cancelled = pin!(drain.cancelled());
        let mut timer = pin!(sleep_until(Instant::now()));
        let (mut draining, mut told) = (false, false);
        poll_fn(|context| {
            draining = draining || cancelled.as_mut().poll(context).is_ready();
            loop {
                // A request that may be on its way is still answered, within the limit for its headers.
                if draining && !told && !progress.awaits_head() {
                    finish(connection.as_mut());
                    told = true;
                }
                if let Poll::Ready(result) = connection.as_mut().poll(context) {
                    self.ended(result);
                    return Poll::Ready(());
                }
                if !draining || told || progress.awaits_head() {
                    break;
                }
            }
            // Everything that moves a deadline happens in the poll above.
            loop {
                let (deadline, reason) = progress.deadline(&self.limits, self.is_full());
                let now = Instant::now();
                if deadline <= now {
                    debug!(reason = reason.as_ref(), "Connection closed");
                    self.metrics.cut(reason);
                    return Poll::Ready(());
                }
                // An idle connection is not told that others wait; it asks from time to time.
                let latest = if reason == Overdue::Idle { now + self.limits.head } else { deadline };
                let wake = deadline.min(latest);
                // Mostly the deadline only moves on: then the timer is not touched and may fire early.
                if wake < timer.deadline() || timer.is_elapsed() {
                    timer.as_mut().reset(wake);
                }
                ready!(timer.as_mut().poll(context));
            }
        })
        .await;
    }

    /// Whether a new client would have to wait.
    fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// Counts what hyper answered by itself, since no handler saw it.
    fn ended(&self, result: hyper::Result<()>) {
        let Err(error) = result else { return };
        debug!(%error, "Connection ended");
        if error.is_parse_too_large() {
            self.metrics.answered("other", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        } else if error.is_parse() {
            self.metrics.answered("other", StatusCode::BAD_REQUEST);
        }
    }
}

/// Answers one request. A panic costs this request and nothing else.
async fn answer(
    surface: &Surface,
    request: Request<Incoming>,
    progress: Arc<Progress>,
    ends: &[CancellationToken; 2],
) -> Result<Response<TrackedBody>, Infallible> {
    progress.request();
    let answer = AssertUnwindSafe(surface.answer(request)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| {
        error!("A request handler panicked; its client got 500");
        (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response().map(Content::Right)
    });
    // Also before the drain: the client sends its next request to a process that stays.
    if ends.iter().any(CancellationToken::is_cancelled) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|content| TrackedBody { content, progress }))
}

/// Counts a connection for as long as it is open, however it ends.
struct OpenConnection(HttpMetrics);

impl OpenConnection {
    fn count(metrics: &HttpMetrics) -> Self {
        metrics.connections.inc();
        Self(metrics.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}
