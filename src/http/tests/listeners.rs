//! Addresses that change while clients are connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Client, PATIENCE};
use super::world::{World, active, server};
use crate::http::{BindError, Limits};
use crate::reload::{Outcome, Trigger, Verdict};

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
async fn an_acceptor_that_dies_is_begun_anew_and_takes_no_other_client_along() {
    let world = World::new().await;
    let mut other = world.client().await;
    other.get("/-/healthy").await;
    for deaths in [1.0, 2.0] {
        world.listeners.panic_at_next_client();
        let _lost = TcpStream::connect(world.address).await.unwrap();
        world.wait_for("nbu_exporter_task_restarts_total{task=\"acceptor\"}", deaths).await;
        assert_eq!(other.get("/-/healthy").await.status, 200);
        assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
    }
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
    let error = world.move_to(&taken.local_addr().unwrap().to_string()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    assert_eq!(client.get("/-/healthy").await.status, 200);
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_prepared_listener_that_is_dropped_leaves_the_old_one() {
    let world = World::new().await;
    for (host, other) in [("127.0.0.2", [127, 0, 0, 2]), ("0.0.0.0", [127, 0, 0, 3])] {
        let address = server(&world.on(host)).listen_address();
        let prepared = world.listeners.prepare(&[address]).await.unwrap();
        drop(prepared);
        assert!(!is_served((other, world.address.port()).into()).await, "{host}");
        assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
    }
}

#[tokio::test]
async fn an_overlapping_address_that_is_taken_leaves_the_old_one() {
    let mut world = World::new().await;
    let mut client = world.client().await;
    client.get("/-/healthy").await;
    let port = world.address.port();
    let _other = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let error = world.move_to(&world.on("0.0.0.0")).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    assert_eq!(client.get("/-/healthy").await.status, 200);
    assert_eq!(world.client().await.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn nobody_else_gets_in_beside_overlapping_listeners() {
    let mut world = World::at("0.0.0.0", Limits::default()).await;
    for host in ["127.0.0.1", "0.0.0.0"] {
        world.move_to(&world.on(host)).await.unwrap();
        let another = World::new().await;
        for host in ["127.0.0.1", "0.0.0.0"] {
            let address = server(&world.on(host)).listen_address();
            let error = another.listeners.prepare(&[address]).await.unwrap_err();
            assert!(matches!(error, BindError::InUse(_)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_connection_lives_on_while_its_address_is_served_by_a_wider_one() {
    let mut world = World::new().await;
    let mut client = world.client().await;
    for host in ["0.0.0.0", "127.0.0.1", "0.0.0.0"] {
        world.move_to(&world.on(host)).await.unwrap();
        assert_eq!(client.get("/-/healthy").await.header("connection"), None, "{host}");
    }
}

#[tokio::test]
async fn every_address_of_several_is_served_and_those_that_stay_are_left_alone() {
    let mut world = World::new().await;
    let (one, two, three) = (world.on("127.0.0.1"), world.on("127.0.0.2"), world.on("127.0.0.3"));
    let mut client = world.client().await;
    client.get("/-/healthy").await;
    let port = world.address.port();
    let served = async || {
        let mut served = Vec::new();
        for host in 1..=3 {
            served.push(is_served(([127, 0, 0, host], port).into()).await);
        }
        served
    };
    world.move_to_all(&[&one, &two]).await.unwrap();
    assert_eq!(served().await, [true, true, false]);
    world.move_to_all(&[&three, &one]).await.unwrap();
    assert_eq!(world.listeners.local_addrs(), [three.parse().unwrap(), one.parse().unwrap()]);
    assert_eq!(served().await, [true, false, true]);
    assert_eq!(client.get("/-/healthy").await.header("connection"), None);
}

#[tokio::test]
async fn all_addresses_are_those_of_ipv6_and_ipv4() {
    let mut world = World::at("[::]", Limits::default()).await;
    let port = world.address.port();
    for host in ["127.0.0.1", "127.0.0.2", "::1"] {
        let address = (host.parse::<std::net::IpAddr>().unwrap(), port).into();
        assert_eq!(Client::connect(address).await.get("/-/healthy").await.status, 200, "{host}");
    }
    world.move_to(&world.on("127.0.0.1")).await.unwrap();
    world.move_to(&world.on("[::]")).await.unwrap();
    let address = (std::net::Ipv6Addr::LOCALHOST, port).into();
    assert_eq!(Client::connect(address).await.get("/-/healthy").await.status, 200);
}

/// Scrapes by new connections while `world` moves to one address and to the other, again and again; how many scrapes
/// were served, with what became of those that were not.
async fn scraped_while_moving(mut world: World, hosts: [&str; 2]) -> (usize, Vec<String>) {
    let port = world.address.port();
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients = [(); 4].map(|()| {
        let (stop, served) = (stop.clone(), served.clone());
        tokio::spawn(async move {
            let mut lost = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
                let mut answer = Vec::new();
                let result = async {
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
                    stream.write_all(request).await?;
                    stream.read_to_end(&mut answer).await
                };
                match result.await {
                    Ok(_) if answer.ends_with(b"Healthy\n") => drop(served.fetch_add(1, Ordering::Relaxed)),
                    Ok(_) => lost.push("no answer".to_owned()),
                    Err(error) => lost.push(error.to_string()),
                }
            }
            lost
        })
    });
    for host in [hosts; 10].as_flattened() {
        world.move_to(&world.on(host)).await.unwrap();
        let enough = served.load(Ordering::Relaxed) + 25;
        super::world::eventually("some are served", || served.load(Ordering::Relaxed) >= enough).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut lost = Vec::new();
    for client in clients {
        lost.extend(client.await.unwrap());
    }
    (served.load(Ordering::Relaxed), lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_moves_between_overlapping_addresses_loses_no_waiting_connection() {
    for (first, hosts) in [
        ("127.0.0.1", ["0.0.0.0", "127.0.0.1"]),
        ("0.0.0.0", ["127.0.0.1", "0.0.0.0"]),
        ("0.0.0.0", ["[::]", "0.0.0.0"]),
        ("[::]", ["127.0.0.1", "[::]"]),
    ] {
        let world = World::at(first, Limits::default()).await;
        let (served, lost) = scraped_while_moving(world, hosts).await;
        assert!(served >= 500);
        assert_eq!(lost, Vec::<String>::new(), "{first} {hosts:?}, {served} served");
    }
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
async fn listeners_that_are_dropped_end_at_once_with_their_clients() {
    let World { listeners, address, .. } = World::new().await;
    let mut client = Client::connect(address).await;
    client.get("/-/healthy").await;
    drop(listeners);
    assert!(client.rest().await.is_empty());
    let closed = async { while is_served(address).await {} };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test]
async fn a_reload_that_moves_its_own_listener_is_answered() {
    let mut world = World::new().await;
    let mut requests = world.requests.take().unwrap();
    let mut client = world.client().await;
    client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let Some(sender) = requests.recv().await else { panic!("no request") };
    world.move_to(&world.on("127.0.0.2")).await.unwrap();
    let detail = "settings: server.host".into();
    let verdict = Verdict {
        trigger: Trigger::Http,
        outcome: Outcome::Applied,
        text_digest: None,
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
