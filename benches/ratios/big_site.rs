//! A big site with all collectors that run by default: what its server is asked, and what that costs.
//!
//! An hour lasts a minute: every interval is a sixtieth of its default, and the simulated server's clock is sixty times as fast,
//! so that each run finds as many new jobs as it would. What has no interval of its own is not scaled: the questions about the
//! permission and the records of jobs come once in a real hour, and are added.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::decoding;
use crate::idle::REST;
use crate::process::{Exporter, Simulator, config, config_of, series};
use crate::recorder::{Exchange, Recorder};
use crate::scrape::to_static_server;
use crate::table::{Goal, Row};
use crate::usage::{memory, process_cpu};

const SPEED: u32 = 60;
/// An hour.
const HOUR: Duration = Duration::from_secs(3600 / SPEED as u64);
/// Hours that are measured.
const HOURS: u32 = 2;
/// Three seconds at that speed.
const LATE: Duration = Duration::from_millis(50);
/// What jobs are asked beside their runs: a count for the permission and one of all records each hour, and the oldest job once
/// a day.
const HOURLY: f64 = 2.0 + 1.0 / 24.0;

/// A collector: its requests a run at the big site, and the request that begins a run (path, and what is in the query).
struct Budget {
    collector: &'static str,
    requests: f64,
    path: &'static str,
    filter: &'static str,
}

const fn budget(collector: &'static str, requests: f64, path: &'static str, filter: &'static str) -> Budget {
    Budget { collector, requests, path, filter }
}

/// The requests of a run at this site, as the collectors were planned.
const BUDGETS: &[Budget] = &[
    budget("jobs", 6.0, "/admin/jobs", "state ne 'DONE'"),
    budget("storage", 1.0, "/storage/storage-units", ""),
    budget("protection", 1.0, "/config/policies/", ""),
    budget("per_client", 1.0, "/config/unique-policy-clients", ""),
    budget("catalog_backup", 1.0, "/admin/jobs", "policyType eq 'NBU_CATALOG' and state eq 'DONE'&"),
    budget("disk_pools", 1.0, "/storage/disk-pools", ""),
    budget("servers", 2.0, "/storage/storage-servers", ""),
    budget("slp", 15.0, "/catalog/slp-images", "'NOT_STARTED'"),
    budget("certificates", 3.0, "/security/certificate-authorities", ""),
    budget("server", 2.0, "/security/serverinfo", ""),
];

impl Budget {
    fn begins(&self, exchange: &Exchange) -> bool {
        exchange.path == self.path && exchange.query.contains(self.filter) && exchange.is_first_page()
    }
}

/// The big site: requests, CPU, memory and scrapes.
pub fn measure() -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let idle = idle_memory(&file);

    // Two days of jobs: 400 pages are what the plan foresees for the read-back.
    let flags = ["--scenario", "huge", "--job-retention", "48"];
    let simulator = Simulator::start(1, &flags);
    std::fs::write(&file, simulator.config("5m").replace("scrapingInterval: 24h", "scrapingInterval: 1h"))
        .unwrap();
    let real = Exporter::start(&file);
    real.wait_until_complete(Duration::from_mins(1));
    std::thread::sleep(Duration::from_secs(15));
    let intervals = intervals(&real.page());
    let mut scrapes = to_static_server(&real, "the big site's");
    drop((real, simulator));

    let simulator = Simulator::start(1, &[&flags[..], &["--speed", &SPEED.to_string()]].concat());
    let recorder = Recorder::before(simulator.address(), LATE);
    std::fs::write(&file, fast_config(&intervals, &recorder)).unwrap();
    let began = Instant::now();
    let exporter = Exporter::start(&file);
    let start = wait_for_read_back(&recorder, began);
    let start_exchanges = recorder.since(began);

    let (hours_began, cpu) = (Instant::now(), process_cpu(exporter.id()));
    std::thread::sleep(HOUR * HOURS);
    let cpu = (process_cpu(exporter.id()) - cpu) / f64::from(HOURS);
    let hours = recorder.since(hours_began);
    let hours_ended = Instant::now();
    let peak = memory(exporter.id(), "VmHWM");
    let page = exporter.page();
    drop((exporter, simulator));

    let mut rows = requests(&intervals, &start_exchanges, start, &hours);
    rows.extend(rhythm(&intervals, &start_exchanges, began + start, &hours, hours_ended));
    rows.push(cost(cpu, &hours));
    rows.push(
        Row::new("peak memory of the big site above idle", peak - idle, "MB", Goal::Most(40.0))
            .note(format!("VmHWM {peak:.1} MB, idle {idle:.1} MB; {} series", series(&page))),
    );
    rows.append(&mut scrapes);
    rows
}

