//! What is remembered of backups, and what is read back after a start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nbu_exporter_simulator::{Clock, Options, Scenario, Site as SimulatedSite, SiteOptions};
use serde_json::Value;

use super::KEY;
use crate::golden::NOW;
use crate::harness::{Exporter, Sites, config, eventually, request, sample};

/// An exporter that shows the backups of all policies and clients, and two servers, of which it asks the first one.
struct Watched {
    exporter: Exporter,
    sites: Sites,
    clock: Clock,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

/// When the last backup of each policy (or client, without case) with each result ended.
type Lasts = BTreeMap<(String, String), i64>;

impl Watched {
    fn start(options: Options) -> Self {
        let clock = Clock::manual(NOW);
        let sites = ["paris", "rome"]
            .map(|name| SiteOptions { scenario: Scenario::BadNight, ..SiteOptions::named(name) });
        let sites = Sites::with(Options { sites: sites.into(), clock: clock.clone(), ..options });
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        std::fs::write(&file, text(sites.port(0), KEY)).unwrap();
        Self { exporter: Exporter::start(&file), sites, clock, file, _directory: directory }
    }

    fn server(&self, number: usize) -> &SimulatedSite {
        &self.sites.simulation().sites()[number]
    }

    /// Another process in the place of the one that is killed.
    fn restart(&mut self) {
        self.exporter.signal("KILL");
        self.exporter = Exporter::start(&self.file);
    }

    fn apply(&self, text: &str) {
        std::fs::write(&self.file, text).unwrap();
        self.exporter.until_runs(text);
    }

    /// The page once all that is looked for was read back.
    fn read_back(&self) -> String {
        let read = "nbu_backup_history_read_ratio{site=\"paris\"}";
        eventually("the history is read back", || self.exporter.sample(read) == Some(1.0));
        self.exporter.metrics()
    }

