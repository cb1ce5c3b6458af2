//! Judges the certificates that clients show, by Go's words for how strictly.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::config::{ClientAuth, ClientAuthorities, TlsDemands};

/// Judges the certificates that clients show.
#[derive(Debug)]
struct ClientJudge {
    is_mandatory: bool,
    trust: Trust,
    /// Which names are let in; any where it is not given.
    allowed_sans: Option<Vec<String>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Who vouches for a client.
#[derive(Debug)]
enum Trust {
    /// Nobody has to.
    Anybody,
    /// There is nobody who could.
    Nobody,
    These {
        verifier: Arc<dyn ClientCertVerifier>,
        /// The same as they are: Go trusts a certificate that stands among the authorities itself.
        themselves: Vec<CertificateDer<'static>>,
    },
}

/// What judges the certificates of clients; `None` where they are not asked for one.
pub(super) fn verifier(
    demands: &TlsDemands,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    let trust = match demands.client_auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Request | ClientAuth::RequireAny => Trust::Anybody,
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
            trust(&demands.client_authorities, provider)?
        }
    };
    // Names can be judged only where a certificate is shown; the toolkit ends a connection without one as well.
    let is_mandatory = demands.allowed_sans.is_some()
        || matches!(demands.client_auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify);
    Ok(Some(Arc::new(ClientJudge {
        is_mandatory,
        trust,
        allowed_sans: demands.allowed_sans.clone(),
        algorithms: provider.signature_verification_algorithms,
    })))
}

fn roots(authorities: &ClientAuthorities) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    match authorities {
        ClientAuthorities::System => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        ClientAuthorities::These(certificates) => {
            roots.add_parsable_certificates(certificates.iter().cloned());
        }
    }
    roots
}

fn trust(authorities: &ClientAuthorities, provider: &Arc<CryptoProvider>) -> Result<Trust, Error> {
    let roots = roots(authorities);
    if roots.is_empty() {
        return Ok(Trust::Nobody);
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
    let themselves = match authorities {
        ClientAuthorities::System => Vec::new(),
        ClientAuthorities::These(certificates) => certificates.clone(),
    };
    Ok(Trust::These { verifier, themselves })
}

impl ClientCertVerifier for ClientJudge {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        match &self.trust {
            Trust::These { verifier, .. } => verifier.root_hint_subjects(),
            Trust::Anybody | Trust::Nobody => &[],
        }
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match &self.trust {
            Trust::Anybody => {}
            Trust::Nobody => return Err(CertificateError::UnknownIssuer.into()),
            Trust::These { verifier, themselves } => {
                let verified = verifier.verify_client_cert(leaf, intermediates, now);
                // As `openssl req -x509` makes them: an authority that is its own client, which webpki does not take.
                if !(themselves.contains(leaf) && is_usable(leaf, now)) {
                    verified?;
                }
            }
        }
        if let Some(allowed) = &self.allowed_sans
            && !names(leaf).iter().any(|name| allowed.contains(name))
        {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate that is trusted as it is may be a client's now.
fn is_usable(leaf: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return false };
    let validity = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let is_valid = (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
    let usage = certificate.extended_key_usage().ok().flatten();
    is_valid && usage.is_none_or(|usage| usage.value.any || usage.value.client_auth)
}

/// The alternative names of a certificate that the toolkit compares: of DNS, e-mail, addresses and URIs.
fn names(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
