//! Hosts, ports and paths of URLs.

use std::net::{IpAddr, Ipv6Addr};

use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};

use super::ListenHost;
use super::decoder::Scalar;
use super::number::whole_number;
use super::pattern;

/// Our own paths, which the metrics page can not have.
pub const RESERVED_PATHS: [&str; 10] = [
    "/",
    "/api/v1/status",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
    "/health",
    "/healthz",
    "/livez",
    "/readyz",
    "/config",
];

/// Below it each site has a page.
const SITES: &str = "/sites";

/// The host of a primary server.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// As it is written; the legacy block's label.
    pub(super) written: String,
    /// In the form that a URL has.
    pub(super) normal: String,
}

/// A TCP port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port(pub(super) u16);

/// The path before every resource of a primary server.
#[derive(Clone, Debug)]
pub(super) struct BasePath(pub(super) String);

/// The path of the metrics page.
#[derive(Clone, Debug)]
pub(super) struct MetricsPath(pub(super) String);

/// The name that a certificate must have.
#[derive(Clone, Debug)]
pub(super) struct TlsName(pub(super) String);

impl Scalar for Host {
    fn wants() -> String {
        "a host name or an IP address, without scheme, port and path".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let normal = if bare.contains(':') {
            bare.parse::<Ipv6Addr>().ok()?.to_string()
        } else if text.contains(['%', '[']) || text.len() > 253 {
            return None;
        } else {
            match url::Host::parse(text).ok()? {
                // The URL parser takes any number for an address: 1556 would be 0.0.6.20, and 010.0.0.1 would be 8.0.0.1.
                url::Host::Ipv4(address) if address.to_string() != text => return None,
                host => host.to_string(),
            }
        };
        let right = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if normal.starts_with(['-', '.']) || !normal.chars().all(right) || normal.contains("..") {
            return None;
        }
        Some(Self { written: text.to_owned(), normal })
    }

    fn schema() -> Value {
        json!({ "type": ["string", "boolean"], "maxLength": 253, "allOf": [pattern::host()] })
    }
}

impl Scalar for ListenHost {
    fn wants() -> String {
        "an IP address or a host name, without port".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let host = Host::parse(text)?;
        Some(host.normal.parse::<IpAddr>().map_or(Self::Name(host.normal), Self::Ip))
    }

    fn schema() -> Value {
        Host::schema()
    }
}

impl Scalar for Port {
    fn wants() -> String {
        "a port from 1 to 65535".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        whole_number(text).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0).map(Self)
    }

    fn schema() -> Value {
        pattern::whole_number(1, u16::MAX.into())
    }
}

impl Scalar for BasePath {
    fn wants() -> String {
        "a path such as /netbackup".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        (is_path(text) && !text.contains("://")).then(|| Self(text.to_owned()))
    }

    fn schema() -> Value {
        json!({
            "type": ["string", "number", "boolean"],
            "pattern": format!("^{PATH_CHARACTER}+$"),
            "not": { "type": "string", "pattern": format!("{DOTS}|://") },
        })
    }
}

impl Scalar for MetricsPath {
    fn wants() -> String {
        format!(
            "a path such as /metrics that is none of {} and not below {SITES}/",
            RESERVED_PATHS.join(", ")
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let free = text.starts_with('/') && is_path(text) && !is_reserved(&normal_path(text));
        free.then(|| Self(text.to_owned()))
    }

    fn schema() -> Value {
        let reserved = RESERVED_PATHS.map(pattern::path_in_any_encoding).join("|");
        let sites = pattern::below_in_any_encoding(SITES);
        json!({
            "type": "string",
            "pattern": format!("^/{PATH_CHARACTER}*$"),
            "not": { "pattern": format!("{DOTS}|{reserved}|{sites}") },
        })
    }
}

/// The path of the metrics page, as a flag has it.
pub(crate) fn metrics_path(text: &str) -> Result<String, String> {
    MetricsPath::parse(text).map(|path| path.0).ok_or_else(|| format!("must be {}", MetricsPath::wants()))
}

impl Scalar for TlsName {
    fn wants() -> String {
        "a DNS name or an IP address".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        ServerName::try_from(text).is_ok().then(|| Self(text.to_owned()))
    }

    fn schema() -> Value {
        json!({ "type": ["string", "boolean"], "maxLength": 253, "allOf": [pattern::tls_name()] })
    }
}

/// The characters that [`is_path`] accepts, for the schema.
const PATH_CHARACTER: &str = r"[!$-;=@-\[\]_a-z~]";
/// A segment `.` or `..`.
const DOTS: &str = r"(?:^|/)\.\.?(?:/|$)";

/// Whether this can be the path of a URL and of a route.
fn is_path(text: &str) -> bool {
    let dots = text.split('/').any(|segment| segment == "." || segment == "..");
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#{}\\\"<>^`|".contains(&byte)) && !dots
}

/// Whether a page of ours has this path.
fn is_reserved(path: &str) -> bool {
    let is_of_site = path.strip_prefix(SITES).is_some_and(|rest| rest.starts_with('/'));
    is_of_site || RESERVED_PATHS.contains(&path)
}

/// The path as a server understands it: decoded, without empty segments.
fn normal_path(text: &str) -> String {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests;
