//! Stands between the exporter and a simulated server, and keeps what is asked and what is answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// One request and its answer.
#[derive(Clone)]
pub struct Exchange {
    /// When the request came.
    pub at: Instant,
    /// The path below the base path.
    pub path: String,
    /// The query, decoded.
    pub query: String,
    /// The answer.
    pub body: Bytes,
}

impl Exchange {
    /// Whether it asks for the first page of a list, or for something that is no list.
    pub fn is_first_page(&self) -> bool {
        !self.query.contains("page[after]")
            && (!self.query.contains("page[offset]")
                || self.query.split('&').any(|pair| pair == "page[offset]=0"))
    }
}

/// A server on the way to another one.
pub struct Recorder {
    address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    runtime: Option<Runtime>,
}

impl Recorder {
    /// Hands on what it is asked to `server`, and answers `late` after that, as a server that is farther away would.
    pub fn before(server: SocketAddr, late: Duration) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let exchanges = Arc::<Mutex<Vec<Exchange>>>::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Relay { client: crate::bare::http_client(), server, late, exchanges: exchanges.clone() };
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let relay = relay.clone();
                let answer = service_fn(move |request| {
                    let relay = relay.clone();
                    async move { Ok::<_, Infallible>(relay.answer(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer),
                );
            }
        });
        Self { address, exchanges, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All exchanges that began since `since`.
    pub fn since(&self, since: Instant) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().iter().filter(|exchange| exchange.at >= since).cloned().collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Clone)]
struct Relay {
    client: reqwest::Client,
    server: SocketAddr,
    late: Duration,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Relay {
    async fn answer(&self, request: Request<hyper::body::Incoming>) -> Response<Full<Bytes>> {
        let at = Instant::now();
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let url = format!("http://{}{}", self.server, head.uri);
        let mut onward = self.client.request(head.method, url).body(body);
        for (name, value) in &head.headers {
            // The client sets its own.
            if name != "host" && name != "content-length" && name != "accept-encoding" {
                onward = onward.header(name, value);
            }
        }
        let answer = onward.send().await.unwrap();
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            if name != "content-length" && name != "transfer-encoding" && name != "connection" {
                response = response.header(name, value);
            }
        }
        let body = answer.bytes().await.unwrap();
        tokio::time::sleep(self.late).await;
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or(""));
        let exchange = Exchange {
            at,
            path: path.strip_prefix("/netbackup").unwrap_or(path).to_owned(),
            query: percent_encoding::percent_decode_str(&query.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned(),
            body: body.clone(),
        };
        self.exchanges.lock().unwrap().push(exchange);
        response.body(Full::new(body)).unwrap()
    }
}
