//! Who installs the chart, and how often.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::control_plane::{ControlPlane, control_plane, run};
use super::objects::define_monitors;
use super::release::{NAME, template};
use crate::harness::skip;

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/nbu-exporter")
}

/// helm on this cluster, with nothing of the user's.
#[track_caller]
fn helm(cluster: &ControlPlane, helm: &Path, arguments: &[&str]) -> Output {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(helm);
    command.arg("--kubeconfig").arg(cluster.kubeconfig()).args(arguments);
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, scratch.path());
    }
    run(&mut command)
}

#[test]
fn an_administrator_of_one_namespace_installs_with_every_switch_on() {
    let test = "an_administrator_of_one_namespace_installs_with_every_switch_on";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let Some(tool) = cluster.helm() else {
        skip(&format!("cluster::{test}"), "helm is not built; tests/cluster/tools/build helm");
        return;
    };
    define_monitors(cluster);
    let namespace = "one-namespace";
    cluster.kubectl(["create", "namespace", namespace]);
    let within = |arguments: &[&str]| cluster.kubectl(["--namespace", namespace].iter().chain(arguments));
    within(&["create", "rolebinding", "admin", "--clusterrole=admin", "--user=alice"]);
    let monitors = "--resource=servicemonitors.monitoring.coreos.com,podmonitors.monitoring.coreos.com,\
                    scrapeconfigs.monitoring.coreos.com,prometheusrules.monitoring.coreos.com";
    within(&["create", "role", "monitors", "--verb=*", monitors]);
    within(&["create", "rolebinding", "monitors", "--role=monitors", "--user=alice"]);
    super::eventually("her rights are in force", || {
        let asked = ["auth", "can-i", "create", "roles", "--as=alice", "--namespace", namespace];
        cluster.kubectl_says(asked).trim() == "yes"
    });
    let switches = "demo.enabled=true,serviceMonitor.enabled=true,podMonitor.enabled=true,scrapeConfig.enabled=true,\
                    prometheusRule.enabled=true,dashboards.enabled=true,networkPolicy.enabled=true,\
                    podDisruptionBudget.enabled=true,replicas=2";
    let chart = chart();
    let chart = chart.to_str().unwrap();
    let install =
        ["install", NAME, chart, "--namespace", namespace, "--kube-as-user", "alice", "--set", switches];
    let said = helm(cluster, tool, &install);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("serviceMonitor.verifySelector=true does"), "{said}");
    within(&["get", "servicemonitor,podmonitor,scrapeconfig,prometheusrule,deployment", NAME]);
}

#[test]
fn what_helm_renders_can_be_applied_again_after_a_change() {
    let test = "what_helm_renders_can_be_applied_again_after_a_change";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let Some(tool) = cluster.helm() else {
        skip(&format!("cluster::{test}"), "helm is not built; tests/cluster/tools/build helm");
        return;
    };
    let namespace = "applied-twice";
    cluster.kubectl(["create", "namespace", namespace]);
    for tag in ["1", "2", "2"] {
        let manifests =
            template(tool, namespace, &["--skip-tests", "--set-string", &format!("image.tag={tag}")]);
        assert!(!manifests.contains("kind: Pod\n"), "the pod of `helm test` can not be changed in place");
        cluster.kubectl_with(["--namespace", namespace, "apply", "--filename", "-"], &manifests);
    }
    let image = ["get", "deployment", NAME, "--output", "jsonpath={.spec.template.spec.containers[0].image}"];
    assert_eq!(cluster.kubectl(["--namespace", namespace].iter().chain(&image)), "nbu-exporter:2");
    // What the exporter keeps in the ConfigMap that is rendered without data stays there.
    let kept = [
        "patch",
        "configmap",
        "nbu-exporter-last-good",
        "--type=merge",
        "--patch",
        r#"{"data":{"config.yaml":"x"}}"#,
    ];
    cluster.kubectl(["--namespace", namespace].iter().chain(&kept));
    let manifests = template(tool, namespace, &["--skip-tests"]);
    cluster.kubectl_with(["--namespace", namespace, "apply", "--filename", "-"], &manifests);
    let data = ["get", "configmap", "nbu-exporter-last-good", "--output", "jsonpath={.data}"];
    assert!(cluster.kubectl(["--namespace", namespace].iter().chain(&data)).contains('x'));
}

#[test]
fn the_values_of_an_older_chart_are_reused_with_the_defaults_of_the_new_one() {
    let test = "the_values_of_an_older_chart_are_reused_with_the_defaults_of_the_new_one";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let Some(tool) = cluster.helm() else {
        skip(&format!("cluster::{test}"), "helm is not built; tests/cluster/tools/build helm");
        return;
    };
    // A chart from before some values were there: one object, and the values that it had.
    let older = tempfile::tempdir().unwrap();
    std::fs::create_dir(older.path().join("templates")).unwrap();
    std::fs::write(older.path().join("Chart.yaml"), "{apiVersion: v2, name: nbu-exporter, version: 0.0.1}")
        .unwrap();
    std::fs::write(older.path().join("values.yaml"), "{replicas: 1, config: {nbuservers: []}}").unwrap();
    std::fs::write(
        older.path().join("templates/account.yaml"),
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: older}}",
    )
    .unwrap();
    let namespace = "reused-values";
    cluster.kubectl(["create", "namespace", namespace]);
    let older = older.path().to_str().unwrap();
    helm(cluster, tool, &["install", NAME, older, "--namespace", namespace, "--set", "replicas=2"]);
    let chart = chart();
    let chart = chart.to_str().unwrap();
    helm(cluster, tool, &["upgrade", NAME, chart, "--namespace", namespace, "--reset-then-reuse-values"]);
    let replicas = ["get", "deployment", NAME, "--output", "jsonpath={.spec.replicas}"];
    assert_eq!(cluster.kubectl(["--namespace", namespace].iter().chain(&replicas)), "2");
}
