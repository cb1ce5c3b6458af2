use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::handshake::{HandshakeError, Refusal, Shown};
use super::report::{Curable, Finding};
use super::speech::{days_until, ending};
use crate::config::{Site, Verification};

/// Time enough to have a certificate renewed.
const SOON: i64 = 30;
/// More names of a certificate than this help nobody.
const MOST_NAMES: usize = 8;

/// What a certificate says of itself.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    issuer: String,
    names: Vec<String>,
    begins: Timestamp,
    ends: Timestamp,
    is_authority: bool,
    is_self_signed: bool,
    /// SHA-256 of the whole, as `certificateSha256` has it.
    digest: String,
}

/// Why TLS does not work with a site.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untrusted {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("the certificate is not valid any more: it ended on {}", date(leaf.ends))]
    Ended { leaf: Box<Leaf> },
    #[error("the certificate is not valid yet: it begins on {}", date(leaf.begins))]
    NotBegun { leaf: Box<Leaf> },
    #[error("the certificate is not for {wanted}: it has {}", names(leaf))]
    Name { wanted: String, leaf: Box<Leaf> },
    #[error(
        "the certificate is self-signed and calls itself an authority (CA:TRUE), which no server's may be"
    )]
    Authority { leaf: Box<Leaf> },
    #[error("the certificate is self-signed, and {by} do not name it")]
    SelfSigned { by: &'static str, leaf: Box<Leaf> },
    #[error("the certificate's issuer ({}) is unknown to {by}", leaf.issuer)]
    Issuer { by: &'static str, leaf: Box<Leaf> },
    #[error("the certificate is not the one of certificateSha256: it has {}", leaf.digest)]
    Pin { leaf: Box<Leaf> },
    #[error("{why}")]
    Settings { why: String, leaf: Box<Leaf> },
    #[error("the certificate is not accepted: {why}")]
    Other { why: String, leaf: Box<Leaf> },
}

impl Curable for Untrusted {
    fn details(&self) -> Map<String, Value> {
        match self {
            Self::Handshake(_) => Map::new(),
            Self::Ended { leaf }
            | Self::NotBegun { leaf }
            | Self::Name { leaf, .. }
            | Self::Authority { leaf }
            | Self::SelfSigned { leaf, .. }
            | Self::Issuer { leaf, .. }
            | Self::Pin { leaf }
            | Self::Settings { leaf, .. }
            | Self::Other { leaf, .. } => leaf.details(),
        }
    }

    fn cure(&self) -> String {
        match self {
            Self::Handshake(error) => of_handshake(error).to_owned(),
            Self::Ended { .. } => {
                "renew the server's certificate; or, for now, see that our clock is right".to_owned()
            }
            Self::NotBegun { .. } => "set the clocks of both hosts".to_owned(),
            Self::Name { leaf, .. } => format!(
                "set tlsServerName to one of the certificate's names{}, or host to it",
                leaf.names.first().map(|name| format!(" (tlsServerName: {name})")).unwrap_or_default()
            ),
            Self::Authority { leaf } => format!("pin it: {}", pin(leaf)),
            Self::SelfSigned { leaf, .. } => format!("give it as caFile, or pin it: {}", pin(leaf)),
            Self::Issuer { leaf, .. } => format!(
                "give the issuer's certificate as caFile (NetBackup's own: webRootCert of /security/cacert), or pin \
                 this one: {}",
                pin(leaf)
            ),
            Self::Pin { leaf } => format!("if the server's certificate was renewed, set {}", pin(leaf)),
            Self::Settings { leaf, .. } | Self::Other { leaf, .. } => {
                format!("see to that, or pin the certificate: {}", pin(leaf))
            }
        }
    }
}

fn of_handshake(error: &HandshakeError) -> &'static str {
    match error {
        HandshakeError::Timeout => "see what listens on this port: it takes connections and says nothing",
        HandshakeError::NotTls => {
            "see that the port is NetBackup's (1556), or set scheme: http if TLS ends before it"
        }
        HandshakeError::Failed(_) => {
            "see that the server offers TLS 1.2 or 1.3 and asks for no client certificate, and that nothing on the way \
             breaks the connection"
        }
    }
}

