//! A small POSIX `kill`, for the image that holds nothing but this program.
//!
//! `kubectl exec POD -- kill -HUP 1` needs a `kill` in the image. There it is a link to this program, which
//! looks at the name that it was called by ([`is_kill`]) and behaves as [`kill`] then.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

const USAGE: &str = "\
usage: kill [-s SIGNAL | -SIGNAL] PID...
       kill -l [NUMBER]
SIGNAL is a name (HUP, SIGHUP) or a number; 0 only asks whether the process is there; without one it is TERM.
A process group is a negative number behind `--`: kill -HUP -- -1234";

/// Exit status when not every process could be signalled.
const FAILED: u8 = 1;
/// Exit status when the command line makes no sense; nothing was signalled then.
const MISUSED: u8 = 2;

/// Whether the program was called as `kill`, by whatever path.
pub fn is_kill(argv0: Option<&OsStr>) -> bool {
    argv0.and_then(|name| Path::new(name).file_name()).is_some_and(|name| name == "kill")
}

/// Sends the signal that the arguments (without the program's own name) ask for.
///
/// What `-l` lists goes to `out`, mistakes go to the standard error. The exit code is 0 when all processes were
/// signalled, 1 when one was not, and 2 when the arguments are wrong.
pub fn kill(args: impl Iterator<Item = String>, out: &mut impl Write) -> ExitCode {
    match run(args, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With the standard error gone there is nobody left to tell; the exit code still says it.
            let _ = writeln!(io::stderr(), "kill: {error}");
            ExitCode::from(error.status())
        }
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Invocation {
    /// Signal these processes; no signal means to ask only whether they are there.
    Send(Option<Signal>, Vec<i32>),
    /// List the names of all signals.
    List,
    /// Say the name of one signal.
    Name(Signal),
}

/// Arguments that make no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum UsageError {
    #[error("no process is named\n{USAGE}")]
    NoProcess,
    #[error("-s needs the name of a signal\n{USAGE}")]
    NoSignal,
    #[error("{0:?} is no signal; `kill -l` lists them")]
    UnknownSignal(String),
    #[error("{0:?} is no process id: a number, and a negative one (a process group) only behind `--`")]
    NotAProcess(String),
    #[error("-l takes one number at most\n{USAGE}")]
    TooManyForList,
}

/// Why not all was done.
#[derive(Debug, thiserror::Error)]
enum KillError {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("{}", .0.join("\nkill: "))]
    Send(Vec<String>),
    #[error("the list of signals could not be written: {0}")]
    Write(#[from] io::Error),
}

impl KillError {
    fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => MISUSED,
            Self::Send(_) | Self::Write(_) => FAILED,
        }
    }
}

fn run(args: impl Iterator<Item = String>, out: &mut impl Write) -> Result<(), KillError> {
    match parse(args)? {
        Invocation::Send(signal, pids) => send(signal, &pids),
        Invocation::Name(signal) => Ok(writeln!(out, "{}", short_name(signal))?),
        Invocation::List => {
            let names: Vec<_> = Signal::iterator().map(short_name).collect();
            Ok(writeln!(out, "{}", names.join(" "))?)
        }
    }
}