/// The program with a site that has nothing.
fn idle_memory(file: &std::path::Path) -> f64 {
    let simulator = Simulator::start(1, &["--scenario", "empty"]);
    std::fs::write(file, simulator.config("5m")).unwrap();
    let exporter = Exporter::start(file);
    exporter.wait_until_complete(Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(2));
    memory(exporter.id(), "VmRSS")
}

/// The seconds between two runs of each collector, as the program itself says them.
fn intervals(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("nbu_scrape_collector_interval_seconds{"));
    let of_line = |line: &str| {
        let (_, rest) = line.split_once("collector=\"").unwrap();
        let (collector, rest) = rest.split_once('"').unwrap();
        (collector.to_owned(), rest.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let intervals: BTreeMap<_, _> = lines.map(of_line).collect();
    let known: Vec<_> = BUDGETS.iter().map(|budget| budget.collector).collect();
    assert!(
        intervals.len() == known.len() && known.iter().all(|known| intervals.contains_key(*known)),
        "the collectors that run by default: {intervals:?}"
    );
    intervals
}

/// The same site with every interval divided.
fn fast_config(intervals: &BTreeMap<String, f64>, recorder: &Recorder) -> String {
    let mut text = config("5s", &config_of(&[recorder.address()], "    scheme: http"))
        .replace("scrapingInterval: 24h", "scrapingInterval: 1h");
    text.push_str("collectors:\n");
    for (collector, interval) in intervals {
        let mut key = String::new();
        for (number, word) in collector.split('_').enumerate() {
            let (first, rest) = word.split_at(1);
            key.push_str(&if number == 0 { first.to_owned() } else { first.to_uppercase() });
            key.push_str(rest);
        }
        let _ = writeln!(text, "  {key}: {{interval: {}s}}", interval / f64::from(SPEED));
    }
    text
}

fn is_read_back(exchange: &Exchange) -> bool {
    exchange.path == "/admin/jobs" && exchange.query.contains("jobType eq")
        || exchange.path == "/catalog/images"
        || exchange.path.strip_prefix("/config/policies/").is_some_and(|name| !name.is_empty())
}

/// Waits until nothing has been read back for so long that memory was given back as well, which comes a real minute later whatever the
/// speed; how long after the start the last of it was asked for.
fn wait_for_read_back(recorder: &Recorder, began: Instant) -> Duration {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let exchanges = recorder.since(began);
        let last =
            exchanges.iter().filter(|exchange| is_read_back(exchange)).map(|exchange| exchange.at).max();
        if let Some(last) = last.filter(|last| last.elapsed() > REST) {
            return last - began;
        }
        assert!(began.elapsed() < Duration::from_mins(15), "the read-back does not end");
    }
}

