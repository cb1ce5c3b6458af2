use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::handshake::{HandshakeError, Refusal, Shown};
use super::report::{Curable, Finding};
use super::speech::{days_until, ending};
use crate::config::{Site, Verification};
use crate::netbackup::{Certificate, TlsFault, Untrusted};

/// Time enough to have a certificate renewed.
const SOON: i64 = 30;

/// Why TLS does not work with a site.
#[derive(Debug, thiserror::Error)]
pub(super) enum Distrust {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Certificate(Box<Untrusted>),
    #[error("{why}")]
    Settings { why: String, leaf: Box<Certificate> },
    #[error("the certificate is not accepted: {}", fault.why)]
    Other { fault: TlsFault, leaf: Box<Certificate> },
}

impl Curable for Distrust {
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

/// What there is to say without TLS.
pub(super) fn without_tls(site: &Site) -> Finding {
    let host = site.endpoint.host().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if is_here {
        return Finding::passed("none: plain HTTP, which does not leave this host");
    }
    let cure = "set scheme: https, unless something before the server adds TLS";
    Finding::warned("none: the API key travels in the clear", cure)
}

/// What the handshake showed, and whether the exporter would go on.
pub(super) fn judge(
    site: &Site,
    shown: Result<Shown, HandshakeError>,
    now: Timestamp,
) -> Result<Finding, Distrust> {
    let shown = shown?;
    let leaf = Box::new(shown.chain.first().map(Certificate::read).unwrap_or_default());
    if let Err(refusal) = shown.verdict {
        return Err(distrust(refusal, leaf));
    }
    let days = days_until(leaf.ends, now);
    let mut said = protocol(shown.protocol);
    // Writing to a String can not fail.
    let _ = write!(
        said,
        ", {}; the certificate has {} and {}",
        basis(&site.verification),
        leaf.names_in_words(),
        ending(leaf.ends, now)
    );
    let mut finding = match site.verification {
        Verification::Off => {
            Finding::warned(said, format!("verify it; to trust this one and no other, {}", leaf.pin()))
        }
        Verification::Pinned(_) if days < SOON => Finding::warned(
            said,
            "a pin does not look at dates, but whoever renews the certificate must change certificateSha256",
        ),
        _ if days < SOON => Finding::warned(said, "have the server's certificate renewed"),
        _ => Finding::passed(said),
    };
    finding.details = details(&leaf);
    Ok(finding.with("protocol", protocol(shown.protocol)).with("certificates", shown.chain.len()))
}

/// `TLS 1.3` for `TLSv1_3`.
fn protocol(name: Option<&str>) -> String {
    name.unwrap_or("TLS").replace("TLSv", "TLS ").replace('_', ".")
}

fn distrust(refusal: Refusal, leaf: Box<Certificate>) -> Distrust {
    match refusal {
        Refusal::Settings(why) => Distrust::Settings { why: why.to_string(), leaf },
        Refusal::Certificate(error) => match Untrusted::of(&error) {
            Some(untrusted) => Distrust::Certificate(Box::new(untrusted.clone())),
            None => Distrust::Other { fault: TlsFault::of(&error), leaf },
        },
    }
}

fn basis(verification: &Verification) -> &'static str {
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
