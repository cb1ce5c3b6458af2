//! What a certificate says of itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Version};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::rsa;

/// What a certificate says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The names and addresses of its `subjectAltName`.
    pub names: Vec<String>,
    /// The first moment of its validity.
    pub begins: Timestamp,
    /// The last one.
    pub ends: Timestamp,
    /// Whether its own key signed it, as far as names tell.
    pub is_self_signed: bool,
    /// SHA-256 of the whole, as `certificateSha256` has it.
    pub sha256: String,
    /// Whether it is X.509 version 1, which has no extensions.
    pub(super) is_version_1: bool,
    /// The hash of its signature, if that is one that nobody accepts any more.
    pub(super) weak_digest: Option<&'static str>,
    /// Its key in words.
    pub(super) key: String,
    /// Whether it may be a server's: its `extendedKeyUsage` says so, or there is none.
    pub(super) is_for_servers: bool,
}

impl Certificate {
    /// Reads what can be read; a certificate that can not has its digest only.
    pub(crate) fn read(der: &CertificateDer<'_>) -> Self {
        let sha256 = hex(&Sha256::digest(der));
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Self { sha256, ..Self::default() };
        };
        let moment = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
        let validity = certificate.validity();
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names: BTreeSet<String> =
            alternative.iter().flat_map(|names| &names.value.general_names).filter_map(name).collect();
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.into_iter().collect(),
            begins: moment(validity.not_before.timestamp()),
            ends: moment(validity.not_after.timestamp()),
            is_self_signed: certificate.issuer() == certificate.subject(),
            sha256,
            is_version_1: certificate.version() == X509Version::V1,
            weak_digest: weak_digest(&certificate.signature_algorithm.algorithm.to_id_string()),
            key: key(certificate.public_key()),
            is_for_servers: is_for_servers(&certificate),
        }
    }
}

/// More names of a certificate than this help nobody.
const MOST_NAMES: usize = 8;

impl Certificate {
    /// Its names, as a sentence goes on with them.
    pub(crate) fn names_in_words(&self) -> String {
        let shown = self.names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.names.len() {
            0 => "no names".to_owned(),
            all if all > MOST_NAMES => format!("the names {shown} and {} more", all - MOST_NAMES),
            1 => format!("the name {shown}"),
            _ => format!("the names {shown}"),
        }
    }

    /// The line of the configuration that pins it.
    pub(crate) fn pin(&self) -> String {
        format!("certificateSha256: {} (first compare it with the one on the primary server)", self.sha256)
    }
}

/// Whether its `extendedKeyUsage` lets it be a server's.
pub(super) fn is_for_servers(certificate: &X509Certificate<'_>) -> bool {
    certificate
        .extended_key_usage()
        .is_ok_and(|usage| usage.is_none_or(|usage| usage.value.any || usage.value.server_auth))
}

/// Those kinds of names that a server is found by.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|b| std::net::IpAddr::from(b).to_string())).ok()
        }
        _ => None,
    }
}

fn weak_digest(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.113549.1.1.2" => "MD2",
        "1.2.840.113549.1.1.4" => "MD5",
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.29" | "1.2.840.10040.4.3" => "SHA-1",
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => "SHA-224",
        _ => return None,
    })
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    match info.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => match rsa::bits(&info.subject_public_key.data) {
            Some(bits) => format!("an RSA key of {bits} bits"),
            None => "an RSA key that can not be read".to_owned(),
        },
        "1.2.840.10045.2.1" => {
            let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            match curve.and_then(|curve| self::curve(&curve.to_id_string())) {
                Some(curve) => format!("an ECDSA key on the curve {curve}"),
                None => "an ECDSA key on another curve than P-256, P-384 and P-521".to_owned(),
            }
        }
        "1.3.101.112" => "an Ed25519 key".to_owned(),
        "1.3.101.113" => "an Ed448 key".to_owned(),
        "1.2.840.10040.4.1" => "a DSA key".to_owned(),
        "2.16.840.1.101.3.4.3.17" | "2.16.840.1.101.3.4.3.18" | "2.16.840.1.101.3.4.3.19" => {
            "an ML-DSA key".to_owned()
        }
        _ => "a key of an unknown kind".to_owned(),
    }
}

fn curve(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.33" => "P-224",
        "1.2.840.10045.3.1.7" => "P-256",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
