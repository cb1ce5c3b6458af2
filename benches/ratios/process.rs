//! The program as processes of their own, which end with the value that stands for them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::get;

/// The program that is judged: by default the one that Cargo has just built.
fn program() -> String {
    std::env::var("NBU_EXPORTER_STATIC_BINARY").unwrap_or(env!("CARGO_BIN_EXE_nbu-exporter").to_owned())
}

/// A process that is killed at the end.
pub struct Process(Child);

impl Process {
    /// Starts a command whose output is read.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its standard output, once.
    pub fn output(&mut self) -> impl BufRead + use<> {
        BufReader::new(self.0.stdout.take().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Simulated primary servers.
pub struct Simulator {
    _process: Process,
    addresses: Vec<SocketAddr>,
    authority: String,
}

impl Simulator {
    /// Starts `sites` of them on free ports.
    pub fn start(sites: usize, flags: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(["simulate", "--port", "0", "--sites", &sites.to_string()]).args(flags);
        let mut process = Process::start(&mut command);
        let mut addresses = Vec::new();
        let mut output = process.output();
        let mut authority = String::new();
        while addresses.len() < sites {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "the simulator ended");
            if let Some((_, url)) = line.split_once("//") {
                addresses.push(url.split('/').next().unwrap().parse().unwrap());
            }
        }
        if flags.contains(&"--tls") {
            while !authority.contains("END CERTIFICATE") {
                assert!(output.read_line(&mut authority).unwrap() > 0, "no authority");
            }
            let begin = authority.find("-----BEGIN").unwrap();
            authority.drain(..begin);
        }
        Self { _process: process, addresses, authority }
    }

    /// Where the first site listens.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The certificate of the authority behind the servers' certificates.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The sites as a configuration, each with `extra` lines.
    pub fn sites(&self, extra: &str) -> String {
        config_of(&self.addresses, extra)
    }

    /// Where each site listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A configuration with all sites over plain HTTP.
    pub fn config(&self, interval: &str) -> String {
        config(interval, &self.sites("    scheme: http"))
    }
}

/// Servers as the sites of a configuration, each with `extra` lines.
pub fn config_of(addresses: &[SocketAddr], extra: &str) -> String {
    let mut text = "nbuservers:\n".to_owned();
    for (number, address) in addresses.iter().enumerate() {
        let _ = writeln!(
            text,
            "  - site: site-{number}\n    host: {}\n    port: {}\n    apiKey: simulated-key\n{extra}",
            address.ip(),
            address.port()
        );
    }
    text
}

/// A configuration with these sites.
pub fn config(interval: &str, sites: &str) -> String {
    format!(
        "server:\n  host: 127.0.0.1\n  port: 9440\n  collectionInterval: {interval}\n  scrapingInterval: 24h\n{sites}"
    )
}

/// The program, collecting and serving.
pub struct Exporter {
    process: Process,
    address: SocketAddr,
}

impl Exporter {
    /// Starts it; it listens when this returns.
    pub fn start(config: &Path) -> Self {
        let mut command = Command::new(program());
        command.arg("--config").arg(config).args(["--web.listen-address", "127.0.0.1:0"]);
        let mut process = Process::start(&mut command);
        let mut log = BufReader::new(process.0.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the exporter ended");
            eprint!("{}", if line.contains("level=error") { &line } else { "" });
            if line.contains("Listening") {
                let address = line.split("address=").nth(1).unwrap();
                break address.trim().trim_matches('"').split([' ', '"']).next().unwrap().parse().unwrap();
            }
        };
        // Nobody else reads it, and a full pipe would stop the process.
        std::thread::spawn(move || std::io::copy(&mut log.by_ref(), &mut std::io::sink()));
        Self { process, address }
    }

    /// Waits until each site's first cycle has ended.
    pub fn wait_until_complete(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        // Readiness would also come from waiting long enough; that each site is up is looked at afterwards.
        while get(self.address, "/-/ready").0 != 200 {
            assert!(Instant::now() < deadline, "not ready within {patience:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The metrics page.
    pub fn page(&self) -> String {
        get(self.address, "/metrics").1
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// How many sites of a page are up.
pub fn sites_up(page: &str) -> usize {
    page.lines().filter(|line| line.starts_with("nbu_up{") && line.ends_with(" 1")).count()
}

/// How many samples a page has.
pub fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.starts_with('#')).count()
}
