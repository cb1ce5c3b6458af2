//! Compression in two parts: the sites' samples once, the exporter's own metrics at each scrape.

use std::io::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The level for the part that is compressed once per version. Of 5 000 series, 520 kB, level 1 makes an eighth in
/// 0.4 ms, level 2 a twenty-fourth in 0.9 ms, level 6 no less in 2 ms.
const SHARED_LEVEL: u32 = 2;
/// The level for the part that is compressed at each scrape: a few kilobytes.
const OWN_LEVEL: u32 = 1;

/// RFC 1952 §2.3: magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The first part of a gzip member, to which each scrape adds the rest.
///
/// Deflate blocks that end at a byte boundary can be followed by another encoder's blocks, since those never
/// refer back into what they do not know; the checksum of the whole follows from the parts' (RFC 1951, RFC 1952).
#[derive(Debug)]
pub(super) struct Compressed {
    chunks: Arc<[Bytes]>,
    checksum: Hasher,
    length: u64,
}

impl Compressed {
    /// Compresses the shared part; it takes long enough to be done off the runtime's workers.
    pub(super) fn new(chunks: &[Bytes]) -> io::Result<Self> {
        let mut checksum = Hasher::new();
        let mut length = 0;
        let mut encoder = DeflateEncoder::new(HEADER.to_vec(), Compression::new(SHARED_LEVEL));
        for chunk in chunks {
            checksum.update(chunk);
            length += chunk.len() as u64;
            encoder.write_all(chunk)?;
        }
        // A sync flush ends the last block at a byte boundary without marking the stream's end.
        encoder.flush()?;
        let bytes = std::mem::take(encoder.get_mut());
        Ok(Self { chunks: Arc::new([Bytes::from(bytes)]), checksum, length })
    }

    /// The member's beginning.
    pub(super) fn chunks(&self) -> Arc<[Bytes]> {
        self.chunks.clone()
    }

    /// The member's end.
    pub(super) fn finish(&self, tail: &Tail) -> Bytes {
        let mut checksum = self.checksum.clone();
        checksum.combine(&tail.checksum);
        let mut bytes = Vec::with_capacity(tail.deflated.len() + 8);
        bytes.extend_from_slice(&tail.deflated);
        bytes.extend_from_slice(&checksum.finalize().to_le_bytes());
        // RFC 1952: the length modulo 2^32.
        let [a, b, c, d, ..] = (self.length + tail.length).to_le_bytes();
        bytes.extend_from_slice(&[a, b, c, d]);
        Bytes::from(bytes)
    }
}

/// What ends a gzip member, made without knowing its beginning.
#[derive(Debug)]
pub(super) struct Tail {
    deflated: Vec<u8>,
    checksum: Hasher,
    length: u64,
}

impl Tail {
    /// Compresses a few kilobytes.
    pub(super) fn new(text: &[u8]) -> io::Result<Self> {
        let mut checksum = Hasher::new();
        checksum.update(text);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(OWN_LEVEL));
        encoder.write_all(text)?;
        Ok(Self { deflated: encoder.finish()?, checksum, length: text.len() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn member(chunks: &[Vec<u8>], own: &[u8]) -> Vec<u8> {
        let chunks = chunks.iter().cloned().map(Bytes::from).collect::<Vec<_>>();
        let compressed = Compressed::new(&chunks).unwrap();
        let mut member = compressed.chunks().concat();
        member.extend_from_slice(&compressed.finish(&Tail::new(own).unwrap()));
        member
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
