//! Signatures of elliptic curves that ring lacks.

use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::hash::HashAlgorithm;

/// Checks signatures of elliptic curves where the provider does not: P-521, and SHA-512 on the smaller ones.
#[derive(Debug)]
pub(super) struct Ecdsa {
    pub(super) curve: Curve,
    pub(super) digest: HashAlgorithm,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// The crates of the curves are alike; writing their bounds as one generic function is longer than this.
macro_rules! verify {
    ($curve:ident, $key:expr, $digest:expr, $signature:expr) => {{
        use $curve::ecdsa::signature::hazmat::PrehashVerifier as _;
        use $curve::ecdsa::{Signature, VerifyingKey};
        VerifyingKey::from_sec1_bytes($key).and_then(|key| {
            let signature = Signature::from_der($signature)?;
            key.verify_prehash($digest, &signature)
        })
    }};
}

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let digest = self.digest.of(&[message]);
        let outcome = match self.curve {
            Curve::P256 => verify!(p256, key, &digest, signature),
            Curve::P384 => verify!(p384, key, &digest, signature),
            Curve::P521 => verify!(p521, key, &digest, signature),
        };
        outcome.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.curve {
            Curve::P256 => alg_id::ECDSA_P256,
            Curve::P384 => alg_id::ECDSA_P384,
            Curve::P521 => alg_id::ECDSA_P521,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.digest {
            HashAlgorithm::Sha256 => alg_id::ECDSA_SHA256,
            HashAlgorithm::Sha384 => alg_id::ECDSA_SHA384,
            HashAlgorithm::Sha512 => alg_id::ECDSA_SHA512,
        }
    }
}
