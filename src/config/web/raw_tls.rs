//! The section `tls_server_config` as it is written.

use rustls::crypto::ring::default_provider;
use rustls::{CipherSuite, NamedGroup};

use super::super::report::quoted;
use super::super::tree::{Node, TextPosition};
use super::reader::{Placed, WebReader};

/// The names that Go has for them, as of Go 1.26.
const SUITES: [(&str, CipherSuite); 13] = [
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

const CURVES: [(&str, NamedGroup); 4] = [
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("CurveP521", NamedGroup::secp521r1),
    ("X25519", NamedGroup::X25519),
];

/// The minor number of each version's name on the wire tells their order.
const VERSIONS: [(&str, u8); 4] = [("TLS10", 0), ("TLS11", 1), ("TLS12", 2), ("TLS13", 3)];
pub(super) const TLS12: u8 = 2;
pub(super) const TLS13: u8 = 3;

const KEYS: [&str; 13] = [
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "cipher_suites",
    "curve_preferences",
    "min_version",
    "max_version",
    "prefer_server_cipher_suites",
    "client_allowed_sans",
];

/// The section as it is written. It holds a key, so it has no `Debug`.
#[derive(Default)]
pub(super) struct RawTls {
    pub(super) position: TextPosition,
    pub(super) is_given: bool,
    pub(super) cert: Placed<String>,
    pub(super) key: Placed<String>,
    pub(super) client_ca: Placed<String>,
    pub(super) cert_file: Placed<String>,
    pub(super) key_file: Placed<String>,
    pub(super) client_ca_file: Placed<String>,
    pub(super) client_auth: Placed<String>,
    pub(super) suites: Option<Vec<CipherSuite>>,
    pub(super) curves: Option<Vec<NamedGroup>>,
    pub(super) least: Option<Placed<u8>>,
    pub(super) most: Option<Placed<u8>>,
    pub(super) allowed_sans: Option<Placed<Vec<String>>>,
}

impl RawTls {
    pub(super) fn read(node: &Node, reader: &mut WebReader) -> Self {
        let entries = reader.section(node, &KEYS);
        reader.key(entries, "prefer_server_cipher_suites", WebReader::flag);
        let mut text = |key| reader.key(entries, key, WebReader::text);
        let [cert, key, client_ca] = ["cert", "key", "client_ca"].map(&mut text);
        let [cert_file, key_file, client_ca_file] =
            ["cert_file", "key_file", "client_ca_file"].map(&mut text);
        Self {
            position: node.position,
            is_given: !entries.is_empty(),
            cert,
            key,
            client_ca,
            cert_file,
            key_file,
            client_ca_file,
            client_auth: text("client_auth_type"),
            suites: reader.key(entries, "cipher_suites", suites),
            curves: reader.key(entries, "curve_preferences", curves),
            least: reader.key(entries, "min_version", version),
            most: reader.key(entries, "max_version", version),
            allowed_sans: reader.key(entries, "client_allowed_sans", |reader, node| {
                let value = reader.texts(node)?.into_iter().map(|name| name.value).collect();
                Some(Placed { position: node.position, value })
            }),
        }
    }

    /// Whether TLS is asked for, as the toolkit sees it.
    pub(super) fn is_enabled(&self) -> bool {
        [
            &self.cert,
            &self.key,
            &self.client_ca,
            &self.cert_file,
            &self.key_file,
            &self.client_ca_file,
            &self.client_auth,
        ]
        .iter()
        .any(|text| !text.value.is_empty())
    }
}

fn suites(reader: &mut WebReader, node: &Node) -> Option<Vec<CipherSuite>> {
    let has = default_provider().cipher_suites;
    let suites = words(reader, node, &SUITES, "cipher suite", &|suite| {
        let is_known = has.iter().any(|known| known.suite() == suite);
        (!is_known).then_some("this program does not have this cipher suite: it is never chosen")
    })?;
    Some(suites).filter(|suites| !suites.is_empty())
}

fn curves(reader: &mut WebReader, node: &Node) -> Option<Vec<NamedGroup>> {
    let has = default_provider().kx_groups;
    let curves = words(reader, node, &CURVES, "curve", &|curve| {
        let is_known = has.iter().any(|known| known.name() == curve);
        (!is_known).then_some("this program does not have this curve: it is never chosen")
    })?;
    Some(curves).filter(|curves| !curves.is_empty())
}

/// A list of words that stand for something; `lacks` says what is to be said of one that we do not have.
fn words<T: Copy>(
    reader: &mut WebReader,
    node: &Node,
    known: &[(&str, T)],
    what: &str,
    lacks: &dyn Fn(T) -> Option<&'static str>,
) -> Option<Vec<T>> {
    let mut found = Vec::new();
    for word in reader.texts(node)? {
        let Some((_, value)) = known.iter().find(|(name, _)| *name == word.value) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message = format!("unknown {what} {}; known are {}", quoted(&word.value), names.join(", "));
            reader.violation(word.position, message);
            continue;
        };
        if let Some(message) = lacks(*value) {
            reader.warning(word.position, message);
        }
        found.push(*value);
    }
    Some(found)
}

fn version(reader: &mut WebReader, node: &Node) -> Option<Placed<u8>> {
    let Placed { position, value: word } = reader.text(node);
    if word.is_empty() && node.is_plain {
        return None;
    }
    let known = VERSIONS.iter().find(|(name, _)| *name == word);
    if known.is_none() {
        let names = VERSIONS.map(|(name, _)| name).join(", ");
        reader.violation(position, format!("unknown version of TLS {}; known are {names}", quoted(&word)));
    }
    known.map(|(_, value)| Placed { position, value: *value })
}
