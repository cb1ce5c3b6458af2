//! A TLS handshake with any certificate, which records what the server shows.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::network::ByteStream;
use crate::config::Site;
use crate::netbackup::{
    ClientError, TlsCache, TlsFault, any_certificate, client_config, handshake_name, signatures_by,
};

/// What the server showed.
#[derive(Debug)]
pub(super) struct HandshakeOutcome {
    /// The certificate and those that it sent along.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether the site's settings accept it.
    pub(super) verdict: Result<(), Refusal>,
    /// Such as `TLSv1_3`.
    pub(super) protocol: Option<&'static str>,
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Certificate(#[from] rustls::Error),
    /// The settings can not judge any certificate.
    #[error(transparent)]
    Settings(Arc<ClientError>),
}

/// The handshake was not completed, whatever the certificate is.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("no TLS handshake in time")]
    Timeout,
    #[error("the TLS handshake failed: {}", .0.why)]
    Failed(TlsFault),
    #[error("there can be no TLS handshake: {0}")]
    Impossible(String),
}

/// Completes a handshake whatever certificate the server shows, so that all of it can be reported. Nothing secret is sent.
pub(super) async fn handshake(
    site: &Site,
    connection: Box<dyn ByteStream>,
    tls: &TlsCache,
    deadline: Instant,
) -> Result<HandshakeOutcome, HandshakeError> {
    let verifier = tls.verifier(site).map_err(|error| Refusal::Settings(Arc::new(error)));
    let recorder = Arc::new(Recorder { verifier, key: any_certificate(), observed: Mutex::default() });
    let failed = |error: &dyn std::fmt::Display| HandshakeError::Impossible(error.to_string());
    let config = client_config(recorder.clone()).map_err(|error| failed(&error))?;
    let name = ServerName::try_from(handshake_name(site).to_owned()).map_err(|error| failed(&error))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, connection);
    let stream = timeout_at(deadline, connecting).await.map_err(|_| HandshakeError::Timeout)?;
    let stream = stream.map_err(|error| HandshakeError::Failed(TlsFault::of_io(&error)))?;
    let protocol = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
    let observed = recorder.observed.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (chain, verdict) = observed.ok_or_else(|| failed(&"no certificate was shown"))?;
    Ok(HandshakeOutcome { chain, verdict, protocol })
}

/// The chain, and whether the settings accept it.
type Observed = (Vec<CertificateDer<'static>>, Result<(), Refusal>);

/// Records the certificates and the verdict of the site's own verifier, and accepts them in any case.
#[derive(Debug)]
struct Recorder {
    verifier: Result<Arc<dyn ServerCertVerifier>, Refusal>,
    /// The server must prove that it holds the key of its certificate, whatever that is.
    key: Arc<dyn ServerCertVerifier>,
    observed: Mutex<Option<Observed>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.verifier.as_ref().map_err(Clone::clone).and_then(|verifier| {
            verifier.verify_server_cert(leaf, intermediates, host, ocsp, now)?;
            Ok(())
        });
        let chain = std::iter::once(leaf).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        *self.observed.lock().unwrap_or_else(PoisonError::into_inner) = Some((chain, verdict));
        Ok(ServerCertVerified::assertion())
    }

    signatures_by!(|own| own.key);
}
