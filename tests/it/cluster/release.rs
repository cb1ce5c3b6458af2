//! A release of the chart in that control plane.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::control_plane::{ControlPlane, run};
use crate::harness::{Exporter, eventually};

/// The name of the release and of all its objects.
pub const NAME: &str = "nbu-exporter";

/// The ConfigMap that keeps the last good configuration.
const LAST_GOOD: &str = "nbu-exporter-last-good";

/// The chart's rules and their binding, where no helm is built. `exactly_the_charts_rules` compares both.
pub const RULES: &str = include_str!("rules.yaml");

/// What a fleet needs beside them, before the binding.
const FLEET_RULE: &str = "  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create, delete, get, list, update, watch]
---";

/// What the chart installs for the exporter to use, in a namespace of its own; the exporter itself runs here.
pub struct Release {
    cluster: &'static ControlPlane,
    namespace: String,
    files: tempfile::TempDir,
}

impl Release {
    /// Everything but the ConfigMap: namespace, service account, rules, and a kubeconfig with the account's token.
    pub fn new(cluster: &'static ControlPlane, namespace: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let release = Self { cluster, namespace: namespace.to_owned(), files };
        cluster.kubectl(["create", "namespace", namespace]);
        release.kubectl(["create", "serviceaccount", NAME]);
        release.grant();
        release.write_kubeconfig();
        release
    }

    /// The same with the ConfigMap.
    pub fn with_config(cluster: &'static ControlPlane, namespace: &str, text: &str) -> Self {
        let release = Self::new(cluster, namespace);
        release.create(text);
        release
    }

    /// The same with the configuration in a Secret, and the rights to that alone.
    pub fn with_secret(cluster: &'static ControlPlane, namespace: &str, text: &str) -> Self {
        let release = Self::new(cluster, namespace);
        release.apply(&RULES.replace("NAMESPACE", namespace).replace("configmaps", "secrets"));
        let file = release.files.path().join("config.yaml");
        fs::write(&file, text).unwrap();
        release.kubectl(["create", "secret", "generic", NAME, &format!("--from-file={}", file.display())]);
        release
    }

    /// The kubeconfig of a pod's service account: the token is a file, as it is in a pod.
    fn write_kubeconfig(&self) {
        let token = self.kubectl(["create", "token", NAME, "--duration", "1h"]);
        fs::write(self.files.path().join("token"), token).unwrap();
        let of_admin = self.cluster.kubectl(["config", "view", "--raw", "--output", "json"]);
        let mut config: serde_json::Value = serde_json::from_str(&of_admin).unwrap();
        config["users"][0]["user"] = serde_json::json!({ "tokenFile": self.files.path().join("token") });
        config["contexts"][0]["context"]["namespace"] = self.namespace.clone().into();
        fs::write(self.kubeconfig(), config.to_string()).unwrap();
    }

    /// The kubeconfig of the service account.
    pub fn kubeconfig(&self) -> PathBuf {
        self.files.path().join("kubeconfig")
    }

    /// kubectl as the administrator, in the release's namespace.
    #[track_caller]
    pub fn kubectl<const N: usize>(&self, arguments: [&str; N]) -> String {
        self.cluster.kubectl(["--namespace", &self.namespace].into_iter().chain(arguments))
    }

    /// Gives the rights of the chart.
    #[track_caller]
    pub fn grant(&self) {
        self.apply(&rules(self.cluster, &self.namespace));
        eventually("the rights are in force", || self.may_watch());
    }

    /// Takes them away.
    #[track_caller]
    pub fn revoke(&self) {
        self.kubectl(["delete", "rolebinding", NAME]);
        eventually("the rights are gone", || !self.may_watch());
    }

