//! The door: edits that the API server asks the exporter about before they are written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use super::control_plane::{ControlPlane, control_plane};
use super::release::{NAME, Release, template};
use crate::harness::{Exporter, config, eventually, skip};

/// The annotation that lets a refused edit through.
const OVERRIDE: &str = "nbu-exporter/admit-anyway";

/// A release of the chart with the webhook, whose exporter runs here: the API server reaches it by a URL.
struct Guarded {
    cluster: &'static ControlPlane,
    release: Release,
    /// The `ValidatingWebhookConfiguration`; goes with the release, since it belongs to no namespace.
    name: String,
    namespace: String,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.cluster.kubectl_says(["delete", "validatingwebhookconfiguration", &self.name]);
    }
}

impl Guarded {
    /// With the objects of the chart, rendered with these values.
    fn install(
        cluster: &'static ControlPlane,
        test: &str,
        namespace: &str,
        config: &str,
        values: &[&str],
    ) -> Option<Self> {
        let Some(tool) = cluster.helm() else {
            skip(&format!("cluster::{test}"), "helm is not built; tests/cluster/tools/build helm");
            return None;
        };
        let release = Release::with_config(cluster, namespace, config);
        let shown = ["--show-only", "templates/rbac.yaml", "--show-only", "templates/webhook.yaml"];
        let switched_on = [&shown[..], &["--set", "admissionWebhook.enabled=true"], values].concat();
        cluster.kubectl_with(["apply", "--filename", "-"], &template(tool, namespace, &switched_on));
        let (name, namespace) = (format!("{NAME}.{namespace}"), namespace.to_owned());
        Some(Self { cluster, release, name, namespace })
    }

    /// The exporter as the chart starts it, once the API server asks it.
    fn start(&self, lifetime: &str) -> Exporter {
        let exporter = self.release.start_with(&[
            "--webhook.listen-address=127.0.0.1:0",
            &format!("--webhook.secret={NAME}-webhook"),
            &format!("--webhook.configuration={}", self.name),
            "--webhook.host=127.0.0.1",
            &format!("--webhook.certificate-lifetime={lifetime}"),
        ]);
        eventually("it says where the webhook listens", || listens_at(&exporter).is_some());
        let url = format!("https://{}/admission", listens_at(&exporter).unwrap());
        let patch = json!([
            { "op": "remove", "path": "/webhooks/0/clientConfig/service" },
            { "op": "add", "path": "/webhooks/0/clientConfig/url", "value": url },
        ]);
        self.cluster.kubectl([
            "patch",
            "validatingwebhookconfiguration",
            &self.name,
            "--type=json",
            "--patch",
            &patch.to_string(),
        ]);
        eventually("the API server is told the authority", || !self.bundle().is_empty());
        eventually("the API server asks", || {
            self.write(&["--dry-run=server"], "nonsense: 1\n");
            asked(&exporter, "refused") > 0.0
        });
        exporter
    }

    fn bundle(&self) -> String {
        let path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
        self.cluster.kubectl(["get", "validatingwebhookconfiguration", &self.name, "--output", path])
    }

    fn certificate(&self) -> String {
        let path = r"jsonpath={.data.tls\.crt}";
        self.release.kubectl(["get", "secret", &format!("{NAME}-webhook"), "--output", path])
    }

    /// kubectl in the namespace, whatever comes of it.
    fn try_kubectl(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.cluster.command(["--namespace", &self.namespace].iter().chain(arguments));
        command.stdin(Stdio::null());
        command
    }

    /// Writes this text into the key.
    fn write(&self, flags: &[&str], text: &str) -> Output {
        let patch = json!({ "data": { "config.yaml": text } }).to_string();
        self.try_kubectl(&[&["patch", "configmap", NAME, "--type=merge", "--patch", &patch], flags].concat())
    }

    /// The text in the key.
    fn text(&self) -> String {
        self.release.kubectl(["get", "configmap", NAME, "--output", r"jsonpath={.data.config\.yaml}"])
    }
}

fn listens_at(exporter: &Exporter) -> Option<String> {
    let log = exporter.log();
    let line = log.iter().find(|line| line.contains("The webhook is listening"))?;
    Some(line.split("address=").nth(1)?.trim_matches('"').split([' ', '"']).next()?.to_owned())
}

