use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a scrape: chunks that all scrapes share, then this scrape's own. Its length is known beforehand.
#[derive(Clone, Debug)]
pub struct PageBody {
    shared: Arc<[Bytes]>,
    next: usize,
    own: Bytes,
    remaining: u64,
}

impl PageBody {
    /// Sends `shared` in order, then `own`.
    pub fn new(shared: Arc<[Bytes]>, own: Bytes) -> Self {
        let remaining = shared.iter().map(Bytes::len).sum::<usize>() + own.len();
        Self { shared, next: 0, own, remaining: remaining as u64 }
    }

    /// How many bytes are still to be sent.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        let chunk = match self.shared.get(self.next) {
            Some(chunk) => chunk.clone(),
            None if self.own.is_empty() => return None,
            None => std::mem::take(&mut self.own),
        };
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
