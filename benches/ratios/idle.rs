//! Memory of the idle program.

use std::time::{Duration, Instant};

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
    .map(|(what, text, up)| Idle::start(what, &text, up))
    .map(|idle| {
        // All rest at the same time: the first one as long as is asked for, the others a little longer.
        std::thread::sleep((idle.began + REST).saturating_duration_since(Instant::now()));
        idle.row()
    })
    .into()
}

/// What the first runs took and is free again goes back to the system a minute after the last of them, and of what they read back.
pub const REST: Duration = Duration::from_secs(90);

/// The program with sites that have been read.
struct Idle {
    what: &'static str,
    exporter: Exporter,
    up: usize,
    began: Instant,
    /// Its memory after a few scrapes.
    early: f64,
    _directory: tempfile::TempDir,
}

impl Idle {
    fn start(what: &'static str, config: &str, up: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        std::fs::write(&file, config).unwrap();
        let began = Instant::now();
        let exporter = Exporter::start(&file);
        exporter.wait_until_complete(Duration::from_secs(30));
        for _ in 0..5 {
            std::thread::sleep(Duration::from_secs(1));
            assert_eq!(sites_up(&exporter.page()), up, "{what}");
        }
        let early = memory(exporter.id(), "VmRSS");
        Self { what, exporter, up, began, early, _directory: directory }
    }

    fn row(&self) -> Row {
        let pid = self.exporter.id();
        // A site that is down costs no data, so that is no proof.
        let goal = (self.up > 0).then_some(Goal::Most(12.0));
        let resting = memory(pid, "VmRSS");
        Row::new(format!("idle memory with 3 sites, {}", self.what), resting, "MB", goal).note(format!(
            "{:.1} MB anonymous, the rest the program's file; {:.1} MB after 5 seconds; peak {:.1} MB; {} series",
            mapped(pid, "Anonymous"),
            self.early,
            memory(pid, "VmHWM"),
            series(&self.exporter.page()),
        ))
    }
}
