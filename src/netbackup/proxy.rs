//! The proxy on the way to a site.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::config::{Proxy, Site};

/// The proxy that the client takes on the way to a site.
#[derive(Clone)]
pub(crate) struct ProxyHop(Intercept);

impl ProxyHop {
    /// The proxy for this site; `None` means that the way is direct.
    pub(crate) fn of(site: &Site) -> Option<Self> {
        let Proxy::Url(url) = &site.proxy else { return None };
        let matcher = Matcher::builder().all(url.to_string()).build();
        let destination: Uri = site.endpoint.to_string().parse().ok()?;
        matcher.intercept(&destination).map(Self)
    }

    /// Its host; an IPv6 address is in brackets.
    pub(crate) fn host(&self) -> &str {
        self.0.uri().host().unwrap_or_default()
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        let usual = match self.0.uri().scheme_str() {
            Some("https") => 443,
            _ if self.is_socks() => 1080,
            _ => 80,
        };
        self.0.uri().port_u16().unwrap_or(usual)
    }

    /// Whether it is itself spoken to over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.uri().scheme_str() == Some("https")
    }

    /// Whether it speaks SOCKS (RFC 1928) and is told the site's name, whatever the site speaks.
    pub(crate) fn is_socks(&self) -> bool {
        self.0.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks"))
    }

    /// User and password for a SOCKS proxy (RFC 1929).
    pub(crate) fn user(&self) -> Option<(&str, &str)> {
        self.0.raw_auth()
    }

    /// What an HTTP proxy gets as `Proxy-Authorization`.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }
}

impl fmt::Display for ProxyHop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host(), self.port())
    }
}

impl fmt::Debug for ProxyHop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its credentials are left out.
        write!(formatter, "ProxyHop({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{Scheme, Secret};
    use crate::netbackup::fixture::site;
    use crate::netbackup::{Client, TlsCache};

    #[test]
    fn a_proxy_shows_its_address_and_not_its_password() {
        let mut site = site(Scheme::Https, "nbu.example", 1556);
        assert!(ProxyHop::of(&site).is_none());
        site.proxy = Proxy::Url("http://user:hunter2@proxy.example:3128".parse().unwrap());
        let hop = ProxyHop::of(&site).unwrap();
        assert_eq!((hop.host(), hop.port(), hop.is_tls()), ("proxy.example", 3128, false));
        assert!(hop.authorization().is_some_and(|value| value.to_str().unwrap().starts_with("Basic ")));
        assert_eq!(format!("{hop:?}"), "ProxyHop(proxy.example:3128)");
    }

    #[test]
    fn a_client_shows_neither_its_key_nor_the_password_of_its_proxy() {
        let mut site = site(Scheme::Http, "nbu.example", 1556);
        site.api_key = Secret::new("hunter2".to_owned());
        site.proxy = Proxy::Url("http://user:hunter2@proxy.example:3128".parse().unwrap());
        let client = Client::new(&site, &TlsCache::default(), Arc::default(), Arc::default()).unwrap();
        let shown = format!("{client:?}");
        assert!(shown.contains("Transport(") && !shown.contains("hunter2"), "{shown}");
    }
}
