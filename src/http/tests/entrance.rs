//! What a client meets by the rules of a web config.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::{Client, PATIENCE};
use super::world::World;
use crate::certificate::{Issued, authorities, issue};
use crate::config::fixture;
use crate::http::{Entrance, Limits};

/// Of `hello`.
const HASH: &str = "$2y$04$cwBejUdzIB.77g2Xg0scnOrrFV0KsVKTlADiWfDXU0gjdyUvNHbUa";
const FILES: &str = "tls_server_config: {cert_file: tls.crt, key_file: tls.key";

/// A client's certificate by an authority of its own, for `client.example`.
struct Identity {
    authority: String,
    certificate: String,
    key: String,
}

fn identity() -> Identity {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let signed = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let mut client = rcgen::CertificateParams::new(["client.example".to_owned()]).unwrap();
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = client.signed_by(&key, &issuer).unwrap();
    Identity { authority: signed.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
}

/// An authority that is its own client, as `openssl req -x509` makes it.
fn self_signed() -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(["client.example".to_owned()]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).unwrap().pem();
    Identity { authority: pem.clone(), certificate: pem, key: key.serialize_pem() }
}

fn issued() -> Issued {
    let now = jiff::Timestamp::now();
    issue(&["127.0.0.1".to_owned()], now - Duration::from_mins(1), now + Duration::from_hours(1)).unwrap()
}

fn put(entrance: &Entrance, text: &str, server: &Issued, files: &[(&str, &str)]) {
    let own = [("tls.crt", server.certificate.as_str()), ("tls.key", server.key.as_str())];
    let web = fixture::web(text, &[&own, files].concat());
    entrance.commit(entrance.prepare(Some(&web)).unwrap());
}

