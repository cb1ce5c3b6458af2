//! A Kubernetes control plane for the tests.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::harness::skip;

/// How `tests/cluster/control-plane` says that something is not on this machine.
const SKIPPED: i32 = 77;

/// etcd, API server and controller manager, once for all tests of this process. It goes down with the process.
pub struct ControlPlane {
    directory: PathBuf,
    kubectl: PathBuf,
    helm: Option<PathBuf>,
    outage: RwLock<()>,
}

/// The control plane, or a line that nobody overlooks.
pub fn control_plane(test: &str) -> Option<&'static ControlPlane> {
    static STARTED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
    match STARTED.get_or_init(ControlPlane::start) {
        Ok(control_plane) => Some(control_plane),
        Err(reason) => {
            // `tests/cluster/e2e --control-plane` sets it.
            assert!(std::env::var_os("NBU_EXPORTER_CLUSTER").is_none(), "{reason}");
            skip(&format!("cluster::{test}"), reason);
            None
        }
    }
}

impl ControlPlane {
    fn start() -> Result<Self, String> {
        let directory = std::env::temp_dir().join(format!("nbu-exporter-cluster-{}", std::process::id()));
        let up = script()
            .arg("up")
            .arg(&directory)
            .args(["--owner", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&up.stderr).into_owned();
        match up.status.code() {
            Some(0) => {}
            Some(SKIPPED) => {
                let said = |name: &str| said.lines().find_map(|line| Some(line.split_once(name)?.1.trim()));
                return Err(format!(
                    "{}; {}",
                    said("reason:").unwrap_or_default(),
                    said("cure:").unwrap_or_default()
                ));
            }
            _ => panic!("the control plane does not start: {said}"),
        }
        let settings = fs::read_to_string(directory.join("env")).unwrap();
        let setting = |name: &str| {
            let line = settings.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            PathBuf::from(line.unwrap_or_else(|| panic!("no {name} in {settings}")))
        };
        let helm = Some(setting("HELM")).filter(|helm| helm.exists());
        Ok(Self { kubectl: setting("KUBECTL"), helm, directory, outage: RwLock::new(()) })
    }

    /// While it is held, the API server stays up.
    pub fn in_service(&self) -> RwLockReadGuard<'_, ()> {
        self.outage.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the API server until the outage is over; no other test is under way meanwhile.
    pub fn begin_outage(&self) -> Outage<'_> {
        let alone = self.outage.write().unwrap_or_else(PoisonError::into_inner);
        run(script().arg("stop-apiserver").arg(&self.directory));
        Outage { control_plane: self, over: false, _alone: alone }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// helm 4, if it is built.
    pub fn helm(&self) -> Option<&Path> {
        self.helm.as_deref()
    }

    /// kubectl as the administrator; it must succeed. Its standard output.
    #[track_caller]
    pub fn kubectl(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        let output = run(self.command(arguments).stdin(Stdio::null()));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What kubectl says, whether it is content or not.
    pub fn kubectl_says(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with this on its standard input. What it wrote to both outputs: warnings are on the second.
    #[track_caller]
    pub fn kubectl_with(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &str,
    ) -> (String, String) {
        let output = run(self.command(arguments).stdin(file_of(input)));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// The same where the API server must refuse: why it does.
    #[track_caller]
    pub fn kubectl_refused(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &str,
    ) -> String {
        let output = self.command(arguments).stdin(file_of(input)).output().unwrap();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    /// kubectl as the administrator, to be run.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.kubectl);
        // Without a home kubectl would keep its cache below the current directory.
        command.env("KUBECACHEDIR", self.directory.join("kube"));
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        command
    }
}

/// An API server that is down.
pub struct Outage<'a> {
    control_plane: &'a ControlPlane,
    over: bool,
    _alone: RwLockWriteGuard<'a, ()>,
}

impl Outage<'_> {
    /// Starts the API server again; the other tests still wait.
    pub fn end(&mut self) {
        if !self.over {
            run(script().arg("start-apiserver").arg(&self.control_plane.directory));
            self.over = true;
        }
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A second panic would hide the first.
            let _ = script().arg("start-apiserver").arg(&self.control_plane.directory).output();
        } else {
            self.end();
        }
    }
}

fn file_of(text: &str) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/control-plane"))
}

/// Runs a command that must succeed.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    output
}
