//! The program as a process, with its log and its pages.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::{Response, eventually, exit_code, get, post, short_hash, signal};

/// The program as a process. It is killed when the test ends.
pub struct Exporter {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    address: SocketAddr,
}

impl Exporter {
    /// Starts the program on a free port and waits until it listens.
    pub fn start(config: &Path) -> Self {
        Self::start_with(config, &["--web.listen-address", "127.0.0.1:0"])
    }

    /// Starts the program with these flags and waits until it listens.
    pub fn start_with(config: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
        command.arg("--config").arg(config).args(flags);
        Self::spawn(command)
    }

    /// The program on a free port, as a command to add to.
    pub fn command(config: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
        command.arg("--config").arg(config).args(["--web.listen-address", "127.0.0.1:0"]);
        command
    }

    /// Starts a prepared command that ends up as the program.
    pub fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let writer = log.clone();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writer.lock().unwrap().push(line);
            }
        });
        let mut exporter = Self { child, log, reader: Some(reader), address: ([127, 0, 0, 1], 0).into() };
        eventually("the exporter says where it listens", || {
            assert!(exporter.child.try_wait().unwrap().is_none(), "it ended: {:#?}", exporter.log());
            exporter.listening().is_some_and(|address| {
                exporter.address = address;
                true
            })
        });
        exporter
    }

    /// The newest address that the log names.
    pub fn listening(&self) -> Option<SocketAddr> {
        let log = self.log();
        let line = log.iter().rev().find(|line| line.contains("Listening"))?;
        let value = line.split("address=").nth(1)?;
        value.trim_matches('"').split([' ', '"']).next()?.parse().ok()
    }

    /// Where it listened at first.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All log lines so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by its name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// GETs a path; it must be answered.
    pub fn get(&self, path: &str) -> Response {
        get(self.address, path).unwrap()
    }

    /// POSTs to a path; it must be answered.
    pub fn post(&self, path: &str) -> Response {
        post(self.address, path).unwrap()
    }

    /// The metrics page.
    pub fn metrics(&self) -> String {
        let page = self.get("/metrics");
        assert_eq!(page.status, 200);
        page.body()
    }

    /// The value of one series, named as the page names it.
    pub fn sample(&self, series: &str) -> Option<f64> {
        sample(&self.metrics(), series)
    }

    /// The number of counted reloads.
    pub fn reloads(&self, trigger: &str, outcome: &str) -> f64 {
        let name = "nbu_exporter_config_reloads_total";
        self.sample(&format!("{name}{{outcome=\"{outcome}\",trigger=\"{trigger}\"}}")).unwrap()
    }

    /// Whether a site is collected and answers.
    pub fn is_up(&self, site: &str) -> bool {
        self.sample(&format!("nbu_up{{site=\"{site}\"}}")) == Some(1.0)
    }

    /// Whether this text is the configuration that runs.
    pub fn runs(&self, text: &str) -> bool {
        self.metrics().contains(&format!("nbu_exporter_config_info{{hash=\"{}\"", short_hash(text)))
    }

    /// Waits until this text is the configuration that runs.
    #[track_caller]
    pub fn until_runs(&self, text: &str) {
        eventually("the configuration runs", || self.runs(text));
        // The exporter's own metrics are read one after the other, and scrapes of one moment share what was read.
        let scrapes = || self.sample("nbu_exporter_http_requests_total{code=\"200\",path=\"/metrics\"}");
        let shown = scrapes();
        eventually("a page that was begun after that", || scrapes() > shown);
    }

    /// Whether the newest known revision is the one that runs.
    pub fn is_newest(&self) -> bool {
        self.sample("nbu_exporter_config_last_reload_successful") == Some(1.0)
    }

    /// The number of all counted reloads.
    pub fn all_reloads(&self) -> f64 {
        let page = self.metrics();
        let lines = page.lines().filter(|line| line.starts_with("nbu_exporter_config_reloads_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// A number of `/proc/PID/status`, such as `Threads` or `VmRSS` (in KiB).
    pub fn status(&self, field: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// How many file descriptors are open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Waits for the end; the exit code.
    pub fn wait(mut self) -> Option<i32> {
        exit_code(&mut self.child)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            eprintln!("the exporter's log:\n{}", self.log().join("\n"));
        }
    }
}

/// Starts the program, which must end by itself; its exit code and what it says.
pub fn start_fails(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
    let output = command.args(arguments).env_remove("NBU_EXPORTER_CONFIG").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The value of one series on a page.
pub fn sample(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}
