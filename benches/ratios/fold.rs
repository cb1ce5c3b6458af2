//! The first cycle over 100 000 jobs: CPU and memory, against reading and decoding the same pages, and with all that can be made of
//! jobs against nothing of it.

use std::path::Path;
use std::time::Duration;

use crate::bare::{Reading, read_in_process};
use crate::process::{Exporter, Simulator};
use crate::statistics::{in_turn, median};
use crate::table::{Goal, Row};
use crate::usage::{memory, process_cpu};

/// Nothing but jobs and storage units.
pub const NONE: &str = "collectors:
  protection: {enabled: false}
  catalogBackup: {enabled: false}
  diskPools: {enabled: false}
  servers: {enabled: false}
  slp: {enabled: false}
  certificates: {enabled: false}
  server: {enabled: false}
";

/// Beside them all that is made of the jobs that are read: by policy, by client with all names, of the catalog's backup.
fn all() -> String {
    let with_policies =
        NONE.replace("  protection: {enabled: false}\n  catalogBackup: {enabled: false}\n", "");
    format!(
        "{with_policies}  perClient: {{enabled: true, allowlist: ['*'], export: all, maxClients: 10000}}\n"
    )
}

/// The first cycle over a window with 100 000 jobs.
pub fn measure() -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);

    let idle_simulator = Simulator::start(1, &["--jobs-per-day", "1"]);
    std::fs::write(file("idle"), idle_simulator.config("1h") + NONE).unwrap();
    let exporter = Exporter::start(&file("idle"));
    exporter.wait_until_complete(Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(1));
    let idle = memory(exporter.id(), "VmRSS");
    drop((exporter, idle_simulator));

    let simulator = Simulator::start(1, &["--jobs-per-day", "100000", "--policies", "500"]);
    std::fs::write(file("none"), simulator.config("1h") + NONE).unwrap();
    std::fs::write(file("all"), simulator.config("1h") + &all()).unwrap();
    let [mut with_none, mut with_all] = [Folding::default(), Folding::default()];
    let mut read = Reading::default();
    let theirs = || {
        read = read_in_process(simulator.address());
        read.cpu
    };
    let pair = in_turn(4, || with_none.fold(&file("none")), theirs);
    let peak = median(&with_none.peaks);
    let mut again = Folding::default();
    let views = in_turn(4, || with_all.fold(&file("all")), || again.fold(&file("none")));
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
        Row::new("peak memory of that above idle", peak - idle, "MB", Goal::Most(12.0)).note(format!(
            "VmHWM {peak:.1} MB, idle {idle:.1} MB, {:.1} MB afterwards",
            median(&with_none.after)
        )),
        Row::new(
            "folding the same with all that is made of jobs, CPU, to none of it",
            views.ratio,
            "×",
            Goal::Most(1.3),
        )
        .note(format!(
            "by policy, by client, of the catalog; {:.2} s to {:.2} s; {} more requests; peak {:.1} MB",
            views.ours,
            views.theirs,
            with_all.requests.saturating_sub(again.requests),
            median(&with_all.peaks)
        )),
    ]
}

/// What several runs of the program took.
#[derive(Default)]
struct Folding {
    peaks: Vec<f64>,
    after: Vec<f64>,
    /// Of the last one.
    requests: u64,
}

impl Folding {
    /// CPU seconds until the first run over jobs is done.
    fn fold(&mut self, config: &Path) -> f64 {
        let exporter = Exporter::start(config);
        let page = wait_for_jobs(&exporter);
        let cpu = process_cpu(exporter.id());
        self.peaks.push(memory(exporter.id(), "VmHWM"));
        self.after.push(memory(exporter.id(), "VmRSS"));
        let requests = page.lines().filter(|line| line.starts_with("nbu_api_requests_total{"));
        self.requests = requests.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
        cpu
    }
}

fn wait_for_jobs(exporter: &Exporter) -> String {
    let deadline = std::time::Instant::now() + Duration::from_mins(3);
    loop {
        // What is read back behind the jobs is no part of them, and begins when they are shown. Looking more often would cost more than
        // what is seen of it.
        std::thread::sleep(Duration::from_millis(50));
        let page = exporter.page();
        let success = "nbu_scrape_collector_success{site=\"site-0\",collector=\"jobs\"} 1";
        if page.lines().any(|line| line == success) {
            return page;
        }
        assert!(std::time::Instant::now() < deadline, "no jobs:\n{page}");
    }
}