/// What is asked in an hour, and what once after the start.
fn requests(
    intervals: &BTreeMap<String, f64>,
    start: &[Exchange],
    lasted: Duration,
    hours: &[Exchange],
) -> Vec<Row> {
    let an_hour = hours.len() as f64 / f64::from(HOURS) + HOURLY;
    let planned: f64 =
        BUDGETS.iter().map(|budget| budget.requests * 3600.0 / intervals[budget.collector]).sum::<f64>()
            + 1.0;
    let mut counts = BTreeMap::<&str, usize>::new();
    for exchange in hours {
        let path = exchange.path.split('/').skip(1).take(2).last().unwrap_or("");
        *counts.entry(path).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(path, count)| (count, path)).collect();
    counts.sort_unstable();
    let most: Vec<_> = counts
        .iter()
        .rev()
        .map(|(count, path)| format!("{path} {:.0}", *count as f64 / f64::from(HOURS)))
        .collect();
    let read_back = start.iter().filter(|exchange| is_read_back(exchange));
    let (jobs, others): (Vec<_>, Vec<_>) = read_back.partition(|exchange| exchange.path == "/admin/jobs");
    let images = others.iter().filter(|exchange| exchange.path == "/catalog/images").count();
    vec![
        Row::new(
            "requests in an hour of the big site, which the plan says are about 170",
            an_hour,
            "",
            Goal::Most(170.0),
        )
        .note(format!(
            "the sum of its table is {planned:.1}, without the questions whether the server answers; {}",
            most.join(", ")
        )),
        Row::new(
            "requests once after a start, to the plan's 900",
            (jobs.len() + others.len()) as f64 / 900.0,
            "×",
            Goal::Most(1.0),
        )
        .note(format!(
            "{} pages of jobs, {images} of images, {} policies, in {:.1} hours",
            jobs.len(),
            others.len() - images,
            lasted.as_secs_f64() / HOUR.as_secs_f64()
        )),
    ]
}

/// The longest time between the beginnings of two runs of one collector, to its interval: while jobs are read back, and later.
fn rhythm(
    intervals: &BTreeMap<String, f64>,
    start: &[Exchange],
    read_back_ended: Instant,
    hours: &[Exchange],
    hours_ended: Instant,
) -> Vec<Row> {
    let during: Vec<_> = start.iter().filter(|exchange| exchange.at <= read_back_ended).cloned().collect();
    let longest = |exchanges: &[Exchange], ended: Instant| {
        let of_one = |budget: &Budget| {
            let mut begins: Vec<_> = exchanges
                .iter()
                .filter(|exchange| budget.begins(exchange))
                .map(|exchange| exchange.at)
                .collect();
            begins.sort_unstable();
            let interval = intervals[budget.collector] / f64::from(SPEED);
            begins.push(ended);
            let gaps = begins.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs_f64() / interval);
            (gaps.fold(0.0, f64::max), begins.len() - 1, budget.collector)
        };
        let each: Vec<_> = BUDGETS.iter().map(of_one).collect();
        let runs: usize = each.iter().map(|(_, runs, _)| runs).sum();
        let (gap, _, collector) = each.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
        (gap, collector, runs)
    };
    let (gap, collector, runs) = longest(&during, read_back_ended);
    let (later, later_collector, _) = longest(hours, hours_ended);
    let jobs = start.iter().filter(|exchange| is_read_back(exchange) && exchange.path == "/admin/jobs");
    let jobs: usize = jobs.map(|exchange| decoding::records(&exchange.body)).sum();
    vec![
        Row::new(
            format!("longest time between two runs of a collector while {:.0} 000 jobs are read back, to its interval", jobs as f64 / 1e3),
            gap,
            "×",
            // 5 % are the jitter that keeps collectors apart.
            Goal::Most(1.07),
        )
        .note(format!("{collector}, {runs} runs; {later:.3} × ({later_collector}) when all is read")),
    ]
}

/// The CPU of an hour, to reading and decoding the same answers.
fn cost(ours: f64, hours: &[Exchange]) -> Row {
    let bare = decoding::read_in_process(hours) / f64::from(HOURS);
    let bytes: usize = hours.iter().map(|exchange| exchange.body.len()).sum();
    Row::new(
        "CPU of an hour of the big site, to reading and decoding the same answers",
        ours / bare,
        "×",
        Goal::Most(1.5),
    )
    .note(format!(
        "{:.0} MB; {:.0} ms to {:.0} ms, without scrapes",
        bytes as f64 / 1e6 / f64::from(HOURS),
        ours * 1e3,
        bare * 1e3
    ))
}