async fn connect(
    world: &World,
    server: &Issued,
    identity: Option<&Identity>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(server.authority.as_bytes()));
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(world.address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// Whether a page comes to a client with this certificate.
async fn is_let_in(world: &World, server: &Issued, identity: Option<&Identity>) -> bool {
    let Ok(mut stream) = connect(world, server, identity, &[]).await else { return false };
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    // In TLS 1.3 a client learns by its first read that it is refused.
    let asked = stream.write_all(request).await;
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    asked.is_ok() && read.is_ok() && answer.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn each_client_auth_type_lets_in_whom_go_lets_in() {
    let (server, known, stranger, own) = (issued(), identity(), identity(), self_signed());
    let entrance = Entrance::default();
    let world = World::encrypted(Limits::default(), &entrance).await;
    let ca = ("ca.crt", known.authority.as_str());
    // Nobody's certificate, one of the authority, one of another.
    for (keys, expected) in [
        ("", [true, true, true]),
        (", client_auth_type: RequestClientCert", [true, true, true]),
        (", client_auth_type: RequireAnyClientCert", [false, true, true]),
        (", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt", [true, true, false]),
        (", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt", [false, true, false]),
        (", client_auth_type: RequireAndVerifyClientCert, client_ca: none", [false, false, false]),
        (
            ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [client.example]",
            [false, true, false],
        ),
        (
            ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [other.example]",
            [false, false, false],
        ),
        (
            ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt, client_allowed_sans: [client.example]",
            [false, true, false],
        ),
    ] {
        put(&entrance, &format!("{FILES}{keys}}}"), &server, &[ca]);
        for (who, expected) in [None, Some(&known), Some(&stranger)].into_iter().zip(expected) {
            let shows = who.map(|who| who.authority == known.authority);
            assert_eq!(is_let_in(&world, &server, who).await, expected, "{keys} {shows:?}");
        }
    }
    let keys = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";
    put(&entrance, &format!("{FILES}{keys}}}"), &server, &[("ca.crt", &own.authority)]);
    assert!(is_let_in(&world, &server, Some(&own)).await, "it stands among the authorities itself");
    assert!(!is_let_in(&world, &server, Some(&self_signed())).await);
}

#[tokio::test]
async fn http2_is_spoken_where_both_want_it() {
    let server = issued();
    let entrance = Entrance::default();
    let world = World::encrypted(Limits::default(), &entrance).await;
    let both: [&[u8]; 2] = [b"h2", b"http/1.1"];
    put(&entrance, &format!("{FILES}}}\nhttp_server_config: {{http2: false}}"), &server, &[]);
    let stream = connect(&world, &server, None, &both).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    put(&entrance, &format!("{FILES}}}"), &server, &[]);
    let stream = connect(&world, &server, None, &both[1..]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut stream = connect(&world, &server, None, &both).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // The preface, empty settings, and a request: GET, https, a path and a host by HPACK.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut fields = vec![0x82, 0x87, 0x04, 10];
    fields.extend_from_slice(b"/-/healthy\x01\x01x");
    let mut frame = vec![0, 0, u8::try_from(fields.len()).unwrap(), 1, 5, 0, 0, 0, 1];
    frame.append(&mut fields);
    stream.write_all(&frame).await.unwrap();
    let mut body = Vec::new();
    while body.is_empty() {
        let mut head = [0; 9];
        timeout(PATIENCE, stream.read_exact(&mut head)).await.unwrap().unwrap();
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.unwrap();
        match head[3] {
            0 => body = payload,
            // `:status: 200`
            1 => assert_eq!(payload.first(), Some(&0x88)),
            _ => {}
        }
    }
    assert_eq!(String::from_utf8_lossy(&body), "Healthy\n");
}

#[tokio::test]
async fn a_login_headers_and_a_rate_are_met_in_the_clear_as_well() {
    let server = issued();
    let entrance = Entrance::default();
    let world = World::encrypted(Limits::default(), &entrance).await;
    let headers = "http_server_config: {headers: {X-Frame-Options: deny}}";
    put(&entrance, &format!("{headers}\nbasic_auth_users: {{alice: {HASH}}}"), &server, &[]);
    let mut client = Client::connect(world.address).await;
    let answer = client.get("/-/healthy").await;
    assert_eq!((answer.status, answer.text()), (401, "Unauthorized\n"));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"nbu-exporter\""));
    assert_eq!(answer.header("x-frame-options"), Some("deny"));
    // alice:hello and alice:hellO
    for (credentials, expected) in [("YWxpY2U6aGVsbG8=", 200), ("YWxpY2U6aGVsbE8=", 401)] {
        let header = format!("Authorization: Basic {credentials}\r\n");
        assert_eq!(client.request("GET", "/-/healthy", &header).await.status, expected);
    }
    world.wait_for("nbu_exporter_http_requests_total{code=\"401\",path=\"other\"}", 2.0).await;

    put(&entrance, "rate_limit: {interval: 1h, burst: 2}", &server, &[]);
    let statuses = [client.get("/").await.status, client.get("/").await.status, client.get("/").await.status];
    assert_eq!(statuses, [200, 200, 429]);
    // The same limit is not begun anew by a reload that changes something else.
    put(&entrance, &format!("rate_limit: {{interval: 1h, burst: 2}}\n{headers}"), &server, &[]);
    assert_eq!(client.get("/").await.status, 429);
}

#[tokio::test]
async fn open_connections_stay_for_another_certificate_and_end_for_other_demands() {
    let (one, two) = (issued(), issued());
    let entrance = Entrance::default();
    let world = World::encrypted(Limits::default(), &entrance).await;
    put(&entrance, "", &one, &[]);
    let mut plain = Client::connect(world.address).await;
    assert_eq!(plain.get("/-/healthy").await.status, 200);
    put(&entrance, &format!("basic_auth_users: {{alice: {HASH}}}"), &one, &[]);
    assert_eq!(plain.get("/-/healthy").await.status, 401, "it stays, and meets the new rules");

    put(&entrance, &format!("{FILES}}}"), &one, &[]);
    assert!(plain.answer(true).await.is_none(), "it would have to be encrypted");
    let mut open = connect(&world, &one, None, &[]).await.unwrap();
    put(&entrance, &format!("{FILES}}}"), &two, &[]);
    assert!(connect(&world, &one, None, &[]).await.is_err());
    open.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    open.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    put(&entrance, &format!("{FILES}, min_version: TLS13}}"), &two, &[]);
    let mut rest = Vec::new();
    timeout(PATIENCE, open.read_to_end(&mut rest)).await.unwrap().unwrap();
    entrance.commit(entrance.prepare(None).unwrap());
    assert_eq!(Client::connect(world.address).await.get("/-/healthy").await.status, 200);
}
