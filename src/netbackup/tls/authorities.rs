//! Verifies certificates by authorities.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use sha2::{Digest as _, Sha256};

use super::chain;
use super::leaf_only::Handshake;
use super::provider::{provider, verified_schemes};
use super::signatures::signatures_by;
use super::untrusted::{Basis, Untrusted};

/// Verifies by authorities: by webpki, and for the forms of certificates that it refuses and Go accepts, by [`chain`].
pub(super) struct Authorities {
    webpki: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    /// The digests of the given certificates: a server may have one of them as its own.
    given: HashSet<[u8; 32]>,
    basis: Basis,
}

impl fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Authorities({})", self.basis)
    }
}

impl Authorities {
    /// Takes the certificates that can be used; the second value says why the first other one can not.
    pub(super) fn new<'a>(
        certificates: impl Iterator<Item = CertificateDer<'a>>,
        basis: Basis,
    ) -> (Result<Self, String>, Option<String>) {
        let (mut roots, mut given, mut unusable) = (RootCertStore::empty(), HashSet::new(), None);
        for certificate in certificates {
            let digest = Sha256::digest(&certificate).into();
            match roots.add(certificate.into_owned()) {
                Ok(()) => _ = given.insert(digest),
                Err(error) => _ = unusable.get_or_insert(error.to_string()),
            }
        }
        let roots = Arc::new(roots);
        let webpki = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider()).build();
        let made = webpki.map_err(|error| error.to_string());
        (made.map(|webpki| Self { webpki, roots, given, basis }), unusable)
    }

    /// Whether they vouch for what webpki refused; an error where only the name is wrong.
    fn vouch_for(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<bool, CertificateError> {
        let digest: [u8; 32] = Sha256::digest(leaf).into();
        let is_vouched_for = if self.given.contains(&digest) {
            chain::is_usable_itself(leaf, now)
        } else {
            chain::holds(leaf, intermediates, &self.roots.roots, now)
        };
        if is_vouched_for && !chain::has_name(leaf, host) {
            return Err(CertificateError::NotValidForName);
        }
        Ok(is_vouched_for)
    }
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let refusal = match self.webpki.verify_server_cert(leaf, intermediates, host, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(refusal)) => refusal,
            outcome => return outcome,
        };
        let refusal = match self.vouch_for(leaf, intermediates, host, now) {
            Ok(true) => return Ok(ServerCertVerified::assertion()),
            Ok(false) => refusal,
            Err(name) => name,
        };
        let chain: Vec<_> = std::iter::once(leaf).chain(intermediates).collect();
        let now = i64::try_from(now.as_secs()).ok().and_then(|now| Timestamp::from_second(now).ok());
        let now = now.unwrap_or_default();
        Err(Untrusted::of_refusal(&refusal, &chain, self.basis, host, now).into_error())
    }

    signatures_by!(|own| Handshake { schemes: verified_schemes(), basis: own.basis });
}
