//! The key exchange on P-521.

use p521::elliptic_curve::sec1::ToSec1Point as _;
use p521::{PublicKey, SecretKey};
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

/// The key exchange on P-521. A server of TLS 1.2 with a key on that curve speaks only with those who offer it
/// (RFC 8422, 5.1).
#[derive(Debug)]
pub(super) struct P521;

/// About half of the random numbers are too large.
const MOST_TRIES: usize = 128;

impl SupportedKxGroup for P521 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let random = rustls::crypto::ring::default_provider().secure_random;
        for _ in 0..MOST_TRIES {
            let mut number = zeroize::Zeroizing::new([0_u8; 66]);
            random.fill(&mut *number)?;
            // The curve has 521 bits.
            if let Some(first) = number.first_mut() {
                *first &= 1;
            }
            if let Ok(secret) = SecretKey::from_slice(&*number) {
                let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
                return Ok(Box::new(P521Exchange { secret, public }));
            }
        }
        Err(GetRandomFailed.into())
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

struct P521Exchange {
    secret: SecretKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for P521Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = p521::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}
