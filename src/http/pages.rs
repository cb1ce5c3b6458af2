use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::content::Content;
use super::router::{common_headers, method_not_allowed, router};
use super::scrape::scrape;
use super::{HttpMetrics, State};

/// All pages. The metrics page stands in front of the router: its path comes from the running configuration, and it is
/// what is asked for all the time.
#[derive(Clone, Debug)]
pub struct Pages {
    state: Arc<State>,
    metrics: HttpMetrics,
    router: Router,
}

impl Pages {
    /// The pages that show `state` and count their answers.
    pub fn new(state: State, metrics: HttpMetrics) -> Self {
        let state = Arc::new(state);
        let router = router(state.clone(), metrics.clone());
        Self { state, metrics, router }
    }

    /// Cancelled when the process is about to end.
    pub(super) fn announced(&self) -> &CancellationToken {
        &self.state.announced
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        if request.uri().path() != self.state.metrics_path(self.state.config.load().as_deref()) {
            let Ok(response) = self.router.clone().oneshot(request.map(Body::new)).await;
            return response.map(Content::Other);
        }
        let mut response = match *request.method() {
            Method::GET | Method::HEAD => {
                scrape(&self.state.exposition, request.headers()).await.map(Content::Scrape)
            }
            _ => method_not_allowed().await.into_response().map(Content::Other),
        };
        self.metrics.answered("/metrics", response.status());
        common_headers(response.headers_mut());
        response
    }
}