/// Signals each process, also those behind one that failed, as POSIX has it.
fn send(signal: Option<Signal>, pids: &[i32]) -> Result<(), KillError> {
    let failures: Vec<_> = pids
        .iter()
        .filter_map(|&pid| {
            let errno = signal::kill(Pid::from_raw(pid), signal).err()?;
            Some(format!("process {pid}: {}", errno.desc()))
        })
        .collect();
    if failures.is_empty() { Ok(()) } else { Err(KillError::Send(failures)) }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Invocation, UsageError> {
    let first = args.next().ok_or(UsageError::NoProcess)?;
    let (signal, rest): (_, Vec<String>) = match first.strip_prefix('-') {
        Some("l") => return parse_list(args),
        Some("s") => (parse_signal(&args.next().ok_or(UsageError::NoSignal)?)?, args.collect()),
        Some(name) if name != "-" => (parse_signal(name)?, args.collect()),
        _ => (Some(Signal::SIGTERM), std::iter::once(first).chain(args).collect()),
    };
    let (behind_dashes, pids) = match rest.split_first() {
        Some((dashes, pids)) if dashes == "--" => (true, pids),
        _ => (false, rest.as_slice()),
    };
    if pids.is_empty() {
        return Err(UsageError::NoProcess);
    }
    let pids = pids.iter().map(|pid| parse_pid(pid, behind_dashes)).collect::<Result<_, _>>()?;
    Ok(Invocation::Send(signal, pids))
}

/// `-l`, which also names the signal behind a shell's exit status (128 and the number).
fn parse_list(mut args: impl Iterator<Item = String>) -> Result<Invocation, UsageError> {
    let Some(number) = args.next() else { return Ok(Invocation::List) };
    if args.next().is_some() {
        return Err(UsageError::TooManyForList);
    }
    let signal = number.parse::<i32>().ok().map(|status| if status > 128 { status - 128 } else { status });
    let signal = signal.and_then(|signal| Signal::try_from(signal).ok());
    signal.map(Invocation::Name).ok_or(UsageError::UnknownSignal(number))
}

/// A signal by number or by name, with or without `SIG`, in either case; 0 is none.
fn parse_signal(text: &str) -> Result<Option<Signal>, UsageError> {
    let unknown = || UsageError::UnknownSignal(text.to_owned());
    if text == "0" {
        return Ok(None);
    }
    if let Ok(number) = text.parse::<i32>() {
        return Signal::try_from(number).map(Some).map_err(|_| unknown());
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    format!("SIG{name}").parse().map(Some).map_err(|_| unknown())
}

fn parse_pid(text: &str, negative: bool) -> Result<i32, UsageError> {
    match text.parse() {
        Ok(pid) if negative || pid >= 0 => Ok(pid),
        _ => Err(UsageError::NotAProcess(text.to_owned())),
    }
}

fn short_name(signal: Signal) -> &'static str {
    let name = signal.as_str();
    name.strip_prefix("SIG").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = String> {
        line.split_whitespace().map(str::to_owned)
    }

    #[track_caller]
    fn check(line: &str, expected: &Result<Invocation, UsageError>) {
        assert_eq!(&parse(words(line)), expected, "kill {line}");
    }

    #[track_caller]
    fn check_run(line: &str, status: u8, output: &str) {
        let mut out = Vec::new();
        assert_eq!(
            run(words(line), &mut out).map_or_else(|error| error.status(), |()| 0),
            status,
            "kill {line}"
        );
        assert_eq!(String::from_utf8(out).unwrap(), output, "kill {line}");
    }

    #[test]
    fn the_name_it_was_called_by_decides() {
        for (argv0, expected) in [
            ("kill", true),
            ("/usr/bin/kill", true),
            ("nbu-exporter", false),
            ("/kill/nbu-exporter", false),
            ("", false),
        ] {
            assert_eq!(is_kill(Some(OsStr::new(argv0))), expected, "{argv0:?}");
        }
        assert!(!is_kill(None));
    }

    #[test]
    fn every_usual_way_to_name_a_signal_is_understood() {
        let hup = Ok(Invocation::Send(Some(Signal::SIGHUP), vec![1]));
        for line in
            ["-HUP 1", "-SIGHUP 1", "-hup 1", "-1 1", "-s HUP 1", "-s SIGHUP 1", "-s 1 1", "-HUP -- 1"]
        {
            check(line, &hup);
        }
        check("1 23", &Ok(Invocation::Send(Some(Signal::SIGTERM), vec![1, 23])));
        check("-- 1", &Ok(Invocation::Send(Some(Signal::SIGTERM), vec![1])));
        check("-9 7", &Ok(Invocation::Send(Some(Signal::SIGKILL), vec![7])));
        check("-0 7", &Ok(Invocation::Send(None, vec![7])));
        check("-s 0 7", &Ok(Invocation::Send(None, vec![7])));
    }

    #[test]
    fn a_process_group_is_taken_only_behind_dashes() {
        check("-HUP -- -12 5", &Ok(Invocation::Send(Some(Signal::SIGHUP), vec![-12, 5])));
        check("-- -12", &Ok(Invocation::Send(Some(Signal::SIGTERM), vec![-12])));
        check("-HUP -12", &Err(UsageError::NotAProcess("-12".to_owned())));
    }

    #[test]
    fn a_command_line_without_sense_is_refused_as_a_whole() {
        for line in ["", "-HUP", "-1", "-s HUP", "--", "-HUP --"] {
            check(line, &Err(UsageError::NoProcess));
        }
        check("-s", &Err(UsageError::NoSignal));
        for (line, signal) in [("-NOPE 1", "NOPE"), ("-99 1", "99"), ("-s -1 1", "-1"), ("-SIG 1", "SIG")] {
            check(line, &Err(UsageError::UnknownSignal(signal.to_owned())));
        }
        for (line, pid) in [("-HUP 1 x", "x"), ("1.5", "1.5"), ("99999999999", "99999999999"), ("%1", "%1")] {
            check(line, &Err(UsageError::NotAProcess(pid.to_owned())));
        }
    }

    #[test]
    fn signals_are_listed_and_named() {
        check("-l", &Ok(Invocation::List));
        check("-l 1", &Ok(Invocation::Name(Signal::SIGHUP)));
        check("-l 143", &Ok(Invocation::Name(Signal::SIGTERM)));
        check("-l 0", &Err(UsageError::UnknownSignal("0".to_owned())));
        check("-l 1 2", &Err(UsageError::TooManyForList));
        check_run("-l 15", 0, "TERM\n");
        let mut out = Vec::new();
        run(words("-l"), &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("HUP INT QUIT "));
    }

    #[test]
    fn the_exit_status_tells_success_failure_and_misuse_apart() {
        let own = std::process::id();
        check_run(&format!("-0 {own}"), 0, "");
        // Linux gives no process an id this high (PID_MAX_LIMIT is 2^22).
        check_run(&format!("-0 2147483647 {own}"), FAILED, "");
        check_run("-NOPE 1", MISUSED, "");
    }

    #[test]
    fn a_failure_names_the_process_and_the_reason() {
        let error = run(words("-0 2147483647"), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "process 2147483647: No such process");
    }
}
