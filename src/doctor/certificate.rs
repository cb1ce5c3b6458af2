//! What the handshake says of the server's certificate, and what helps.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::api::{days_until, ending};
use super::handshake::{HandshakeError, HandshakeOutcome, Refusal};
use super::report::{Curable, Finding};
use crate::config::{Site, Verification};
use crate::netbackup::{Certificate, TlsFault, Untrusted};

/// A certificate that ends within these days is a warning: time enough to renew it.
const WARN_DAYS: i64 = 30;

/// Why TLS does not work with a site.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Certificate(Box<Untrusted>),
    #[error("{why}")]
    Settings { why: String, leaf: Box<Certificate> },
    #[error("the certificate is not accepted: {}", fault.why)]
    Other { fault: TlsFault, leaf: Box<Certificate> },
}

impl Curable for CertificateError {
    fn details(&self) -> Map<String, Value> {
        match self {
            Self::Handshake(_) => Map::new(),
            Self::Certificate(untrusted) => details(&untrusted.certificate),
            Self::Settings { leaf, .. } | Self::Other { leaf, .. } => details(leaf),
        }
    }

    fn cure(&self) -> String {
        match self {
            Self::Handshake(HandshakeError::Timeout) => {
                "see what listens on this port: it takes connections and says nothing".to_owned()
            }
            Self::Handshake(HandshakeError::Failed(fault)) | Self::Other { fault, .. } => fault.cure.clone(),
            Self::Handshake(HandshakeError::Impossible(_)) | Self::Settings { .. } => {
                "correct the site's settings".to_owned()
            }
            Self::Certificate(untrusted) => untrusted.cure(),
        }
    }
}

/// The finding for a site without TLS.
pub(super) fn without_tls(site: &Site) -> Finding {
    if site.endpoint.is_loopback() {
        return Finding::passed("none: plain HTTP, which does not leave this host");
    }
    let cure = "set scheme: https, unless something before the server adds TLS";
    Finding::warned("none: the API key travels in the clear", cure)
}

/// Whether the exporter would accept what the handshake showed.
pub(super) fn judge(
    site: &Site,
    handshake: Result<HandshakeOutcome, HandshakeError>,
    now: Timestamp,
) -> Result<Finding, CertificateError> {
    let handshake = handshake?;
    let leaf = Box::new(handshake.chain.first().map(Certificate::read).unwrap_or_default());
    if let Err(refusal) = handshake.verdict {
        return Err(certificate_error(refusal, leaf));
    }
    let days = days_until(leaf.ends, now);
    let mut text = protocol(handshake.protocol);
    // Writing to a String can not fail.
    let _ = write!(
        text,
        ", {}; the certificate has {} and {}",
        verified_by(&site.verification),
        leaf.names_in_words(),
        ending(leaf.ends, now)
    );
    let mut finding = match site.verification {
        Verification::Off => {
            Finding::warned(text, format!("verify it; to trust this one and no other, {}", leaf.pin()))
        }
        Verification::Pinned(_) if days < WARN_DAYS => Finding::warned(
            text,
            "a pin does not look at dates, but whoever renews the certificate must change certificateSha256",
        ),
        _ if days < WARN_DAYS => Finding::warned(text, "have the server's certificate renewed"),
        _ => Finding::passed(text),
    };
    finding.details = details(&leaf);
    Ok(finding.with("protocol", protocol(handshake.protocol)).with("certificates", handshake.chain.len()))
}

/// `TLS 1.3` for `TLSv1_3`.
fn protocol(name: Option<&str>) -> String {
    name.unwrap_or("TLS").replace("TLSv", "TLS ").replace('_', ".")
}

fn certificate_error(refusal: Refusal, leaf: Box<Certificate>) -> CertificateError {
    match refusal {
        Refusal::Settings(why) => CertificateError::Settings { why: why.to_string(), leaf },
        Refusal::Certificate(error) => match Untrusted::of(&error) {
            Some(untrusted) => CertificateError::Certificate(Box::new(untrusted.clone())),
            None => CertificateError::Other { fault: TlsFault::of(&error), leaf },
        },
    }
}

fn verified_by(verification: &Verification) -> &'static str {
    match verification {
        Verification::SystemRoots => "trusted by the system's authorities",
        Verification::Roots(_) => "trusted by caFile",
        Verification::Pinned(_) => "the one of certificateSha256",
        Verification::Off => "not verified (insecureSkipVerify)",
    }
}

fn details(certificate: &Certificate) -> Map<String, Value> {
    let Value::Object(details) = json!({
        "issuer": certificate.issuer,
        "names": certificate.names,
        "notBefore": certificate.begins.to_string(),
        "notAfter": certificate.ends.to_string(),
        "certificateSha256": certificate.sha256,
    }) else {
        return Map::new();
    };
    details
}
