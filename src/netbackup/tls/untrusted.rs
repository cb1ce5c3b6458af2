//! Why a certificate is not accepted, and what to do about it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, OtherError};

use super::certificate::Certificate;

/// Why a server's certificate is not accepted, in words that are the same at every attempt, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{flaw}")]
pub(crate) struct Untrusted {
    flaw: Flaw,
    basis: Basis,
    /// The server's certificate.
    pub certificate: Box<Certificate>,
}

/// What a certificate is verified by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    System,
    CaFile,
    Pin,
    Nothing,
}

impl Basis {
    pub(super) fn has_authorities(self) -> bool {
        matches!(self, Self::System | Self::CaFile)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::System => "the system's authorities",
            Self::CaFile => "the authorities of caFile",
            Self::Pin => "certificateSha256",
            Self::Nothing => "nobody",
        })
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("the certificate is X.509 version 1, which has no subjectAltName")]
    Version1,
    #[error("the certificate has no subjectAltName")]
    NoNames,
    #[error("the certificate is not for {wanted}: it has {has}")]
    Name { wanted: String, has: String },
    #[error("the certificate is not valid any more: it ended on {}", date(*.0))]
    Ended(Timestamp),
    #[error("the certificate is not valid yet: it begins on {}", date(*.0))]
    NotBegun(Timestamp),
    #[error("the certificate is signed with {0}")]
    Weak(&'static str),
    #[error("an authority in between ({0}) has a certificate that {1}")]
    Authority(String, String),
    #[error("the certificate is not made for servers: its extendedKeyUsage lacks serverAuth")]
    Usage,
    #[error("the certificate is self-signed, and {by} do not name it")]
    SelfSigned { by: Basis },
    #[error("the certificate's issuer ({issuer}) is unknown to {by}")]
    Issuer { by: Basis, issuer: String },
    #[error("the certificate is not signed by the {issuer} that is among {by}: that one has another key")]
    OtherKey { by: Basis, issuer: String },
    #[error("the certificate is not the one of certificateSha256: it has {0}")]
    Pin(String),
    #[error("the certificate has {0}, which is not taken")]
    Key(String),
    #[error("the server does not hold the key of its certificate: the handshake's signature is wrong")]
    Signature,
    #[error("the system has no certificate authorities ({0})")]
    NoAuthorities(String),
    #[error("the certificate is not accepted: {0}")]
    Other(String),
}

impl Untrusted {
    pub(super) fn new(flaw: Flaw, basis: Basis, certificate: Certificate) -> Self {
        Self { flaw, basis, certificate: Box::new(certificate) }
    }

    /// What to do about it.
    pub(crate) fn cure(&self) -> String {
        let certificate = &self.certificate;
        let pin = certificate.pin();
        match &self.flaw {
            Flaw::Version1 => {
                format!(
                    "have one of version 3 issued with the host's name as subjectAltName, or pin this one: {pin}"
                )
            }
            Flaw::NoNames => {
                format!("have one issued with the host's name as subjectAltName, or pin this one: {pin}")
            }
            Flaw::Name { .. } => format!(
                "set tlsServerName to one of the certificate's names{}, or host to it",
                certificate.names.first().map(|name| format!(" (tlsServerName: {name})")).unwrap_or_default()
            ),
            Flaw::Ended(_) => {
                "renew the server's certificate; or, for now, see that our clock is right".to_owned()
            }
            Flaw::NotBegun(_) => "set the clocks of both hosts".to_owned(),
            Flaw::Weak(_) => format!("have it issued anew, signed with SHA-256, or pin it: {pin}"),
            Flaw::Authority(..) => format!(
                "have that authority's certificate issued anew and let the server send it, or pin the server's: {pin}"
            ),
            Flaw::Usage => format!("have one issued for servers, or pin this one: {pin}"),
            Flaw::SelfSigned { by: Basis::CaFile } => format!("add it to caFile, or pin it: {pin}"),
            Flaw::SelfSigned { .. } => format!("give it as caFile, or pin it: {pin}"),
            Flaw::Issuer { by: Basis::CaFile, .. } | Flaw::OtherKey { by: Basis::CaFile, .. } => format!(
                "add the issuer's certificate to caFile (NetBackup's own: webRootCert of /security/cacert), or pin \
                 this one: {pin}"
            ),
            Flaw::Issuer { .. } | Flaw::OtherKey { .. } => format!(
                "give the issuer's certificate as caFile (NetBackup's own: webRootCert of /security/cacert), or pin \
                 this one: {pin}"
            ),
            Flaw::Pin(_) => format!("if the server's certificate was renewed, set {pin}"),
            Flaw::Key(_) => {
                "give the server a key of RSA with 2048 bits or more, or of ECDSA on P-256 or P-384"
                    .to_owned()
            }
            Flaw::Signature => {
                "see who answers at this address: it shows a certificate of another".to_owned()
            }
            Flaw::NoAuthorities(_) => {
                format!("install them, set SSL_CERT_FILE, give caFile, or pin the certificate: {pin}")
            }
            Flaw::Other(_) => format!("see to that, or pin the certificate: {pin}"),
        }
    }

