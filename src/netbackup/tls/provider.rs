//! The cryptography of TLS.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::SignatureVerificationAlgorithm;
use webpki::ring;

use super::ecdsa::{Curve, Ecdsa};
use super::hash::HashAlgorithm;
use super::key_exchange::P521;
use super::rsa::{Padding, Rsa};

type Algorithm = &'static dyn SignatureVerificationAlgorithm;
/// As [`WebPkiSupportedAlgorithms::mapping`]: TLS 1.3 fixes the curve and takes the first of a scheme.
pub(super) type Schemes = &'static [(SignatureScheme, &'static [Algorithm])];

/// ring, and what it lacks: RSA keys below 2048 bits, P-521, and SHA-512 on the smaller curves.
pub(super) fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.kx_groups.push(&P521);
    provider.signature_verification_algorithms = VERIFIED;
    Arc::new(provider)
}

/// Smaller keys are refused, as Go does.
pub(super) const LEAST_BITS: u64 = 1024;
/// Every key is accepted, however small.
const ANY_BITS: u64 = 1;

const fn rsa(padding: Padding, digest: HashAlgorithm, large: Algorithm, least_bits: u64) -> Rsa {
    Rsa { padding, digest, least_bits, large }
}

static PKCS1_SHA256: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha256, ring::RSA_PKCS1_2048_8192_SHA256, LEAST_BITS);
static PKCS1_SHA384: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha384, ring::RSA_PKCS1_2048_8192_SHA384, LEAST_BITS);
static PKCS1_SHA512: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha512, ring::RSA_PKCS1_2048_8192_SHA512, LEAST_BITS);
static PKCS1_SHA256_BARE: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha256, ring::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS, LEAST_BITS);
static PKCS1_SHA384_BARE: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha384, ring::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS, LEAST_BITS);
static PKCS1_SHA512_BARE: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha512, ring::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS, LEAST_BITS);
static PSS_SHA256: Rsa =
    rsa(Padding::Pss, HashAlgorithm::Sha256, ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY, LEAST_BITS);
static PSS_SHA384: Rsa =
    rsa(Padding::Pss, HashAlgorithm::Sha384, ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY, LEAST_BITS);
static PSS_SHA512: Rsa =
    rsa(Padding::Pss, HashAlgorithm::Sha512, ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY, LEAST_BITS);

static ANY_PKCS1_SHA256: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha256, ring::RSA_PKCS1_2048_8192_SHA256, ANY_BITS);
static ANY_PKCS1_SHA384: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha384, ring::RSA_PKCS1_2048_8192_SHA384, ANY_BITS);
static ANY_PKCS1_SHA512: Rsa =
    rsa(Padding::Pkcs1, HashAlgorithm::Sha512, ring::RSA_PKCS1_2048_8192_SHA512, ANY_BITS);
static ANY_PSS_SHA256: Rsa =
    rsa(Padding::Pss, HashAlgorithm::Sha256, ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY, ANY_BITS);
static ANY_PSS_SHA384: Rsa =
    rsa(Padding::Pss, HashAlgorithm::Sha384, ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY, ANY_BITS);
static ANY_PSS_SHA512: Rsa =
    rsa(Padding::Pss, HashAlgorithm::Sha512, ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY, ANY_BITS);

static P256_SHA512: Ecdsa = Ecdsa { curve: Curve::P256, digest: HashAlgorithm::Sha512 };
static P384_SHA512: Ecdsa = Ecdsa { curve: Curve::P384, digest: HashAlgorithm::Sha512 };
static P521_SHA256: Ecdsa = Ecdsa { curve: Curve::P521, digest: HashAlgorithm::Sha256 };
static P521_SHA384: Ecdsa = Ecdsa { curve: Curve::P521, digest: HashAlgorithm::Sha384 };
static P521_SHA512: Ecdsa = Ecdsa { curve: Curve::P521, digest: HashAlgorithm::Sha512 };

static WITH_SHA256: &[Algorithm] = &[ring::ECDSA_P256_SHA256, ring::ECDSA_P384_SHA256, &P521_SHA256];
static WITH_SHA384: &[Algorithm] = &[ring::ECDSA_P384_SHA384, ring::ECDSA_P256_SHA384, &P521_SHA384];
static WITH_SHA512: &[Algorithm] = &[&P521_SHA512, &P256_SHA512, &P384_SHA512];

/// What authorities may sign with, and what a server may that they vouch for.
static VERIFIED: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        ring::ECDSA_P256_SHA256,
        ring::ECDSA_P256_SHA384,
        &P256_SHA512,
        ring::ECDSA_P384_SHA256,
        ring::ECDSA_P384_SHA384,
        &P384_SHA512,
        &P521_SHA256,
        &P521_SHA384,
        &P521_SHA512,
        ring::ED25519,
        &PKCS1_SHA256,
        &PKCS1_SHA384,
        &PKCS1_SHA512,
        &PKCS1_SHA256_BARE,
        &PKCS1_SHA384_BARE,
        &PKCS1_SHA512_BARE,
        &PSS_SHA256,
        &PSS_SHA384,
        &PSS_SHA512,
    ],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, WITH_SHA384),
        (SignatureScheme::ECDSA_NISTP256_SHA256, WITH_SHA256),
        (SignatureScheme::ECDSA_NISTP521_SHA512, WITH_SHA512),
        (SignatureScheme::ED25519, &[ring::ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[&PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[&PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[&PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[&PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[&PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[&PKCS1_SHA256]),
    ],
};

/// What a server may sign its handshake with where nobody has to vouch for its key.
pub(super) static ANY_KEY: Schemes = &[
    (SignatureScheme::ECDSA_NISTP384_SHA384, WITH_SHA384),
    (SignatureScheme::ECDSA_NISTP256_SHA256, WITH_SHA256),
    (SignatureScheme::ECDSA_NISTP521_SHA512, WITH_SHA512),
    (SignatureScheme::ED25519, &[ring::ED25519]),
    (SignatureScheme::RSA_PSS_SHA512, &[&ANY_PSS_SHA512]),
    (SignatureScheme::RSA_PSS_SHA384, &[&ANY_PSS_SHA384]),
    (SignatureScheme::RSA_PSS_SHA256, &[&ANY_PSS_SHA256]),
    (SignatureScheme::RSA_PKCS1_SHA512, &[&ANY_PKCS1_SHA512]),
    (SignatureScheme::RSA_PKCS1_SHA384, &[&ANY_PKCS1_SHA384]),
    (SignatureScheme::RSA_PKCS1_SHA256, &[&ANY_PKCS1_SHA256]),
];

/// The algorithms of the authorities.
pub(super) fn verified() -> &'static [Algorithm] {
    VERIFIED.all
}

/// The schemes of the authorities.
pub(super) fn verified_schemes() -> Schemes {
    VERIFIED.mapping
}
