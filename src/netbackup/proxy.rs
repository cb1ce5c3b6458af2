use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::config::{Proxy, Site};

/// The proxy that the client takes on the way to a site.
#[derive(Clone)]
pub struct ProxyHop(Intercept);

impl ProxyHop {
    /// The proxy for this site; `None` means that the way is direct.
    pub fn of(site: &Site) -> Option<Self> {
        let matcher = match &site.proxy {
            Proxy::Off => return None,
            // What the HTTP client itself asks; `NO_PROXY` counts here only.
            Proxy::Environment => Matcher::from_env(),
            Proxy::Url(url) => Matcher::builder().all(url.to_string()).build(),
        };
        let destination: Uri = site.endpoint.to_string().parse().ok()?;
        matcher.intercept(&destination).map(Self)
    }

    /// Its host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        self.0.uri().host().unwrap_or_default()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.0.uri().port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// Whether it is itself spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.0.uri().scheme_str() == Some("https")
    }

    /// What it gets as `Proxy-Authorization`.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }
}

impl fmt::Debug for ProxyHop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of its credentials.
        write!(formatter, "ProxyHop({}:{})", self.host(), self.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scheme;
    use crate::netbackup::fixture::site;

    #[test]
    fn a_proxy_shows_its_place_and_not_its_password() {
        let mut site = site(Scheme::Https, "nbu.example", 1556);
        assert!(ProxyHop::of(&site).is_none());
        site.proxy = Proxy::Url("http://user:hunter2@proxy.example:3128".parse().unwrap());
        let hop = ProxyHop::of(&site).unwrap();
        assert_eq!((hop.host(), hop.port(), hop.is_tls()), ("proxy.example", 3128, false));
        assert!(hop.authorization().is_some_and(|value| value.to_str().unwrap().starts_with("Basic ")));
        assert_eq!(format!("{hop:?}"), "ProxyHop(proxy.example:3128)");
    }
}
