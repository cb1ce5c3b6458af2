//! Signals to a child process, and its exit code.

use std::process::{Child, Command};

use super::eventually;

/// Sends a signal by its name, such as `HUP`.
#[track_caller]
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Waits for the end; the exit code.
#[track_caller]
pub fn exit_code(child: &mut Child) -> Option<i32> {
    let mut status = None;
    eventually("the program ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.and_then(|status| status.code())
}