fn asked(exporter: &Exporter, verdict: &str) -> f64 {
    let series = format!("nbu_exporter_admission_requests_total{{verdict=\"{verdict}\"}}");
    exporter.sample(&series).unwrap_or_default()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An editor that keeps what it is shown, and makes this of it at its first call; at the next it changes nothing.
fn editor(folder: &std::path::Path, expression: &str) -> PathBuf {
    let (script, shown) = (folder.join("editor"), folder.display());
    let text = format!(
        "#!/bin/sh\nif [ -e {shown}/first ]; then cp \"$1\" {shown}/again; else cp \"$1\" {shown}/first; sed -i -E '{expression}' \"$1\"; fi\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

#[test]
fn a_typo_comes_back_to_the_editor_with_its_place_above_the_text_and_nothing_is_written() {
    let test = "a_typo_comes_back_to_the_editor_with_its_place_above_the_text_and_nothing_is_written";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let good = config(&[("paris", 1)]);
    let Some(guarded) = Guarded::install(cluster, test, "door-editor", &good, &[]) else { return };
    let exporter = guarded.start("2160h");
    let folder = tempfile::tempdir().unwrap();
    let edited = guarded
        .command(&["edit", "configmap", NAME])
        .env("EDITOR", editor(folder.path(), "s/scheme: http$/scheme: gopher/; s/port: 1$/prot: 1/"))
        .output()
        .unwrap();
    assert!(!edited.status.success());
    let again = fs::read_to_string(folder.path().join("again")).unwrap();
    println!(
        "$ kubectl edit configmap {NAME}\n{again}\n{}{}",
        String::from_utf8_lossy(&edited.stdout),
        stderr(&edited)
    );
    assert!(again.contains(&format!("# configmaps \"{NAME}\" was not valid:")), "{again}");
    for place in ["# * 8:5: nbuservers[0].prot: ", "# * 9:13: nbuservers[0].scheme: "] {
        assert!(again.contains(place), "{again}");
    }
    assert!(again.contains("scheme: gopher"), "what was typed is not lost: {again}");
    assert_eq!(guarded.text(), good);
    assert_eq!(exporter.reloads("kubernetes", "rejected"), 0.0);
    // The same edit without the mistake goes through and runs.
    let folder = tempfile::tempdir().unwrap();
    let editor = editor(folder.path(), "s/collectionInterval: 1s/collectionInterval: 2s/");
    let edited = guarded.command(&["edit", "configmap", NAME]).env("EDITOR", editor).output().unwrap();
    assert!(edited.status.success(), "{}", stderr(&edited));
    exporter.until_runs(&guarded.text());
}

#[test]
fn whoever_writes_is_told_and_what_does_not_concern_the_configuration_goes_through() {
    let test = "whoever_writes_is_told_and_what_does_not_concern_the_configuration_goes_through";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let good = config(&[("paris", 1)]);
    let bad = good.replace("scheme: http", "scheme: gopher");
    let place = "9:13: nbuservers[0].scheme: ";
    let Some(guarded) = Guarded::install(cluster, test, "door-writers", &good, &[]) else { return };
    let mut exporter = guarded.start("2160h");

    // kubectl apply, on the client and on the server, as another manager, and as a dry run.
    let object = |text: &str, annotations: serde_json::Value| {
        let metadata = json!({ "name": NAME, "namespace": guarded.namespace, "annotations": annotations });
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "config.yaml": text } }).to_string()
    };
    let none = json!({});
    let ways: [&[&str]; 4] = [
        &["apply", "--filename", "-"],
        &["apply", "--filename", "-", "--dry-run=server"],
        &[
            "apply",
            "--filename",
            "-",
            "--server-side",
            "--force-conflicts",
            "--field-manager=argocd-controller",
        ],
        &["replace", "--filename", "-"],
    ];
    for way in ways {
        let refused = cluster.kubectl_refused(way, &object(&bad, none.clone()));
        println!("$ kubectl {}\n{refused}", way.join(" "));
        assert!(refused.contains(place), "{way:?}: {refused}");
        assert_eq!(guarded.text(), good);
    }
    // Remarks refuse nothing.
    let (_, said) = cluster.kubectl_with(ways[1], &object("nbuservers: []\n", none.clone()));
    assert!(said.contains("Warning: 1:13: nbuservers: is an empty list"), "{said}");
    assert!(said.contains("Warning: site paris is removed"), "{said}");
    // What the pod lacks may still come.
    let lacking = good.replace("apiKey: simulated-key", "apiKeyFile: /run/secrets/not-yet");
    let (_, said) = cluster.kubectl_with(ways[1], &object(&lacking, none.clone()));
    assert!(said.contains("nbuservers[0].apiKeyFile: "), "{said}");
    // A key that is taken out.
    let gone = json!({ "data": { "config.yaml": null } }).to_string();
    let refused = guarded.try_kubectl(&["patch", "configmap", NAME, "--type=merge", "--patch", &gone]);
    assert!(
        stderr(&refused).contains("it has no key \"config.yaml\"; its keys are: none"),
        "{}",
        stderr(&refused)
    );

    // The annotation, first for nothing and then for good.
    let events = || guarded.release.events("RejectionOverridden", "ConfigMap");
    let overridden = object(&bad, json!({ OVERRIDE: "true" }));
    let (_, said) = cluster.kubectl_with(ways[1], &overridden);
    println!("$ kubectl {}\n{said}", ways[1].join(" "));
    assert!(said.contains(&format!("Warning: {place}")), "{said}");
    let (_, said) = cluster.kubectl_with(ways[0], &overridden);
    assert!(said.contains(OVERRIDE), "{said}");
    assert_eq!(guarded.text(), bad);
    eventually("the Event says who it was", || events().iter().any(|note| note.contains(place)));
    assert_eq!(events().len(), 1, "a dry run makes none");
    // The text is bad still, and is not what this edit is about.
    guarded.release.kubectl(["label", "configmap", NAME, "example.com/touched=yes"]);
    guarded.release.kubectl(["annotate", "configmap", NAME, &format!("{OVERRIDE}-")]);
    guarded.release.kubectl(["delete", "configmap", NAME]);
    let refused = cluster.kubectl_refused(["create", "--filename", "-"], &object(&bad, none.clone()));
    assert!(refused.contains(place), "{refused}");
    cluster.kubectl_with(["create", "--filename", "-"], &object(&good, none));
    assert!(asked(&exporter, "unjudged") >= 2.0);
    assert!(!exporter.log().join("\n").contains("simulated-key"));

    // An exporter that is down.
    exporter.signal("TERM");
    eventually("it ends", || !exporter.is_running());
    assert!(guarded.write(&[], &bad).status.success(), "failurePolicy: Ignore");
    assert_eq!(guarded.text(), bad);
}

