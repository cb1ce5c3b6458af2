//! What only real connections show.

use std::time::Duration;

use kube::{Client, Config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::mock::{configmap, event};
use crate::source::kubernetes::{Access, ObjectEvent, ObjectReader, ObjectWatcher, Timing};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn quick(answer: Duration) -> Timing {
    Timing {
        answer,
        watch: Duration::from_secs(1),
        grace: Duration::from_millis(200),
        shortest_watch: Duration::from_millis(50),
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
    }
}

async fn watch(port: u16, answer: Duration) -> (ObjectWatcher, mpsc::Receiver<ObjectEvent>) {
    let access = Access::new("ns", move || {
        Box::pin(async move {
            let mut config = Config::new(format!("http://127.0.0.1:{port}").parse().unwrap());
            config.default_retry = false;
            Ok(Client::try_from(config).unwrap())
        })
    });
    let reader = ObjectReader::new("ns/cfg".parse().unwrap(), access.await.unwrap(), quick(answer));
    ObjectWatcher::start(&reader)
}

async fn next(events: &mut mpsc::Receiver<ObjectEvent>) -> ObjectEvent {
    timeout(PATIENCE * 2, events.recv()).await.unwrap().unwrap()
}

/// Answers the lists of each connection and gives its watch these bytes before it is cut or kept.
async fn serve(listener: TcpListener, text: &'static str, watch_bytes: String, cut: bool) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let watch_bytes = watch_bytes.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if request.contains("watch=true") {
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
                    stream.write_all(format!("{head}{watch_bytes}").as_bytes()).await.unwrap();
                    if !cut {
                        std::future::pending::<()>().await;
                    }
                    return;
                }
                let object = configmap("cfg", "u1", "1", text);
                let list = serde_json::json!({"kind": "ConfigMapList", "apiVersion": "v1",
                    "metadata": {"resourceVersion": "1"}, "items": [object]})
                .to_string();
                let length = list.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
                );
                stream.write_all(format!("{head}{list}").as_bytes()).await.unwrap();
            }
        });
    }
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[tokio::test]
async fn fault_45_a_closed_port_is_unavailable() {
    // Bound and not listening, so that nobody else gets it.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (_watcher, mut events) = watch(nobody.local_addr().unwrap().port(), PATIENCE).await;
    assert!(matches!(next(&mut events).await, ObjectEvent::Unavailable(_)));
}

#[tokio::test]
async fn fault_46_a_connection_that_is_accepted_and_never_read_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_watcher, mut events) =
        watch(listener.local_addr().unwrap().port(), Duration::from_millis(300)).await;
    assert!(matches!(next(&mut events).await, ObjectEvent::Unavailable(_)));
}

#[tokio::test]
async fn fault_46_a_half_open_connection_is_left_and_the_object_listed_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve(listener, "a", String::new(), false));
    let (_watcher, mut events) = watch(port, PATIENCE).await;
    for _ in 0..3 {
        assert!(matches!(next(&mut events).await, ObjectEvent::Present(_)));
    }
    server.abort();
}

#[tokio::test]
async fn fault_47_a_chunk_that_is_cut_off_is_no_event() {
    let whole = event("MODIFIED", &configmap("cfg", "u1", "2", "half"));
    let half = chunk(&whole[..whole.len() / 2]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve(listener, "a", half, true));
    let (_watcher, mut events) = watch(port, PATIENCE).await;
    for _ in 0..5 {
        let ObjectEvent::Present(revision) = next(&mut events).await else { panic!("it answers") };
        assert_eq!(revision.text.as_deref(), Ok(b"a".as_slice()));
    }
    server.abort();
}
