//! The rhythm of the collectors of the real program: what one resource does is nobody else's business.

use nbu_exporter_simulator::{Fault, Options, RetryAfter, Rule, SiteOptions};

use crate::harness::{Exporter, Sites, config, eventually};

/// Enough that one collection more or less does not matter.
const COLLECTIONS: usize = 20;

/// The sites, each with the resource whose answers fail and how they do. With the first nothing is wrong.
fn faults() -> Vec<(&'static str, Option<(&'static str, Fault)>)> {
    let status = |code, retry_after| Fault::Status { code, retry_after };
    let units = "/storage/storage-units";
    vec![
        ("well", None),
        ("stalled", Some((units, Fault::Stall))),
        ("slow", Some((units, Fault::Latency { milliseconds: 50_000 }))),
        ("failing", Some((units, status(500, None)))),
        ("limited", Some((units, status(429, Some(RetryAfter::Seconds(300)))))),
        ("silent-about-keys", Some(("/security/api-keys", Fault::Stall))),
    ]
}

#[test]
fn whatever_one_resource_does_the_other_collectors_keep_their_rhythm() {
    let faults = faults();
    let names: Vec<_> = faults.iter().map(|(name, _)| *name).collect();
    let sites = Sites::with(Options {
        sites: names.iter().map(|name| SiteOptions::named(name)).collect(),
        ..Options::default()
    });
    for (number, (_, fault)) in faults.iter().enumerate() {
        if let Some((resource, fault)) = fault {
            sites.simulation().sites()[number].faults().add(Rule::new(fault.clone()).on(resource));
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let ports: Vec<_> = names.iter().enumerate().map(|(number, name)| (*name, sites.port(number))).collect();
    // With one request at a time a question about the key that is not answered would hold up all others.
    let text = config(&ports).replace(
        "  - site: silent-about-keys\n",
        "  - site: silent-about-keys\n    maxConcurrentRequests: 1\n",
    );
    std::fs::write(&file, text).unwrap();
    let exporter = Exporter::start(&file);
    let collections = |number: usize| {
        let requests = sites.simulation().sites()[number].requests().matching("/admin/jobs");
        requests
            .iter()
            .filter(|request| request.query.contains("state ne") || request.query.contains("state%20ne"))
            .count()
    };
    eventually("the site with which nothing is wrong was collected", || collections(0) >= COLLECTIONS);
    let counts: Vec<_> = (0..names.len()).map(collections).collect();
    for (name, count) in names.iter().zip(&counts) {
        // The jitter of twenty intervals, and the start.
        assert!(count + 3 >= COLLECTIONS, "{name}: {count} of {COLLECTIONS}");
    }
    let of = |site: &str, collector: &str, name: &str| {
        let labels = format!("{{site=\"{site}\",collector=\"{collector}\"}}");
        exporter.sample(&format!("nbu_scrape_collector_{name}{labels}"))
    };
    for name in &names {
        assert!(exporter.is_up(name), "{name}");
        assert_eq!(of(name, "jobs", "success"), Some(1.0), "{name}");
        assert_eq!(of(name, "jobs", "interval_seconds"), Some(1.0), "{name}");
        assert!(of(name, "jobs", "requests").is_some_and(|requests| requests >= 2.0), "{name}");
        assert!(of(name, "jobs", "series").is_some_and(|series| series > 10.0), "{name}");
    }
    for name in ["failing", "limited"] {
        assert_eq!(of(name, "storage", "success"), Some(0.0), "{name}");
    }
    // Of what has not ended nothing is said.
    for name in ["stalled", "slow"] {
        assert_eq!(of(name, "storage", "success"), None, "{name}");
    }
    let limited = sites.simulation().sites()[4].requests().matching("/storage/storage-units").len();
    assert_eq!(limited, 1, "who asks for quiet gets it");
}
