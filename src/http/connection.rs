//! One client's connection: its requests, its time limits and its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::entrance::{Carriage, Entrance};
use super::progress::{Overdue, Progress};
use super::router::Content;
use super::stream::Stream;
use super::stream_tasks::StreamTasks;
use super::surface::Surface;
use super::tracked::{TrackedBody, TrackedStream};
use super::{HttpMetrics, Limits};

/// How much of a page is handed to the kernel at one time; the pieces are shared, so it costs no memory.
const BUFFER: usize = 4 * 1024 * 1024;

/// Requests of one HTTP/2 connection that may be open at one time; a browser has a dozen.
const MOST_STREAMS: u32 = 32;

/// What Go's server says too. The rest of the request is not read.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// How long, and for how many bytes, a client is listened to that is not served.
const PARTING: Duration = Duration::from_secs(1);
const MOST_UNREAD: usize = 64 * 1024;

/// What a connection is served with.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) surface: Surface,
    /// What clients meet before that.
    pub(super) entrance: Entrance,
    pub(super) limits: Limits,
    pub(super) metrics: HttpMetrics,
    /// One for each connection that may be open.
    pub(super) permits: Arc<Semaphore>,
    /// Has an accept task panic at its next client, for a test.
    #[cfg(test)]
    pub(super) panics: Arc<std::sync::atomic::AtomicBool>,
}

impl Service {
    pub(super) fn new(surface: Surface, entrance: Entrance, limits: Limits, metrics: HttpMetrics) -> Self {
        Self {
            surface,
            entrance,
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
        // It ends when it would have to be made in another way.
        let rules = self.entrance.rules();
        let outdated = rules.outdated().child_token();
        let stream = match rules.transport() {
            Carriage::Closed => None,
            Carriage::Plain => Some(Stream::Plain(stream)),
            Carriage::Tls(config) => self.secured(stream, config.clone()).await,
        };
        drop(rules);
        match stream {
            Some(stream) if stream.speaks_http2() => {
                Box::pin(self.converse_http2(stream, drain, outdated)).await;
            }
            Some(stream) => self.converse(stream, drain, outdated).await,
            None => {}
        }
        drop(open);
    }

    /// The connection after its handshake, which has the time that headers have; `None` if there was none.
    async fn secured(&self, stream: TcpStream, config: Arc<ServerConfig>) -> Option<Stream> {
        match timeout(self.limits.head, handshake(stream, config)).await {
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
    async fn converse(&self, stream: Stream, drain: &CancellationToken, outdated: CancellationToken) {
        let ends = self.ends(drain, outdated);
        let progress = Arc::new(Progress::new());
        let answer = service_fn(|request| self.answer(request, progress.clone(), &ends));
        let connection = http1::Builder::new()
            // hyper's own timer also runs while the connection is idle; `Progress` knows the difference.
            .header_read_timeout(None)
            .max_header_size(self.limits.head_size)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(TrackedStream { stream, progress: progress.clone() }), answer);
        self.drive(connection, http1::Connection::graceful_shutdown, &progress, &ends).await;
    }

    /// Answers several requests at one time, by HTTP/2.
    async fn converse_http2(&self, stream: Stream, drain: &CancellationToken, outdated: CancellationToken) {
        let ends = self.ends(drain, outdated);
        let progress = Arc::new(Progress::multiplexed());
        let answer = {
            let (service, progress, ends) = (self.clone(), progress.clone(), Arc::new(ends.clone()));
            service_fn(move |request| {
                let (service, progress, ends) = (service.clone(), progress.clone(), ends.clone());
                async move { service.answer(request, progress, &ends).await }
            })
        };
        let tasks = StreamTasks::default();
        let head_size = u32::try_from(self.limits.head_size).unwrap_or(u32::MAX);
        let connection = http2::Builder::new(tasks.executor())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(head_size)
            .serve_connection(TokioIo::new(TrackedStream { stream, progress: progress.clone() }), answer);
        self.drive(connection, http2::Connection::graceful_shutdown, &progress, &ends).await;
    }

    /// What a connection ends by. Asking a token locks it, so each connection asks tokens of its own.
    fn ends(&self, drain: &CancellationToken, outdated: CancellationToken) -> Ends {
        Ends { drain: drain.child_token(), outdated, announced: self.surface.announced().child_token() }
    }

    /// Answers one request. A panic costs this request and nothing else.
    async fn answer(
        &self,
        request: Request<Incoming>,
        progress: Arc<Progress>,
        ends: &Ends,
    ) -> Result<Response<TrackedBody>, Infallible> {
        progress.request();
        let is_http2 = request.version() == Version::HTTP_2;
        let answer = AssertUnwindSafe(self.admitted(request)).catch_unwind().await;
        let mut response = answer.unwrap_or_else(|_| {
            error!("A request handler panicked; its client got 500");
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response().map(Content::Right)
        });
        // Also before the drain: the client sends its next request to a process that stays. HTTP/2 has another way.
        if ends.are_near() && !is_http2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|content| TrackedBody { content, progress }))
    }

