use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::config::{Site, Verification};

use super::ClientError;
use super::transport::other_name;

/// The TLS settings of all sites: equal ones are built once and shared, and go with the last site that uses them.
#[derive(Debug, Default)]
pub struct TlsCache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    configs: HashMap<(Verification, Option<String>), Weak<ClientConfig>>,
    /// Reading the system's authorities takes tens of milliseconds, so it is done once.
    system_roots: Option<Arc<RootCertStore>>,
}

impl TlsCache {
    /// The settings for one kind of verification; with `server_name` the certificate must have that name instead
    /// of the host's.
    pub(super) fn config(
        &self,
        verification: &Verification,
        server_name: Option<&str>,
    ) -> Result<Arc<ClientConfig>, ClientError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (verification.clone(), server_name.map(str::to_owned));
        if let Some(config) = inner.configs.get(&key).and_then(Weak::upgrade) {
            return Ok(config);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let judge = inner.judge(verification, server_name, &provider)?;
        let config = Arc::new(client_config(provider, judge)?);
        inner.configs.retain(|_, config| config.strong_count() > 0);
        inner.configs.insert(key, Arc::downgrade(&config));
        Ok(config)
    }

    /// The settings for the handshake with a site.
    pub fn of_site(&self, site: &Site) -> Result<Arc<ClientConfig>, ClientError> {
        self.config(&site.verification, other_name(site))
    }

    /// What judges the certificate of a site, as the handshake with it would.
    pub fn judge(&self, site: &Site) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.judge(&site.verification, other_name(site), &Arc::new(rustls::crypto::ring::default_provider()))
    }

    /// Settings for a site without TLS. The HTTP client wants some; they trust nobody.
    pub(super) fn unused() -> Result<Arc<ClientConfig>, ClientError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let nobody = LeafOnly { digest: Some([0; 32]), provider: provider.clone() };
        client_config(provider, Arc::new(nobody)).map(Arc::new)
    }
}

impl Inner {
    fn judge(
        &mut self,
        verification: &Verification,
        server_name: Option<&str>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
        let judge = self.verifier(verification, provider)?;
        Ok(match server_name {
            Some(name) => Arc::new(OtherName::new(name, judge)?),
            None => judge,
        })
    }

    fn verifier(
        &mut self,
        verification: &Verification,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
        Ok(match verification {
            Verification::SystemRoots => by_roots(self.system_roots()?, provider)?,
            Verification::Roots(certificates) => {
                let mut roots = RootCertStore::empty();
                for der in certificates.iter() {
                    let certificate = CertificateDer::from_slice(der).into_owned();
                    roots.add(certificate).map_err(|error| ClientError::Roots(error.to_string()))?;
                }
                by_roots(Arc::new(roots), provider)?
            }
            Verification::Pinned(digest) => {
                Arc::new(LeafOnly { digest: Some(*digest), provider: provider.clone() })
            }
            Verification::Off => Arc::new(LeafOnly { digest: None, provider: provider.clone() }),
        })
    }

    fn system_roots(&mut self) -> Result<Arc<RootCertStore>, ClientError> {
        if let Some(roots) = &self.system_roots {
            return Ok(roots.clone());
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map_or_else(|| "none were found".to_owned(), ToString::to_string);
            return Err(ClientError::NoSystemRoots(why));
        }
        let roots = Arc::new(roots);
        self.system_roots = Some(roots.clone());
        Ok(roots)
    }
}

fn by_roots(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
    Ok(verifier.map_err(|error| ClientError::Roots(error.to_string()))?)
}

fn client_config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, ClientError> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Setup(error.to_string()))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Whether `name` can stand in for the host in the handshake itself (SNI): addresses can not.
pub(super) fn is_dns_name(name: &str) -> bool {
    matches!(ServerName::try_from(name), Ok(ServerName::DnsName(_)))
}

/// Looks for another name than the host's in the certificate.
#[derive(Debug)]
struct OtherName {
    name: ServerName<'static>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl OtherName {
    fn new(name: &str, verifier: Arc<dyn ServerCertVerifier>) -> Result<Self, ClientError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| ClientError::ServerName)?;
        Ok(Self { name, verifier })
    }
}

impl ServerCertVerifier for OtherName {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier.verify_server_cert(leaf, intermediates, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Judges by the leaf certificate alone, whoever signed it and whatever its names and dates are. That the peer holds
/// its key is checked as ever, by the signatures of the handshake.
#[derive(Debug)]
struct LeafOnly {
    /// The digest that the leaf must have (`certificateSha256`); without one any leaf will do (`insecureSkipVerify`).
    digest: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for LeafOnly {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.digest.is_none_or(|digest| digest.as_slice() == Sha256::digest(leaf).as_slice()) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General("the server's certificate is not the one of certificateSha256".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
