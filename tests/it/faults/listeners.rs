//! The listen address, the path of the page and the log level, changed under way.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use nbu_exporter_simulator::{Fault, Rule};

use crate::harness::{CONFIG, Exporter, PATIENCE, Port, Sites, Stage, Volume, eventually, get, request};

/// An exporter that listens where its configuration says.
struct Movable {
    stage: Stage,
    port: Port,
}

impl Movable {
    fn start(host: &str) -> Self {
        let (sites, port) = (Sites::marked(2), Port::reserve());
        let text = at(&sites.config([("paris", 0)]), host, port.number());
        let volume = Volume::new(&[(CONFIG, &text)]);
        let exporter = Exporter::start_with(&volume.path(CONFIG), &[]);
        let stage = Stage { exporter, volume, sites };
        eventually("it serves", || serves(port.local()));
        Self { stage, port }
    }

    fn text(&self, host: &str, port: u16) -> String {
        at(&self.stage.config(&[("paris", 0)]), host, port)
    }
}

fn at(text: &str, host: &str, port: u16) -> String {
    text.replace("host: 127.0.0.1\n  port: 9440", &format!("host: {host}\n  port: {port}"))
}

fn serves(address: SocketAddr) -> bool {
    get(address, "/-/healthy").is_ok_and(|answer| answer.status == 200)
}

#[test]
fn a_port_that_is_taken_rejects_the_whole_reload_and_is_tried_again() {
    let movable = Movable::start("127.0.0.1");
    let stage = &movable.stage;
    let reserved = Port::reserve();
    let (port, taken) = (reserved.number(), TcpListener::bind(reserved.local()).unwrap());
    let text = at(&stage.config(&[("paris", 0), ("lyon", 1)]), "127.0.0.1", port);
    stage.swap(&text);
    eventually("the rejection shows", || !stage.exporter.is_newest());
    let answer = stage.exporter.post("/-/reload");
    assert_eq!(answer.status, 500);
    assert!(
        answer.body().contains(&port.to_string()) && answer.body().contains("in use"),
        "{}",
        answer.body()
    );
    assert_eq!(stage.server(1).requests().count(), 0, "nothing of it is applied");
    assert!(!stage.exporter.metrics().contains("lyon"));
    assert_eq!(
        (stage.exporter.reloads("file", "rejected"), stage.exporter.reloads("http", "rejected")),
        (1.0, 1.0)
    );
    drop(taken);
    // The answer comes on the old address, which then is no more.
    let answer = stage.exporter.post("/-/reload");
    assert_eq!((answer.status, answer.body().starts_with("applied")), (200, true), "{}", answer.body());
    eventually("the new address serves", || serves(reserved.local()));
    eventually("the old one does not", || !serves(movable.port.local()));
    eventually("the new site is polled", || stage.server(1).requests().count() > 0);
}

#[test]
fn a_keep_alive_client_is_closed_in_order_when_the_listener_moves() {
    let movable = Movable::start("127.0.0.1");
    let mut kept = TcpStream::connect(movable.port.local()).unwrap();
    kept.set_read_timeout(Some(PATIENCE)).unwrap();
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut buffer = [0; 1024];
    assert!(kept.read(&mut buffer).unwrap() > 0);
    let port = Port::reserve();
    movable.stage.swap(&movable.text("127.0.0.1", port.number()));
    eventually("the new address serves", || serves(port.local()));
    // The idle connection is closed in order, not reset.
    assert_eq!(kept.read(&mut buffer).unwrap(), 0);
    movable.stage.logs("Listening", 2);
}

#[test]
fn an_address_that_covers_the_old_one_on_the_same_port_takes_over_and_gives_back() {
    let movable = Movable::start("0.0.0.0");
    let (port, local) = (movable.port.number(), movable.port.local());
    let other: SocketAddr = ([127, 0, 0, 2], port).into();
    assert!(serves(other));
    for _ in 0..3 {
        movable.stage.swap(&movable.text("127.0.0.1", port));
        eventually("only one address is served", || serves(local) && !serves(other));
        movable.stage.swap(&movable.text("0.0.0.0", port));
        eventually("all are served", || serves(local) && serves(other));
    }
    assert!(movable.stage.exporter.is_newest());
    // Somebody who has one of the addresses keeps us from all of them; then nothing has changed.
    movable.stage.swap(&movable.text("127.0.0.1", port));
    eventually("only one address is served", || serves(local) && !serves(other));
    let _other = TcpListener::bind(other).unwrap();
    movable.stage.swap(&movable.text("0.0.0.0", port));
    eventually("the rejection shows", || {
        serves(local)
            && get(local, "/metrics").is_ok_and(|page| page.body().contains("last_reload_successful 0"))
    });
}

#[test]
fn the_path_of_the_page_moves_with_the_configuration() {
    let movable = Movable::start("127.0.0.1");
    let stage = &movable.stage;
    let text =
        movable.text("127.0.0.1", movable.port.number()).replace("server:\n", "server:\n  uri: /stats\n");
    stage.swap(&text);
    eventually("the new path serves", || stage.exporter.get("/stats").status == 200);
    assert_eq!(stage.exporter.get("/metrics").status, 404);
    stage.logs("settings: server.uri", 1);
}

