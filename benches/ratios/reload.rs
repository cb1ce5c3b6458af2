//! The latency of a reload, and scrapes under reloads.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nbu_exporter::app::{App, Options, Process};
use nbu_exporter::signal::Hangups;
use nbu_exporter::{BuildInfo, LogLevel, Overrides, Registry, ServiceManager, Termination, init_log};
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::process::{Exporter, Simulator};
use crate::statistics::{in_turn, median, quantile};
use crate::table::{Goal, Row};
use crate::volume::Volume;

const SWAPS: usize = 400;
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

/// Scrapes while a site comes and goes every 60 ms, against scrapes while nothing changes.
fn scrapes_under_reloads(simulator: &Simulator) -> Vec<Row> {
    let all = simulator.config("1h");
    // Without the last site.
    let fewer = all[..all.rfind("  - site:").unwrap()].to_owned();
    let mut volume = Volume::new(&all);
    let exporter = Exporter::start(&volume.file());
    exporter.wait_until_complete(Duration::from_secs(30));
    let mut client = Client::new(exporter.address(), "/metrics", "Accept-Encoding: gzip\r\n");
    let (mut busy, mut quiet) = (Vec::new(), Vec::new());
    let mut reloads = 0;
    let under_reloads = || {
        let done = AtomicBool::new(false);
        let (times, swaps) = std::thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                let mut swaps = 0;
                while !done.load(Ordering::Relaxed) {
                    volume.swap(if swaps % 2 == 0 { &fewer } else { &all });
                    swaps += 1;
                    std::thread::sleep(PAUSE);
                }
                swaps
            });
            let times = scrapes(&mut client);
            done.store(true, Ordering::Relaxed);
            (times, swapping.join().unwrap())
        });
        reloads += swaps;
        let middle = median(&times);
        busy.extend(times);
        middle
    };
    let mut idle_client = Client::new(exporter.address(), "/metrics", "Accept-Encoding: gzip\r\n");
    let at_rest = || {
        let times = scrapes(&mut idle_client);
        let middle = median(&times);
        quiet.extend(times);
        middle
    };
    let pair = in_turn(9, under_reloads, at_rest);
    vec![
        Row::new(
            "scrape latency under 1 000 reloads a minute, p50, to idle",
            pair.ratio,
            "×",
            Goal::Most(1.2),
        )
        .note(format!("{reloads} reloads; {:.0} µs to {:.0} µs", pair.ours * 1e6, pair.theirs * 1e6)),
        Row::new("the same, p99", quantile(&busy, 0.99) / quantile(&quiet, 0.99), "×", Goal::Most(2.0))
            .note(format!("{:.0} µs to {:.0} µs", quantile(&busy, 0.99) * 1e6, quantile(&quiet, 0.99) * 1e6)),
    ]
}

/// Scrapes for two seconds, with a pause after each; the seconds that each took.
fn scrapes(client: &mut Client) -> Vec<f64> {
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < Duration::from_secs(2) {
        let started = Instant::now();
        client.get();
        times.push(started.elapsed().as_secs_f64());
        std::thread::sleep(Duration::from_millis(5));
    }
    times
}