fn pin(leaf: &Leaf) -> String {
    format!("certificateSha256: {} (first compare it with the one on the primary server)", leaf.digest)
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
) -> Result<Finding, Untrusted> {
    let shown = shown?;
    let leaf = Box::new(shown.chain.first().and_then(Leaf::read).unwrap_or_default());
    if let Err(refusal) = shown.verdict {
        return Err(untrusted(site, refusal, leaf));
    }
    let days = days_until(leaf.ends, now);
    let mut said = protocol(shown.protocol);
    // Writing to a String can not fail.
    let _ = write!(
        said,
        ", {}; the certificate has {} and {}",
        basis(&site.verification),
        names(&leaf),
        ending(leaf.ends, now)
    );
    let mut finding = match site.verification {
        Verification::Off => {
            Finding::warned(said, format!("verify it; to trust this one and no other, {}", pin(&leaf)))
        }
        Verification::Pinned(_) if days < SOON => Finding::warned(
            said,
            "a pin does not look at dates, but whoever renews the certificate must change certificateSha256",
        ),
        _ if days < SOON => Finding::warned(said, "have the server's certificate renewed"),
        _ => Finding::passed(said),
    };
    finding.details = leaf.details();
    Ok(finding.with("protocol", protocol(shown.protocol)).with("certificates", shown.chain.len()))
}

/// `TLS 1.3` for `TLSv1_3`.
fn protocol(name: Option<&str>) -> String {
    name.unwrap_or("TLS").replace("TLSv", "TLS ").replace('_', ".")
}

fn untrusted(site: &Site, refusal: Refusal, leaf: Box<Leaf>) -> Untrusted {
    use CertificateError as Bad;
    let error = match refusal {
        Refusal::Settings(why) => return Untrusted::Settings { why: why.to_string(), leaf },
        Refusal::Certificate(error) => error,
    };
    let by = basis_of_trust(&site.verification);
    match error {
        _ if matches!(site.verification, Verification::Pinned(_)) => Untrusted::Pin { leaf },
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => Untrusted::Ended { leaf },
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => Untrusted::NotBegun { leaf },
            _ if leaf.is_authority && leaf.is_self_signed => Untrusted::Authority { leaf },
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                let wanted = site.tls_server_name.as_deref().unwrap_or(site.endpoint.host());
                Untrusted::Name { wanted: wanted.to_owned(), leaf }
            }
            Bad::UnknownIssuer if leaf.is_self_signed => Untrusted::SelfSigned { by, leaf },
            Bad::UnknownIssuer => Untrusted::Issuer { by, leaf },
            other => Untrusted::Other { why: rustls::Error::InvalidCertificate(other).to_string(), leaf },
        },
        other => Untrusted::Other { why: other.to_string(), leaf },
    }
}

fn basis_of_trust(verification: &Verification) -> &'static str {
    if matches!(verification, Verification::Roots(_)) {
        "the authorities of caFile"
    } else {
        "the system's authorities"
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

fn names(leaf: &Leaf) -> String {
    let shown = leaf.names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match leaf.names.len() {
        0 => "no names".to_owned(),
        all if all > MOST_NAMES => format!("the names {shown} and {} more", all - MOST_NAMES),
        1 => format!("the name {shown}"),
        _ => format!("the names {shown}"),
    }
}

fn date(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

impl Leaf {
    fn details(&self) -> Map<String, Value> {
        let Value::Object(details) = json!({
            "issuer": self.issuer,
            "names": self.names,
            "notBefore": self.begins.to_string(),
            "notAfter": self.ends.to_string(),
            "certificateSha256": self.digest,
        }) else {
            return Map::new();
        };
        details
    }

    fn read(der: &CertificateDer<'static>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let moment = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
        let validity = certificate.validity();
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names: BTreeSet<String> =
            alternative.iter().flat_map(|names| &names.value.general_names).filter_map(name).collect();
        Some(Self {
            issuer: certificate.issuer().to_string(),
            names: names.into_iter().collect(),
            begins: moment(validity.not_before.timestamp()),
            ends: moment(validity.not_after.timestamp()),
            is_authority: certificate.is_ca(),
            is_self_signed: certificate.issuer() == certificate.subject(),
            digest: hex(&Sha256::digest(der)),
        })
    }
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
