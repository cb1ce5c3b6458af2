//! What a listener serves.

use axum::http::{Request, Response};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::router::Content;
use super::{Door, Pages, Probes};

/// What a listener serves. One type, so that hyper is compiled once for all.
#[derive(Clone, Debug)]
pub(crate) enum Surface {
    /// The pages.
    Pages(Pages),
    /// The admission webhook.
    Door(Door),
    /// The probes alone.
    Probes(Probes),
}

impl Surface {
    /// Cancelled when the process is about to end.
    pub(super) fn announced(&self) -> &CancellationToken {
        match self {
            Self::Pages(pages) => pages.announced(),
            Self::Door(door) => door.announced(),
            Self::Probes(probes) => probes.announced(),
        }
    }

    /// Answers one request and counts that.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        match self {
            Self::Pages(pages) => pages.answer(request).await,
            Self::Door(door) => door.answer(request).await,
            Self::Probes(probes) => probes.answer(request).await,
        }
    }
}

impl From<Pages> for Surface {
    fn from(pages: Pages) -> Self {
        Self::Pages(pages)
    }
}

impl From<Door> for Surface {
    fn from(door: Door) -> Self {
        Self::Door(door)
    }
}

impl From<Probes> for Surface {
    fn from(probes: Probes) -> Self {
        Self::Probes(probes)
    }
}
