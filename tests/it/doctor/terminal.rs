//! How far the examination is, on a terminal.

use std::fs::File as OpenFile;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nbu_exporter_simulator::Fault;
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{File, doctor, server, with_fault};

/// A terminal of 80 columns: the side of the person, and that of the program.
fn terminal() -> (OpenFile, OwnedFd) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    tcsetwinsize(&program, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (person.into(), program)
}

fn doctor_on(terminal: OwnedFd, config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
    command.arg("doctor").arg("--config").arg(config).env("TERM", "xterm");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal).spawn().unwrap()
}

#[test]
fn a_terminal_shows_how_many_sites_are_examined() {
    let (well, silent) = (server(|_| {}), with_fault(Fault::Stall, ""));
    let mut file = File::new();
    file.site("well", well.port(0), "scheme: http").site("silent", silent.port(0), "scheme: http");
    let (mut person, program) = terminal();
    let mut child = doctor_on(program, &file.config());
    let (mut shown, mut part) = (String::new(), [0; 1024]);
    // The site that says nothing is waited for longer than the bar needs to be drawn anew.
    while !shown.contains("1 of 2 sites examined") {
        let count = person.read(&mut part).unwrap_or_else(|error| panic!("it ended ({error}): {shown:?}"));
        shown.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn where_nobody_sees_it_move_nothing_is_drawn() {
    let sites = [server(|_| {}), server(|_| {})];
    let mut file = File::new();
    for (name, server) in ["paris", "lyon"].into_iter().zip(&sites) {
        file.site(name, server.port(0), "scheme: http");
    }
    let run = doctor(&file.config(), &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.text);
}
