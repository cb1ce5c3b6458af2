//! The certificates, as a TLS client judges them.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::client::TlsStream;

use super::*;

/// Connects to a site, trusting the authority that it names.
pub(super) async fn connect(site: &Site) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(site.ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, TcpStream::connect(site.address()).await.unwrap()).await
}

/// Shakes hands with a site, trusting the certificate that it names.
async fn shake(tls: Tls) -> Result<String, String> {
    let (_simulation, site) = start(Options { tls, ..options() }).await;
    assert!(site.base_url().starts_with("https://"));
    let mut stream = connect(&site).await.map_err(|error| error.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&leaf);
    assert_eq!(site.certificate_sha256(), Some(keys::hex(&digest).as_str()));
    stream
        .write_all(b"GET /netbackup/ping HTTP/1.1\r\nHost: primary\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    // The server may close without the alert that TLS wants at the end.
    let _ = stream.read_to_string(&mut answer).await;
    Ok(answer)
}

#[tokio::test]
async fn a_valid_certificate_is_trusted_by_its_authority() {
    let answer = shake(Tls::Valid).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn expired_and_wrong_name_certificates_are_just_that() {
    let expired = shake(Tls::Expired).await.unwrap_err();
    assert!(expired.contains("xpired"), "{expired}");
    let wrong = shake(Tls::WrongName).await.unwrap_err();
    assert!(wrong.contains("NotValidForName") || wrong.contains("not valid for name"), "{wrong}");
}

#[tokio::test]
async fn a_self_signed_authority_can_not_be_a_leaf() {
    let error = shake(Tls::SelfSignedCa).await.unwrap_err();
    assert!(error.contains("CaUsedAsEndEntity"), "{error}");
}

#[tokio::test]
async fn a_self_signed_leaf_is_trusted_when_named_as_root() {
    let answer = shake(Tls::SelfSigned).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
