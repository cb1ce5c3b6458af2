//! A server with any key: those too that the TLS library signs nothing with.

use std::sync::{Arc, LazyLock};

use num_bigint::BigUint;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::ServerSessionMemoryCache;
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, Error, HandshakeKind, NamedGroup, ServerConfig, ServerConnection,
    SignatureAlgorithm, SignatureScheme as Scheme, version,
};
use x509_parser::asn1_rs::{Any, FromDer as _};

use super::super::hash::HashAlgorithm;
use super::super::{provider, rsa};
use super::{Chain, NAME};

pub(super) const PKCS1: [Scheme; 3] =
    [Scheme::RSA_PKCS1_SHA256, Scheme::RSA_PKCS1_SHA384, Scheme::RSA_PKCS1_SHA512];

/// It would resume what a client asks for.
static SESSIONS: LazyLock<Arc<ServerSessionMemoryCache>> =
    LazyLock::new(|| ServerSessionMemoryCache::new(32));

/// How the server shakes hands.
pub(super) struct Hands {
    pub(super) tls13: bool,
    pub(super) scheme: Scheme,
    pub(super) groups: Option<NamedGroup>,
    /// PEM of a key that is not the certificate's.
    pub(super) key_of: Option<Vec<u8>>,
}

/// Shakes hands; the client's error, if it has one.
pub(super) fn shake(chain: &Chain, client: Arc<ClientConfig>, hands: &Hands) -> Result<HandshakeKind, Error> {
    let key = PrivateKeyDer::from_pem_slice(hands.key_of.as_ref().unwrap_or(&chain.pem)).unwrap();
    let key = Arc::new(Key { key, scheme: hands.scheme });
    let identity = CertifiedKey::new(chain.certificates.clone(), key);
    let mut provider = Arc::unwrap_or_clone(provider::provider());
    provider.kx_groups.retain(|group| hands.groups.is_none_or(|only| group.name() == only));
    let version = if hands.tls13 { &version::TLS13 } else { &version::TLS12 };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.session_storage = SESSIONS.clone();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    let mut client = ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap();
    let mut at_server = Ok(());
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            at_server = at_server.and(server.process_new_packets().map(drop));
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking(), "{at_server:?}");
    Ok(client.handshake_kind().unwrap())
}

/// A key of any size, and the one scheme that it signs with.
#[derive(Debug)]
struct Key {
    key: PrivateKeyDer<'static>,
    scheme: Scheme,
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self { key: self.key.clone_key(), scheme: self.scheme }
    }
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[Scheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.scheme).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.scheme {
            Scheme::ED25519 => SignatureAlgorithm::ED25519,
            Scheme::ECDSA_NISTP256_SHA256 | Scheme::ECDSA_NISTP384_SHA384 | Scheme::ECDSA_NISTP521_SHA512 => {
                SignatureAlgorithm::ECDSA
            }
            _ => SignatureAlgorithm::RSA,
        }
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let inner = contents(self.key.secret_der());
        Ok(match self.scheme {
            Scheme::ECDSA_NISTP521_SHA512 => {
                use p521::ecdsa::signature::hazmat::PrehashSigner as _;
                let key = p521::ecdsa::SigningKey::from_slice(&integers(&inner)[1]).unwrap();
                let signature: p521::ecdsa::Signature =
                    key.sign_prehash(&HashAlgorithm::Sha512.of(&[message])).unwrap();
                signature.to_der().as_bytes().to_vec()
            }
            Scheme::RSA_PSS_SHA256 | Scheme::RSA_PKCS1_SHA256 => {
                self.rsa(&inner, HashAlgorithm::Sha256, message)
            }
            Scheme::RSA_PSS_SHA384 | Scheme::RSA_PKCS1_SHA384 => {
                self.rsa(&inner, HashAlgorithm::Sha384, message)
            }
            Scheme::RSA_PSS_SHA512 | Scheme::RSA_PKCS1_SHA512 => {
                self.rsa(&inner, HashAlgorithm::Sha512, message)
            }
            scheme => {
                return any_supported_type(&self.key)?.choose_scheme(&[scheme]).unwrap().sign(message);
            }
        })
    }

    fn scheme(&self) -> Scheme {
        self.scheme
    }
}

impl Key {
    fn rsa(&self, key: &[u8], kind: HashAlgorithm, message: &[u8]) -> Vec<u8> {
        let numbers: Vec<_> = integers(key).iter().map(|bytes| BigUint::from_bytes_be(bytes)).collect();
        let (modulus, private) = (&numbers[1], &numbers[3]);
        let length = usize::try_from(modulus.bits().div_ceil(8)).unwrap();
        let digest = kind.of(&[message]);
        let encoded = if PKCS1.contains(&self.scheme) {
            rsa::pkcs1(kind, &digest, length).unwrap()
        } else {
            pss(kind, &digest, usize::try_from(modulus.bits()).unwrap() - 1)
        };
        let signature = BigUint::from_bytes_be(&encoded).modpow(private, modulus).to_bytes_be();
        std::iter::repeat_n(0, length - signature.len()).chain(signature).collect()
    }
}

/// RFC 8017, 9.1.1.
fn pss(kind: HashAlgorithm, digest: &[u8], bits: usize) -> Vec<u8> {
    let length = bits.div_ceil(8);
    let salt = vec![0x5a; digest.len()];
    let check = kind.of(&[&[0; 8], digest, &salt]);
    let mut block = vec![0; length - digest.len() * 2 - 2];
    block.push(1);
    block.extend(salt);
    let mut encoded: Vec<u8> =
        block.iter().zip(rsa::mask(kind, &check, block.len())).map(|(byte, mask)| byte ^ mask).collect();
    encoded[0] &= 0xff >> (length * 8 - bits);
    encoded.extend(check);
    encoded.push(0xbc);
    encoded
}

/// The key inside of PKCS #8.
fn contents(der: &[u8]) -> Vec<u8> {
    integers(der)[2].clone()
}

/// The contents of the parts of a sequence.
fn integers(der: &[u8]) -> Vec<Vec<u8>> {
    let (_, whole) = Any::from_der(der).unwrap();
    let (mut rest, mut parts) = (whole.data, Vec::new());
    while !rest.is_empty() {
        let (next, part) = Any::from_der(rest).unwrap();
        parts.push(part.data.to_vec());
        rest = next;
    }
    parts
}

/// A key of 1024 bits that is nobody's certificate's.
pub(super) fn another_rsa() -> Vec<u8> {
    std::fs::read(super::folder().join("another-rsa1024.pem")).unwrap()
}
