//! The body of a scrape.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a scrape, in chunks that all scrapes share. Its length is known beforehand.
#[derive(Clone, Debug)]
pub(crate) struct PageBody {
    chunks: Arc<[Bytes]>,
    next: usize,
    remaining: u64,
}

impl PageBody {
    /// Sends `chunks` in order, then `end`.
    pub(crate) fn new(chunks: &[Bytes], end: Bytes) -> Self {
        let chunks: Arc<[Bytes]> = chunks.iter().cloned().chain([end]).collect();
        let remaining = chunks.iter().map(Bytes::len).sum::<usize>() as u64;
        Self { chunks, next: 0, remaining }
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.get(self.next)?.clone();
        self.next += 1;
        self.remaining -= chunk.len() as u64;
        Some(chunk)
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_chunk().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
