use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Client, PATIENCE};
use super::world::{World, active, server};
use crate::http::{BindError, Limits};
use crate::reload::{Event, Outcome, Trigger, Verdict};

async fn is_served(address: std::net::SocketAddr) -> bool {
    TcpStream::connect(address).await.is_ok()
}

#[tokio::test]
async fn an_unchanged_address_is_left_alone() {
    let mut world = World::new().await;
    let (before, mut client) = (world.address, world.client().await);
    client.get("/-/healthy").await;
    world.move_to(&world.on("127.0.0.1")).await.unwrap();
    assert_eq!(world.address, before);
    assert_eq!(client.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_keep_alive_scraper_is_closed_by_the_move_and_sees_the_new_configuration() {
    let mut world = World::new().await;
    let old = world.address;
    let (mut idle, mut busy) = (world.client().await, world.client().await);
    idle.get("/metrics").await;
    // A request that is half sent when the listener moves is answered with what runs then, and is the last.
    busy.get("/metrics").await;
    busy.send("GET /config HTTP/1.1\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.move_to(&world.on("127.0.0.2")).await.unwrap();
    world.config.publish(active(&["lyon"]));
    assert!(idle.rest().await.is_empty());
    busy.send("Host: x\r\n\r\n").await;
    let answer = busy.answer(true).await.unwrap();
    assert!(answer.text().contains("lyon"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(busy.rest().await.is_empty());
    assert!(!is_served(old).await);
    assert!(world.client().await.get("/config").await.text().contains("lyon"));
}

#[tokio::test]
async fn a_taken_address_is_refused_and_the_old_one_serves_on() {
    let mut world = World::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = world.client().await;
    client.get("/-/healthy").await;
    let problem = world.move_to(&taken.local_addr().unwrap().to_string()).await.unwrap_err();
    assert!(matches!(problem, BindError::InUse(_)), "{problem}");
    assert_eq!(client.get("/-/healthy").await.status, 200);
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_prepared_listener_that_is_dropped_leaves_the_old_one() {
    let world = World::new().await;
    let prepared = world.listeners.prepare(&server(&world.on("127.0.0.2")).listen_address()).await.unwrap();
    let new = prepared.local_addr().unwrap();
    drop(prepared);
    assert!(!is_served(new).await);
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn an_overlapping_listener_that_is_dropped_brings_the_old_one_back() {
    let world = World::new().await;
    let wide = world.on("0.0.0.0");
    let prepared = world.listeners.prepare(&server(&wide).listen_address()).await.unwrap();
    drop(prepared);
    let again = async {
        loop {
            if let Ok(stream) = TcpStream::connect(world.address).await {
                break stream;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
    // 127.0.0.2 reaches the wide address and not the old one.
    assert!(!is_served(([127, 0, 0, 2], world.address.port()).into()).await);
}

#[tokio::test]
async fn an_overlapping_address_that_is_taken_brings_the_old_one_back() {
    let mut world = World::new().await;
    let port = world.address.port();
    let _other = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let problem = world.move_to(&world.on("0.0.0.0")).await.unwrap_err();
    assert!(matches!(problem, BindError::InUse(_)), "{problem}");
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_is_reset_while_overlapping_addresses_change_hands() {
    let mut world = World::at("0.0.0.0", Limits::default()).await;
    let port = world.address.port();
    let (stop, resets, served) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let clients = [(); 4].map(|()| {
        let (stop, resets, served) = (stop.clone(), resets.clone(), served.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                // Nobody listens for a moment; that refusal is the stated gap.
                let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
                let mut answer = Vec::new();
                let result = async {
                    stream.write_all(request).await?;
                    stream.read_to_end(&mut answer).await
                };
                let whole = result.await.is_ok() && answer.ends_with(b"Healthy\n");
                if whole { &served } else { &resets }.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let mut moves = 0;
    while moves < 20 || (served.load(Ordering::Relaxed) < 500 && moves < 1000) {
        let address = if moves % 2 == 0 { "127.0.0.1" } else { "0.0.0.0" };
        world.move_to(&world.on(address)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        moves += 1;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let (resets, served) = (resets.load(Ordering::Relaxed), served.load(Ordering::Relaxed));
    println!("{served} served, {resets} reset in {moves} moves");
    assert!(served >= 500);
    // A client that connects between the last accept and the close is reset by the kernel: at most one a move
    // and client, and hardly ever that.
    assert!(resets * 100 <= served, "{resets} of {served} were reset");
}

#[tokio::test]
async fn a_slow_client_of_the_old_listener_is_cut_when_the_drain_is_over() {
    let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
    let mut world = World::with(limits).await;
    let mut client = world.client().await;
    client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.move_to(&world.on("127.0.0.2")).await.unwrap();
    assert!(client.rest().await.is_empty());
    world.wait_for("nbu_exporter_http_connections", 0.0).await;
}

#[tokio::test]
async fn a_reload_that_moves_its_own_listener_is_answered() {
    let mut world = World::new().await;
    let mut requests = world.requests.take().unwrap();
    let mut client = world.client().await;
    client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let Some(Event::Request(sender)) = requests.recv().await else { panic!("no request") };
    world.move_to(&world.on("127.0.0.2")).await.unwrap();
    let detail = "settings: server.host".into();
    let verdict = Verdict {
        trigger: Trigger::Http,
        outcome: Outcome::Applied,
        text: None,
        revision: None,
        detail,
        lacks_reference: false,
    };
    sender.send(Arc::new(verdict)).unwrap();
    let answer = client.answer(true).await.unwrap();
    assert_eq!((answer.status, answer.text()), (200, "applied: settings: server.host\n"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_client_that_waits_in_the_queue_of_the_old_listener_is_served() {
    // One connection is allowed, so that the second waits in the kernel's queue.
    let mut world = World::with(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = world.client().await;
    first.get("/-/healthy").await;
    let mut queued = Client::connect(world.address).await;
    queued.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await;
    world.move_to(&world.on("127.0.0.2")).await.unwrap();
    assert_eq!(queued.answer(true).await.unwrap().status, 200);
}
