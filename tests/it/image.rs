//! The program in the root file system of its image, as Kubernetes runs it: alone, read-only, not root, as PID 1.
//!
//! Needs root and a static binary, named by `NBU_EXPORTER_STATIC_BINARY` (`packaging/build-static` prints its path).

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::harness::{Port, skip};

/// The user of the image, as in its /etc/passwd.
const USER: &str = "65532";
/// Where a configuration is mounted.
const CONFIG_DIRECTORY: &str = "etc/nbu-exporter";
/// How long anything may take before it counts as never; generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Run inside a new mount and PID namespace: makes `$1` a read-only root with the configuration `$2` mounted in it,
/// and becomes the program as an unprivileged user, all by `exec`, so that the program is PID 1.
const CONTAINER: &str = r#"
    set -eu
    root=$1 config=$2 user=$3
    mount --bind "$root" "$root"
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
    mount --bind "$config" "$root/etc/nbu-exporter"
    mount -o remount,bind,ro "$root/etc/nbu-exporter"
    mount -o remount,bind,ro "$root"
    setpriv=$(command -v setpriv) chroot=$(command -v chroot)
    exec env -i PATH=/usr/bin "$setpriv" --no-new-privs "$chroot" --userspec "$user:$user" --groups '' "$root" \
        nbu-exporter --config=/etc/nbu-exporter/config.yaml
"#;

/// The image's program, running like a container.
struct Container {
    unshare: Child,
    /// The host's number of the process that is 1 inside.
    pid: String,
    port: Port,
    log: PathBuf,
    _files: TempDir,
}

impl Container {
    fn start(binary: &Path) -> Self {
        let files = tempfile::tempdir().unwrap();
        let (root, config) = (files.path().join("root"), files.path().join("config"));
        unpack_root(binary, files.path(), &root);
        let port = Port::reserve();
        fs::create_dir(&config).unwrap();
        let text = format!("server:\n  host: 127.0.0.1\n  port: {}\nnbuservers: []\n", port.number());
        fs::write(config.join("config.yaml"), text).unwrap();

        let log = files.path().join("log");
        let unshare = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CONTAINER, "container"])
            .args([root.as_os_str(), config.as_os_str(), USER.as_ref()])
            .stdout(File::create(files.path().join("output")).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut container = Self { unshare, pid: String::new(), port, log, _files: files };
        container.wait_for("the program as PID 1", |container| {
            let pid = child_of(container.unshare.id())?;
            let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
            program.ends_with("usr/bin/nbu-exporter").then(|| container.pid = pid)
        });
        container
    }

    /// Waits until `look` sees something; tells the log when the process ends before or the patience does.
    fn wait_for<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            let ended = self.unshare.try_wait().unwrap();
            assert!(ended.is_none(), "ended ({ended:?}) instead of: {what}\n{}", self.log());
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// As `kubectl exec` does it: a program of the image, as the image's user, in the container's namespaces.
    fn exec(&self, command: &[&str]) -> Output {
        Command::new("nsenter")
            .args(["--target", &self.pid, "--mount", "--pid", "--root", "--wd"])
            .args(["--setuid", USER, "--setgid", USER, "--"])
            .args(command)
            .env_clear()
            .env("PATH", "/usr/bin")
            .output()
            .unwrap()
    }

    fn metrics(&self) -> io::Result<String> {
        let mut connection = TcpStream::connect(self.port.local())?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        connection.read_to_string(&mut page)?;
        Ok(page)
    }

    fn wait_for_metric(&mut self, sample: &str) {
        self.wait_for(sample, |container| {
            container.metrics().ok()?.lines().any(|line| line == sample).then_some(())
        });
    }

    /// A field of `/proc/PID/status`.
    fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(":\t"));
        line.unwrap_or_else(|| panic!("no {field} in\n{status}")).to_owned()
    }

    fn wait_for_end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.unshare.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {PATIENCE:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // `--kill-child` does not outlive the change of user, so it is PID 1 that is killed, and with it the namespaces.
        if let Some(pid) = child_of(self.unshare.id()).and_then(|pid| pid.parse().ok()) {
            let _ = signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.unshare.wait();
    }
}

/// The first child of a process.
fn child_of(pid: u32) -> Option<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next().map(str::to_owned)
}

