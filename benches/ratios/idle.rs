//! Memory of the idle program.

use std::time::Duration;

use crate::process::{Exporter, Simulator, config, series, sites_up};
use crate::table::{Goal, Row};
use crate::usage::{mapped, memory};

/// Memory of the program with three sites, when the first cycles have ended.
pub fn measure() -> Vec<Row> {
    let plain = Simulator::start(3, &[]);
    let tls = Simulator::start(3, &["--tls", "valid"]);
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), tls.authority()).unwrap();
    let own = tls.sites(&format!("    caFile: {}", authority.path().display()));
    // These do not know the simulator's: the sites stay down, and what remains is the program with the system's roots.
    let system = tls.sites("");
    // The other benchmarks keep the jobs of a day; by default it is an hour.
    let by_default = |config: String| config.replace("scrapingInterval: 24h", "scrapingInterval: 1h");
    [
        ("http", by_default(plain.config("1h")), 3),
        ("https, authority from a file", by_default(config("1h", &own)), 3),
        ("http, jobs of a day", plain.config("1h"), 3),
        ("https, the system's authorities, sites down", by_default(config("1h", &system)), 0),
    ]
    .into_iter()
    .map(|(what, text, up)| idle(what, &text, up))
    .collect()
}

fn idle(what: &str, config: &str, up: usize) -> Row {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_secs(30));
    for _ in 0..5 {
        assert_eq!(sites_up(&exporter.page()), up, "{what}");
        std::thread::sleep(Duration::from_secs(1));
    }
    let pid = exporter.id();
    // A site that is down costs no data, so that is no proof.
    let goal = (up > 0).then_some(Goal::Most(12.0));
    Row::new(format!("idle memory with 3 sites, {what}"), memory(pid, "VmRSS"), "MB", goal).note(format!(
        "{} series; {:.1} MB anonymous, the rest the program's file; peak {:.1} MB",
        series(&exporter.page()),
        mapped(pid, "Anonymous"),
        memory(pid, "VmHWM")
    ))
}
