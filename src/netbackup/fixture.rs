//! A small HTTP server for tests: one function from request to answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::retry::Retry;
use super::{Client, Stats, TlsCache};
use crate::config::{self, Endpoint, Scheme, Secret, Site, SiteId};

/// A request, as the server received it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// Decoded from its percent form.
    pub(crate) query: String,
    pub(crate) accept: String,
    pub(crate) key: Option<String>,
    pub(crate) host: String,
    /// Whether policies of all types are asked for in one schema.
    pub(crate) generic_schema: bool,
    pub(crate) server_name: Option<String>,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delay: Duration,
}

impl Answer {
    pub(crate) fn json(body: impl Into<String>) -> Self {
        let content_type = "application/vnd.netbackup+json;version=12.0".to_owned();
        Self {
            status: 200,
            headers: vec![("content-type", content_type)],
            body: body.into().into_bytes(),
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::json(r#"{"errorCode":8961,"errorMessage":"no"}"#) }
    }

    pub(crate) fn ping(version: &str) -> Self {
        let now = jiff::Timestamp::now().as_millisecond();
        Self { body: now.to_string().into_bytes(), ..Self::json("") }.with("x-netbackup-api-version", version)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What all connections of a server have received.
#[derive(Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

type Handler = dyn Fn(&Received) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    log: Arc<Log>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(handler)).await
    }

    pub(crate) async fn start_tls(
        tls: rustls::ServerConfig,
        handler: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(TlsAcceptor::from(Arc::new(tls))), Arc::new(handler)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let shared = log.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, tls.clone(), handler.clone(), shared.clone()));
            }
        });
        Self { address, log, task: task.abort_handle() }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.log.most_under_way.load(Ordering::SeqCst)
    }

    pub(crate) fn received_at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.path == path).collect()
    }

    pub(crate) fn site(&self) -> Site {
        site(Scheme::Http, "127.0.0.1", self.address.port())
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.site())
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Arc<Handler>, log: Arc<Log>) {
    if let Some(tls) = tls {
        let Ok(stream) = tls.accept(stream).await else { return };
        let name = stream.get_ref().1.server_name().map(str::to_owned);
        answer_all(TokioIo::new(stream), name, handler, log).await;
    } else {
        answer_all(TokioIo::new(stream), None, handler, log).await;
    }
}

async fn answer_all<I: hyper::rt::Read + hyper::rt::Write + Unpin>(
    io: I,
    server_name: Option<String>,
    handler: Arc<Handler>,
    log: Arc<Log>,
) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let received = received(&request, server_name.clone());
        log.received.lock().unwrap().push(received.clone());
        let under_way = log.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        log.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        let log = log.clone();
        let answer = handler(&received);
        async move {
            tokio::time::sleep(answer.delay).await;
            log.under_way.fetch_sub(1, Ordering::SeqCst);
            let mut response = hyper::Response::builder().status(answer.status);
            for (name, value) in answer.headers {
                response = response.header(name, value);
            }
            Ok::<_, Infallible>(response.body(Full::new(Bytes::from(answer.body))).unwrap())
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
}

fn received(request: &hyper::Request<Incoming>, server_name: Option<String>) -> Received {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = request.uri().query().unwrap_or_default();
    Received {
        path: request.uri().path().to_owned(),
        query: percent_encoding::percent_decode_str(query).decode_utf8().unwrap().into_owned(),
        accept: header("accept").unwrap_or_default(),
        key: header("authorization"),
        host: header("host").unwrap_or_default(),
        generic_schema: header("x-netbackup-policy-use-generic-schema").is_some_and(|value| value == "true"),
        server_name,
    }
}

pub(crate) const KEY: &str = "k3y-that-must-not-be-seen";

pub(crate) fn site(scheme: Scheme, host: &str, port: u16) -> Site {
    Site {
        id: SiteId::Legacy,
        api_key: Secret::new(KEY.to_owned()),
        ..config::fixture::site("paris", Endpoint::new(scheme, host, port, ""))
    }
}

/// A client that waits hardly at all between its tries.
pub(crate) fn client(site: &Site) -> Client {
    let mut client =
        Client::new(site, &TlsCache::default(), Arc::new(Stats::default()), Arc::default()).unwrap();
    client.exchange.retry = Retry { base: Duration::from_millis(2), ..Retry::default() };
    client
}

/// Far enough for a slow machine.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}
