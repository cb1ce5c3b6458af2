//! The program as a service of systemd: what it tells, and the socket that it is given.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use crate::harness::{Exporter, PATIENCE, Port, Sites, config, eventually, get, put, skip};

/// What systemd hears of a service.
struct Systemd {
    directory: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Systemd {
    fn listen() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { directory, socket }
    }

    fn command(&self, config: &Path) -> Command {
        let mut command = Exporter::command(config);
        command.env("NOTIFY_SOCKET", self.directory.path().join("notify"));
        command
    }

    /// The next message.
    #[track_caller]
    fn hears(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// The next message that begins like this.
    #[track_caller]
    fn hears_of(&self, beginning: &str) -> String {
        loop {
            let message = self.hears();
            if message.starts_with(beginning) {
                return message;
            }
        }
    }
}

fn uptime_microseconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000).unwrap()
}

#[test]
fn systemd_hears_when_it_is_ready_when_a_reload_begins_and_what_comes_of_it_and_when_it_stops() {
    let sites = Sites::start(1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let good = config(&[("paris", sites.port(0))]);
    put(&file, &good);
    let systemd = Systemd::listen();
    let exporter = Exporter::spawn(systemd.command(&file));
    let ready = systemd.hears();
    assert!(ready.starts_with("READY=1\nSTATUS=1 site; "), "{ready}");

    let check = |expected: &str| {
        let asked = uptime_microseconds();
        exporter.signal("HUP");
        let reloading = systemd.hears_of("RELOADING=1\n");
        let began: u64 = reloading.split_once("MONOTONIC_USEC=").unwrap().1.parse().unwrap();
        assert!(asked <= began && began <= uptime_microseconds(), "{asked} {reloading}");
        let ready = systemd.hears_of("READY=1\n");
        assert!(ready.contains(expected), "{ready}");
    };
    check("STATUS=1 site; unchanged: ");
    put(&file, &good.replace("scheme: http", "scheme: gopher"));
    check("STATUS=1 site; the newest configuration is rejected: ");
    put(&file, "nbuservers: []\n");
    // Its event may come before the signal; what is told is what came of it all the same.
    systemd.hears_of("STATUS=0 sites; applied: sites: -paris");

    exporter.signal("TERM");
    assert!(systemd.hears_of("STOPPING=1").contains("STATUS="));
    assert_eq!(exporter.wait(), Some(0));
}

#[test]
fn the_watchdog_is_fed_while_all_is_alive_and_not_where_nobody_asks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    put(&file, "nbuservers: []\n");
    let systemd = Systemd::listen();
    let mut command = systemd.command(&file);
    command.env("WATCHDOG_USEC", "200000");
    let exporter = Exporter::spawn(command);
    for _ in 0..3 {
        systemd.hears_of("WATCHDOG=1");
    }
    drop(exporter);

    let silent = Systemd::listen();
    let exporter = Exporter::spawn(silent.command(&file));
    silent.hears_of("READY=1");
    exporter.signal("TERM");
    loop {
        let heard = silent.hears();
        assert!(!heard.contains("WATCHDOG"), "{heard}");
        if heard.starts_with("STOPPING=1") {
            break;
        }
    }
}

#[test]
fn a_notify_socket_that_is_not_there_costs_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    put(&file, "nbuservers: []\n");
    let mut command = Exporter::command(&file);
    command.env("NOTIFY_SOCKET", directory.path().join("nowhere"));
    let exporter = Exporter::spawn(command);
    assert!(exporter.log().iter().any(|line| line.contains("NOTIFY_SOCKET can not be used")));
    assert_eq!(exporter.get("/-/healthy").status, 200);
}

/// A launcher that listens and passes its socket as systemd does; nothing is passed to others.
fn activated(file: &Path, address: SocketAddr) -> Option<Exporter> {
    let program = env!("CARGO_BIN_EXE_nbu-exporter");
    let script = "import os, socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
if listener.fileno() == 3: os.set_inheritable(3, True)
else: os.dup2(listener.fileno(), 3)
os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES='nbu-exporter.socket', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])";
    if Command::new("python3").arg("--version").output().is_err() {
        skip("systemd: activation", "python3 is missing");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", script, &address.ip().to_string(), &address.port().to_string(), program, "--config"]);
    command.arg(file);
    Some(Exporter::spawn(command))
}

#[test]
fn the_socket_that_systemd_passes_is_served_instead_of_all_addresses_and_outlives_reloads() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let (first, second, passed) = (Port::reserve(), Port::reserve(), Port::reserve());
    let text = |port: u16| format!("server: {{port: {port}}}\nnbuservers: []\n");
    put(&file, &text(first.number()));
    let address = passed.local();
    let Some(exporter) = activated(&file, address) else { return };
    assert_eq!(exporter.address(), address);
    let mut kept = TcpStream::connect(address).unwrap();
    put(&file, &text(second.number()));
    exporter.until_runs(&text(second.number()));
    assert_eq!(get(address, "/-/healthy").unwrap().status, 200);
    for other in [&first, &second] {
        assert!(TcpStream::connect(("127.0.0.1", other.number())).is_err(), "{}", other.number());
    }
    // A connection of before is served as well.
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    exporter.signal("TERM");
    assert_eq!(exporter.wait(), Some(0));
}

#[test]
fn a_key_is_read_from_where_systemd_keeps_credentials() {
    let sites = Sites::start(1);
    let directory = tempfile::tempdir().unwrap();
    let [file, key] = ["config.yaml", "key_paris"].map(|name| directory.path().join(name));
    put(&key, "simulated-key\n");
    let text = config(&[("paris", sites.port(0))]);
    let by_file = text.replace("apiKey: simulated-key", "apiKeyFile: ${CREDENTIALS_DIRECTORY}/key_paris");
    assert_ne!(text, by_file);
    put(&file, &by_file);
    let mut command = Exporter::command(&file);
    command.env("CREDENTIALS_DIRECTORY", directory.path());
    let exporter = Exporter::spawn(command);
    eventually("the site is collected", || exporter.is_up("paris"));
}
