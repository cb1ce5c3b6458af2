//! The time until each of many sites has data, and the memory that they take.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::process::{Exporter, Simulator, config, series, sites_up};
use crate::table::{Goal, Row};
use crate::usage::{memory, process_cpu};

const SITES: usize = 500;

/// From the program's start until each of 500 sites, whose servers answer after 50 ms, has data.
pub fn measure() -> Vec<Row> {
    let late = ["--fault", "latency,milliseconds=50", "--jobs-per-day", "100"];
    let plain = Simulator::start(SITES, &late);
    let over_http = start(plain.config("5m"), "http");
    drop(plain);
    let tls = Simulator::start(SITES, &[late.as_slice(), &["--tls", "valid"]].concat());
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), tls.authority()).unwrap();
    let sites = tls.sites(&format!("    caFile: {}", authority.path().display()));
    vec![over_http, start(config("5m", &sites), "https"), at_rest()]
}

/// Memory is given back a minute after the start.
const REST: Duration = Duration::from_secs(75);

/// The memory of 200 sites when nothing is under way, to what their page should cost.
fn at_rest() -> Row {
    let simulator = Simulator::start(200, &["--jobs-per-day", "500"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, simulator.config("5m")).unwrap();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_mins(2));
    for _ in 0..3 {
        exporter.page();
        Client::new(exporter.address(), "/metrics", "Accept-Encoding: gzip\r\n").get();
    }
    std::thread::sleep(REST);
    let page = exporter.page();
    let (rest, peak) = (memory(exporter.id(), "VmRSS"), memory(exporter.id(), "VmHWM"));
    let megabytes = page.len() as f64 / 1e6;
    let title = "memory of 200 sites at rest, to 1.5 × their page and 20 MB";
    Row::new(title, rest / (1.5 * megabytes + 20.0), "×", Goal::Most(1.0)).note(format!(
        "{} series, a page of {megabytes:.1} MB; {rest:.0} MB, peak {peak:.0} MB",
        series(&page)
    ))
}

fn start(config: String, what: &str) -> Row {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let began = Instant::now();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_mins(1));
    let took = began.elapsed().as_secs_f64();
    let (cpu, peak) = (process_cpu(exporter.id()), memory(exporter.id(), "VmHWM"));
    let page = exporter.page();
    assert_eq!(sites_up(&page), SITES);
    let with_jobs = page.lines().filter(|line| line.starts_with("nbu_jobs_window_seconds{")).count();
    let note = format!(
        "{with_jobs} with jobs; {cpu:.1} CPU seconds; peak {peak:.0} MB, then {:.0} MB",
        memory(exporter.id(), "VmRSS")
    );
    let title = format!("{SITES} sites over {what} that answer after 50 ms: all have data");
    Row::new(title, took, "s", Goal::Most(3.0)).note(note)
}
