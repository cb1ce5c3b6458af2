use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::exposition::PageBody;

/// The body of any answer. A scrape's is as it is: in a box it would cost each scrape three allocations.
#[derive(Debug)]
pub(super) enum Content {
    Scrape(PageBody),
    Other(Body),
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut *self {
            Self::Scrape(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Other(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Scrape(body) => body.is_end_stream(),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Scrape(body) => body.size_hint(),
            Self::Other(body) => body.size_hint(),
        }
    }
}
