//! Why a site's client can not be made.

/// Why a site's client can not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// A header can not carry the key.
    #[error("the API key holds characters that an HTTP header can not carry")]
    Key,
    /// A certificate of `caFile` is none.
    #[error("caFile holds a certificate that can not be used ({0})")]
    Roots(String),
    /// `tlsServerName` is no name.
    #[error("tlsServerName is neither a DNS name nor an IP address")]
    ServerName,
    /// `proxyUrl` is no proxy.
    #[error("proxyUrl can not be used; it is http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")]
    Proxy,
    /// The address is none.
    #[error("the site's host, port and uri make no URL")]
    Address,
    /// The HTTP client refused its settings.
    #[error("the HTTP client can not be set up ({0})")]
    Setup(String),
}
