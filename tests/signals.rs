//! SIGHUP, SIGTERM and SIGINT on a real process, from its first moment on, also as PID 1.
//!
//! This program is both sides: run without a role it is the test, which starts itself again in the role of a
//! process that takes the signals just as the exporter does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "a test, though without the harness by which clippy knows one"
)]

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nbu_exporter::signal::{self, Hangups};
use nbu_exporter::{Pace, Shutdown};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[path = "it/harness/skip.rs"]
mod skip;

use skip::skip;

const ROLE: &str = "NBU_EXPORTER_TEST_FILE";
const SLOW_DRAIN: &str = "NBU_EXPORTER_TEST_SLOW_DRAIN";

/// Long enough for a machine that is busy with everything else.
const DEADLINE: Duration = Duration::from_mins(1);

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("a_hangup_at_any_moment_never_kills_pid_1_and_is_never_lost", as_pid_1),
    ("a_hangup_is_never_lost_by_a_process_that_inherits_it_blocked", || inherited("--block-signal=HUP")),
    ("a_hangup_is_never_lost_by_a_process_that_inherits_it_ignored", || inherited("--ignore-signal=HUP")),
    ("a_thousand_hangups_are_few_and_the_last_one_counts", thousand),
    ("the_first_terminate_drains_and_the_exit_is_clean", drains),
    ("a_second_signal_aborts_a_drain_that_takes_long", aborts),
    ("hangup_and_terminate_together_end_in_a_clean_exit", together),
];

fn main() -> ExitCode {
    if let Some(file) = std::env::var_os(ROLE) {
        // First thing in main, as in the exporter.
        signal::block().unwrap();
        return process(Path::new(&file));
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    for (name, test) in TESTS.iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter))) {
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{name}: test");
        } else {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

/// The process under test: loads its file at the start and at each SIGHUP, and says so.
fn process(file: &Path) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        load(file);
        let mut hangups = Hangups::install().unwrap();
        let shutdown = Shutdown::install().unwrap();
        let drain = shutdown.termination().drain;
        let work = async {
            loop {
                tokio::select! {
                    biased;
                    () = drain.cancelled() => break,
                    () = hangups.next() => load(file),
                }
            }
            say("draining");
            if std::env::var_os(SLOW_DRAIN).is_some() {
                tokio::time::sleep(DEADLINE * 2).await;
            }
        };
        match shutdown.run(work, Pace { delay: Duration::ZERO, deadline: DEADLINE * 2 }).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        }
    })
}

fn load(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    std::thread::sleep(Duration::from_millis(3));
    say(&format!("loaded {text}"));
}

fn say(line: &str) {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}").unwrap();
    output.flush().unwrap();
}

/// A running process under test.
struct Running {
    child: Child,
    lines: Receiver<String>,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Running {
    /// Starts it by a wrapper (`unshare …`, `env …`), which execs it in the end.
    fn start(wrapper: &[&str], slow_drain: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        std::fs::write(&file, "old").unwrap();
        let own = std::env::current_exe().unwrap();
        let (program, arguments) = wrapper.split_first().unwrap_or((&"env", &[]));
        let mut command = Command::new(program);
        command.args(arguments).arg(own).env(ROLE, &file).stdout(Stdio::piped());
        if slow_drain {
            command.env(SLOW_DRAIN, "1");
        }
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, file, _directory: directory }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// The one child of the wrapper, once the wrapper has forked.
    fn forked(&self) -> Pid {
        let pid = self.pid();
        let list = format!("/proc/{pid}/task/{pid}/children");
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            let children = std::fs::read_to_string(&list).unwrap_or_default();
            if let Some(Ok(child)) = children.split_whitespace().next().map(str::parse) {
                return Pid::from_raw(child);
            }
        }
        panic!("no child of {pid}");
    }

    /// Waits for a line, and returns how many came before it.
    fn until(&self, expected: &str) -> usize {
        for count in 0.. {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line == expected => return count,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no {expected:?} in time"),
                Err(RecvTimeoutError::Disconnected) => panic!("it died before {expected:?}"),
            }
        }
        unreachable!()
    }

    fn write(&self, text: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }

    fn exit(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Edits the file and sends SIGHUP somewhere between exec and long after the start, many times.
fn hang_up(rounds: u64, wrapper: &[&str], find: impl Fn(&Running) -> Pid) {
    for round in 0..rounds {
        let running = Running::start(wrapper, false);
        let pid = find(&running);
        std::thread::sleep(Duration::from_micros(round * 7919 % 25_000));
        running.write("new");
        kill(pid, Signal::SIGHUP).unwrap();
        running.until("loaded new");
    }
}

fn as_pid_1() {
    let wrapper = ["unshare", "-pf", "--kill-child"];
    let allowed = Command::new("unshare").args(["-pf", "true"]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        skip("signals::as_pid_1", "`unshare -pf` is not allowed here");
        return;
    }
    hang_up(200, &wrapper, Running::forked);
}

fn inherited(how: &str) {
    // Whoever starts it is `env` for a moment, which has no handler either: wait until it is us.
    hang_up(50, &["env", how], |running| {
        let own = std::env::current_exe().unwrap();
        let link = format!("/proc/{}/exe", running.pid());
        let until = Instant::now() + DEADLINE;
        while std::fs::read_link(&link).ok().as_ref() != Some(&own) {
            assert!(Instant::now() < until, "it was never started");
        }
        running.pid()
    });
}

fn thousand() {
    let running = Running::start(&[], false);
    running.until("loaded old");
    for _ in 0..1000 {
        kill(running.pid(), Signal::SIGHUP).unwrap();
    }
    running.write("new");
    kill(running.pid(), Signal::SIGHUP).unwrap();
    let loads = running.until("loaded new");
    assert!(loads < 900, "{loads} loads for 1000 signals");
}

fn drains() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut running = Running::start(&[], false);
        running.until("loaded old");
        kill(running.pid(), signal).unwrap();
        running.until("draining");
        assert_eq!(running.exit().code(), Some(0));
    }
}

fn aborts() {
    let mut running = Running::start(&[], true);
    running.until("loaded old");
    kill(running.pid(), Signal::SIGTERM).unwrap();
    running.until("draining");
    kill(running.pid(), Signal::SIGINT).unwrap();
    assert_eq!(running.exit().code(), Some(1));
}

fn together() {
    for _ in 0..20 {
        let mut running = Running::start(&[], false);
        running.until("loaded old");
        kill(running.pid(), Signal::SIGHUP).unwrap();
        kill(running.pid(), Signal::SIGTERM).unwrap();
        running.until("draining");
        assert!(running.lines.iter().next().is_none(), "something was loaded after the drain began");
        assert_eq!(running.exit().code(), Some(0));
    }
}
