//! Listeners that speak TLS alone.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::PATIENCE;
use super::world::World;
use crate::certificate::{Issued, ServingPair, authorities, issue};
use crate::http::{Entrance, Limits};

fn issued() -> Issued {
    let now = Timestamp::now();
    issue(&["127.0.0.1".to_owned()], now - Duration::from_mins(1), now + Duration::from_hours(1)).unwrap()
}

fn show(certificate: &Entrance, issued: &Issued) {
    let pair = ServingPair::read(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
    certificate.show(&pair).unwrap();
}

async fn connect_with(
    world: &World,
    trusted: &Issued,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(trusted.authority.as_bytes()));
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(world.address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn connect(world: &World, trusted: &Issued) -> std::io::Result<TlsStream<TcpStream>> {
    connect_with(world, trusted, &version::TLS13).await
}

/// Asks a page on the open connection.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\n") || !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn debug_shows_whether_there_is_a_certificate_and_no_more() {
    let certificate = Entrance::default();
    assert_eq!(format!("{certificate:?}"), "Entrance(closed)");
    show(&certificate, &issued());
    assert_eq!(format!("{certificate:?}"), "Entrance(TLS)");
}

#[tokio::test]
async fn another_certificate_is_shown_to_new_clients_and_open_connections_stay() {
    let certificate = Entrance::default();
    let world = World::encrypted(Limits::default(), &certificate).await;
    let (one, two) = (issued(), issued());
    assert!(connect(&world, &one).await.is_err(), "there is none yet");
    show(&certificate, &one);
    let mut open = connect(&world, &one).await.unwrap();
    assert!(ask(&mut open).await.starts_with("HTTP/1.1 200"));
    show(&certificate, &two);
    assert!(connect(&world, &one).await.is_err());
    assert!(ask(&mut connect(&world, &two).await.unwrap()).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut open).await.starts_with("HTTP/1.1 200"));
    assert!(connect_with(&world, &two, &version::TLS12).await.is_err(), "an old version of the protocol");
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_cut_and_holds_nobody_up() {
    let certificate = Entrance::default();
    let one = issued();
    show(&certificate, &one);
    let patient = World::encrypted(Limits { head: PATIENCE, ..Limits::default() }, &certificate).await;
    let _silent = TcpStream::connect(patient.address).await.unwrap();
    let mut clear = TcpStream::connect(patient.address).await.unwrap();
    clear.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(ask(&mut connect(&patient, &one).await.unwrap()).await.starts_with("HTTP/1.1 200"));
    let mut rest = Vec::new();
    let _ = clear.read_to_end(&mut rest).await;
    assert!(rest.starts_with(b"HTTP/1.0 400"), "it is told why, and nothing else, in the clear");

    let hasty =
        World::encrypted(Limits { head: Duration::from_millis(200), ..Limits::default() }, &certificate)
            .await;
    let mut silent = TcpStream::connect(hasty.address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or_default(), 0);
    hasty.wait_for("nbu_exporter_http_connections_cut_total{reason=\"headers\"}", 1.0).await;
}
