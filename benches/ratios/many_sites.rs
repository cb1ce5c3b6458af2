//! The time until each of many sites has data, and the memory that they take.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::fold::NONE;
use crate::idle::REST;
use crate::process::{Exporter, Simulator, config, config_of, series, sites_up};
use crate::table::{Goal, Row};
use crate::usage::{memory, process_cpu};

/// Servers of one process of the simulator at most.
const SITES_A_PROCESS: usize = 1_000;

/// From the program's start until each of many sites has data, and what they take when nothing is under way.
pub fn measure() -> Vec<Row> {
    let mut rows = five_hundred();
    rows.push(two_thousand());
    rows.push(at_rest(200, "500", "http"));
    rows.push(at_rest(800, "500", "http"));
    rows
}

/// 500 sites whose servers answer after 50 ms.
fn five_hundred() -> Vec<Row> {
    const SITES: usize = 500;
    let late = ["--fault", "latency,milliseconds=50", "--jobs-per-day", "100"];
    let title = |what: &str| format!("{SITES} sites over {what} that answer after 50 ms: all have data");
    let plain = Simulator::start(SITES, &late);
    let mut rows = start(&plain.config("5m"), SITES, &title("http"), Goal::Most(3.0), Some(130.0));
    drop(plain);
    let tls = Simulator::start(SITES, &[late.as_slice(), &["--tls", "valid"]].concat());
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), tls.authority()).unwrap();
    let sites = tls.sites(&format!("    caFile: {}", authority.path().display()));
    rows.extend(start(&config("5m", &sites), SITES, &title("https"), Goal::Most(3.0), Some(130.0)));
    rows
}

/// 2 000 sites with jobs and storage units alone, of which they have none.
fn two_thousand() -> Row {
    const SITES: usize = 2_000;
    let empty = ["--scenario", "empty"];
    let simulators: Vec<_> =
        (0..SITES / SITES_A_PROCESS).map(|_| Simulator::start(SITES_A_PROCESS, &empty)).collect();
    let addresses: Vec<_> = simulators.iter().flat_map(Simulator::addresses).copied().collect();
    let text = config("5m", &config_of(&addresses, "    scheme: http")) + NONE;
    start(&text, SITES, "2 000 sites that have nothing: all have data", Goal::Most(5.0), None).remove(0)
}

/// The memory of many sites when nothing is under way, to what their page should cost.
fn at_rest(sites: usize, jobs_per_day: &str, what: &str) -> Row {
    let simulator = Simulator::start(sites, &["--jobs-per-day", jobs_per_day]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, simulator.config("5m")).unwrap();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_mins(5));
    while sites_up(&exporter.page()) < sites {
        std::thread::sleep(Duration::from_secs(1));
    }
    for _ in 0..3 {
        exporter.page();
        Client::new(exporter.address(), "/metrics", "Accept-Encoding: gzip\r\n").get();
    }
    std::thread::sleep(REST);
    let page = exporter.page();
    let (rest, peak) = (memory(exporter.id(), "VmRSS"), memory(exporter.id(), "VmHWM"));
    let megabytes = page.len() as f64 / 1e6;
    let title = format!("memory of {sites} sites at rest, {what}, to 1.5 × their page and 20 MB");
    Row::new(title, rest / (1.5 * megabytes + 20.0), "×", Goal::Most(1.0)).note(format!(
        "{} series, a page of {megabytes:.1} MB; {rest:.0} MB, peak {peak:.0} MB",
        series(&page)
    ))
}

/// Until all sites have data, and, where `most` megabytes are the goal, the memory afterwards.
fn start(config: &str, sites: usize, title: &str, goal: Goal, most: Option<f64>) -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let began = Instant::now();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_mins(2));
    let (mut took, cpu) = (began.elapsed(), process_cpu(exporter.id()));
    let peak = memory(exporter.id(), "VmHWM");
    let mut page = exporter.page();
    // A site is ready when its first runs have ended, well or badly: on a busy machine some connect too late.
    while sites_up(&page) < sites {
        std::thread::sleep(Duration::from_millis(100));
        took = began.elapsed();
        page = exporter.page();
        assert!(took < Duration::from_mins(7), "{} of {sites} sites are up", sites_up(&page));
    }
    let with_jobs = page.lines().filter(|line| line.starts_with("nbu_jobs_window_seconds{")).count();
    let note = format!(
        "{with_jobs} with jobs; {cpu:.1} CPU seconds; {:.0} series a site; peak {peak:.0} MB, then {:.0} MB",
        series(&page) as f64 / sites as f64,
        memory(exporter.id(), "VmRSS")
    );
    let mut rows = vec![Row::new(title, took.as_secs_f64(), "s", goal).note(note)];
    if let Some(most) = most {
        std::thread::sleep(REST);
        let page = exporter.page();
        let rest = memory(exporter.id(), "VmRSS");
        let note = format!(
            "{} series, a page of {:.1} MB; peak {:.0} MB",
            series(&page),
            page.len() as f64 / 1e6,
            memory(exporter.id(), "VmHWM")
        );
        rows.push(Row::new(format!("{title}; memory at rest"), rest, "MB", Goal::Most(most)).note(note));
    }
    rows
}