    /// The answer of a page, or of who stands at the entrance.
    async fn admitted(&self, request: Request<Incoming>) -> Response<Content> {
        let rules = self.entrance.rules();
        let mut response = match rules.refusal(&request).await {
            Some(refusal) => {
                self.metrics.answered("other", refusal.status());
                refusal
            }
            None => self.surface.answer(request).await,
        };
        rules.dress(&mut response);
        response
    }

    /// Runs the connection; `finish` asks it to end after the open request.
    async fn drive<C: Future<Output = hyper::Result<()>>>(
        &self,
        connection: C,
        finish: impl Fn(Pin<&mut C>),
        progress: &Progress,
        ends: &Ends,
    ) {
        let mut connection = pin!(connection);
        let mut cancelled = pin!(ends.begun());
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

/// What a connection ends by.
#[derive(Clone, Debug)]
struct Ends {
    /// Cancelled when it is to end after its open request.
    drain: CancellationToken,
    /// The same, since it would have to be made in another way now.
    outdated: CancellationToken,
    /// Cancelled when the process is about to end.
    announced: CancellationToken,
}

impl Ends {
    /// Whether the client is told to come again by another connection.
    fn are_near(&self) -> bool {
        [&self.drain, &self.outdated, &self.announced].iter().any(|token| token.is_cancelled())
    }

    /// Waits until it is to end after its open request.
    async fn begun(&self) {
        tokio::select! {
            () = self.drain.cancelled() => {}
            () = self.outdated.cancelled() => {}
        }
    }
}

/// Does the handshake; the caller bounds its time. Boxed, so that connections in the clear have no room for it.
fn handshake(stream: TcpStream, config: Arc<ServerConfig>) -> BoxFuture<'static, io::Result<Stream>> {
    async move {
        let mut stream = stream;
        let mut first = [0];
        stream.peek(&mut first).await?;
        // A handshake begins with 22.
        if first.iter().any(u8::is_ascii_uppercase) {
            stream.write_all(NOT_TLS).await?;
            part(stream).await;
            return Err(io::Error::other("the client speaks HTTP in the clear"));
        }
        match TlsAcceptor::from(config).accept(stream).into_fallible().await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err((error, stream)) => {
                part(stream).await;
                Err(error)
            }
        }
    }
    .boxed()
}

/// Closes a connection so that the client reads why: where something is left unread, the kernel would reset it, and what
/// was sent would be lost.
async fn part(mut stream: TcpStream) {
    let mut rest = [0; 4096];
    let read = async {
        stream.shutdown().await?;
        for _ in 0..MOST_UNREAD / rest.len() {
            if stream.read(&mut rest).await? == 0 {
                break;
            }
        }
        io::Result::Ok(())
    };
    // Whoever does not listen has lost nothing.
    let _ = timeout(PARTING, read).await;
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
