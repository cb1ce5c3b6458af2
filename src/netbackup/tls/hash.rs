//! The hash algorithms of signatures.

use sha2::{Sha256, Sha384, Sha512};

/// The digests that signatures are made over.
#[derive(Clone, Copy, Debug)]
pub(super) enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    pub(super) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }

    /// What stands before the digest in a signature of PKCS #1 1.5 (RFC 8017, 9.2, note 1).
    pub(super) fn prefix(self) -> Vec<u8> {
        let (kind, length) = match self {
            Self::Sha256 => (1, 32),
            Self::Sha384 => (2, 48),
            Self::Sha512 => (3, 64),
        };
        let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, kind];
        [&[0x30, length + 17, 0x30, 13, 0x06, 9][..], &oid, &[0x05, 0, 0x04, length]].concat()
    }
}

fn digest<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}
