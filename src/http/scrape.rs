use axum::http::{HeaderMap, HeaderValue, Response, header};

use super::encoding::wants_gzip;
use crate::exposition::{CONTENT_TYPE, Exposition, PageBody};

/// The metrics page.
pub(super) async fn scrape(exposition: &Exposition, headers: &HeaderMap) -> Response<PageBody> {
    let compressed = if wants_gzip(headers) { exposition.gzip().await } else { None };
    let is_compressed = compressed.is_some();
    let mut response = Response::new(compressed.unwrap_or_else(|| exposition.identity()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
