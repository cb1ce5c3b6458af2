//! The program in namespaces of its own, or as another user.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Exporter, skip};

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The program inside new namespaces, after `script` has prepared them as their root; `None` and a loud word where
/// the kernel does not allow it. The process keeps its id.
pub fn unshared(test: &str, flags: &str, script: &str, program: &Command) -> Option<Command> {
    let allowed = Command::new("unshare").args([flags, "true"]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        skip(test, format_args!("`unshare {flags}` is not allowed here"));
        return None;
    }
    let mut command = Command::new("unshare");
    command.args([flags, "sh", "-ec", &format!("{script}\nexec \"$@\""), "sh"]);
    command.arg(program.get_program()).args(program.get_args());
    Some(command)
}

/// The program without root's right to read everything; `None` and a loud word where nobody else may run it or read
/// the configuration.
pub fn as_nobody(test: &str, config: &Path) -> Option<Command> {
    let program = Exporter::command(config);
    if !is_root() {
        return Some(program);
    }
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut probe = Command::new("setpriv");
    let runs = probe.args(nobody).arg(program.get_program()).arg("check-config").arg(config);
    if !runs.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip(test, format_args!("nobody but root may run the program and read {}", config.display()));
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(nobody).arg(program.get_program()).args(program.get_args());
    Some(command)
}

/// Lets everybody into a temporary directory.
pub fn open_to_all(directory: &Path) {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
}
