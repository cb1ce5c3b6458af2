//! The time until each of many sites has data.

use std::time::{Duration, Instant};

use crate::process::{Exporter, Simulator, config, sites_up};
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
    vec![over_http, start(config("5m", &sites), "https")]
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