    /// Whether the API server lets the service account watch the object; it learns of a change of rules only afterwards.
    fn may_watch(&self) -> bool {
        let review = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": format!("system:serviceaccount:{}:{NAME}", self.namespace),
                "groups": ["system:serviceaccounts", "system:authenticated"],
                "resourceAttributes": {
                    "namespace": self.namespace, "verb": "watch", "resource": "configmaps", "name": NAME,
                },
            },
        });
        let asked = ["create", "--output", "jsonpath={.status.allowed}", "--filename", "-"];
        self.cluster.kubectl_with(asked, &review.to_string()).0 == "true"
    }

    fn apply(&self, manifests: &str) {
        self.cluster.kubectl_with(["--namespace", &self.namespace, "apply", "--filename", "-"], manifests);
    }

    /// Creates the ConfigMap.
    #[track_caller]
    pub fn create(&self, text: &str) {
        let file = self.files.path().join("config.yaml");
        fs::write(&file, text).unwrap();
        self.kubectl(["create", "configmap", NAME, &format!("--from-file={}", file.display())]);
    }

    /// Edits the ConfigMap: the API server has answered when this returns.
    #[track_caller]
    pub fn edit(&self, text: &str) {
        self.edit_as("kubectl-patch", text);
    }

    /// The same by a manager of this name; the revision that it makes.
    #[track_caller]
    pub fn edit_as(&self, manager: &str, text: &str) -> String {
        let patch = serde_json::json!({ "data": { "config.yaml": text } }).to_string();
        let edit = ["patch", "configmap", NAME, "--type", "merge", "--patch", &patch];
        let manager = ["--field-manager", manager, "--output", "jsonpath={.metadata.resourceVersion}"];
        self.cluster.kubectl(["--namespace", &self.namespace].into_iter().chain(edit).chain(manager))
    }

    /// Edits the Secret.
    #[track_caller]
    pub fn edit_secret(&self, text: &str) {
        let patch = serde_json::json!({ "stringData": { "config.yaml": text } }).to_string();
        self.kubectl(["patch", "secret", NAME, "--type", "merge", "--patch", &patch]);
    }

    /// The program on the object alone.
    pub fn start(&self) -> Exporter {
        Exporter::spawn(self.command())
    }

    /// The same with another object than that of the chart, named by this flag.
    pub fn start_on(&self, object: &str) -> Exporter {
        Exporter::spawn(self.command_on(object))
    }

    /// The same with further flags.
    pub fn start_with(&self, flags: &[&str]) -> Exporter {
        let mut command = self.command();
        command.args(flags);
        Exporter::spawn(command)
    }

    /// The same in a pod of this name.
    pub fn start_in_pod(&self, name: &str) -> Exporter {
        let mut command = self.command();
        command.env("POD_NAME", name).env("POD_UID", name);
        Exporter::spawn(command)
    }

    /// The same as a member of a fleet, with a key of its own in the environment.
    pub fn start_in_fleet(&self, pod: &str, key: &str, lease: &str) -> Exporter {
        let mut command = self.command();
        command.args([&format!("--fleet.group={NAME}"), &format!("--fleet.lease-duration={lease}")]);
        // No object owns its Lease here: there is no pod.
        command.env("POD_NAME", pod).env_remove("POD_UID").env("FLEET_KEY", key);
        Exporter::spawn(command)
    }

    /// Gives the rights of a fleet as well.
    #[track_caller]
    pub fn grant_fleet(&self) {
        let rules = match self.cluster.helm() {
            Some(helm) => {
                let only = ["--show-only", "templates/rbac.yaml", "--set", "fleet.enabled=true"];
                template(helm, &self.namespace, &only)
            }
            None => RULES.replace("NAMESPACE", &self.namespace).replacen("---", FLEET_RULE, 1),
        };
        self.apply(&rules);
    }

    /// The names of all Leases.
    pub fn leases(&self) -> Vec<String> {
        let names = self.kubectl(["get", "leases", "--output", "jsonpath={.items[*].metadata.name}"]);
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// The program on the object and on a mounted directory.
    pub fn start_with_file(&self, file: &Path) -> Exporter {
        let mut command = self.command();
        command.arg("--config").arg(file);
        Exporter::spawn(command)
    }

    /// The same, with the last good configuration in a ConfigMap of its own, made without data.
    pub fn start_keeping(&self, file: &Path) -> Exporter {
        let mut command = self.command();
        command.arg("--config").arg(file).arg(format!("--config.last-good-kubernetes={LAST_GOOD}"));
        command.env("TEST_KEY", "simulated-key");
        Exporter::spawn(command)
    }

    /// Makes the ConfigMap for it; the rights to it are the chart's.
    #[track_caller]
    pub fn keep(&self) {
        self.kubectl(["create", "configmap", LAST_GOOD]);
    }

    /// What is kept.
    #[track_caller]
    pub fn kept(&self) -> String {
        self.kubectl(["get", "configmap", LAST_GOOD, "--output", r"jsonpath={.data.config\.yaml}"])
    }

    /// As the chart's pod starts it.
    fn command(&self) -> Command {
        self.command_on(&format!("--config.kubernetes={NAME}:config.yaml"))
    }

    fn command_on(&self, object: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
        command
            .arg("run")
            .args(["--web.listen-address=127.0.0.1:0", "--kubernetes.events=true"])
            .arg(object)
            .env("KUBECONFIG", self.kubeconfig())
            .env("POD_NAME", "the-pod")
            .env("POD_NAMESPACE", &self.namespace)
            .env("POD_UID", "5c8f3f0e-5d5c-4b0b-9a53-cf1c0d4f4b1e");
        command
    }

    /// The notes of the Events with this reason about an object of this kind, each as often as it was told.
    pub fn events(&self, reason: &str, kind: &str) -> Vec<String> {
        let json = self.kubectl(["get", "events.events.k8s.io", "--output", "json"]);
        let list: serde_json::Value = serde_json::from_str(&json).unwrap();
        let is_wanted =
            |event: &&serde_json::Value| event["reason"] == reason && event["regarding"]["kind"] == kind;
        let notes = |event: &serde_json::Value| {
            let times = event["series"]["count"].as_u64().unwrap_or(1);
            let note = event["note"].as_str().unwrap_or_default().to_owned();
            std::iter::repeat_n(note, usize::try_from(times).unwrap())
        };
        list["items"].as_array().unwrap().iter().filter(is_wanted).flat_map(notes).collect()
    }
}

/// The chart's Role and `RoleBinding` for a namespace.
pub fn rules(cluster: &ControlPlane, namespace: &str) -> String {
    match cluster.helm() {
        Some(helm) => template(helm, namespace, &["--show-only", "templates/rbac.yaml"]),
        None => RULES.replace("NAMESPACE", namespace),
    }
}

/// What the chart renders to.
#[track_caller]
pub fn template(helm: &Path, namespace: &str, arguments: &[&str]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(helm);
    command
        .args(["template", NAME])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/nbu-exporter"))
        .args(["--namespace", namespace])
        .args(arguments);
    // No plug-ins, repositories or settings of the user.
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, scratch.path());
    }
    String::from_utf8(run(&mut command).stdout).unwrap()
}