#[test]
fn certificates_are_renewed_under_a_loop_of_edits_and_each_of_them_is_judged() {
    let test = "certificates_are_renewed_under_a_loop_of_edits_and_each_of_them_is_judged";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let good = config(&[("paris", 1)]);
    let bad = good.replace("scheme: http", "scheme: gopher");
    // An edit that could not be judged would be refused.
    let values = ["--set", "admissionWebhook.failurePolicy=Fail"];
    let Some(guarded) = Guarded::install(cluster, test, "door-renewal", &good, &values) else { return };
    let exporter = guarded.start("60s");
    let (mut certificate, mut renewals, mut edits) = (guarded.certificate(), 0, 0);
    let mut interval = 2;
    eventually("the certificate has been renewed twice", || {
        interval = 5 - interval;
        let next = good.replace("collectionInterval: 1s", &format!("collectionInterval: {interval}s"));
        let written = guarded.write(&[], &next);
        assert!(written.status.success(), "after {edits} edits: {}", stderr(&written));
        let refused = guarded.write(&[], &bad);
        assert!(
            stderr(&refused).contains("9:13: nbuservers[0].scheme"),
            "after {edits} edits: {}",
            stderr(&refused)
        );
        edits += 2;
        let now = guarded.certificate();
        if now != certificate {
            (certificate, renewals) = (now, renewals + 1);
        }
        renewals == 2
    });
    println!("{edits} edits, {renewals} renewals");
    let expiry = "nbu_exporter_admission_certificate_expiry_timestamp_seconds";
    assert!(exporter.sample(expiry).unwrap() > 0.0);
    assert!(asked(&exporter, "refused") >= f64::from(edits) / 2.0);
}