    /// The error that a verifier can return.
    pub(super) fn into_error(self) -> rustls::Error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }

    /// Finds it again in what the TLS library answers.
    pub(crate) fn of(error: &rustls::Error) -> Option<&Self> {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
            _ => None,
        }
    }

    /// What the refusal of a chain means for these certificates.
    pub(super) fn of_refusal(
        refusal: &CertificateError,
        chain: &[&CertificateDer<'_>],
        basis: Basis,
        wanted: &ServerName<'_>,
        now: Timestamp,
    ) -> Self {
        let mut chain = chain.iter().map(|der| Certificate::read(der));
        let leaf = chain.next().unwrap_or_default();
        let authorities: Vec<Certificate> = chain.filter(|authority| !authority.is_self_signed).collect();
        // The rest was checked all the same, and no authority vouches for it.
        let refusal = if is_authority(refusal) { &CertificateError::UnknownIssuer } else { refusal };
        let flaw = flaw(refusal, &leaf, &authorities, basis, wanted, now);
        Self::new(flaw, basis, leaf)
    }
}

fn is_authority(refusal: &CertificateError) -> bool {
    match refusal {
        CertificateError::Other(other) => {
            matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

fn flaw(
    refusal: &CertificateError,
    leaf: &Certificate,
    authorities: &[Certificate],
    basis: Basis,
    wanted: &ServerName<'_>,
    now: Timestamp,
) -> Flaw {
    use CertificateError as Bad;
    if leaf.is_version_1 {
        return Flaw::Version1;
    }
    if leaf.ends < now {
        return Flaw::Ended(leaf.ends);
    }
    if leaf.begins > now {
        return Flaw::NotBegun(leaf.begins);
    }
    if matches!(refusal, Bad::NotValidForName | Bad::NotValidForNameContext { .. }) {
        return match leaf.names.len() {
            0 => Flaw::NoNames,
            _ => Flaw::Name { wanted: wanted.to_str().into_owned(), has: leaf.names_in_words() },
        };
    }
    if let Some(digest) = leaf.weak_digest.filter(|_| !leaf.is_self_signed) {
        return Flaw::Weak(digest);
    }
    for authority in authorities {
        let which = authority.subject.clone();
        if authority.is_version_1 {
            return Flaw::Authority(which, "is X.509 version 1".to_owned());
        }
        if authority.ends < now {
            return Flaw::Authority(which, format!("ended on {}", date(authority.ends)));
        }
        if let Some(digest) = authority.weak_digest {
            return Flaw::Authority(which, format!("is signed with {digest}"));
        }
        if !authority.is_for_servers {
            return Flaw::Authority(which, "may not vouch for servers (extendedKeyUsage)".to_owned());
        }
    }
    match refusal {
        _ if !leaf.is_for_servers => Flaw::Usage,
        _ if leaf.names.is_empty() => Flaw::NoNames,
        Bad::UnknownIssuer | Bad::BadSignature if leaf.is_self_signed => Flaw::SelfSigned { by: basis },
        Bad::UnknownIssuer => Flaw::Issuer { by: basis, issuer: leaf.issuer.clone() },
        Bad::BadSignature if authorities.is_empty() => {
            Flaw::OtherKey { by: basis, issuer: leaf.issuer.clone() }
        }
        other => Flaw::Other(words(other)),
    }
}

/// What the library's refusals mean; its own words show bytes.
fn words(refusal: &CertificateError) -> String {
    use CertificateError as Bad;
    match refusal {
        Bad::BadEncoding => "it, or one sent along, can not be read",
        Bad::BadSignature => "a signature in the chain is wrong, or of a key that is too small",
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "a signature in the chain is of a kind that we do not know"
        }
        Bad::Other(other) => return of_webpki(other),
        _ => "its chain of authorities does not hold",
    }
    .to_owned()
}

fn of_webpki(other: &OtherError) -> String {
    match other.0.downcast_ref() {
        Some(webpki::Error::PathLenConstraintViolated) => {
            "there are more authorities in between than one allows"
        }
        Some(webpki::Error::NameConstraintViolation) => "an authority may not vouch for this name",
        Some(webpki::Error::UnsupportedCriticalExtension) => {
            "it, or one sent along, has a critical extension that only its issuer understands"
        }
        Some(webpki::Error::EndEntityUsedAsCa) => "one that is no authority has signed another",
        Some(
            webpki::Error::MaximumSignatureChecksExceeded | webpki::Error::MaximumPathBuildCallsExceeded,
        ) => "its chain of authorities has no end",
        _ => "its chain of authorities does not hold",
    }
    .to_owned()
}

fn date(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}
