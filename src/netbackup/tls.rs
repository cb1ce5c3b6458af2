//! TLS towards NetBackup: how certificates are verified.

mod authorities;
mod certificate;
mod chain;
mod ecdsa;
mod fault;
mod hash;
mod key_exchange;
mod leaf_only;
mod provider;
mod rsa;
mod signatures;
mod system;
#[cfg(test)]
mod tests;
mod untrusted;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::config::{Site, Verification};

pub(crate) use self::certificate::Certificate;
pub(crate) use self::fault::TlsFault;
pub(crate) use self::signatures::signatures_by;
pub(crate) use self::untrusted::Untrusted;

use super::setup::ClientError;
use authorities::Authorities;
use leaf_only::LeafOnly;
use system::System;
use untrusted::Basis;

/// The TLS settings of all sites: equal ones are built once and shared, and go with the last site that uses them.
#[derive(Debug, Default)]
pub(crate) struct TlsCache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    configs: HashMap<(Verification, Option<String>), Weak<ClientConfig>>,
    /// Reading the system's authorities takes tens of milliseconds, so all share them.
    system: Option<Arc<System>>,
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
        let verifier = inner.verifier_of(verification, server_name)?;
        let config = Arc::new(client_config(verifier)?);
        inner.configs.retain(|_, config| config.strong_count() > 0);
        inner.configs.insert(key, Arc::downgrade(&config));
        Ok(config)
    }

    /// The settings for the handshake with a site.
    pub(crate) fn of_site(&self, site: &Site) -> Result<Arc<ClientConfig>, ClientError> {
        self.config(&site.verification, other_name(site))
    }

    /// The verifier of the certificate of a site, as in a handshake with it.
    pub(crate) fn verifier(&self, site: &Site) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.verifier_of(&site.verification, other_name(site))
    }

    /// Settings for a site without TLS. The HTTP client wants some; they trust nobody.
    pub(super) fn unused() -> Result<Arc<ClientConfig>, ClientError> {
        client_config(Arc::new(LeafOnly { digest: Some([0; 32]) })).map(Arc::new)
    }
}

/// A verifier that accepts any certificate whose key has made the handshake's signature.
pub(crate) fn any_certificate() -> Arc<dyn ServerCertVerifier> {
    Arc::new(LeafOnly { digest: None })
}

impl Inner {
    fn verifier_of(
        &mut self,
        verification: &Verification,
        server_name: Option<&str>,
    ) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
        let verifier = self.verifier(verification)?;
        Ok(match server_name {
            Some(name) => Arc::new(OtherName::new(name, verifier)?),
            None => verifier,
        })
    }

    fn verifier(&mut self, verification: &Verification) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
        Ok(match verification {
            Verification::SystemRoots => self.system.get_or_insert_with(|| Arc::new(System::new())).clone(),
            Verification::Roots(certificates) => {
                let given = certificates.iter().map(|der| CertificateDer::from_slice(der));
                match Authorities::new(given, Basis::CaFile) {
                    (Ok(authorities), None) => Arc::new(authorities),
                    (Err(why), _) | (_, Some(why)) => return Err(ClientError::Roots(why)),
                }
            }
            Verification::Pinned(digest) => Arc::new(LeafOnly { digest: Some(*digest) }),
            Verification::Off => any_certificate(),
        })
    }
}

/// Settings with this verifier. Each connection shows its certificate anew: a resumed one would go on with an authority
/// that is no longer trusted.
pub(crate) fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, ClientError> {
    let builder = ClientConfig::builder_with_provider(provider::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Setup(error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The name that the certificate must have, where it is not the host's.
pub(super) fn other_name(site: &Site) -> Option<&str> {
    site.tls_server_name.as_deref().filter(|name| *name != site.endpoint.host())
}

/// Whether `name` can stand in for the host in the handshake itself (SNI): addresses can not.
pub(super) fn is_dns_name(name: &str) -> bool {
    matches!(ServerName::try_from(name), Ok(ServerName::DnsName(_)))
}

/// Expects another name than the host's in the certificate.
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

    signatures_by!(|own| own.verifier);
}