    /// How often a server was asked for something that has this in its query.
    fn asked(&self, number: usize, part: &str) -> usize {
        self.server(number)
            .requests()
            .matching("/admin/")
            .iter()
            .filter(|request| plain(&request.query).contains(part))
            .count()
    }
}

fn text(port: u16, key: &str) -> String {
    let off = ["catalogBackup", "diskPools", "servers", "slp", "certificates", "server"];
    let off = off.map(|name| format!(", {name}: {{enabled: false}}")).concat();
    let collectors = format!(
        "collectors: {{protection: {{enabled: true}}, perClient: {{enabled: true, export: all, allowlist: ['*']}}{off}}}\n"
    );
    let server = config(&[("paris", port)])
        .replace("  collectionInterval: 1s\n", "  collectionInterval: 1s\n  scrapingInterval: 1h\n");
    collectors + &server.replace(KEY, key)
}

/// A query without its percent form.
fn plain(query: &str) -> String {
    percent_encoding::percent_decode_str(query).decode_utf8_lossy().into_owned()
}

fn ask(server: &SimulatedSite, path: &str, query: &str) -> Vec<Value> {
    let query = percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC).to_string();
    let query = query.replace("%3D", "=").replace("%26", "&");
    let text = format!(
        "GET /netbackup{path}?{query} HTTP/1.1\r\nHost: paris\r\nConnection: close\r\nAuthorization: {KEY}\r\n\
         Accept: application/vnd.netbackup+json;version=12.0\r\n\r\n"
    );
    let answer: Value = serde_json::from_str(&request(server.address(), &text).unwrap().body()).unwrap();
    answer["data"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

fn seconds(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

fn result(status: &Value) -> &'static str {
    match status.as_i64().unwrap() {
        0 => "success",
        1 => "partial",
        _ => "failed",
    }
}

/// The backups among the finished jobs of a server.
fn backups(server: &SimulatedSite) -> Vec<Value> {
    let (mut jobs, mut last) = (Vec::new(), 0);
    loop {
        let page = ask(
            server,
            "/admin/jobs",
            &format!("filter=state eq 'DONE' and jobId gt {last}&sort=jobId&page[limit]=100"),
        );
        let Some(newest) = page.last() else { break };
        last = newest["attributes"]["jobId"].as_i64().unwrap();
        jobs.extend(page.into_iter().map(|mut job| job["attributes"].take()));
    }
    jobs.retain(|job| ["BACKUP", "DBBACKUP"].contains(&job["jobType"].as_str().unwrap()));
    jobs
}

fn of_policies(jobs: &[Value]) -> Lasts {
    let mut lasts = Lasts::new();
    for job in jobs.iter().filter(|job| !job["jobPath"].as_str().unwrap().contains('.')) {
        let key = (job["policyName"].as_str().unwrap().to_owned(), result(&job["status"]).to_owned());
        let last = lasts.entry(key).or_insert(0);
        *last = (*last).max(seconds(&job["endTime"]));
    }
    lasts
}

/// By the worst of a client's jobs in each run.
fn of_clients(jobs: &[Value]) -> Lasts {
    let mut runs: BTreeMap<(String, &str), (i64, i64)> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job["childCount"] == 0) {
        let root = job["jobPath"].as_str().unwrap().split('.').next().unwrap();
        let run = runs.entry((job["clientName"].as_str().unwrap().to_lowercase(), root)).or_default();
        *run = (run.0.max(job["status"].as_i64().unwrap()), run.1.max(seconds(&job["endTime"])));
    }
    let mut lasts = Lasts::new();
    for ((client, _), (status, ended)) in runs {
        let last = lasts.entry((client, result(&status.into()).to_owned())).or_insert(0);
        *last = (*last).max(ended);
    }
    lasts
}

/// What a page says of the last backups, `policy` or `client`.
fn shown(page: &str, of: &str) -> Lasts {
    let start = format!("nbu_{of}_last_backup_timestamp_seconds{{");
    let lines = page.lines().filter_map(|line| line.strip_prefix(&start));
    let label = |labels: &str, name: &str| {
        let (_, rest) = labels.split_once(&format!("{name}=\"")).unwrap();
        // No value of these tests ends in a backslash.
        let end = rest.match_indices('"').find(|(at, _)| !rest[..*at].ends_with('\\')).unwrap().0;
        rest[..end].replace("\\\"", "\"").replace("\\\\", "\\")
    };
    lines
        .map(|line| {
            let (labels, value) = line.rsplit_once("} ").unwrap();
            ((label(labels, of), label(labels, "result")), value.parse().unwrap())
        })
        .collect()
}

/// The last good backup of each.
fn good(lasts: &Lasts) -> BTreeMap<&str, i64> {
    let mut good = BTreeMap::new();
    for ((name, _), ended) in lasts.iter().filter(|((_, result), _)| result != "failed") {
        let last = good.entry(name.as_str()).or_insert(0);
        *last = (*ended).max(*last);
    }
    good
}

const DAY: i64 = 86_400;

#[test]
fn a_restart_finds_the_last_backups_of_all_policies_and_clients_again() {
    let mut watched = Watched::start(Options {
        jobs_per_day: 600,
        policies: Some(24),
        job_retention: Duration::from_hours(8 * 24),
        ..Options::default()
    });
    let page = watched.read_back();
    let jobs = backups(watched.server(0));
    let (policies, clients) = (of_policies(&jobs), of_clients(&jobs));
    let now = NOW / 1000;
    let oldest = good(&policies).values().map(|ended| now - ended).max();
    assert!(oldest > Some(2 * DAY) && policies.len() > 15, "{oldest:?} {policies:?}");
    let on_page = shown(&page, "policy");
    for (of, ended) in &policies {
        assert_eq!(on_page.get(of), Some(ended), "{of:?}");
    }
    let on_page = shown(&page, "client");
    assert!(on_page.len() > 20);
    for (of, ended) in on_page.iter().filter(|((name, _), _)| good(&clients).contains_key(name.as_str())) {
        assert_eq!(Some(ended), clients.get(of), "{of:?}");
    }
    let without = |age: &str| {
        sample(&page, &format!("nbu_clients_without_backup{{site=\"paris\",older_than=\"{age}\"}}")).unwrap()
    };
    assert!(
        without("1d") >= without("2d") && without("2d") >= without("7d") && without("7d") >= without("never")
    );
    assert!(without("1d") > 0.0, "a bad night");
    // Days later, all of them watched: policies that run in the night to Saturday did so long ago.
    watched.server(0).expire_keys_at(NOW + 30 * DAY * 1000);
    watched.clock.advance(Duration::from_hours(3 * 24 + 6));
    let later = of_policies(&backups(watched.server(0)));
    assert_ne!(good(&later), good(&policies));
    let now = watched.clock.now() / 1000;
    let oldest = good(&later).values().map(|ended| now - ended).max();
    assert!(oldest > Some(5 * DAY), "{oldest:?}");
    eventually("the live data are there", || {
        let shown = shown(&watched.exporter.metrics(), "policy");
        good(&later).iter().all(|(name, ended)| good(&shown).get(name) == Some(ended))
    });
    let before = watched.exporter.metrics();
    watched.restart();
    let after = watched.read_back();
    for of in ["policy", "client"] {
        assert_eq!(good(&shown(&after, of)), good(&shown(&before, of)));
    }
}

#[test]
fn what_jobs_no_longer_tell_is_found_in_the_images() {
    let retention = Duration::from_hours(12);
    let watched =
        Watched::start(Options { jobs_per_day: 600, job_retention: retention, ..Options::default() });
    let page = watched.read_back();
    let in_jobs = of_policies(&backups(watched.server(0)));
    let on_page = shown(&page, "policy");
    let from = jiff::Timestamp::from_second(NOW / 1000 - 35 * DAY).unwrap();
    let mut found = 0;
    for name in good(&on_page).keys().filter(|name| !good(&in_jobs).contains_key(*name)) {
        let name_in_filter = name.replace('\'', "''");
        let filter =
            format!("filter=policyName eq '{name_in_filter}' and backupTime ge {from}&page[limit]=100");
        let page = |number| format!("{filter}&page[offset]={}", 100 * number);
        let pages = (0..).map(|number| ask(watched.server(0), "/catalog/images", &page(number)));
        let images = pages.take_while(|page| !page.is_empty()).flatten();
        let ends = images.map(|image| {
            let attributes = &image["attributes"];
            seconds(&attributes["backupTime"]) + attributes["elapsedTimeSeconds"].as_i64().unwrap()
        });
        assert_eq!(good(&on_page).get(name).copied(), ends.max(), "{name}");
        found += 1;
    }
    assert!(found > 0, "{on_page:?}");
    let start = sample(&page, "nbu_backup_history_start_timestamp_seconds{site=\"paris\"}").unwrap();
    assert!(start <= (NOW / 1000 - 34 * DAY) as f64);
    assert!(sample(&page, "nbu_clients_without_backup{site=\"paris\",older_than=\"never\"}").is_some());
}

#[test]
fn another_key_takes_nothing_away_and_another_server_everything() {
    let options =
        Options { jobs_per_day: 300, job_retention: Duration::from_hours(12), ..Options::default() };
    let watched = Watched::start(options);
    let before = watched.read_back();
    let walked = watched.asked(0, "-endTime");
    assert!(walked > 0);
    watched.server(0).add_key("another-key");
    watched.apply(&text(watched.sites.port(0), "another-key"));
    let live = watched.asked(0, "state ne");
    eventually("some runs with the new key", || watched.asked(0, "state ne") >= live + 4);
    assert_eq!(watched.asked(0, "-endTime"), walked, "nothing is read back again");
    assert_eq!(shown(&watched.exporter.metrics(), "policy"), shown(&before, "policy"));
    watched.apply(&text(watched.sites.port(1), KEY));
    eventually("the other server is read back", || watched.asked(1, "-endTime") > 0);
    let page = watched.read_back();
    let (policies, on_page) = (of_policies(&backups(watched.server(1))), shown(&page, "policy"));
    for (of, ended) in &policies {
        assert_eq!(on_page.get(of), Some(ended), "{of:?}");
    }
    assert_ne!(on_page, shown(&before, "policy"));
}

#[test]
fn twenty_thousand_jobs_are_read_back_behind_the_live_data_of_every_run() {
    let retention = Duration::from_hours(25);
    let watched =
        Watched::start(Options { jobs_per_day: 20_000, job_retention: retention, ..Options::default() });
    eventually("a day was read back", || {
        let start = watched.exporter.sample("nbu_backup_history_start_timestamp_seconds{site=\"paris\"}");
        start.is_some_and(|start| start <= (NOW / 1000 - DAY) as f64)
    });
    let requests = watched.server(0).requests().matching("/netbackup/");
    let (mut runs, mut most, mut pages) = (0, 0, 0);
    for request in &requests {
        let query = plain(&request.query);
        if query.contains("state ne") {
            (runs, pages) = (runs + 1, 0);
        }
        pages += usize::from(query.contains("sort=-endTime"));
        most = most.max(pages);
    }
    assert_eq!(most, 20, "as many pages as a run may, and then the live data again");
    assert!(runs >= 5, "{runs}");
}
