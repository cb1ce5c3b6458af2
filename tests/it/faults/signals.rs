//! Signals at bad moments.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{OUTCOMES, only};
use crate::harness::{CONFIG, Exporter, Stage, Volume, eventually, get, polls};

fn send(stage: &Stage, signal: Signal) {
    kill(Pid::from_raw(stage.exporter.pid().try_into().unwrap()), signal).unwrap();
}

#[test]
fn a_storm_of_hangups_is_few_reloads_and_the_last_one_counts() {
    let stage = Stage::start(2, &["paris"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    for _ in 0..1000 {
        send(&stage, Signal::SIGHUP);
    }
    let text = stage.config(&[("paris", 0), ("lyon", 1)]);
    stage.swap(&text);
    send(&stage, Signal::SIGHUP);
    stage.exporter.until_runs(&text);
    // What was sent before this is answered before or by it.
    stage.exporter.post("/-/reload");
    scraper.stop();
    let counts = ["unchanged", "applied"]
        .map(|outcome| ("signal", outcome, stage.exporter.reloads("signal", outcome)));
    let sum: f64 = counts.iter().map(|(_, _, count)| count).sum();
    assert!((1.0..900.0).contains(&sum), "{sum} reloads for 1001 signals");
    let rest = ["file", "http"].map(|trigger| {
        ["unchanged", "applied"].map(|outcome| (trigger, outcome, stage.exporter.reloads(trigger, outcome)))
    });
    only(&stage, &[counts.as_slice(), rest.as_flattened()].concat());
}

#[test]
fn hangups_and_terminate_together_end_in_order_and_nothing_is_loaded_after() {
    for _ in 0..5 {
        let stage = Stage::start(1, &["paris"]);
        stage.swap(&stage.config(&[]));
        for signal in [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGHUP] {
            send(&stage, signal);
        }
        eventually("it drains", || stage.logged("Draining") == 1);
        let Stage { exporter, volume: _volume, sites: _sites } = stage;
        let log = exporter.log();
        assert_eq!(exporter.wait(), Some(0), "{log:#?}");
    }
}

/// An exporter without sites that serves on for this long after SIGTERM.
fn leaving(delay: &str) -> (Exporter, Volume) {
    let volume = Volume::new(&[(CONFIG, "nbuservers: []\n")]);
    let flags = ["--web.listen-address", "127.0.0.1:0", "--shutdown-delay", delay];
    let exporter = Exporter::start_with(&volume.path(CONFIG), &flags);
    assert_eq!(exporter.get("/-/ready").status, 200);
    exporter.signal("TERM");
    eventually("it is not ready", || exporter.get("/-/ready").status == 503);
    (exporter, volume)
}

#[test]
fn after_terminate_it_is_unready_and_serves_and_reloads_until_the_delay_is_over() {
    let (exporter, volume) = leaving("3s");
    let text = "nbuservers: [] # edited\n";
    volume.swap(&[(CONFIG, text)]);
    exporter.until_runs(text);
    let mut answers = 0;
    while let Ok(answer) = get(exporter.address(), "/metrics") {
        assert_eq!(answer.status, 200);
        answers += 1;
    }
    assert!(answers > 0);
    assert_eq!(exporter.wait(), Some(0));
}

#[test]
fn a_second_signal_aborts_while_it_serves_on() {
    let (exporter, _volume) = leaving("1h");
    assert_eq!(exporter.get("/metrics").status, 200);
    exporter.signal("TERM");
    assert_eq!(exporter.wait(), Some(1));
}

#[test]
fn after_terminate_no_hangup_loads_anything() {
    let stage = Stage::start(1, &["paris"]);
    // A request that is never finished keeps the drain open.
    let _open = open_request(&stage);
    send(&stage, Signal::SIGTERM);
    eventually("it drains", || stage.logged("Draining") == 1);
    stage.swap(&stage.config(&[]));
    send(&stage, Signal::SIGHUP);
    // That nothing happens can not be waited for: time enough for several reloads.
    std::thread::sleep(Duration::from_millis(300));
    let log = stage.exporter.log();
    let drains = log.iter().position(|line| line.contains("Draining")).unwrap();
    let after = log[drains..].iter().filter(|line| OUTCOMES.iter().any(|outcome| line.contains(outcome)));
    assert_eq!(after.count(), 0, "{log:#?}");
    // The second one does not wait for the request.
    send(&stage, Signal::SIGTERM);
    let Stage { exporter, volume: _volume, sites: _sites } = stage;
    assert_eq!(exporter.wait(), Some(1));
}

/// A client whose request is half sent.
fn open_request(stage: &Stage) -> TcpStream {
    let mut client = TcpStream::connect(stage.exporter.address()).unwrap();
    client.write_all(b"POST /-/reload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nx").unwrap();
    let connections = "nbu_exporter_http_connections";
    eventually("the request is there", || stage.exporter.sample(connections) >= Some(2.0));
    client
}

#[test]
fn a_process_that_was_stopped_has_the_newest_edit_and_does_not_poll_for_the_lost_time() {
    let stage = Stage::start(2, &["paris"]);
    send(&stage, Signal::SIGSTOP);
    let status = format!("/proc/{}/status", stage.exporter.pid());
    eventually("it is stopped", || std::fs::read_to_string(&status).unwrap().contains("State:\tT"));
    let text = stage.config(&[("paris", 0), ("lyon", 1)]);
    stage.swap(&text.replace("apiKey", "apiKye"));
    stage.swap(&stage.config(&[]));
    stage.swap(&text);
    // Several intervals.
    std::thread::sleep(Duration::from_millis(4500));
    let resumed = jiff::Timestamp::now().as_millisecond();
    let before = polls(stage.server(0));
    send(&stage, Signal::SIGCONT);
    stage.exporter.until_runs(&text);
    stage.shows("lyon", 1);
    eventually("polling goes on", || polls(stage.server(0)) >= before + 3);
    let pings = stage.server(0).requests().matching("/ping");
    let burst = pings.iter().filter(|ping| (resumed..resumed + 500).contains(&ping.time)).count();
    assert!(burst <= 2, "{burst} polls at once for the missed ones");
    only(&stage, &[("file", "applied", 1.0)]);
}