fn unpack_root(binary: &Path, scratch: &Path, root: &Path) {
    let archive = scratch.join("rootfs.tar");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/rootfs");
    succeed(Command::new(script).arg(binary).arg(&archive));
    fs::create_dir(root).unwrap();
    succeed(
        Command::new("tar")
            .args(["--extract", "--same-permissions", "--file"])
            .arg(archive)
            .arg("-C")
            .arg(root),
    );
    // An unprivileged user has to be able to come here.
    succeed(Command::new("chmod").arg("755").arg(scratch));
}

#[track_caller]
fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The binary to test, or the reason why there is nothing to test here.
fn static_binary() -> Result<PathBuf, String> {
    let binary = std::env::var_os("NBU_EXPORTER_STATIC_BINARY")
        .ok_or("NBU_EXPORTER_STATIC_BINARY is not set to what packaging/build-static prints")?;
    for arguments in [["--mount", "true"].as_slice(), &["--pid", "--fork", "true"]] {
        let made =
            Command::new("unshare").args(arguments).output().map_err(|error| format!("unshare: {error}"))?;
        if !made.status.success() {
            return Err(format!("no namespaces here: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }
    }
    Ok(binary.into())
}

/// A container, or a line that nobody overlooks.
fn container_for(test: &str) -> Option<Container> {
    match static_binary() {
        Ok(binary) => Some(Container::start(&binary)),
        Err(reason) => {
            skip(&format!("image::{test}"), reason);
            None
        }
    }
}

#[test]
fn the_images_own_kill_reloads_the_program_as_pid_1() {
    let Some(mut container) = container_for("the_images_own_kill_reloads_the_program_as_pid_1") else {
        return;
    };
    let counter = r#"nbu_exporter_config_reloads_total{outcome="unchanged",trigger="signal"}"#;
    container.wait_for_metric(&format!("{counter} 0"));

    for (kill, count) in [(["kill", "-HUP", "1"].as_slice(), 1), (&["kill", "-s", "HUP", "1"], 2)] {
        let output = container.exec(kill);
        assert!(output.status.success(), "{kill:?}: {output:?}");
        container.wait_for_metric(&format!("{counter} {count}"));
    }
    let told = |line: &&str| line.contains("Read configuration file") && line.contains("trigger=signal");
    container.wait_for("a log line for each reload", |container| {
        (container.log().lines().filter(told).count() == 2).then_some(())
    });
}

#[test]
fn the_program_needs_neither_root_nor_a_writable_file_system() {
    let Some(mut container) = container_for("the_program_needs_neither_root_nor_a_writable_file_system")
    else {
        return;
    };
    container
        .wait_for("a page", |container| container.metrics().ok()?.starts_with("HTTP/1.1 200").then_some(()));

    // What the test rests on: the program is PID 1 of its namespace, nobody, without privileges, and nobody can write.
    assert_eq!(container.status("NSpid").split('\t').next_back(), Some("1"));
    assert_eq!(container.status("Uid"), [USER; 4].join("\t"));
    assert_eq!(container.status("Gid"), [USER; 4].join("\t"));
    assert_eq!(container.status("CapEff"), "0".repeat(16));
    let root = PathBuf::from(format!("/proc/{}/root", container.pid));
    for directory in ["", "tmp", CONFIG_DIRECTORY] {
        let error = File::create(root.join(directory).join("probe")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ReadOnlyFilesystem, "/{directory}");
    }
}

#[test]
fn the_images_own_kill_ends_the_program_in_order() {
    let Some(mut container) = container_for("the_images_own_kill_ends_the_program_in_order") else { return };
    container.wait_for("a page", |container| container.metrics().ok());
    assert!(container.exec(&["kill", "-0", "1"]).status.success());
    // Its own exit status tells nothing: when PID 1 ends, the kernel kills what is left in the namespace.
    container.exec(&["kill", "1"]);
    let log = container.log.clone();
    let status = container.wait_for_end();
    assert!(status.success(), "{status}\n{}", fs::read_to_string(log).unwrap_or_default());
}

#[test]
fn a_mistaken_kill_says_so_and_leaves_the_program_running() {
    let Some(mut container) = container_for("a_mistaken_kill_says_so_and_leaves_the_program_running") else {
        return;
    };
    container.wait_for("a page", |container| container.metrics().ok());
    for (kill, status, complaint) in [
        (["kill", "-NOPE", "1"], 2, "is no signal"),
        (["kill", "-HUP", "one"], 2, "is no process id"),
        (["kill", "-HUP", "4000000"], 1, "No such process"),
    ] {
        let output = container.exec(&kill);
        assert_eq!(output.status.code(), Some(status), "{kill:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(complaint), "{kill:?}: {told}");
    }
    assert!(container.exec(&["kill", "-0", "1"]).status.success());
}
