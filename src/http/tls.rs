//! TLS of our own side: from a certificate and what clients have to meet to what rustls serves by.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, SupportedCipherSuite, version};

use super::client_certificate;
use crate::certificate::ServingPair;
use crate::config::{TlsDemands, WebTls};

/// By TLS 1.3 alone, for anybody.
pub(super) fn of_pair(pair: &ServingPair) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_no_client_auth();
    let config = builder.with_single_cert(pair.chain().to_vec(), pair.key().clone_key())?;
    Ok(without_resumption(config))
}

/// As a web config has it.
pub(super) fn of_web(tls: &WebTls, http2: bool) -> Result<ServerConfig, rustls::Error> {
    let (pair, demands) = (&tls.pair, &tls.demands);
    let provider = Arc::new(provider(demands));
    let versions = [(demands.tls13, &version::TLS13), (demands.tls12, &version::TLS12)];
    let versions: Vec<_> =
        versions.into_iter().filter_map(|(is_spoken, version)| is_spoken.then_some(version)).collect();
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions)?;
    let builder = match client_certificate::verifier(demands, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(pair.chain().to_vec(), pair.key().clone_key())?;
    let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(without_resumption(config))
}

/// The cipher suites of TLS 1.2 and the curves that are asked for; TLS 1.3 has all of its own, as in Go.
fn provider(demands: &TlsDemands) -> CryptoProvider {
    let mut provider = default_provider();
    if let Some(suites) = &demands.cipher_suites {
        provider.cipher_suites.retain(|known| match known {
            SupportedCipherSuite::Tls13(_) => true,
            SupportedCipherSuite::Tls12(_) => suites.contains(&known.suite()),
        });
    }
    if let Some(curves) = &demands.curves {
        let known = std::mem::take(&mut provider.kx_groups);
        let named = curves.iter().filter_map(|curve| known.iter().find(|group| group.name() == *curve));
        provider.kx_groups = named.copied().collect();
    }
    provider
}

/// A client keeps its connection; tickets would only cost memory, and outlive what a certificate may do.
fn without_resumption(mut config: ServerConfig) -> ServerConfig {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}
