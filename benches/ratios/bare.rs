//! The other side of the pairs, as processes of this program: a client that only reads and decodes, and a server that
//! only sends.

use std::convert::Infallible;
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use crate::decode::PlainPage;
use crate::process::Process;
use crate::usage::process_cpu;

const ROLE: &str = "NBU_EXPORTER_BENCH_ROLE";

/// Plays the role that the environment asks for; whether it asks for one.
pub fn run_as_asked() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    // As many threads as the exporter has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match role.split_once('=').unwrap() {
        ("read", address) => {
            // On a worker, where the connection's task is as well: that is faster than from the main thread.
            let address = address.parse().unwrap();
            let read = runtime.block_on(async { tokio::spawn(read_all(address)).await.unwrap() });
            let cpu = process_cpu(std::process::id());
            println!("{} {} {} {cpu}", read.pages, read.jobs, read.bytes);
        }
        ("decode", argument) => {
            let argument = argument.to_owned();
            let cpu = runtime.block_on(async {
                tokio::spawn(async move { crate::decoding::decode_all(&argument).await }).await.unwrap()
            });
            println!("{cpu}");
        }
        ("serve", directory) => runtime.block_on(serve(Path::new(directory))),
        _ => panic!("no such role: {role}"),
    }
    true
}

/// This program in another role.
pub fn role(name: &str, argument: &str) -> Process {
    let program = std::env::current_exe().unwrap();
    Process::start(Command::new(program).env(ROLE, format!("{name}={argument}")))
}

/// What a reader has read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Requests for jobs.
    pub pages: u64,
    /// Records in them.
    pub jobs: u64,
    /// Bytes of JSON.
    pub bytes: u64,
    /// CPU seconds of the whole process.
    pub cpu: f64,
}

/// Has a process read and decode all finished jobs of 24 hours, and do nothing with them.
pub fn read_in_process(address: SocketAddr) -> Reading {
    let mut process = role("read", &address.to_string());
    let mut line = String::new();
    process.output().read_line(&mut line).unwrap();
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |index: usize| fields[index].parse().unwrap();
    Reading { pages: number(0), jobs: number(1), bytes: number(2), cpu: fields[3].parse().unwrap() }
}

/// The first page of finished jobs.
pub fn first_page(address: SocketAddr) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bytes = runtime.block_on(page(&http_client(), &since_yesterday(address), None));
    String::from_utf8(bytes).unwrap()
}

async fn read_all(address: SocketAddr) -> Reading {
    let (client, url) = (http_client(), since_yesterday(address));
    let mut reading = Reading::default();
    let mut cursor: Option<String> = None;
    loop {
        let bytes = page(&client, &url, cursor.as_deref()).await;
        let decoded: PlainPage<'_> = serde_json::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap();
        reading.pages += 1;
        reading.jobs += decoded.data.len() as u64;
        reading.bytes += bytes.len() as u64;
        cursor = decoded.meta.pagination.next.map(std::borrow::Cow::into_owned);
        if cursor.is_none() {
            return reading;
        }
    }
}

pub fn http_client() -> reqwest::Client {
    // Another client may have done so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().http1_only().no_proxy().tls_certs_only([]).build().unwrap()
}

fn since_yesterday(address: SocketAddr) -> reqwest::Url {
    let since = Timestamp::now() - SignedDuration::from_hours(24);
    let filter = format!("endTime ge {since:.3}");
    let query = [("filter", filter.as_str()), ("sort", "endTime,jobId"), ("page[limit]", "100")];
    reqwest::Url::parse_with_params(&format!("http://{address}/netbackup/admin/jobs"), query).unwrap()
}

async fn page(client: &reqwest::Client, url: &reqwest::Url, cursor: Option<&str>) -> Vec<u8> {
    let mut url = url.clone();
    if let Some(cursor) = cursor {
        url.query_pairs_mut().append_pair("page[after]", cursor);
    }
    let request = client
        .get(url)
        .header("accept", "application/vnd.netbackup+json;version=12.0")
        .header("authorization", "simulated-key");
    let mut response = request.send().await.unwrap().error_for_status().unwrap();
    let mut body = Vec::with_capacity(256 << 10);
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    body
}

/// A server that sends the same bytes to everybody.
pub struct StaticServer {
    process: Process,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl StaticServer {
    /// Serves these bodies, the plain and the compressed one.
    pub fn start(identity: &[u8], gzip: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("identity"), identity).unwrap();
        std::fs::write(directory.path().join("gzip"), gzip).unwrap();
        let mut process = role("serve", directory.path().to_str().unwrap());
        let mut line = String::new();
        process.output().read_line(&mut line).unwrap();
        Self { process, address: line.trim().parse().unwrap(), _directory: directory }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

async fn serve(directory: &Path) {
    let bodies =
        Arc::new(["identity", "gzip"].map(|name| Bytes::from(std::fs::read(directory.join(name)).unwrap())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let bodies = bodies.clone();
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let wants_gzip = request.headers().get(ACCEPT_ENCODING).is_some_and(|value| value == "gzip");
            let body = bodies[usize::from(wants_gzip)].clone();
            let mut response =
                hyper::Response::builder().header(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
            if wants_gzip {
                response = response.header(CONTENT_ENCODING, "gzip");
            }
            std::future::ready(Ok::<_, Infallible>(response.body(Full::new(body)).unwrap()))
        });
        tokio::spawn(async move {
            let mut server = hyper::server::conn::http1::Builder::new();
            // The exporter's settings, where they matter for speed.
            server.header_read_timeout(None).max_buf_size(1024 * 1024);
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
