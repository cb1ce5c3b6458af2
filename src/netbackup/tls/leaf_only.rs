//! Verifies by the leaf certificate alone.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest as _, Sha256};
use webpki::RawPublicKeyEntity;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate::Certificate;
use super::provider::{ANY_KEY, LEAST_BITS, Schemes};
use super::rsa;
use super::signatures::signatures_by;
use super::untrusted::{Basis, Flaw, Untrusted};

/// Goes by the leaf certificate alone: its issuer, version, names and dates do not count. A server without the key of the
/// certificate is refused all the same, by the signature of the handshake.
#[derive(Debug)]
pub(super) struct LeafOnly {
    /// The digest that the leaf must have (`certificateSha256`); without one any leaf will do (`insecureSkipVerify`).
    pub(super) digest: Option<[u8; 32]>,
}

impl LeafOnly {
    fn handshake(&self) -> Handshake {
        let basis = if self.digest.is_some() { Basis::Pin } else { Basis::Nothing };
        Handshake { schemes: ANY_KEY, basis }
    }
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
        let certificate = Certificate::read(leaf);
        let flaw = Flaw::Pin(certificate.sha256.clone());
        Err(Untrusted::new(flaw, Basis::Pin, certificate).into_error())
    }

    signatures_by!(|own| own.handshake());
}

/// Checks the signature of a handshake with the key of the certificate, and nothing else of the certificate.
pub(super) struct Handshake {
    pub(super) schemes: Schemes,
    pub(super) basis: Basis,
}

impl Handshake {
    /// In TLS 1.2 a scheme does not fix the curve.
    pub(super) fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check(self.algorithms(signature.scheme), message, certificate, signature)
    }

    /// In TLS 1.3 it does, and PKCS #1 1.5 is not allowed.
    pub(super) fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        use SignatureScheme as Scheme;
        let algorithms = match signature.scheme {
            Scheme::RSA_PKCS1_SHA256 | Scheme::RSA_PKCS1_SHA384 | Scheme::RSA_PKCS1_SHA512 => &[],
            scheme => self.algorithms(scheme).get(..1).unwrap_or_default(),
        };
        self.check(algorithms, message, certificate, signature)
    }

    pub(super) fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.iter().map(|(scheme, _)| *scheme).collect()
    }

    fn algorithms(&self, scheme: SignatureScheme) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
        self.schemes.iter().find(|(known, _)| *known == scheme).map_or(&[], |(_, algorithms)| *algorithms)
    }

    fn check(
        &self,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let bad = rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| bad.clone())?;
        let info = SubjectPublicKeyInfoDer::from(parsed.public_key().raw);
        let key = RawPublicKeyEntity::try_from(&info).map_err(|_| bad)?;
        let mut fits = false;
        for algorithm in algorithms {
            match key.verify_signature(*algorithm, message, signature.signature()) {
                Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
                Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
                Err(_) => fits = true,
            }
        }
        let certificate = Certificate::read(certificate);
        // Where authorities vouch, a key must be large enough; elsewhere any size is accepted.
        let is_small = self.basis.has_authorities()
            && rsa::bits(&parsed.public_key().subject_public_key.data).is_some_and(|bits| bits < LEAST_BITS);
        let flaw = if fits && !is_small { Flaw::Signature } else { Flaw::Key(certificate.key.clone()) };
        Err(Untrusted::new(flaw, self.basis, certificate).into_error())
    }
}
