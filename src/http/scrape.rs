//! The metrics page, in which format, and whether it is sent compressed.

use axum::http::{HeaderMap, HeaderValue, Response, header};

use super::format;
use super::weight::weight;
use crate::exposition::{Exposition, PageBody, content_type};

/// The metrics page.
pub(super) async fn scrape(exposition: &Exposition, headers: &HeaderMap) -> Response<PageBody> {
    let format = format::wanted(headers);
    let compressed = if wants_gzip(headers) { exposition.gzip(format).await } else { None };
    let is_compressed = compressed.is_some();
    let mut response = Response::new(compressed.unwrap_or_else(|| exposition.identity(format)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether the client wants gzip rather than plain text (RFC 9110 §12.5.3).
fn wants_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
        for element in value.split(',') {
            let mut parts = element.split(';').map(str::trim);
            let weight = parts.clone().skip(1).map(weight).next().unwrap_or(1000);
            match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = Some(weight),
                "identity" => identity = Some(weight),
                "*" => others = Some(weight),
                _ => {}
            }
        }
    }
    let gzip = gzip.or(others).unwrap_or(0);
    // Plain text that is not named is acceptable, and is the last choice.
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT_ENCODING, value.parse().unwrap());
        }
        assert_eq!(wants_gzip(&headers), expected, "{values:?}");
    }

    #[test]
    fn gzip_is_served_to_who_accepts_it() {
        check(&["gzip"], true);
        check(&["GZip"], true);
        check(&["x-gzip"], true);
        check(&["deflate, gzip;q=0.5 , br"], true);
        check(&["deflate", "gzip ; q=0.001"], true);
        check(&["*"], true);
        check(&["identity;q=0.5, gzip"], true);
        check(&["identity, gzip"], true);
        check(&["identity;q=0, *;q=0.1"], true);
    }

    #[test]
    fn and_not_to_who_does_not() {
        check(&[], false);
        check(&[""], false);
        check(&["identity"], false);
        check(&["gzip;q=0"], false);
        check(&["gzip;q=0.000, *"], false);
        check(&["*;q=0"], false);
        check(&["gzip;q=0.4, identity;q=0.5"], false);
        check(&["gzip;q=2"], false);
        check(&["gzip;q=NaN"], false);
        check(&["gzipped, deflate"], false);
    }
}
