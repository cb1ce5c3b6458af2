//! Raw → valid, for the file as a whole; [`site`] does one site.

mod pem;
mod site;

use std::collections::{HashMap, HashSet};

use self::site::SiteBuilder;
use super::collectors::RawCollectors;
use super::decoder::{Decoder, Location, NoValue, Slot};
use super::proxy::EnvironmentProxies;
use super::raw::{RawConfig, RawOpenTelemetry, RawServer, RawSite};
use super::scalar::MayBeEmpty;
use super::tree::TextPosition;
use super::{
    Collection, Collectors, Config, Endpoint, LackingSite, Log, Material, OpenTelemetry, Proxy, Server, Site,
    SiteId, UnusableProxy, confusable,
};

/// The configuration that a file gives; `None` if there is a violation. Without the check of references it holds
/// only the sites whose values are all known.
pub(super) fn config(
    raw: &RawConfig,
    directory: &std::path::Path,
    material: &Material,
    decoder: &mut Decoder<'_>,
) -> Option<Config> {
    // The environment of the process alone: `.env` is for the variables of the file.
    let proxies = EnvironmentProxies::new(&material.environment.process);
    let sites = sites(raw, &SiteBuilder { directory, material, proxies }, decoder);
    let collectors = collectors(raw.collectors.get(), decoder);
    let opentelemetry = opentelemetry(raw.opentelemetry.get(), decoder);
    let (server, collection) = server(raw.server.get()?).unzip();
    let log = raw.log.get()?;
    Some(Config {
        server: server?,
        web: None,
        collection: collection?,
        collectors: collectors?,
        names: *raw.metrics.get()?.names.get()?,
        log: Log { level: log.level.get().copied(), format: log.format.get().copied() },
        opentelemetry: opentelemetry?,
        sites: sites.whole.into_iter().map(|(site, _)| site).collect(),
        lacking: sites.lacking,
    })
}

/// The sites that can be collected, each with the location of its host, and the others.
#[derive(Default)]
struct Sites<'a> {
    whole: Vec<(Site, &'a Location)>,
    lacking: Vec<LackingSite>,
}

fn server(raw: &RawServer) -> Option<(Server, Collection)> {
    let server = Server {
        host: raw.host.get()?.clone(),
        port: raw.port.get()?.0,
        metrics_path: raw.uri.get()?.0.clone(),
    };
    let interval = raw.collection_interval.get()?.0;
    let collection = Collection {
        interval,
        window: raw.scraping_interval.get()?.0.max(interval),
        max_stale_cycles: raw.max_stale_cycles.get()?.0,
    };
    Some((server, collection))
}

fn collectors(raw: Option<&RawCollectors>, decoder: &mut Decoder<'_>) -> Option<Collectors> {
    let raw = raw?;
    if let Some(per_client) = raw.per_client.get() {
        let lists = [&per_client.allowlist, &per_client.denylist].into_iter().filter_map(Slot::get);
        for name in lists.flatten() {
            if let Some(found) = name.get().and_then(|text| confusable::characters(&text.0)) {
                let message = format!("{found}; no client has this name if that is not meant");
                decoder.warning(&name.location, message);
            }
        }
    }
    raw.settings()
}

fn opentelemetry(raw: Option<&RawOpenTelemetry>, decoder: &mut Decoder<'_>) -> Option<OpenTelemetry> {
    let raw = raw?;
    let enabled = raw.enabled.get()?.0;
    let sampling_rate = raw.sampling_rate.get()?.0;
    if enabled {
        decoder.warning(&raw.enabled.location, "tracing is not built yet; no traces are sent");
        match &raw.endpoint.value {
            Ok(MayBeEmpty(endpoint)) if !is_host_and_port(&endpoint.0) => {
                decoder.violation(&raw.endpoint.location, "must be host:port with a port from 1 to 65535");
            }
            Err(NoValue::Absent) => {
                decoder.violation(&raw.endpoint.location, "is required when tracing is enabled");
            }
            _ => {}
        }
        if !(0.0..=1.0).contains(&sampling_rate) {
            decoder.violation(&raw.sampling_rate.location, "must be a number from 0 to 1");
        }
    }
    let endpoint = raw.endpoint.get().map(|endpoint| endpoint.0.0.clone());
    Some(OpenTelemetry { enabled, endpoint, insecure: raw.insecure.get()?.0, sampling_rate })
}

