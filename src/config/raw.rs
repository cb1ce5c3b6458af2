//! The file as it is written: every key with its value and location, before the checks between keys.

use super::address::{BasePath, Host, MetricsPath, Port, TlsName};
use super::collectors::RawCollectors;
use super::decoder::{Decode, Decoder, NoValue, Slot};
use super::key::{Key, Shape};
use super::number::{BoundedCount, Number};
use super::proxy::ProxyUrl;
use super::scalar::{
    AnyText, BoundedDuration, CertificateDigest, FilePath, Flag, Ignored, MayBeEmpty, SiteName,
};
use super::section::section;
use super::tree::Node;
use super::{ApiVersion, ListenHost, LogFormat, LogLevel, Scheme, Secret};
use crate::metric::MetricNames;

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;

section! {
    /// The whole file.
    RawConfig {
        /// Where the exporter listens, and how often and how far back it collects.
        server: RawServer = "server" or "{}";
        /// One primary server, as the Go exporter's older files have it; its `site` label is `host` as it is
        /// written. With a list in `nbuservers` this block is not used.
        nbuserver: RawSite = "nbuserver";
        /// The primary servers; the list may be empty.
        nbuservers: Vec<Slot<RawSite>> = "nbuservers";
        /// Which collectors run, and how often, for all sites.
        collectors: RawCollectors = "collectors" or "{}";
        /// Which metric names are served.
        metrics: RawMetrics = "metrics" or "{}";
        /// How the exporter logs; flags of the command line win.
        log: RawLog = "log" or "{}";
        /// Tracing of the exporter's own requests; not built yet.
        opentelemetry: RawOpenTelemetry = "opentelemetry" or "{}";
    }
}

section! {
    /// Our own server and the cadence of collection.
    RawServer {
        /// The address to listen on; `0.0.0.0` is all of IPv4, and `::` is all of IPv6 and IPv4.
        host: ListenHost = "host" or "::";
        /// The port to listen on.
        port: Port = "port" or "9440";
        /// The path of the metrics page.
        uri: MetricsPath = "uri" or "/metrics";
        /// The web config in the format of Prometheus' exporter-toolkit: TLS, client certificates, login, headers and rate of
        /// the exporter's own pages. Read again with all that it names when any of it changes; `--web.config.file` wins.
        web_config_file: FilePath = "webConfigFile";
        /// How far back finished jobs are counted; at least one `collectionInterval` is.
        scraping_interval: BoundedDuration<SECOND, { 366 * DAY }> = "scrapingInterval" or "1h";
        /// The time between two runs of each collector that has no interval of its own.
        collection_interval: BoundedDuration<SECOND, { 7 * DAY }> = "collectionInterval" or "5m";
        /// For how many missed runs a failing collector's last values stay.
        max_stale_cycles: BoundedCount<0, 1_000> = "maxStaleCycles" or "3";
        /// Accepted for the Go exporter's files and checked; storage is read at every collection.
        cache_ttl: BoundedDuration<SECOND, { 366 * DAY }> = "cacheTTL" or "5m";
        /// The Go exporter's log file; logs go to standard error.
        log_name: Ignored = "logName";
    }
}

section! {
    /// One primary server: an entry of `nbuservers`, or the legacy block.
    RawSite {
        /// The name of the site: the value of the `site` label and the site's identity over reloads. Required and
        /// unique in `nbuservers`; not allowed in `nbuserver`.
        site: SiteName = "site";
        /// The host name or IP address of the primary server. Required.
        host: Host = "host";
        /// The port of its REST API.
        port: Port = "port" or "1556";
        /// How the API is spoken to.
        scheme: Scheme = "scheme" or "https";
        /// The path before every resource of the API.
        uri: BasePath = "uri" or "/netbackup";
        /// The API key. Required, unless `apiKeyFile` is given.
        api_key: Secret = "apiKey";
        /// The file that holds the API key, relative to the configuration file; it is read again at every
        /// reload, and line ends at its end do not count.
        api_key_file: FilePath = "apiKeyFile";
        /// The version of the API to speak; `12` is `12.0`. Without it, or where it is empty, the server is asked.
        api_version: MayBeEmpty<ApiVersion> = "apiVersion";
        /// Whether any certificate of the server is taken. Prefer `certificateSha256` or `caFile`.
        insecure_skip_verify: MayBeEmpty<Flag> = "insecureSkipVerify" or "false";
        /// The file with the PEM certificates of the authorities that may vouch for the server; they replace
        /// the system's.
        ca_file: FilePath = "caFile";
        /// The digest of the one certificate that the server may show, whoever signed it.
        certificate_sha256: CertificateDigest = "certificateSha256";
        /// The name that the certificate must have, when it is not `host`.
        tls_server_name: TlsName = "tlsServerName";
        /// The time that one request may take.
        timeout: BoundedDuration<{ SECOND / 10 }, HOUR> = "timeout" or "1m";
        /// How many requests may be under way at one time.
        max_concurrent_requests: BoundedCount<1, 64> = "maxConcurrentRequests" or "4";
        /// The proxy on the way to the server, or `none`; without it the variables `HTTPS_PROXY`,
        /// `HTTP_PROXY` and `NO_PROXY` count.
        proxy_url: ProxyUrl = "proxyUrl";
        /// Never had a meaning.
        content_type: Ignored = "contentType";
        /// Never had a meaning.
        domain: Ignored = "domain";
        /// Never had a meaning.
        domain_type: Ignored = "domainType";
    }
}

section! {
    /// The metrics page.
    RawMetrics {
        /// `native` for this exporter's names, `v4` for those of the Go exporter 4, or `both`.
        names: MetricNames = "names" or "both";
    }
}

section! {
    /// Logging.
    RawLog {
        /// How much is logged.
        level: LogLevel = "level";
        /// One line per event, as `logfmt` or `json`.
        format: LogFormat = "format";
    }
}

section! {
    /// Tracing.
    RawOpenTelemetry {
        /// Whether traces are sent.
        enabled: Flag = "enabled" or "false";
        /// `host:port` of the collector. Required when enabled.
        endpoint: MayBeEmpty<AnyText> = "endpoint";
        /// Plain gRPC instead of TLS.
        insecure: Flag = "insecure" or "false";
        /// The share of traces that are sampled, from 0 to 1.
        sampling_rate: Number = "samplingRate" or "0.0";
    }
}
