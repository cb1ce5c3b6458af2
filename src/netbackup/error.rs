//! What can go wrong with a request.

use jiff::Timestamp;
use strum::VariantNames as _;

use crate::config::ApiVersion;

use super::{DecodeError, TlsFault};

/// Why a request came to nothing. Neither the key nor a query's values are in it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{endpoint}: {cause}")]
pub(crate) struct Error {
    /// The path of the resource below the base path, such as `/admin/jobs`.
    pub endpoint: &'static str,
    /// What went wrong.
    pub cause: Cause,
}

impl Error {
    pub(super) fn new(endpoint: &'static str, cause: Cause) -> Self {
        Self { endpoint, cause }
    }

    /// The value of the `reason` label; one of a closed set.
    pub(crate) fn reason(&self) -> &'static str {
        self.cause.reason()
    }

    /// Whether the server refused this request for want of a valid key or of a permission; NetBackup's 401 is both.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self.cause, Cause::Unauthorized | Cause::Forbidden)
    }
}

/// What can go wrong with a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// The host has no address.
    #[error("the host name can not be resolved ({0}); check the site's host")]
    Dns(String),
    /// The proxy on the way has no address.
    #[error(
        "the name of the proxy {proxy} can not be resolved ({why}); check proxyUrl, or the variables HTTPS_PROXY and HTTP_PROXY"
    )]
    #[strum(serialize = "dns")]
    ProxyDns {
        /// Its host and port.
        proxy: String,
        /// What the resolver said.
        why: String,
    },
    /// No connection, or it broke.
    #[error("the connection failed ({0}); check scheme, host, port, proxy and network policies")]
    Connect(String),
    /// The TLS handshake failed.
    #[error("TLS failed ({}); {}", .0.why, .0.cure)]
    Tls(TlsFault),
    /// The answer did not come in time, or no request was allowed before the deadline.
    #[error("no whole answer in time; raise the site's timeout if its server is this slow")]
    Timeout,
    /// 401: NetBackup's one answer to a bad key and to a missing permission.
    #[error("401: the API key is not valid, or its role lacks the permission for this endpoint")]
    Unauthorized,
    /// 403.
    #[error("403: the role of the API key lacks the permission for this endpoint")]
    Forbidden,
    /// 404.
    #[error("404: this release of NetBackup has no such resource, or it holds nothing; check the site's uri")]
    NotFound,
    /// Nothing is there that every NetBackup server has.
    #[error(
        "there is no NetBackup API under this base path (no /ping, and /security/api-keys is 404); check the site's uri, usually /netbackup"
    )]
    NoApi,
    /// 429.
    #[error("429: the server asks for fewer requests")]
    RateLimited,
    /// An answer before this one asked for quiet (429 or 503 with Retry-After), so nothing was sent.
    #[error("the server asked for quiet (Retry-After): nothing is sent to it before {0:.0}")]
    #[strum(serialize = "rate_limited")]
    Quiet(Timestamp),
    /// The run has sent as many requests as one run may.
    #[error("the run has sent as many requests as it may; the next run goes on")]
    Budget,
    /// 406 or 415: the server does not speak the version that we asked for.
    #[error("the server does not answer in API version {0}; remove apiVersion, or pin another")]
    NotAcceptable(ApiVersion),
    /// A redirect, which is not followed: the key must not go anywhere else.
    #[error("{0}: a redirect is not followed; give the final address as the site's host, port and uri")]
    Redirect(u16),
    /// Another 4xx, with the NetBackup status code of its body.
    #[error("{status}: the server refused the request{}", netbackup_code(*code))]
    #[strum(serialize = "http_4xx")]
    Client {
        /// The HTTP status code.
        status: u16,
        /// `errorCode` of the body.
        code: Option<i64>,
    },
    /// 5xx, with the NetBackup status code of its body.
    #[error("{status}: the server failed{}", netbackup_code(*code))]
    #[strum(serialize = "http_5xx")]
    Server {
        /// The HTTP status code.
        status: u16,
        /// `errorCode` of the body.
        code: Option<i64>,
    },
    /// The body is larger than we take.
    #[error("the answer is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    /// The body is no NetBackup JSON.
    #[error("the answer is {0} instead of NetBackup's JSON; is a proxy or a login page in between?")]
    ContentType(String),
    /// The body is not what its content type says.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The pages do not end.
    #[error("paging went wrong: {0}")]
    Pagination(&'static str),
    /// No version that both sides speak.
    #[error("no common API version: {0}")]
    Version(String),
}

fn netbackup_code(code: Option<i64>) -> String {
    code.map(|code| format!(" (NetBackup status code {code})")).unwrap_or_default()
}

impl Cause {
    /// Every value of the `reason` label.
    pub fn reasons() -> impl Iterator<Item = &'static str> {
        // Causes that share a reason stand side by side.
        let mut last = "";
        Self::VARIANTS.iter().copied().filter(move |reason| std::mem::replace(&mut last, reason) != *reason)
    }

    /// The value of the `reason` label.
    pub fn reason(&self) -> &'static str {
        self.into()
    }

    /// Whether it says that this release of NetBackup does not have the resource.
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self, Self::NotFound | Self::NotAcceptable(_) | Self::Server { status: 501, .. })
    }

    /// Whether the same request may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Dns(_) | Self::ProxyDns { .. } | Self::Connect(_) | Self::Timeout | Self::RateLimited => {
                true
            }
            // 501: this release does not have it.
            Self::Server { status, .. } => *status != 501,
            Self::Client { status, .. } => *status == 408,
            _ => false,
        }
    }

    /// The same where a proxy is on the way: then it is the proxy that is resolved and connected to.
    pub(super) fn by_way_of(self, proxy: &str) -> Self {
        match self {
            Self::Dns(why) => Self::ProxyDns { proxy: proxy.to_owned(), why },
            Self::Connect(why) => Self::Connect(format!("by way of the proxy {proxy}: {why}")),
            other => other,
        }
    }

    /// The cause of an error of the HTTP client.
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        let cause = innermost(error);
        if error.is_dns() {
            Self::Dns(cause)
        } else if let Some(error) = tls_error(error) {
            Self::Tls(TlsFault::of(error))
        } else if error.is_decode() && !chain(error).any(<dyn std::error::Error>::is::<hyper::Error>) {
            // The bytes came as they were sent, so decompressing them failed.
            Self::Decode(DecodeError::Gzip)
        } else {
            Self::Connect(cause)
        }
    }
}

/// The last link of the chain says what happened; the first ones quote the URL.
fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| "the HTTP client gave no reason".to_owned(), ToString::to_string)
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    chain(error).find_map(<dyn std::error::Error>::downcast_ref)
}

/// The links of an error. An `io::Error` hides what it wraps from `source`, and may wrap another one.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |link| {
        let wrapped = link.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn std::error::Error + 'static)).or_else(|| link.source())
    })
}
