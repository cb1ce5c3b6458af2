//! Compression in two parts: the sites' samples once, the exporter's own metrics at each scrape.

use std::io::{self, Write as _};

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::snapshot::Deflated;

/// The level for the part that is compressed at each scrape: a few kilobytes.
const OWN_LEVEL: u32 = 1;

/// RFC 1952 §2.3: magic, deflate, no flags, no time, no extra flags, unknown system.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// What ends a gzip member, made without knowing its beginning.
#[derive(Debug)]
pub(super) struct Tail {
    deflated: Vec<u8>,
    checksum: Hasher,
    length: usize,
}

impl Tail {
    /// Compresses a few kilobytes.
    pub(super) fn new(text: &[u8]) -> io::Result<Self> {
        let mut checksum = Hasher::new();
        checksum.update(text);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(OWN_LEVEL));
        encoder.write_all(text)?;
        Ok(Self { deflated: encoder.finish()?, checksum, length: text.len() })
    }

    /// The end of a member that begins with `shared`.
    ///
    /// Deflate blocks that end at a byte boundary can be followed by another encoder's blocks, since those never
    /// refer back into what they do not know; the checksum of the whole follows from the parts' (RFC 1951, RFC 1952).
    pub(super) fn after(&self, shared: &Deflated) -> Bytes {
        let mut checksum = shared.checksum.clone();
        checksum.combine(&self.checksum);
        let mut bytes = Vec::with_capacity(self.deflated.len() + 8);
        bytes.extend_from_slice(&self.deflated);
        bytes.extend_from_slice(&checksum.finalize().to_le_bytes());
        // RFC 1952: the length modulo 2^32.
        let [a, b, c, d, ..] = ((shared.length + self.length) as u64).to_le_bytes();
        bytes.extend_from_slice(&[a, b, c, d]);
        Bytes::from(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::Deflater;

    fn member(chunks: &[Vec<u8>], own: &[u8]) -> Vec<u8> {
        let mut deflater = Deflater::default();
        let pieces: Vec<_> = chunks.iter().map(|chunk| deflater.deflate(chunk).unwrap()).collect();
        let shared = Deflated::join(&pieces);
        [&HEADER, &*shared.blocks, &Tail::new(own).unwrap().after(&shared)].concat()
    }

    fn check(chunks: &[Vec<u8>], own: &[u8]) {
        let mut unpacked = Vec::new();
        GzDecoder::new(&*member(chunks, own)).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, [chunks.concat(), own.to_vec()].concat());
    }

    proptest! {
        #[test]
        fn a_member_of_two_parts_unpacks_to_their_bytes(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..8),
            own in prop::collection::vec(any::<u8>(), 0..3000),
        ) {
            check(&chunks, &own);
        }

        #[test]
        fn so_does_one_of_repetitive_text(
            chunks in prop::collection::vec("(nbu_[a-c]\\{site=\"[xy]\"\\} [0-9]{1,3}\n){0,200}", 0..6),
            own in "(process_[a-c] [0-9]{1,3}\n){0,50}",
        ) {
            let chunks = chunks.into_iter().map(String::into_bytes).collect::<Vec<_>>();
            check(&chunks, own.as_bytes());
        }
    }

    #[test]
    fn either_part_may_be_empty() {
        check(&[], b"");
        check(&[], b"own 1\n");
        check(&[b"shared 1\n".to_vec()], b"");
        check(&[Vec::new(), b"shared 1\n".to_vec(), Vec::new()], b"own 1\n");
    }

    #[test]
    fn the_gzip_program_reads_it() {
        let shared = "nbu_jobs{policy=\"Gold\"} 1\n".repeat(20_000);
        let member = member(&[shared.clone().into_bytes()], b"own 1\n");
        let mut gzip =
            Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = gzip.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&member).unwrap());
        let output = gzip.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        assert!(output.stdout == [shared.as_bytes(), b"own 1\n"].concat());
    }
}
