//! The first cycle over 100 000 jobs: CPU and memory, against reading and decoding the same pages.

use std::time::Duration;

use crate::bare::{Reading, read_in_process};
use crate::process::{Exporter, Simulator};
use crate::statistics::{in_turn, median};
use crate::table::{Goal, Row};
use crate::usage::{memory, process_cpu};

/// The first cycle over a window with 100 000 jobs, against reading and decoding the same pages.
pub fn measure() -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");

    let idle_simulator = Simulator::start(1, &["--jobs-per-day", "1"]);
    std::fs::write(&file, idle_simulator.config("1h")).unwrap();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(1));
    let idle = memory(exporter.id(), "VmRSS");
    drop((exporter, idle_simulator));

    let simulator = Simulator::start(1, &["--jobs-per-day", "100000"]);
    std::fs::write(&file, simulator.config("1h")).unwrap();
    let mut peaks = Vec::new();
    let mut after = Vec::new();
    let ours = || {
        let exporter = Exporter::start(&file);
        wait_for_jobs(&exporter);
        peaks.push(memory(exporter.id(), "VmHWM"));
        after.push(memory(exporter.id(), "VmRSS"));
        process_cpu(exporter.id())
    };
    let mut read = Reading::default();
    let theirs = || {
        read = read_in_process(simulator.address());
        read.cpu
    };
    let pair = in_turn(4, ours, theirs);
    let peak = median(&peaks);
    vec![
        Row::new(
            "folding a day of 100 000 jobs over HTTP, CPU, to reading and decoding them",
            pair.ratio,
            "×",
            Goal::Most(1.5),
        )
        .note(format!(
            "{} jobs, {} pages, {} MB; {:.2} s to {:.2} s",
            read.jobs,
            read.pages,
            read.bytes / 1_000_000,
            pair.ours,
            pair.theirs
        )),
        Row::new("peak memory of that above idle", peak - idle, "MB", Goal::Most(12.0))
            .note(format!("VmHWM {peak:.1} MB, idle {idle:.1} MB, {:.1} MB afterwards", median(&after))),
    ]
}

fn wait_for_jobs(exporter: &Exporter) {
    let deadline = std::time::Instant::now() + Duration::from_mins(3);
    loop {
        std::thread::sleep(Duration::from_millis(250));
        let page = exporter.page();
        let success = "nbu_scrape_collector_success{site=\"site-0\",collector=\"jobs\"} 1";
        if page.lines().any(|line| line == success) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "no jobs:\n{page}");
    }
}
