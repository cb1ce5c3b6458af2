//! The endpoints of the API: one file for each resource, and one line in [`TABLE`] for each operation.

mod api_keys;
mod cacert;
mod certificates;
mod disk_pools;
mod images;
mod job;
mod jobs;
mod jobs_count;
mod licensing;
mod listing;
mod notices;
mod paused_clients;
mod ping;
mod policies;
mod posture;
mod security_ping;
mod server_info;
mod server_time;
mod servers;
mod slp_images;
mod slps;
mod storage_units;
mod tape;
mod threats;

use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::error::ApiError;
use super::keys::ApiKey;
use super::query::Query;
use super::site::State;
use super::version::{ApiVersion, Format};

static TABLE: &[Endpoint] = &[
    ping::ENDPOINT,
    security_ping::ENDPOINT,
    server_time::ENDPOINT,
    server_info::ENDPOINT,
    cacert::ENDPOINT,
    api_keys::ENDPOINT,
    jobs::ENDPOINT,
    job::ENDPOINT,
    jobs_count::ENDPOINT,
    storage_units::ENDPOINT,
    disk_pools::ENDPOINT,
    policies::LIST,
    policies::POLICY,
    policies::CLIENTS,
    servers::STORAGE_SERVERS,
    servers::MEDIA_SERVERS,
    servers::HOSTS,
    servers::SERVICES,
    slps::SLPS,
    slp_images::IMAGES,
    images::ENDPOINT,
    certificates::AUTHORITIES,
    certificates::CURRENT,
    certificates::MAPPINGS,
    paused_clients::ENDPOINT,
    tape::DRIVES,
    tape::VOLUME_POOLS,
    tape::VOLUME_GROUPS,
    tape::ROBOT_HOSTS,
    tape::MEDIA,
    threats::SCANS,
    threats::SCAN_HOSTS,
    threats::ANOMALIES,
    notices::ALERTS,
    notices::NOTIFICATIONS,
    licensing::ENTITLEMENTS,
    licensing::CAPACITY,
    licensing::SLOS,
    posture::STATUS,
    posture::TICKETS,
    posture::PROFILE,
];

/// One operation of the API.
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// Below the base path; a segment in braces is a parameter.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// The first API version that has it.
    pub(super) since: ApiVersion,
    pub(super) formats: &'static [Format],
    pub(super) answer: fn(&Call<'_>) -> Result<Reply, ApiError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// `security: []` in the reference.
    Open,
    /// Any valid key.
    Authenticated,
    /// A valid key whose role covers the endpoint ("API level" enforcement); any other gets 401.
    ApiLevel,
    /// Any valid key; a role that does not cover the endpoint gets an empty list ("object level" enforcement).
    ObjectLevel,
}

impl Endpoint {
    /// A list or an object in JSON that is read.
    const fn read(
        path: &'static str,
        access: Access,
        since: ApiVersion,
        answer: fn(&Call<'_>) -> Result<Reply, ApiError>,
    ) -> Self {
        Self { method: Method::GET, path, access, since, formats: &[Format::Json], answer }
    }
}

/// A request that has passed routing, authentication and negotiation.
pub(super) struct Call<'a> {
    pub(super) site: &'a State,
    /// Of the endpoint, as in the table.
    pub(super) path: &'static str,
    pub(super) query: &'a Query,
    pub(super) parameter: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) version: ApiVersion,
    pub(super) key: Option<&'a ApiKey>,
    /// Whether the role covers none of the objects that the endpoint lists.
    pub(super) is_denied: bool,
    pub(super) now: i64,
}

/// A successful answer; the body is in the negotiated format.
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(HeaderName, String)>,
}

impl Reply {
    pub(super) fn json(value: &impl serde::Serialize) -> Result<Self, ApiError> {
        Self::json_of_about(0, value)
    }

    /// With room for `bytes` from the start: a page of jobs would otherwise be moved a dozen times while it grows.
    pub(super) fn json_of_about(bytes: usize, value: &impl serde::Serialize) -> Result<Self, ApiError> {
        let mut body = Vec::with_capacity(bytes);
        serde_json::to_writer(&mut body, value)
            .map(|()| Self::from(body))
            .map_err(|_| ApiError::of(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

impl From<Vec<u8>> for Reply {
    fn from(body: Vec<u8>) -> Self {
        Self { body, headers: Vec::new() }
    }
}

/// Where a request leads.
pub(super) enum Route<'a> {
    Found(&'static Endpoint, &'a str),
    WrongMethod,
    Unknown,
}

/// The endpoint for a path below the base path, as far as a server of this version has it.
pub(super) fn route<'a>(method: &Method, path: &'a str, server: ApiVersion) -> Route<'a> {
    let mut found = Route::Unknown;
    for endpoint in TABLE.iter().filter(|endpoint| endpoint.since <= server) {
        match parameter(endpoint.path, path) {
            Some(parameter) if endpoint.method == *method => {
                return Route::Found(endpoint, parameter);
            }
            Some(_) => found = Route::WrongMethod,
            None => {}
        }
    }
    found
}

/// The parameter in `path`, empty if the pattern has none; `None` if the pattern does not match.
fn parameter<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    match pattern.split_once('{') {
        None => (pattern == path).then_some(""),
        Some((prefix, rest)) => {
            let suffix = rest.split_once('}').map_or("", |(_, suffix)| suffix);
            let parameter = path.strip_prefix(prefix)?.strip_suffix(suffix)?;
            (!parameter.is_empty() && !parameter.contains('/')).then_some(parameter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_one_whole_segment() {
        for (pattern, path, expected) in [
            ("/ping", "/ping", Some("")),
            ("/ping", "/ping/", None),
            ("/admin/jobs/{jobId}", "/admin/jobs/7", Some("7")),
            ("/admin/jobs/{jobId}", "/admin/jobs/", None),
            ("/admin/jobs/{jobId}", "/admin/jobs/7/try-logs", None),
            ("/admin/hosts/{hostId}/services", "/admin/hosts/7/services", Some("7")),
            ("/admin/hosts/{hostId}/services", "/admin/hosts/7/processes", None),
            ("/admin/hosts/{hostId}/services", "/admin/hosts//services", None),
        ] {
            assert_eq!(parameter(pattern, path), expected, "{path}");
        }
    }
}
