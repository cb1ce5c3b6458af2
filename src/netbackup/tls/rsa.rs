//! Signatures of RSA keys below 2048 bits.

use std::iter::repeat_n;

use num_bigint::BigUint;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::RSAPublicKey;

use super::hash::HashAlgorithm;

/// Checks signatures of RSA keys: those of 2048 bits and more by the provider, which takes no smaller ones.
///
/// Only public values go into it, so the time that it takes reveals nothing.
#[derive(Debug)]
pub(super) struct Rsa {
    pub(super) padding: Padding,
    pub(super) digest: HashAlgorithm,
    /// Keys with fewer bits are refused.
    pub(super) least_bits: u64,
    pub(super) large: &'static dyn SignatureVerificationAlgorithm,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Padding {
    Pkcs1,
    Pss,
}

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = PublicKey::parse(key).ok_or(InvalidSignature)?;
        if key.modulus.bits() >= 2048 {
            return self.large.verify_signature(key.der, message, signature);
        }
        let is_good =
            key.modulus.bits() >= self.least_bits && self.verify(&key, message, signature).is_some();
        is_good.then_some(()).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.large.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.large.signature_alg_id()
    }
}

struct PublicKey<'a> {
    der: &'a [u8],
    modulus: BigUint,
    exponent: BigUint,
}

impl<'a> PublicKey<'a> {
    fn parse(der: &'a [u8]) -> Option<Self> {
        let (rest, key) = RSAPublicKey::from_der(der).ok()?;
        let positive = |bytes: &[u8]| {
            bytes.first().is_some_and(|first| first & 0x80 == 0).then(|| BigUint::from_bytes_be(bytes))
        };
        let (modulus, exponent) = (positive(key.modulus)?, positive(key.exponent)?);
        // As the provider has it: 3 or more, odd, and no longer than makes sense.
        let is_sane = rest.is_empty()
            && modulus.bit(0)
            && exponent.bit(0)
            && exponent.bits() > 1
            && exponent.bits() <= 33;
        is_sane.then_some(Self { der, modulus, exponent })
    }
}

impl Rsa {
    /// RFC 8017, 8.1.2 and 8.2.2.
    fn verify(&self, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Option<()> {
        let length = usize::try_from(key.modulus.bits().div_ceil(8)).ok()?;
        let number = BigUint::from_bytes_be(signature);
        if signature.len() != length || number >= key.modulus {
            return None;
        }
        let number = number.modpow(&key.exponent, &key.modulus);
        let digest = self.digest.of(&[message]);
        match self.padding {
            Padding::Pkcs1 => {
                let expected = pkcs1(self.digest, &digest, length)?;
                (bytes(&number, length)? == expected).then_some(())
            }
            Padding::Pss => pss(self.digest, &digest, &number, key.modulus.bits() - 1),
        }
    }
}

/// The number in as many bytes.
fn bytes(number: &BigUint, length: usize) -> Option<Vec<u8>> {
    let digits = number.to_bytes_be();
    Some(repeat_n(0, length.checked_sub(digits.len())?).chain(digits).collect())
}

/// RFC 8017, 9.2.
pub(super) fn pkcs1(kind: HashAlgorithm, digest: &[u8], length: usize) -> Option<Vec<u8>> {
    let prefix = kind.prefix();
    let filling = length.checked_sub(prefix.len() + digest.len() + 3).filter(|filling| *filling >= 8)?;
    let mut encoded = vec![0, 1];
    encoded.extend(repeat_n(0xff, filling));
    encoded.push(0);
    encoded.extend(prefix);
    encoded.extend(digest);
    Some(encoded)
}

/// RFC 8017, 9.1.2, with a salt as long as the digest, as TLS has it.
fn pss(kind: HashAlgorithm, digest: &[u8], number: &BigUint, bits: u64) -> Option<()> {
    let encoded = bytes(number, usize::try_from(bits.div_ceil(8)).ok()?)?;
    let (&trailer, encoded) = encoded.split_last()?;
    let (masked, check) = encoded.split_at_checked(encoded.len().checked_sub(digest.len())?)?;
    let unused = u32::try_from(u64::try_from(encoded.len() + 1).ok()? * 8 - bits).ok()?;
    let kept = 0xff_u8.checked_shr(unused)?;
    if trailer != 0xbc || masked.first()? & !kept != 0 {
        return None;
    }
    let mut block: Vec<u8> =
        masked.iter().zip(mask(kind, check, masked.len())).map(|(byte, mask)| byte ^ mask).collect();
    *block.first_mut()? &= kept;
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(digest.len())?)?;
    let (one, zeros) = padding.split_last()?;
    if *one != 1 || zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    (kind.of(&[&[0; 8], digest, salt]) == check).then_some(())
}

/// MGF1 (RFC 8017, B.2.1).
pub(super) fn mask(kind: HashAlgorithm, seed: &[u8], length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|counter| kind.of(&[seed, &counter.to_be_bytes()])).take(length).collect()
}

/// How many bits a key has.
pub(super) fn bits(key: &[u8]) -> Option<u64> {
    let (_, key) = RSAPublicKey::from_der(key).ok()?;
    Some(BigUint::from_bytes_be(key.modulus).bits())
}
