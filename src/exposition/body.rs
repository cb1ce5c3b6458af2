//! The body of a scrape.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::metric::TextFormat;
use crate::snapshot::{Deflated, MetricsPage};

/// The body of a scrape: what all scrapes of a version share, and the exporter's own metrics at the end. Its length is known
/// beforehand.
#[derive(Clone, Debug)]
pub(crate) struct PageBody {
    shared: Shared,
    /// How much of the shared part has been sent, in pieces.
    place: usize,
    end: Option<Bytes>,
    remaining: u64,
}

#[derive(Clone, Debug)]
enum Shared {
    Text(Arc<MetricsPage>, TextFormat),
    Deflated([Bytes; 2]),
}

impl PageBody {
    /// The text of a page, then `end`.
    pub(super) fn text(page: Arc<MetricsPage>, format: TextFormat, end: Bytes) -> Self {
        let remaining = (page.length(format) + end.len()) as u64;
        Self { shared: Shared::Text(page, format), place: 0, end: Some(end), remaining }
    }

    /// A member with a compressed page, and `end`.
    pub(super) fn gzip(header: &'static [u8], page: &Deflated, end: Bytes) -> Self {
        let remaining = (header.len() + page.blocks.len() + end.len()) as u64;
        let shared = Shared::Deflated([Bytes::from_static(header), page.blocks.clone()]);
        Self { shared, place: 0, end: Some(end), remaining }
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        let shared = match &self.shared {
            Shared::Text(page, format) => page.next_chunk(*format, &mut self.place),
            Shared::Deflated(chunks) => {
                let chunk = chunks.get(self.place).cloned();
                self.place += 1;
                chunk
            }
        };
        let chunk = shared.or_else(|| self.end.take())?;
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
