use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::reach::Wire;
use crate::config::Site;
use crate::netbackup::{
    ClientError, TlsCache, TlsFault, any_certificate, client_config, handshake_name, signatures_by,
};

/// What the server showed in a handshake.
#[derive(Debug)]
pub(super) struct Shown {
    /// The certificate and those that it sent along.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// What the site's settings say to it.
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

/// The handshake came to no end, whatever the certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("no TLS handshake in time")]
    Timeout,
    #[error("the TLS handshake failed: {}", .0.why)]
    Failed(TlsFault),
    #[error("there can be no TLS handshake: {0}")]
    Impossible(String),
}

/// Shakes hands and looks at what is shown. Nothing secret is sent, so even a certificate that nobody trusts lets the
/// handshake go on, and all of it can be told.
pub(super) async fn shake(
    site: &Site,
    wire: Box<dyn Wire>,
    tls: &TlsCache,
    deadline: Instant,
) -> Result<Shown, HandshakeError> {
    let judge = tls.judge(site).map_err(|error| Refusal::Settings(Arc::new(error)));
    let recorder = Arc::new(Recorder { judge, key: any_certificate(), seen: Mutex::default() });
    let failed = |error: &dyn std::fmt::Display| HandshakeError::Impossible(error.to_string());
    let config = client_config(recorder.clone()).map_err(|error| failed(&error))?;
    let name = ServerName::try_from(handshake_name(site).to_owned()).map_err(|error| failed(&error))?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, wire);
    let stream = timeout_at(deadline, shaking).await.map_err(|_| HandshakeError::Timeout)?;
    let stream = stream.map_err(|error| HandshakeError::Failed(TlsFault::of_io(&error)))?;
    let protocol = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
    let seen = recorder.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (chain, verdict) = seen.ok_or_else(|| failed(&"no certificate was shown"))?;
    Ok(Shown { chain, verdict, protocol })
}

type Seen = (Vec<CertificateDer<'static>>, Result<(), Refusal>);

/// Writes down what is shown and what the site's own judge says to it, and lets the handshake go on.
#[derive(Debug)]
struct Recorder {
    judge: Result<Arc<dyn ServerCertVerifier>, Refusal>,
    /// The peer must hold its key, whatever the certificate.
    key: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<Seen>>,
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
        let verdict = self.judge.as_ref().map_err(Clone::clone).and_then(|judge| {
            judge.verify_server_cert(leaf, intermediates, host, ocsp, now)?;
            Ok(())
        });
        let chain = std::iter::once(leaf).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((chain, verdict));
        Ok(ServerCertVerified::assertion())
    }

    signatures_by!(|own| own.key);
}