/// As the Go exporter splits it: at the last colon.
fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        !host.is_empty() && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// The sites of the list, or the one of the legacy block.
fn sites<'a>(raw: &'a RawConfig, builder: &SiteBuilder<'_>, decoder: &mut Decoder<'_>) -> Sites<'a> {
    let legacy = raw.nbuserver.is_given();
    match &raw.nbuservers.value {
        Ok(list) if !list.is_empty() => {
            if legacy {
                let message = "is not used, since `nbuservers` names the sites; remove one of the two";
                decoder.warning(&raw.nbuserver.location, message);
            }
            listed_sites(list, builder, decoder)
        }
        Err(NoValue::Unusable) => Sites::default(),
        _ if legacy => {
            let mut sites = Sites::default();
            if let Some(site) = raw.nbuserver.get() {
                let whole = builder.legacy(site, decoder);
                sites.take(whole, site, &raw.nbuserver.location, decoder);
            }
            warn_about_proxies(&sites.whole, decoder);
            sites
        }
        Ok(_) => {
            decoder.warning(&raw.nbuservers.location, "is an empty list; nothing is collected");
            Sites::default()
        }
        Err(NoValue::Absent) => {
            let location = Location { position: TextPosition::START, path: "nbuservers".to_owned() };
            decoder.violation(&location, "is required: a list of primary servers, which may be empty");
            Sites::default()
        }
    }
}

impl<'a> Sites<'a> {
    /// Adds a site, or what it lacks.
    fn take(
        &mut self,
        whole: Option<Site>,
        raw: &'a RawSite,
        location: &Location,
        decoder: &mut Decoder<'_>,
    ) {
        match whole {
            Some(site) => self.whole.push((site, &raw.host.location)),
            None => self.lacking.extend(SiteBuilder::lacking(raw, &location.path, decoder)),
        }
    }
}

fn listed_sites<'a>(
    list: &'a [Slot<RawSite>],
    builder: &SiteBuilder<'_>,
    decoder: &mut Decoder<'_>,
) -> Sites<'a> {
    let mut names: HashMap<String, TextPosition> = HashMap::new();
    let mut sites = Sites::default();
    for slot in list {
        let Ok(raw) = &slot.value else {
            if slot.value.as_ref().is_err_and(|no_value| *no_value == NoValue::Absent) {
                decoder.violation(&slot.location, "is empty; it must have at least `site`, `host` and a key");
            }
            continue;
        };
        if let Some(name) = raw.site.get() {
            match names.get(&name.0) {
                Some(first) => {
                    let message = format!("must be unique; the site in line {} has this name", first.line);
                    decoder.violation(&raw.site.location, message);
                }
                None => {
                    names.insert(name.0.clone(), raw.site.location.position);
                }
            }
        }
        let whole = builder.listed(raw, decoder);
        sites.take(whole, raw, &slot.location, decoder);
    }
    warn_about_twins(&sites.whole, decoder);
    warn_about_proxies(&sites.whole, decoder);
    sites
}

/// Once for each variable: all sites without a `proxyUrl` of their own have the same.
fn warn_about_proxies(sites: &[(Site, &Location)], decoder: &mut Decoder<'_>) {
    let mut told = HashSet::new();
    for (site, location) in sites {
        if let Proxy::Unusable(problem) = &site.proxy
            && told.insert(problem.variable)
        {
            decoder
                .warning(location, format!("is asked without a proxy: {problem}; {}", UnusableProxy::CURE));
        }
    }
}

fn warn_about_twins(sites: &[(Site, &Location)], decoder: &mut Decoder<'_>) {
    let mut endpoints: HashMap<&Endpoint, &SiteId> = HashMap::new();
    for (site, location) in sites {
        if let Some(first) = endpoints.get(&site.endpoint) {
            let name = super::report::quoted(&first.to_string());
            decoder
                .warning(location, format!("is the endpoint of site {name} too; its jobs are counted twice"));
        } else {
            endpoints.insert(&site.endpoint, &site.id);
        }
    }
}
