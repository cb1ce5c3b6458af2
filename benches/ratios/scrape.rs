//! The rate of scrapes, against a server that only sends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::bare::StaticServer;
use crate::client::Client;
use crate::process::{Exporter, Simulator, series};
use crate::statistics::{in_turn, median};
use crate::table::{Goal, Row};
use crate::usage::process_cpu;

/// Connections that scrape at the same time.
const CLIENTS: usize = 2;
const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// Scrapes a second of the exporter, against a server that sends the same bytes from one buffer.
pub fn measure() -> Vec<Row> {
    let mut rows = of_pages("5 000", 1, "37");
    rows.extend(of_pages("100 000", 18, "77"));
    rows
}

fn of_pages(what: &str, sites: usize, storage_units: &str) -> Vec<Row> {
    let simulator = Simulator::start(sites, &["--storage-units", storage_units, "--jobs-per-day", "3000"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, simulator.config("1h")).unwrap();
    let exporter = Exporter::start(&file);
    exporter.wait_until_complete(Duration::from_mins(1));
    to_static_server(&exporter, what)
}

/// Scrapes of an exporter, and of a server that sends what its page is now.
pub fn to_static_server(exporter: &Exporter, what: &str) -> Vec<Row> {
    let identity = Client::new(exporter.address(), "/metrics", "").get().body.to_vec();
    let gzip = Client::new(exporter.address(), "/metrics", GZIP).get().body.to_vec();
    let statically = StaticServer::start(&identity, &gzip);
    let count = series(std::str::from_utf8(&identity).unwrap());
    [("identity", "", identity.len()), ("gzip", GZIP, gzip.len())]
        .into_iter()
        .flat_map(|(encoding, headers, length)| {
            let server = |address, pid| Server { address, pid, headers };
            let ours = server(exporter.address(), exporter.id());
            let theirs = server(statically.address(), statically.id());
            let (mut my_cpu, mut their_cpu) = (Vec::new(), Vec::new());
            let pair = in_turn(11, || ours.scrape(&mut my_cpu), || theirs.scrape(&mut their_cpu));
            let (my_cpu, their_cpu) = (median(&my_cpu), median(&their_cpu));
            let cost = Row::new("the same, the server's CPU for each scrape", my_cpu / their_cpu, "×", None);
            [
                Row::new(
                    format!("scrapes a second of {what} series, {encoding}, to a static server"),
                    pair.ratio,
                    "×",
                    Goal::Least(0.9),
                )
                .note(format!(
                    "{count} series, {} kB; {:.0}/s to {:.0}/s",
                    length / 1000,
                    pair.ours,
                    pair.theirs
                )),
                cost.note(format!("{:.0} µs to {:.0} µs", my_cpu * 1e6, their_cpu * 1e6)),
            ]
        })
        .collect()
}

struct Server {
    address: SocketAddr,
    pid: u32,
    headers: &'static str,
}

impl Server {
    /// Scrapes for a second; scrapes per second. Notes the server's CPU seconds per scrape.
    fn scrape(&self, cpu: &mut Vec<f64>) -> f64 {
        let (started, used) = (Instant::now(), process_cpu(self.pid));
        let scrapes: u32 = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = Client::new(self.address, "/metrics", self.headers);
                        let mut scrapes = 0;
                        while started.elapsed() < Duration::from_secs(1) {
                            client.get();
                            scrapes += 1;
                        }
                        scrapes
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        let rate = f64::from(scrapes) / started.elapsed().as_secs_f64();
        cpu.push((process_cpu(self.pid) - used) / f64::from(scrapes));
        rate
    }
}
