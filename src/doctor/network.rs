//! The addresses of the site, and a connection to it, through the proxy if there is one.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower::ServiceExt as _;

use super::report::{Curable, Finding};
use crate::config::{Scheme, Site};
use crate::netbackup::{self, NO_ANSWER, NO_CONNECTION, ProxyHop, TlsCache, TlsFault};

/// A connection to the site, direct or through a proxy.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// As long as the exporter waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The host to connect to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    Site,
    Proxy,
}

impl fmt::Display for Hop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Site => "the host",
            Self::Proxy => "the proxy",
        })
    }
}

/// The host has no address.
#[derive(Debug, thiserror::Error)]
#[error("{hop} {host} can not be resolved: {why}")]
pub(super) struct ResolveError {
    hop: Hop,
    host: String,
    why: String,
}

impl Curable for ResolveError {
    fn cure(&self) -> String {
        netbackup::of_name(match self.hop {
            Hop::Site => "the site's host",
            Hop::Proxy => "the proxy's URL",
        })
    }
}

/// The port takes no connection, or the proxy gives none.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{}: {}", no_connection(*hop), failures.join("; "))]
    Tcp { hop: Hop, failures: Vec<String>, timed_out: bool },
    #[error("TLS with the proxy {0} failed: {1}")]
    ProxyTls(String, String),
    #[error("the proxy {0} gives no connection to the site: {1}")]
    Tunnel(String, String),
}

impl Curable for ConnectError {
    fn cure(&self) -> String {
        match self {
            Self::Tcp { timed_out: true, .. } => NO_ANSWER,
            Self::Tcp { .. } => NO_CONNECTION,
            Self::ProxyTls(..) => {
                "see that the proxy takes TLS and has a certificate that the site's settings trust; most proxies are \
                 http://HOST:PORT"
            }
            Self::Tunnel(..) => {
                "see that the proxy allows connections to this host and port and that the credentials in its URL are \
                 right, or go around it: proxyUrl: none, or NO_PROXY"
            }
        }
        .to_owned()
    }
}

fn no_connection(hop: Hop) -> &'static str {
    match hop {
        Hop::Site => "no connection",
        Hop::Proxy => "the proxy takes no connection",
    }
}

/// The addresses to connect to: the site's, or those of its proxy.
pub(super) async fn resolve(
    site: &Site,
    proxy: Option<&ProxyHop>,
    deadline: Instant,
) -> Result<(Vec<SocketAddr>, Finding), ResolveError> {
    let (hop, host, port) = match proxy {
        Some(proxy) => (Hop::Proxy, proxy.host(), proxy.port()),
        None => (Hop::Site, site.endpoint.host(), site.endpoint.port()),
    };
    let host = host.trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        let finding = Finding::passed(format!("{hop} {address} is an address"));
        return Ok((vec![SocketAddr::new(address, port)], finding));
    }
    let fail = |why: String| ResolveError { hop, host: host.to_owned(), why };
    let found = timeout_at(deadline, tokio::net::lookup_host((host, port))).await;
    let found = found.map_err(|_| fail("no answer in time".to_owned()))?;
    let addresses: Vec<_> = found.map_err(|error| fail(error.to_string()))?.collect();
    if addresses.is_empty() {
        return Err(fail("it has no address".to_owned()));
    }
    let mut list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    list.dedup();
    let finding = Finding::passed(format!("{hop} {host} is {}", list.join(", ")));
    Ok((addresses, finding.with("addresses", list)))
}

