//! The latency of a reload, and scrapes under reloads.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nbu_exporter::app::{App, Options, Process};
use nbu_exporter::signal::Hangups;
use nbu_exporter::{BuildInfo, LogLevel, Overrides, Registry, ServiceManager, Termination, init_log};
use tokio_util::sync::CancellationToken;

use crate::bare::StaticServer;
use crate::client::Client;
use crate::process::{Exporter, Simulator};
use crate::statistics::{in_turn, median, quantile};
use crate::table::{Goal, Row};
use crate::volume::Volume;

const SWAPS: usize = 400;
const GZIP: &str = "Accept-Encoding: gzip\r\n";
/// 1 000 reloads a minute.
const PAUSE: Duration = Duration::from_millis(60);

/// From the rename of `..data` to the published configuration, and what reloads cost those who scrape.
pub fn measure() -> Vec<Row> {
    let simulator = Simulator::start(3, &[]);
    let mut rows = latency(&simulator);
    rows.extend(scrapes_under_reloads(&simulator));
    rows
}

fn latency(simulator: &Simulator) -> Vec<Row> {
    let intervals = [50, 60];
    let [one, other] = intervals.map(|interval| simulator.config(&format!("{interval}s")));
    let mut volume = Volume::new(&one);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let drain = CancellationToken::new();
    let app = runtime.block_on(start(&volume.file(), drain.clone()));
    let (config, mut status) = (app.config(), app.status());
    // That of the start.
    runtime.block_on(status.changed());
    let serving = runtime.spawn(app.serve());
    let mut times = Vec::new();
    for number in 0..SWAPS {
        let next = if number % 2 == 0 { &other } else { &one };
        std::thread::sleep(Duration::from_millis(20));
        let published = runtime.spawn(async move {
            status.changed().await;
            (Instant::now(), status)
        });
        // The steps before the rename are the kubelet's own and no part of the time.
        let renamed = volume.swap(next);
        let (at, reader) = runtime.block_on(published).unwrap();
        let expected = Duration::from_secs(intervals[(number + 1) % 2]);
        assert_eq!(config.load().unwrap().config.collection.interval, expected, "what was swapped in runs");
        assert!(at > renamed);
        status = reader;
        times.push(at.duration_since(renamed).as_secs_f64() * 1e3);
    }
    drain.cancel();
    runtime.block_on(serving).unwrap().unwrap();
    vec![Row::new("from rename to published, p99", quantile(&times, 0.99), "ms", Goal::Most(10.0)).note(
        format!(
            "{SWAPS} swaps of ..data; p50 {:.2} ms, longest {:.2} ms",
            median(&times),
            quantile(&times, 1.0)
        ),
    )]
}

async fn start(config: &Path, drain: CancellationToken) -> App {
    let registry = Registry::new(&BuildInfo::current()).unwrap();
    let quiet = Overrides { level: Some(LogLevel::Error), ..Overrides::default() };
    let log = init_log(quiet, registry.prometheus()).unwrap();
    let options = Options {
        config: Some(config.to_owned()),
        listen_addresses: vec!["127.0.0.1:0".parse().unwrap()],
        ..Options::default()
    };
    let termination = Termination { drain, ..Termination::default() };
    let (hangups, service) = (Hangups::install().unwrap(), ServiceManager::default());
    let process = Process { registry, log, hangups, termination, service };
    App::start(options, process).await.unwrap()
}

/// Scrapes while a site comes and goes every 60 ms, against scrapes while nothing changes; and scrapes of a server that only sends the
/// same bytes, at the same times: what the others on the machine take from both is in both.
fn scrapes_under_reloads(simulator: &Simulator) -> Vec<Row> {
    let all = simulator.config("1h");
    // Without the last site.
    let fewer = all[..all.rfind("  - site:").unwrap()].to_owned();
    let mut volume = Volume::new(&all);
    let exporter = Exporter::start(&volume.file());
    exporter.wait_until_complete(Duration::from_secs(30));
    let client = |address| Client::new(address, "/metrics", GZIP);
    let gzip = client(exporter.address()).get().body.to_vec();
    let statically = StaticServer::start(exporter.page().as_bytes(), &gzip);
    let both = || [exporter.address(), statically.address()].map(client);
    let (mut clients, mut idle_clients) = (both(), both());
    let [mut busy, mut quiet] = [Scrapes::default(), Scrapes::default()];
    let mut reloads = 0;
    let under_reloads = || {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                let mut swaps = 0;
                while !done.load(Ordering::Relaxed) {
                    volume.swap(if swaps % 2 == 0 { &fewer } else { &all });
                    swaps += 1;
                    std::thread::sleep(PAUSE);
                }
                swaps
            });
            let middle = busy.scrape(&mut clients);
            done.store(true, Ordering::Relaxed);
            reloads += swapping.join().unwrap();
            middle
        })
    };
    let pair = in_turn(9, under_reloads, || quiet.scrape(&mut idle_clients));
    let to_idle = |server: usize, share: f64| {
        let [busy, quiet] = [&busy, &quiet].map(|scrapes| quantile(&scrapes.0[server], share));
        (busy / quiet, format!("{:.0} µs to {:.0} µs", busy * 1e6, quiet * 1e6))
    };
    let row = |what: &str, (ratio, note): (f64, String)| Row::new(what, ratio, "×", None).note(note);
    let (p99, times) = to_idle(0, 0.99);
    vec![
        Row::new(
            "scrape latency under 1 000 reloads a minute, p50, to idle",
            pair.ratio,
            "×",
            Goal::Most(1.2),
        )
        .note(format!("{reloads} reloads; {:.0} µs to {:.0} µs", pair.ours * 1e6, pair.theirs * 1e6)),
        Row::new("the same, p99", p99, "×", Goal::Most(2.0)).note(times),
        row("that of a static server at the same times, p50", to_idle(1, 0.5)),
        row("the same, p99", to_idle(1, 0.99)),
    ]
}

/// The seconds that each scrape of the exporter took, and of a static server.
#[derive(Default)]
struct Scrapes([Vec<f64>; 2]);

impl Scrapes {
    /// Scrapes both in turn for four seconds, with a pause after each; the median of the exporter's in this time.
    fn scrape(&mut self, clients: &mut [Client; 2]) -> f64 {
        let (began, noted) = (Instant::now(), self.0[0].len());
        while began.elapsed() < Duration::from_secs(4) {
            for (client, times) in clients.iter_mut().zip(&mut self.0) {
                let started = Instant::now();
                client.get();
                times.push(started.elapsed().as_secs_f64());
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        median(&self.0[0][noted..])
    }
}
