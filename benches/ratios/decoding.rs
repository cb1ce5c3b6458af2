//! The other side of the big site's hour: a process that reads the same answers and decodes them into the simplest types.

use std::borrow::Cow;
use std::convert::Infallible;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::net::TcpListener;

use crate::bare::{http_client, role};
use crate::decode::PlainPage;
use crate::recorder::Exchange;
use crate::usage::process_cpu;

/// CPU is counted in steps of 10 ms, so all is read so often.
const ROUNDS: u32 = 5;

/// The fields of an image that waits for its SLP.
#[derive(Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct PlainImages<'a> {
    #[serde(borrow)]
    data: Vec<PlainImage<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct PlainImage<'a> {
    #[serde(borrow)]
    attributes: PlainImageAttributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct PlainImageAttributes<'a> {
    #[serde(borrow)]
    slp_name: Cow<'a, str>,
    #[serde(borrow)]
    slp_image_state: Cow<'a, str>,
    #[serde(borrow)]
    backup_time: Cow<'a, str>,
    #[serde(borrow)]
    copies: Vec<PlainCopy<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct PlainCopy<'a> {
    #[serde(borrow)]
    copy_type: Cow<'a, str>,
    #[serde(borrow)]
    copy_state: Cow<'a, str>,
    retry_count: u64,
}

#[derive(Deserialize)]
struct Records {
    data: Vec<IgnoredAny>,
}

/// How many records a list has.
pub fn records(body: &[u8]) -> usize {
    serde_json::from_slice::<Records>(body).map_or(0, |records| records.data.len())
}

/// CPU seconds of a process that reads these answers over HTTP and decodes them.
pub fn read_in_process(exchanges: &[Exchange]) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let answers: Arc<Vec<_>> =
        Arc::new(exchanges.iter().map(|exchange| (kind(&exchange.path), exchange.body.clone())).collect());
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, answers));
    let mut process = role("decode", &format!("{address},{}", exchanges.len()));
    let mut line = String::new();
    process.output().read_line(&mut line).unwrap();
    runtime.shutdown_background();
    line.trim().parse::<f64>().unwrap() / f64::from(ROUNDS)
}

fn kind(path: &str) -> &'static str {
    match path {
        "/admin/jobs" => "jobs",
        "/catalog/slp-images" => "images",
        _ => "other",
    }
}

async fn serve(listener: TcpListener, answers: Arc<Vec<(&'static str, Bytes)>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answers = answers.clone();
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let number: usize = request.uri().path().trim_start_matches('/').parse().unwrap();
            let (kind, body) = answers[number].clone();
            let response = hyper::Response::builder().header("x-kind", kind).body(Full::new(body)).unwrap();
            std::future::ready(Ok::<_, Infallible>(response))
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer),
        );
    }
}

/// Reads and decodes every answer; the CPU seconds that this took.
pub async fn decode_all(argument: &str) -> f64 {
    let (address, count) = argument.split_once(',').unwrap();
    let (address, count): (SocketAddr, usize) = (address.parse().unwrap(), count.parse().unwrap());
    let client = http_client();
    let before = process_cpu(std::process::id());
    for _ in 0..ROUNDS {
        for number in 0..count {
            let url = format!("http://{address}/{number}");
            let mut response = client.get(url).send().await.unwrap().error_for_status().unwrap();
            let kind = response.headers()["x-kind"].to_str().unwrap().to_owned();
            let mut body = Vec::with_capacity(256 << 10);
            while let Some(chunk) = response.chunk().await.unwrap() {
                body.extend_from_slice(&chunk);
            }
            decode(&kind, &body);
        }
    }
    process_cpu(std::process::id()) - before
}

fn decode(kind: &str, body: &[u8]) {
    let text = std::str::from_utf8(body).unwrap();
    match kind {
        "jobs" => drop(std::hint::black_box(serde_json::from_str::<PlainPage<'_>>(text).unwrap())),
        "images" => drop(std::hint::black_box(serde_json::from_str::<PlainImages<'_>>(text).unwrap())),
        // Few bytes: they are only read, which is less than any record takes. A time is no JSON.
        _ => drop(std::hint::black_box(serde_json::from_str::<IgnoredAny>(text))),
    }
}
