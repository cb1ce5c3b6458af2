//! The section `tls_server_config`.

use std::path::Path;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, NamedGroup};

use super::super::Files;
use super::super::report::quoted;
use super::raw_tls::{RawTls, TLS12, TLS13};
use super::reader::{Placed, WebReader};
use crate::certificate::{PairError, ServingPair, authorities};

/// What our side of TLS is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WebTls {
    /// The certificate that clients are shown.
    pub pair: ServingPair,
    /// What clients have to meet.
    pub demands: TlsDemands,
}

/// What a client has to meet. Where that changes, connections that are open begin anew.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TlsDemands {
    /// Whether a client shows a certificate.
    pub client_auth: ClientAuth,
    /// Who vouches for it.
    pub client_authorities: ClientAuthorities,
    /// Which of its names are let in; any where it is not given.
    pub allowed_sans: Option<Vec<String>>,
    /// Whether TLS 1.2 is spoken.
    pub tls12: bool,
    /// Whether TLS 1.3 is spoken.
    pub tls13: bool,
    /// Those of TLS 1.2; all that there are where it is not given.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// In the order of preference; all that there are where it is not given.
    pub curves: Option<Vec<NamedGroup>>,
}

/// Whether a client shows a certificate. The names are Go's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// It is not asked for one.
    None,
    /// It may show any.
    Request,
    /// It must show any.
    RequireAny,
    /// It may show one, which is verified.
    VerifyIfGiven,
    /// It must show one, which is verified.
    RequireAndVerify,
}

/// Who vouches for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuthorities {
    /// Those that the system trusts.
    System,
    /// These; nobody is vouched for where there is none.
    These(Vec<CertificateDer<'static>>),
}

/// The files that a web config names.
pub(super) struct NamedFiles<'a> {
    pub(super) directory: &'a Path,
    pub(super) files: &'a Files,
}

/// What the section asks for; `None` if that is not TLS, or if there is a violation.
pub(super) fn valid(raw: &RawTls, named: &NamedFiles<'_>, reader: &mut WebReader) -> Option<WebTls> {
    reader.at("tls_server_config", |reader| {
        if !raw.is_enabled() {
            if raw.is_given {
                reader.warning(raw.position, "names no certificate, so everything is served in the clear");
            }
            return None;
        }
        let pair = pair(raw, named, reader);
        let demands = demands(raw, named, reader);
        Some(WebTls { pair: pair?, demands: demands? })
    })
}

fn pair(raw: &RawTls, named: &NamedFiles<'_>, reader: &mut WebReader) -> Option<ServingPair> {
    let certificate = either(raw, ("cert", &raw.cert), ("cert_file", &raw.cert_file), named, reader);
    let key = either(raw, ("key", &raw.key), ("key_file", &raw.key_file), named, reader)
        .map(|key| Placed { position: key.position, value: zeroize::Zeroizing::new(key.value) });
    let (certificate, key) = (certificate?, key?);
    match ServingPair::read(&certificate.value, &key.value) {
        Ok(pair) => Some(pair),
        Err(error) => {
            let position = if error == PairError::Certificate { certificate.position } else { key.position };
            reader.violation(position, error.to_string());
            None
        }
    }
}

/// A text that stands in the file, or in one that it names, which wins.
fn either(
    raw: &RawTls,
    (key, inline): (&str, &Placed<String>),
    (file_key, path): (&str, &Placed<String>),
    named: &NamedFiles<'_>,
    reader: &mut WebReader,
) -> Option<Placed<Vec<u8>>> {
    match (inline.value.is_empty(), path.value.is_empty()) {
        (true, true) => {
            reader.violation(raw.position, format!("needs one of {key} and {file_key}"));
            None
        }
        (false, true) => Some(Placed { position: inline.position, value: inline.value.clone().into_bytes() }),
        (is_empty, false) => {
            if !is_empty {
                reader.warning(inline.position, format!("{key} is not used, since {file_key} wins"));
            }
            let bytes = named.content(path, file_key, reader)?;
            Some(Placed { position: path.position, value: bytes.to_vec() })
        }
    }
}

impl NamedFiles<'_> {
    fn content(&self, path: &Placed<String>, key: &str, reader: &mut WebReader) -> Option<&[u8]> {
        let problem = match self.files.get(&self.directory.join(&path.value)) {
            Some(Ok(bytes)) => return Some(bytes),
            Some(Err(problem)) => problem.to_string(),
            None => "it was not read".to_owned(),
        };
        let file = quoted(&path.value);
        reader.at(key, |reader| reader.violation(path.position, format!("the file {file}: {problem}")));
        None
    }
}

