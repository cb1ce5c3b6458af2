//! A site and a configuration for tests, which name by struct update what they are about.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use strum::VariantArray as _;

use super::CollectorId;
use super::{
    Collection, Collectors, Config, Endpoint, ListenHost, Log, Material, OpenTelemetry, Proxy, Secret,
    Server, Site, SiteId, Strictness, Verification, load,
};
use crate::metric::MetricNames;

/// A site of that name, without a proxy.
pub(crate) fn site(name: &str, endpoint: Endpoint) -> Site {
    Site {
        id: SiteId::Named(name.into()),
        name: name.into(),
        endpoint,
        api_key: Secret::new("simulated-key".to_owned()),
        api_version: None,
        verification: Verification::SystemRoots,
        tls_server_name: None,
        proxy: Proxy::Direct,
        timeout: Duration::from_secs(20),
        max_concurrent_requests: 4,
    }
}

/// A web config that names these files beside it.
pub(crate) fn web(text: &str, files: &[(&str, &str)]) -> super::WebConfig {
    let files =
        files.iter().map(|(name, text)| (Path::new("/etc/web").join(name), Ok(text.as_bytes().to_vec())));
    super::web_config(Path::new("/etc/web/web.yml"), text.as_bytes(), &files.collect()).unwrap()
}

/// A configuration with these sites, on a free port of the loopback address.
pub(crate) fn config(sites: Vec<Site>) -> Config {
    Config {
        web: None,
        server: Server {
            host: ListenHost::Ip([127, 0, 0, 1].into()),
            port: 0,
            metrics_path: "/metrics".to_owned(),
        },
        collection: collection(),
        collectors: collectors(),
        names: MetricNames::Both,
        log: Log::default(),
        opentelemetry: OpenTelemetry::default(),
        sites,
        lacking: Vec::new(),
    }
}

/// The collectors that always run, and no other.
pub(crate) fn collectors() -> Collectors {
    let mut text = "nbuservers: []\ncollectors:\n".to_owned();
    for id in CollectorId::VARIANTS.iter().filter(|id| !id.always_runs()) {
        let _ = writeln!(text, "  {}: {{enabled: false}}", id.key());
    }
    let material = Material { text: text.into_bytes(), ..Material::default() };
    load(Path::new("c.yaml"), &material, Strictness::Full).unwrap().config.collectors
}

/// Every minute the jobs of an hour.
pub(crate) fn collection() -> Collection {
    Collection { interval: Duration::from_mins(1), window: Duration::from_hours(1), max_stale_cycles: 3 }
}
