//! One primary server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ApiVersion, Endpoint, Proxy, Secret};

/// One NetBackup primary server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The identity of the site over changes of the configuration.
    pub id: SiteId,
    /// The value of the `site` label.
    pub name: Arc<str>,
    /// Where its REST API is.
    pub endpoint: Endpoint,
    /// The API key, sent verbatim in `Authorization`.
    pub api_key: Secret,
    /// A pinned API version; `None` means that the server is asked.
    pub api_version: Option<ApiVersion>,
    /// How the server's certificate is verified.
    pub verification: Verification,
    /// The name that the certificate must have, when it is not the endpoint's host.
    pub tls_server_name: Option<String>,
    /// The proxy on the way to the server.
    pub proxy: Proxy,
    /// The time that one request may take.
    pub timeout: Duration,
    /// How many requests may be under way to the server at one time.
    pub max_concurrent_requests: usize,
}

/// A site that can not be collected yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LackingSite {
    /// The identity of the site, as when it is complete.
    pub id: SiteId,
    /// The value of the `site` label.
    pub name: Arc<str>,
    /// Where its REST API is, if that is known.
    pub endpoint: Option<Endpoint>,
    /// What it lacks, each with its path in the file. It holds no secret.
    pub why: String,
}

/// The identity of a site: its name in `nbuservers`, or the fixed identity of the legacy `nbuserver` block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SiteId {
    /// The one site of `nbuserver`: a new host is an endpoint change, not another site.
    Legacy,
    /// A site of `nbuservers`, by its name.
    Named(Arc<str>),
}

impl fmt::Display for SiteId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy => formatter.write_str("nbuserver"),
            Self::Named(name) => formatter.write_str(name),
        }
    }
}

/// How a server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verification {
    /// By the system's certificate authorities.
    SystemRoots,
    /// By the certificates of `caFile`, which replace the system's: one or more, in DER.
    Roots(Arc<[Vec<u8>]>),
    /// By `certificateSha256`: the SHA-256 digest of the leaf certificate in DER.
    Pinned([u8; 32]),
    /// Not at all: `insecureSkipVerify`.
    Off,
}
