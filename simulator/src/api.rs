//! From a request to the answer of the API: authentication, routing, version, permission, endpoint.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::endpoint::{self, Access, Call, Endpoint, Reply, Route};
use super::error::ApiError;
use super::keys::ApiKey;
use super::query::Query;
use super::site::State;
use super::version::{ApiVersion, Format, negotiate};

/// A request, with its path below the base path.
pub(super) struct ApiRequest<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Whether the cursor or offset in the query is ignored.
    pub(super) first_page_only: bool,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: &str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(content_type) {
            headers.insert(CONTENT_TYPE, value);
        }
        Self { status, headers, body }
    }

    /// An error, in the form of this version.
    pub(super) fn error(error: &ApiError, version: ApiVersion) -> Self {
        let body = serde_json::to_vec(error).unwrap_or_default();
        Self::new(error.status, &Format::Json.content_type(version), body)
    }

    pub(super) fn map_body(mut self, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        self.body = change(&self.body);
        self
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// An error is sent in the server's own version, since it may not know the version of the request.
pub(super) fn answer(state: &State, request: &ApiRequest<'_>) -> Answer {
    let newest = state.api_version();
    match succeed(state, request, newest) {
        Ok((reply, format, version)) => {
            let answer = Answer::new(StatusCode::OK, &format.content_type(version), reply.body);
            reply.headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, &value))
        }
        Err(error) => Answer::error(&error, newest),
    }
}

/// The order of the checks is that of a usual web service (inferred): route, key, version, permission, parameters.
fn succeed(
    state: &State,
    request: &ApiRequest<'_>,
    newest: ApiVersion,
) -> Result<(Reply, Format, ApiVersion), ApiError> {
    let now = state.clock.now();
    let (endpoint, parameter) = match endpoint::route(request.method, request.path, newest) {
        Route::Found(endpoint, parameter) => (endpoint, parameter),
        missing => {
            authenticate(state, request.headers, now)?;
            return Err(ApiError::of(match missing {
                Route::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
                _ => StatusCode::NOT_FOUND,
            }));
        }
    };
    let key = match endpoint.access {
        Access::Open => None,
        Access::Authenticated | Access::ApiLevel | Access::ObjectLevel => {
            Some(authenticate(state, request.headers, now)?)
        }
    };
    let accept = header(request.headers, &ACCEPT);
    let (format, version) = negotiate(accept, newest, endpoint.formats)
        .ok_or_else(|| ApiError::of(StatusCode::NOT_ACCEPTABLE))?;
    if version < endpoint.since {
        // Inferred: a version that did not have the resource can not produce it.
        return Err(ApiError::of(StatusCode::NOT_ACCEPTABLE));
    }
    check_content_type(endpoint, request.headers, newest)?;
    let is_denied = state.is_denied(request.path);
    if is_denied && endpoint.access == Access::ApiLevel {
        return Err(ApiError::of(StatusCode::UNAUTHORIZED));
    }
    let mut query = Query::parse(request.query)?;
    if request.first_page_only {
        query.remove("page[after]");
        query.remove("page[offset]");
    }
    let reply = (endpoint.answer)(&Call {
        site: state,
        path: endpoint.path,
        query: &query,
        parameter,
        headers: request.headers,
        body: request.body,
        version,
        key: key.as_ref(),
        is_denied,
        now,
    })?;
    Ok((reply, format, version))
}

fn authenticate(state: &State, headers: &HeaderMap, now: i64) -> Result<ApiKey, ApiError> {
    header(headers, &AUTHORIZATION)
        .and_then(|authorization| state.keys.authenticate(authorization, now))
        .ok_or_else(|| ApiError::of(StatusCode::UNAUTHORIZED))
}

/// A body is accepted under the versioned media type, and as plain JSON, which a published login script sends.
fn check_content_type(endpoint: &Endpoint, headers: &HeaderMap, newest: ApiVersion) -> Result<(), ApiError> {
    if endpoint.method == Method::GET {
        return Ok(());
    }
    let sent = header(headers, &CONTENT_TYPE).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    let versioned = negotiate(Some(sent), newest, &[Format::Json]).is_some();
    if !sent.is_empty() && (versioned || essence.eq_ignore_ascii_case("application/json")) {
        Ok(())
    } else {
        Err(ApiError::of(StatusCode::UNSUPPORTED_MEDIA_TYPE))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
