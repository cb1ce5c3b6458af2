//! The limits of a connection, and the end of the server.

use std::time::Duration;

use super::client::{Client, PATIENCE};
use super::world::{World, pass, snapshot};
use crate::config::SiteId;
use crate::exposition::{Reading, Readings};
use crate::http::Limits;

fn short() -> Limits {
    Limits {
        connections: 4,
        head_size: 8 * 1024,
        head: Duration::from_millis(300),
        idle: Duration::from_secs(3),
        stall: Duration::from_millis(500),
        answer: Duration::from_secs(2),
        drain: Duration::from_millis(400),
    }
}

const CUT: &str = "nbu_exporter_http_connections_cut_total";

#[tokio::test]
async fn a_client_that_sends_no_headers_is_cut() {
    let world = World::with(short()).await;
    let mut client = world.client().await;
    assert!(client.rest().await.is_empty());
    world.wait_for(&format!("{CUT}{{reason=\"headers\"}}"), 1.0).await;
}

#[tokio::test]
async fn a_client_that_trickles_headers_is_cut() {
    let world = World::with(short()).await;
    let Client { stream, .. } = world.client().await;
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        writer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        while writer.write_all(b"X: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut rest).await;
    assert!(rest.is_empty());
    world.wait_for(&format!("{CUT}{{reason=\"headers\"}}"), 1.0).await;
    trickle.await.unwrap();
}

#[tokio::test]
async fn a_client_that_trickles_a_body_is_cut() {
    let world = World::with(Limits { head: PATIENCE, ..short() }).await;
    let mut client = world.client().await;
    client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n").await;
    client.send("x").await;
    assert!(client.rest().await.is_empty());
    world.wait_for(&format!("{CUT}{{reason=\"too_slow\"}}"), 1.0).await;
}

#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_headers_may_take() {
    let limits = Limits { idle: Duration::from_hours(1), ..Limits::default() };
    let world = World::with(limits).await;
    let mut client = world.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/-/healthy").await.status, 200);
        pass(limits.head * 2).await;
    }
    pass(limits.idle).await;
    // And ends when it is idle for too long; that is nobody's fault.
    assert!(client.rest().await.is_empty());
    world.wait_for("nbu_exporter_http_connections", 0.0).await;
    assert!(world.sample(&format!("{CUT}{{reason=\"headers\"}}")) < 0.5);
}

#[tokio::test]
async fn oversized_headers_are_answered_with_431() {
    let world = World::with(Limits { head: PATIENCE, ..short() }).await;
    let mut client = world.client().await;
    client.send(&format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(9_000))).await;
    assert_eq!(client.answer(true).await.unwrap().status, 431);
    let series = "nbu_exporter_http_requests_total{code=\"431\",path=\"other\"}";
    world.wait_for(series, 1.0).await;
}

#[tokio::test]
async fn garbage_is_answered_with_400() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.send("\u{16}\u{3}\u{1} this is TLS or so\r\n\r\n").await;
    assert_eq!(client.answer(true).await.unwrap().status, 400);
    world.wait_for("nbu_exporter_http_requests_total{code=\"400\",path=\"other\"}", 1.0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let world = World::with(Limits { head: PATIENCE, answer: PATIENCE, ..short() }).await;
    let writer = world.store.writer(SiteId::Legacy);
    // Again and again the same: more than the sockets' buffers take, and than one family may hold.
    let mut large = snapshot("paris", 10_000);
    large.fragments = vec![large.fragments.remove(0); 40];
    writer.publish(large);
    let mut client = world.client().await;
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    world.wait_for(&format!("{CUT}{{reason=\"stalled\"}}"), 1.0).await;
    world.wait_for("nbu_exporter_http_connections", 0.0).await;
}

#[tokio::test]
async fn the_connection_limit_holds_and_the_next_client_is_served_when_one_leaves() {
    let limits = Limits { connections: 4, head: PATIENCE, idle: PATIENCE, ..Limits::default() };
    let world = World::with(limits).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = world.client().await;
        client.get("/-/healthy").await;
        clients.push(client);
    }
    let mut waiting = world.client().await;
    waiting.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let early = tokio::time::timeout(Duration::from_millis(300), waiting.answer(true)).await;
    assert!(early.is_err(), "answered beyond the limit");
    assert!((world.sample("nbu_exporter_http_connections") - 4.0).abs() < 0.1);
    clients.pop();
    assert_eq!(waiting.answer(true).await.unwrap().status, 200);
}

#[tokio::test]
async fn idle_connections_give_way_when_the_server_is_full() {
    let limits = Limits { connections: 2, idle: Duration::from_hours(1), ..Limits::default() };
    let world = World::with(limits).await;
    let (mut one, mut two) = (world.client().await, world.client().await);
    one.get("/-/healthy").await;
    two.get("/-/healthy").await;
    let mut waiting = world.client().await;
    waiting.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await;
    pass(limits.head).await;
    assert_eq!(waiting.answer(true).await.unwrap().status, 200);
    assert!(one.rest().await.is_empty());
}

#[tokio::test]
async fn shutdown_answers_the_open_request_and_closes_the_idle_connection() {
    let mut world = World::new().await;
    let mut requests = world.requests.take().unwrap();
    let (mut idle, mut open) = (world.client().await, world.client().await);
    idle.get("/-/healthy").await;
    open.send("POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let request = requests.recv().await.unwrap();
    let shutdown = tokio::spawn(world.listeners.shutdown(Duration::from_secs(10)));
    assert!(idle.rest().await.is_empty());
    drop(request);
    drop(requests);
    let answer = open.answer(true).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (503, Some("close")));
    shutdown.await.unwrap();
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn shutdown_cuts_what_does_not_end_in_time() {
    let mut world = World::new().await;
    let mut requests = world.requests.take().unwrap();
    let mut open = world.client().await;
    open.send("POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _request = requests.recv().await.unwrap();
    world.listeners.shutdown(Duration::from_millis(100)).await;
    assert!(open.answer(true).await.is_none());
}

/// Panics when it is read for the first time.
struct Boom(std::sync::atomic::AtomicBool);

impl Readings for Boom {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        vec![("boom", "Boom.")]
    }

    fn read(&self) -> Vec<Reading> {
        assert!(self.0.swap(true, std::sync::atomic::Ordering::Relaxed), "boom");
        Vec::new()
    }
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let world = World::new().await;
    world.registry.register(Boom(false.into())).unwrap();
    let mut client = world.client().await;
    assert_eq!(client.get("/metrics").await.status, 500);
    assert_eq!(client.get("/metrics").await.status, 200);
}
