//! The address of a REST API, normalised.

use std::fmt;
use std::net::IpAddr;

/// Where a site's REST API is, normalised: two spellings of one endpoint are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
    base_path: String,
}

/// How the API is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Endpoint {
    /// Normalises: the host in lower case, an IPv6 address in brackets, no slash at the path's end.
    pub fn new(scheme: Scheme, host: &str, port: u16, base_path: &str) -> Self {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let path = base_path.trim_matches('/');
        let base_path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Self { scheme, host, port, base_path }
    }

    /// Plain or TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is on the same machine, where a request never leaves it.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_address = address.is_ok_and(|address| address.to_canonical().is_loopback());
        self.host == "localhost" || self.host.ends_with(".localhost") || is_address
    }

    /// The path before every resource, such as `/netbackup`; it has no slash at its end and may be empty.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}{}", self.scheme, self.host, self.port, self.base_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place_are_equal() {
        let plain = Endpoint::new(Scheme::Https, "nbu.example", 1556, "/netbackup");
        assert_eq!(plain, Endpoint::new(Scheme::Https, "NBU.Example.", 1556, "netbackup/"));
        assert_ne!(plain, Endpoint::new(Scheme::Http, "nbu.example", 1556, "/netbackup"));
        assert_eq!(Endpoint::new(Scheme::Http, "::1", 80, "/").to_string(), "http://[::1]:80");
    }
}