/// A connection to the site, through the proxy if there is one.
pub(super) async fn connect(
    site: &Site,
    proxy: Option<&ProxyHop>,
    addresses: &[SocketAddr],
    tls: &TlsCache,
    deadline: Instant,
) -> Result<(Box<dyn ByteStream>, Finding), ConnectError> {
    let (stream, finding) =
        first(addresses, if proxy.is_some() { Hop::Proxy } else { Hop::Site }, deadline).await?;
    let Some(proxy) = proxy else { return Ok((Box::new(stream), finding)) };
    let name = proxy.to_string();
    let late = || "no answer in time".to_owned();
    let mut connection: Box<dyn ByteStream> = Box::new(stream);
    if proxy.is_tls() {
        let outcome = timeout_at(deadline, tls_with_proxy(site, proxy, connection, tls)).await;
        connection = outcome
            .unwrap_or_else(|_| Err(late()))
            .map_err(|why| ConnectError::ProxyTls(name.clone(), why))?;
    }
    if proxy.is_socks() || site.endpoint.scheme() == Scheme::Https {
        let outcome = timeout_at(deadline, tunnel(site, proxy, connection)).await;
        connection =
            outcome.unwrap_or_else(|_| Err(late())).map_err(|why| ConnectError::Tunnel(name, why))?;
        return Ok((connection, Finding::passed(format!("{}, and through it to the site", finding.finding))));
    }
    Ok((connection, finding))
}

/// A connection to the first address that takes one; earlier addresses that failed are a warning.
async fn first(
    addresses: &[SocketAddr],
    hop: Hop,
    deadline: Instant,
) -> Result<(TcpStream, Finding), ConnectError> {
    let (mut failures, mut timed_out) = (Vec::new(), false);
    for address in addresses {
        let limit = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        match timeout_at(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let to = match hop {
                    Hop::Site => "connected to",
                    Hop::Proxy => "connected to the proxy at",
                };
                let connected = format!("{to} {address}");
                let finding = if failures.is_empty() {
                    Finding::passed(connected)
                } else {
                    Finding::warned(
                        format!("{connected}, but not before: {}", failures.join("; ")),
                        "the name has addresses that do not answer: correct the name service",
                    )
                };
                return Ok((stream, finding));
            }
            Ok(Err(error)) => failures.push(format!("{address}: {error}")),
            Err(_) => {
                timed_out = true;
                failures.push(format!("{address}: no answer in time"));
            }
        }
    }
    Err(ConnectError::Tcp { hop, failures, timed_out })
}

async fn tls_with_proxy(
    site: &Site,
    proxy: &ProxyHop,
    connection: Box<dyn ByteStream>,
    tls: &TlsCache,
) -> Result<Box<dyn ByteStream>, String> {
    // The proxy's password goes through here, so its certificate is verified as the exporter does it.
    let config = tls.of_site(site).map_err(|error| error.to_string())?;
    let name = proxy.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(config)
        .connect(name, connection)
        .await
        .map_err(|error| TlsFault::of_io(&error).why)?;
    Ok(Box::new(stream))
}

/// `CONNECT` (RFC 9110, 9.3.6), or that of SOCKS (RFC 1928).
async fn tunnel(
    site: &Site,
    proxy: &ProxyHop,
    connection: Box<dyn ByteStream>,
) -> Result<Box<dyn ByteStream>, String> {
    let uri = |text: String| text.parse::<Uri>().map_err(|error| error.to_string());
    let destination = uri(site.endpoint.to_string())?;
    let via = uri(format!("http://{proxy}"))?;
    let mut connection = Some(connection);
    let connected = tower::service_fn(move |_: Uri| {
        let connection =
            connection.take().map(TokioIo::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        std::future::ready(connection)
    });
    if proxy.is_socks() {
        let mut tunnel = SocksV5::new(via, connected);
        if let Some((user, password)) = proxy.user() {
            tunnel = tunnel.with_auth(user.to_owned(), password.to_owned());
        }
        let tunnelled = tunnel.oneshot(destination).await.map_err(|error| error.to_string())?;
        return Ok(tunnelled.into_inner());
    }
    let mut tunnel = Tunnel::new(via, connected);
    if let Some(authorization) = proxy.authorization() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    let tunnelled = tunnel.oneshot(destination).await.map_err(|error| error.to_string())?;
    Ok(tunnelled.into_inner())
}