#[test]
fn a_port_alone_is_every_address_of_ipv6_and_ipv4_and_the_flag_may_be_given_again() {
    let (port, other) = (Port::reserve(), Port::reserve());
    let volume = Volume::new(&[(CONFIG, "nbuservers: []\n")]);
    let (all, one) = (format!(":{}", port.number()), format!("127.0.0.1:{}", other.number()));
    let flags = ["--web.listen-address", &all, "--web.listen-address", &one];
    let _exporter = Exporter::start_with(&volume.path(CONFIG), &flags);
    eventually("the second one is served", || serves(other.local()));
    for address in ["127.0.0.1", "127.0.0.2", "::1"] {
        assert!(serves(SocketAddr::new(address.parse().unwrap(), port.number())), "{address}");
    }
    assert!(!serves(([127, 0, 0, 2], other.number()).into()));
}

#[test]
fn a_pinned_path_stays_and_a_file_that_says_otherwise_is_warned_about() {
    let text = "nbuservers: []\n";
    let volume = Volume::new(&[(CONFIG, text)]);
    let flags = ["--web.listen-address", "127.0.0.1:0", "--web.telemetry-path", "/metrics"];
    let exporter = Exporter::start_with(&volume.path(CONFIG), &flags);
    let edited = format!("server: {{uri: /stats}}\n{text}");
    volume.swap(&[(CONFIG, &edited)]);
    exporter.until_runs(&edited);
    eventually("the warning is there", || {
        exporter.log().iter().any(|line| {
            line.contains("--web.telemetry-path wins over server.uri") && line.contains("configured=/stats")
        })
    });
    assert_eq!(exporter.get("/stats").status, 404);
}

#[test]
fn the_log_level_follows_the_configuration() {
    let stage = Stage::start(1, &["paris"]);
    let text = stage.config(&[("paris", 0)]);
    stage.apply(&format!("log: {{level: debug}}\n{text}"));
    eventually("debug lines come", || {
        // How a connection ends that was none of HTTP is worth a debug line.
        let _ = request(stage.exporter.address(), "no request at all\r\n\r\n");
        stage.logged("level=debug") > 0
    });
    stage.apply(&format!("log: {{level: error}}\n{text}"));
    let lines = stage.exporter.log().len();
    for _ in 0..3 {
        assert!(stage.exporter.post("/-/reload").body().starts_with("unchanged"));
    }
    let more = &stage.exporter.log()[lines..];
    assert!(!more.iter().any(|line| line.contains("Looked at")), "{more:#?}");
}

#[test]
fn every_record_of_the_log_is_one_line_in_both_formats() {
    let stage = Stage::start(1, &["paris"]);
    let text = stage.config(&[("paris", 0)]);
    let mistakes = text.replace("scheme: http", "scheme: gopher").replace("port:", "prot:");
    for (format, is_whole) in [
        ("logfmt", (|line| line.starts_with("ts=") && line.contains(" level=")) as fn(&String) -> bool),
        ("json", |line| {
            serde_json::from_str::<serde_json::Value>(line).is_ok_and(|record| record.is_object())
        }),
    ] {
        stage.apply(&format!("log: {{format: {format}}}\n{text}"));
        let lines = stage.exporter.log().len();
        stage.swap(&format!("log: {{format: {format}}}\n{mistakes}"));
        eventually("both mistakes are told", || {
            stage.exporter.log()[lines..].iter().any(|line| line.contains("gopher") && line.contains("prot"))
        });
        let more = &stage.exporter.log()[lines..];
        assert!(more.iter().all(is_whole), "{format}: {more:#?}");
    }
}

#[test]
fn every_line_of_a_collector_names_it_and_its_site_once_in_both_formats_and_at_every_level() {
    let stage = Stage::start(1, &["paris"]);
    // Another collector that asks for jobs would fail as well.
    let text =
        format!("collectors: {{catalogBackup: {{enabled: false}}}}\n{}", stage.config(&[("paris", 0)]));
    let field = |line: &str, key: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record[key].as_str().unwrap().to_owned()
    };
    // The site's span goes on while the format and the level change.
    for (log, code) in [("{level: info}", 400), ("{format: json}", 404), ("{format: json, level: warn}", 500)]
    {
        stage.apply(&format!("log: {log}\n{text}"));
        let lines = stage.exporter.log().len();
        stage.server(0).faults().clear();
        stage.server(0).faults().add(Rule::new(Fault::Status { code, retry_after: None }).on("/admin/jobs"));
        let mut line = String::new();
        eventually("the failure is told", || {
            let log = stage.exporter.log();
            let told = log[lines..].iter().find(|line| line.contains("The collector failed"));
            line = told.cloned().unwrap_or_default();
            told.is_some()
        });
        let (site, collector) = if code == 400 {
            assert!(line.contains(" site=paris") && line.contains(" collector=jobs"), "{line}");
            ("site=", "collector=")
        } else {
            assert_eq!((field(&line, "site"), field(&line, "collector")), ("paris".into(), "jobs".into()));
            ("\"site\":", "\"collector\":")
        };
        assert_eq!((line.matches(site).count(), line.matches(collector).count()), (1, 1), "{line}");
    }
}
