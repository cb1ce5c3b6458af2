//! The HTTP client of one site.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use crate::config::{Endpoint, Proxy, Scheme, Site, Verification};

use super::error::Cause;
use super::proxy::ProxyHop;
use super::setup::ClientError;
use super::tls::{TlsCache, is_dns_name, other_name};

/// The HTTP client of one site with its connections, and the address that it is given.
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    /// Scheme, host, port and base path; resources follow.
    pub(super) base: String,
    /// `Host`, where the URL holds another name for the sake of the handshake.
    pub(super) host: Option<HeaderValue>,
    /// Host and port of the proxy on the way.
    proxy: Option<String>,
    /// Whether the site itself speaks TLS, and not just the proxy on the way.
    is_tls: bool,
    /// Keeps the shared settings in the cache while this client lives.
    _tls: Arc<ClientConfig>,
    /// What is answered instead of by a server.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) canned: Option<super::CannedAnswers>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The HTTP client's own form shows the proxy with its password.
        write!(formatter, "Transport({})", self.base)
    }
}

/// A server that has not accepted within this time is not there; NetBackup's hosts are near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any gap between the requests of a run. A connection that waits for the next run keeps a buffer of the size of a
/// page, 256 kB, and a handshake for each run costs less than that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

impl Transport {
    pub(super) fn new(site: &Site, tls: &TlsCache) -> Result<Self, ClientError> {
        let config = match site.endpoint.scheme() {
            Scheme::Http if has_tls_proxy(site) => tls.config(&Verification::SystemRoots, None)?,
            Scheme::Http => TlsCache::unused()?,
            Scheme::Https => tls.of_site(site)?,
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(&config))
            .http1_only()
            .user_agent(concat!("nbu-exporter/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            // With each answer, the certificate of its connection.
            .tls_info(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(site.max_concurrent_requests);
        // The environment has been read into the configuration; the client must not read it in its own way.
        builder = builder.no_proxy();
        if let Proxy::Url(url) = &site.proxy {
            builder = builder.proxy(reqwest::Proxy::all(by_name(url)).map_err(|_| ClientError::Proxy)?);
        }
        let mut base = site.endpoint.to_string();
        let mut host = None;
        if let Some(name) = name_in_url(site) {
            base = Endpoint::new(Scheme::Https, name, site.endpoint.port(), site.endpoint.base_path())
                .to_string();
            host = Some(host_header(&site.endpoint)?);
            builder = builder.dns_resolver(Arc::new(SiteResolver::of(&site.endpoint)));
        }
        reqwest::Url::parse(&base).map_err(|_| ClientError::Address)?;
        let http = builder.build().map_err(|error| ClientError::Setup(error.to_string()))?;
        let proxy = ProxyHop::of(site).map(|proxy| proxy.to_string());
        let is_tls = site.endpoint.scheme() == Scheme::Https;
        Ok(Self {
            http,
            base,
            host,
            proxy,
            is_tls,
            _tls: config,
            #[cfg(any(test, feature = "fuzz"))]
            canned: None,
        })
    }

    /// Sends a request of this client.
    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<reqwest::Response> {
        #[cfg(any(test, feature = "fuzz"))]
        if let Some(canned) = &self.canned {
            return canned.answer(request).await;
        }
        request.send().await
    }

    /// The certificate that the site has shown, as it came; never that of a proxy.
    pub(super) fn certificate<'a>(&self, response: &'a reqwest::Response) -> Option<&'a [u8]> {
        let info = response.extensions().get::<reqwest::tls::TlsInfo>().filter(|_| self.is_tls)?;
        info.peer_certificate()
    }

    /// What a failed exchange means.
    pub(super) fn cause(&self, error: &reqwest::Error) -> Cause {
        let cause = Cause::of_transport(error);
        match &self.proxy {
            Some(proxy) => cause.by_way_of(proxy),
            None => cause,
        }
    }
}

/// A SOCKS proxy gets the site's name, as Go has it for both schemes: `socks5h` says so to the client, which for `socks5` would
/// look the name up itself, and block a thread meanwhile.
fn by_name(url: &url::Url) -> url::Url {
    let mut url = url.clone();
    if url.scheme() == "socks5" {
        // Can not fail from one such scheme to the other.
        let _ = url.set_scheme("socks5h");
    }
    url
}

fn has_tls_proxy(site: &Site) -> bool {
    matches!(&site.proxy, Proxy::Url(url) if url.scheme() == "https")
}

fn host_header(endpoint: &Endpoint) -> Result<HeaderValue, ClientError> {
    format!("{}:{}", endpoint.host(), endpoint.port()).parse().map_err(|_| ClientError::Address)
}

/// The name that the client says in the TLS handshake with the site (SNI), without brackets.
///
/// A proxy is told the host to connect to, so that can not be the certificate's name: then only the check of the
/// certificate uses `tlsServerName`, not the handshake.
pub(crate) fn handshake_name(site: &Site) -> &str {
    name_in_url(site).unwrap_or(site.endpoint.host()).trim_matches(['[', ']'])
}

/// The name that stands in the URL instead of the host's, for the sake of the handshake.
fn name_in_url(site: &Site) -> Option<&str> {
    let name = other_name(site).filter(|name| is_dns_name(name));
    name.filter(|_| site.endpoint.scheme() == Scheme::Https && ProxyHop::of(site).is_none())
}

/// Resolves the site's host, whatever name the URL has. The URL holds the certificate's name, since the handshake and
/// the check of the certificate take it from there.
#[derive(Debug)]
struct SiteResolver {
    host: Arc<str>,
}

impl SiteResolver {
    fn of(endpoint: &Endpoint) -> Self {
        Self { host: endpoint.host().trim_matches(['[', ']']).into() }
    }
}

impl Resolve for SiteResolver {
    fn resolve(&self, _name: Name) -> Resolving {
        let host = self.host.clone();
        Box::pin(async move {
            // Port 0 stands for the URL's.
            let addresses: Vec<_> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            if addresses.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
