//! What a diff says of two configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::fixture::{self, config};
use super::super::*;
use super::*;

fn site(name: &str, host: &str, key: &str, timeout: u64) -> Site {
    Site {
        api_key: Secret::new(key.to_owned()),
        proxy: Proxy::Url("http://p:1".parse().unwrap()),
        timeout: Duration::from_secs(timeout),
        ..fixture::site(name, Endpoint::new(Scheme::Https, host, 1556, "/netbackup"))
    }
}

fn legacy(host: &str) -> Site {
    Site { id: SiteId::Legacy, ..site(host, host, "k", 60) }
}

fn check(old: Vec<Site>, new: Vec<Site>, expected: &str) {
    assert_eq!(ConfigDiff::between(&config(old), &config(new)).to_string(), expected);
}

#[test]
fn the_log_line_says_what_changed() {
    let (nice, paris) = (site("nice", "nice", "k", 60), site("paris", "paris", "k", 60));
    check(vec![], vec![], "no changes");
    check(vec![nice.clone(), paris.clone()], vec![paris.clone(), nice.clone()], "no changes");
    check(
        vec![nice, paris],
        vec![site("paris", "other", "k2", 5), site("lyon", "lyon", "k", 60)],
        "sites: +lyon -nice ~paris(endpoint,credentials,timeout)",
    );
    check(vec![legacy("a")], vec![legacy("b")], "sites: ~nbuserver(endpoint,name)");
    check(vec![legacy("a")], vec![site("a", "a", "k", 60)], "sites: +a -nbuserver");
}

#[test]
fn two_sites_that_swap_names_both_move() {
    let old = vec![site("a", "one", "k1", 60), site("b", "two", "k2", 60)];
    let new = vec![site("a", "two", "k2", 60), site("b", "one", "k1", 60)];
    check(old, new, "sites: ~a(endpoint,credentials) ~b(endpoint,credentials)");
}

#[test]
fn connection_and_options_are_told_apart() {
    let plain = site("a", "a", "k", 60);
    let proxied = Site { proxy: Proxy::Direct, ..plain.clone() };
    check(vec![plain.clone()], vec![proxied], "sites: ~a(connection)");
    let named =
        Site { tls_server_name: Some("b".to_owned()), verification: Verification::Off, ..plain.clone() };
    check(vec![plain.clone()], vec![named], "sites: ~a(connection)");
    let limited = Site { max_concurrent_requests: 1, api_version: Some(ApiVersion::NEWEST), ..plain.clone() };
    check(vec![plain], vec![limited], "sites: ~a(apiVersion,maxConcurrentRequests)");
}

#[test]
fn every_setting_is_named() {
    let old = config(vec![]);
    let new = Config {
        web: None,
        server: Server { host: ListenHost::Name("b".to_owned()), port: 1, metrics_path: "/m".to_owned() },
        collection: Collection { interval: Duration::ZERO, window: Duration::ZERO, max_stale_cycles: 0 },
        collectors: {
            let mut collectors = fixture::collectors();
            collectors.per_client.options.allowlist.push("a".to_owned());
            collectors
        },
        names: MetricNames::V4,
        log: Log { level: Some(LogLevel::Debug), format: Some(LogFormat::Json) },
        opentelemetry: OpenTelemetry { enabled: true, ..OpenTelemetry::default() },
        sites: vec![],
        lacking: vec![],
    };
    let expected = "settings: server.host server.port server.uri server.collectionInterval server.scrapingInterval \
                    server.maxStaleCycles metrics.names log.level log.format opentelemetry collectors.perClient";
    assert_eq!(ConfigDiff::between(&old, &new).to_string(), expected);
    let both = ConfigDiff::between(&old, &Config { sites: vec![site("a", "a", "k", 1)], ..new });
    assert!(both.to_string().starts_with("sites: +a; settings: server.host"), "{both}");
}

/// Few names and values, so that sites often stay and often change.
fn configs() -> impl Strategy<Value = Config> {
    let site = ("[ab]", "[kl]", 1_u64..3).prop_map(|(host, key, timeout)| (host, key, timeout));
    (prop::collection::btree_map("[a-e]", site, 0..5), 1_u16..3).prop_map(|(sites, port)| {
        let sites = sites.iter().map(|(name, (host, key, timeout))| self::site(name, host, key, *timeout));
        let mut config = config(sites.collect());
        config.server.port = port;
        config
    })
}

fn ids(config: &Config) -> BTreeSet<SiteId> {
    config.sites.iter().map(|site| site.id.clone()).collect()
}

fn set(ids: &[SiteId]) -> BTreeSet<SiteId> {
    ids.iter().cloned().collect()
}

proptest! {
    #[test]
    fn equal_configurations_have_no_diff(config in configs()) {
        prop_assert_eq!(ConfigDiff::between(&config, &config.clone()), ConfigDiff::default());
    }

    #[test]
    fn a_diff_is_empty_exactly_for_equal_configurations(old in configs(), new in configs()) {
        prop_assert_eq!(ConfigDiff::between(&old, &new) == ConfigDiff::default(), old == new);
    }

    #[test]
    fn applying_the_diff_to_the_old_sites_gives_the_new(old in configs(), new in configs()) {
        let diff = ConfigDiff::between(&old, &new);
        let mut sites: BTreeMap<_, _> = old.sites.iter().map(|site| (site.id.clone(), site)).collect();
        for id in &diff.removed {
            prop_assert!(sites.remove(id).is_some());
        }
        for id in &diff.added {
            prop_assert!(sites.insert(id.clone(), new.site(id).unwrap()).is_none());
        }
        for (id, _) in &diff.changed {
            prop_assert!(sites.insert(id.clone(), new.site(id).unwrap()).is_some());
        }
        prop_assert_eq!(sites.keys().cloned().collect::<BTreeSet<_>>(), ids(&new));
        prop_assert!(sites.iter().all(|(id, site)| new.site(id) == Some(*site)));
    }

    #[test]
    fn the_way_back_swaps_added_and_removed(old in configs(), new in configs()) {
        let (there, back) = (ConfigDiff::between(&old, &new), ConfigDiff::between(&new, &old));
        prop_assert_eq!(set(&there.added), set(&back.removed));
        prop_assert_eq!(set(&there.removed), set(&back.added));
        prop_assert_eq!(&there.settings, &back.settings);
        let there: BTreeMap<_, _> = there.changed.into_iter().collect();
        let back: BTreeMap<_, _> = back.changed.into_iter().collect();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn the_endpoint_is_flagged_exactly_if_it_differs(old in configs(), new in configs()) {
        let diff = ConfigDiff::between(&old, &new);
        let flagged = diff.changed.iter().filter(|(_, change)| matches!(change, SiteChange::Flush(FlushReason::Endpoint, _))).map(|(id, _)| id.clone());
        let differ = old.sites.iter().filter(|site| new.site(&site.id).is_some_and(|new| new.endpoint != site.endpoint));
        prop_assert_eq!(flagged.collect::<BTreeSet<_>>(), differ.map(|site| site.id.clone()).collect());
    }
}