fn demands(raw: &RawTls, named: &NamedFiles<'_>, reader: &mut WebReader) -> Option<TlsDemands> {
    let client_auth = client_auth(&raw.client_auth, reader);
    let client_authorities = client_authorities(raw, named, reader);
    let (tls12, tls13) = versions(raw, reader)?;
    let (client_auth, client_authorities) = (client_auth?, client_authorities?);
    if client_auth == ClientAuth::None && client_authorities != ClientAuthorities::System {
        let message = "client CAs without a client_auth_type have no effect; say RequireAndVerifyClientCert";
        reader.violation(raw.position, message);
    }
    if let Some(names) = &raw.allowed_sans {
        let message = match client_auth {
            ClientAuth::None => Some("client_allowed_sans has no effect without a client_auth_type"),
            ClientAuth::Request | ClientAuth::RequireAny => Some(
                "client_allowed_sans protects nothing where certificates are not verified: anybody can make one",
            ),
            _ if names.value.is_empty() => Some("an empty client_allowed_sans lets nobody in"),
            _ => None,
        };
        if let Some(message) = message {
            reader.warning(names.position, message);
        }
    }
    let are_served =
        |known: &CipherSuite| default_provider().cipher_suites.iter().any(|suite| suite.suite() == *known);
    let is_tls12 = |suite: &&CipherSuite| !format!("{suite:?}").starts_with("TLS13");
    let suites = raw.suites.as_ref();
    let has_tls12 = suites.is_none_or(|suites| suites.iter().filter(is_tls12).any(are_served));
    if !tls13 && !has_tls12 {
        reader.violation(
            raw.position,
            "none of cipher_suites is there for TLS 1.2, and max_version excludes TLS 1.3",
        );
    }
    let has = default_provider().kx_groups;
    if raw
        .curves
        .as_ref()
        .is_some_and(|curves| !curves.iter().any(|curve| has.iter().any(|known| known.name() == *curve)))
    {
        reader.violation(
            raw.position,
            "this program has none of curve_preferences; add X25519, CurveP256 or CurveP384",
        );
    }
    Some(TlsDemands {
        client_auth,
        client_authorities,
        allowed_sans: raw.allowed_sans.as_ref().map(|names| names.value.clone()),
        tls12: tls12 && has_tls12,
        tls13,
        cipher_suites: raw.suites.clone(),
        curves: raw.curves.clone(),
    })
}

fn client_auth(word: &Placed<String>, reader: &mut WebReader) -> Option<ClientAuth> {
    Some(match word.value.as_str() {
        "" | "NoClientCert" => ClientAuth::None,
        "RequestClientCert" => ClientAuth::Request,
        // The older name.
        "RequireAnyClientCert" | "RequireClientCert" => ClientAuth::RequireAny,
        "VerifyClientCertIfGiven" => ClientAuth::VerifyIfGiven,
        "RequireAndVerifyClientCert" => ClientAuth::RequireAndVerify,
        other => {
            let known = "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven and RequireAndVerifyClientCert";
            let message = format!("unknown client_auth_type {}; known are {known}", quoted(other));
            reader.violation(word.position, message);
            return None;
        }
    })
}

fn client_authorities(
    raw: &RawTls,
    named: &NamedFiles<'_>,
    reader: &mut WebReader,
) -> Option<ClientAuthorities> {
    let (inline, path) = (&raw.client_ca, &raw.client_ca_file);
    let (position, found) = if !path.value.is_empty() {
        if !inline.value.is_empty() {
            reader.warning(inline.position, "client_ca is not used, since client_ca_file wins");
        }
        (path.position, authorities(named.content(path, "client_ca_file", reader)?))
    } else if !inline.value.is_empty() {
        (inline.position, authorities(inline.value.as_bytes()))
    } else {
        return Some(ClientAuthorities::System);
    };
    if found.is_empty() {
        reader.warning(position, "holds no certificate in PEM form: no client's certificate is verified");
    }
    Some(ClientAuthorities::These(found))
}

/// Whether TLS 1.2 and TLS 1.3 are spoken.
fn versions(raw: &RawTls, reader: &mut WebReader) -> Option<(bool, bool)> {
    let least = raw.least.as_ref().map_or(TLS12, |version| version.value);
    let most = raw.most.as_ref().map_or(TLS13, |version| version.value);
    if let Some(version) = raw.least.as_ref().filter(|version| version.value < TLS12) {
        reader.warning(version.position, "versions of TLS before 1.2 are never spoken");
    }
    let (tls12, tls13) = ((least..=most).contains(&TLS12), (least..=most).contains(&TLS13));
    if !tls12 && !tls13 {
        let position =
            raw.most.as_ref().or(raw.least.as_ref()).map_or(raw.position, |version| version.position);
        reader.violation(position, "no version of TLS remains; this program speaks TLS 1.2 and TLS 1.3");
        return None;
    }
    Some((tls12, tls13))
}
