//! The whole metrics page of the real program, on a simulated server whose jobs, storage and time stand still.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use nbu_exporter::app::catalogue;
use nbu_exporter_simulator::{ApiVersion, Clock, Options, Scenario, Site as SimulatedSite, SiteOptions, Tls};

use crate::harness::{ApiServer, Exporter, Sites, collector_keys, eventually, expect};

/// An evening in which backups run and wait; away from the edges of its second, so that the answer's way does not
/// round it to another one.
pub const NOW: i64 = 1_770_053_100_300;

/// Families of a site whose values come from our own clock or from that of the simulator's certificate, or tell how many runs there were and what the last one asked
/// besides (a count, now and then).
const TIMED: [&str; 9] = [
    "nbu_api_request_duration_seconds",
    "nbu_api_requests_total",
    "nbu_backup_history_start_timestamp_seconds",
    "nbu_last_scrape_timestamp_seconds",
    "nbu_scrape_collector_duration_seconds",
    "nbu_scrape_collector_last_success_timestamp_seconds",
    "nbu_scrape_collector_requests",
    "nbu_server_clock_offset_seconds",
    "nbu_tls_certificate_expiry_timestamp_seconds",
];

/// The page once the first runs are over and the history of backups is read back.
pub fn page(names: &str) -> String {
    page_of(names, |file| (Exporter::start(file), ()))
}

/// The same with the ConfigMap object as a second source, and as the one member of a fleet, which have families of their own.
pub fn page_in_cluster(names: &str) -> String {
    page_of(names, |file| {
        let api = ApiServer::start("1", &std::fs::read_to_string(file).unwrap());
        let mut command = Exporter::command(file);
        api.watched_by(&mut command).arg("--fleet.group=nbu-exporter").env("POD_NAME", "nbu-exporter-0");
        // The webhook has families of its own, with or without a certificate.
        command.args(["--webhook.listen-address=127.0.0.1:0", "--webhook.certificate-dir=/nonexistent"]);
        (Exporter::spawn(command), api)
    })
}

/// The families of these names that a page has no value of.
pub fn missing(page: &str, names: &str) -> Vec<&'static str> {
    let wanted = catalogue().into_iter().filter(|listed| match listed.desc.naming.as_ref() {
        "native" => names != "v4",
        "v4" => names != "native",
        _ => true,
    });
    let has = |start: String| page.contains(&start);
    let is_missing = |name: &&str| !has(format!("\n{name}{{")) && !has(format!("\n{name}_bucket{{"));
    wanted.map(|listed| listed.desc.name).filter(is_missing).collect()
}

/// All collectors, each with all that it can give, as the section of the configuration.
pub fn collectors() -> String {
    let sections = collector_keys().into_iter().map(|key| {
        let further = match key.as_str() {
            "perClient" => ", export: all, allowlist: ['*']",
            "tape" => ", media: all",
            _ => "",
        };
        format!("{key}: {{enabled: true{further}}}")
    });
    format!("{{{}}}", sections.collect::<Vec<_>>().join(", "))
}

fn page_of<T>(names: &str, start: impl FnOnce(&Path) -> (Exporter, T)) -> String {
    let sites = Sites::with(Options {
        sites: vec![SiteOptions { scenario: Scenario::BadNight, ..SiteOptions::named("paris") }],
        clock: Clock::manual(NOW),
        jobs_per_day: 600,
        // Its certificate has an end as well.
        tls: Tls::SelfSigned,
        // The newest release has the most to show.
        api_version: ApiVersion::new(14, 0),
        ..Options::default()
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let text = format!(
        "server: {{collectionInterval: 1s, scrapingInterval: 6h}}\nmetrics: {{names: {names}}}\ncollectors: {}\n\
         nbuservers: [{{site: paris, host: 127.0.0.1, port: {}, apiKey: simulated-key, insecureSkipVerify: true}}]\n",
        collectors(),
        sites.port(0)
    );
    std::fs::write(&file, text).unwrap();
    let (exporter, _kept) = start(&file);
    // All that is asked, in whatever order the answers come. What stays here for ever has no value in the simulated bad night.
    eventually("no family is missing", || {
        let missing = missing(&exporter.metrics(), names);
        println!("missing: {missing:?}");
        missing.is_empty()
    });
    eventually("the history is read back", || history_is_read(&exporter));
    // Whoever should have backups was known before, and what is learned now may have more to be looked for.
    let site = &sites.simulation().sites()[0];
    let so_far = site.requests().count();
    eventually("nothing more is looked for", || only_live_data_is_asked(site, so_far));
    settled(&exporter)
}

/// Whether the exporter itself says so; under the Go exporter's names its page does not.
fn history_is_read(exporter: &Exporter) -> bool {
    let status: serde_json::Value = serde_json::from_str(&exporter.get("/api/v1/status").body()).unwrap();
    status["sites"][0]["historyReadRatio"] == 1.0
}

/// Whether the last two runs of the jobs, both begun after so many requests, asked for nothing but the live data.
fn only_live_data_is_asked(site: &SimulatedSite, so_far: u64) -> bool {
    let mut requests = site.requests().matching("/netbackup/");
    requests.retain(|request| request.number > so_far);
    let live = requests.iter().enumerate().filter(|(_, request)| request.query.contains("state%20ne"));
    let starts: Vec<_> = live.map(|(at, _)| at).collect();
    let is_history =
        |query: &str| ["-endTime", "policyName", "clientName"].iter().any(|part| query.contains(part));
    let Some([from, ..]) = starts.last_chunk::<3>() else { return false };
    requests[*from..].iter().all(|request| !is_history(&request.query))
}

/// The page once it stays as it is: what one collector learns makes another one run again.
fn settled(exporter: &Exporter) -> String {
    let (mut last, mut same) = (String::new(), 0);
    eventually("nothing runs any more", || {
        let page = exporter.metrics();
        let text = stable(&page);
        same = if text == last { same + 1 } else { 0 };
        last = text;
        same == STILL
    });
    exporter.metrics()
}

/// So many looks in a row, at ten milliseconds and more each, show no run that begins or ends.
const STILL: u32 = 30;

/// The page with what differs from run to run left out: our own values, and labels that name files and builds.
fn stable(page: &str) -> String {
    let steady: BTreeSet<_> =
        catalogue().iter().map(|listed| listed.desc.name).filter(|name| !TIMED.contains(name)).collect();
    let (mut family, mut text) = ("", String::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
        }
        let sample =
            (!line.starts_with('#') && !steady.contains(family)).then(|| line.rsplit_once(' ').unwrap());
        let _ = match sample {
            None => writeln!(text, "{line}"),
            Some(_) if family.ends_with("_info") && family != "nbu_exporter_config_watch_info" => {
                writeln!(text, "{family}{{<labels>}} 1")
            }
            Some((series, _)) => writeln!(text, "{series} <value>"),
        };
    }
    text
}

fn check(names: &str) {
    expect(&format!("tests/golden/metrics-{names}.prom"), &stable(&page(names)));
}

#[test]
fn the_page_with_native_names_is_the_committed_one() {
    check("native");
}

#[test]
fn the_page_with_the_go_exporters_names_is_the_committed_one() {
    check("v4");
}

#[test]
fn the_page_with_both_names_is_the_committed_one() {
    check("both");
}
