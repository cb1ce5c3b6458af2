//! What the chart and the manifests install, judged by the API server.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::control_plane::{ControlPlane, control_plane};
use super::release::{NAME, RULES, rules, template};
use crate::harness::skip;

const DRY_RUN: [&str; 6] =
    ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"];

/// A namespace that refuses pods that are not `restricted`, and warns of workloads that would make such pods.
fn restricted_namespace(cluster: &ControlPlane, name: &str) {
    cluster.kubectl(["create", "namespace", name]);
    cluster.kubectl([
        "label",
        "namespace",
        name,
        "pod-security.kubernetes.io/enforce=restricted",
        "pod-security.kubernetes.io/warn=restricted",
    ]);
    super::eventually("the namespace has its service account", || {
        !cluster.kubectl(["--namespace", name, "get", "serviceaccounts", "--output", "name"]).is_empty()
    });
}

/// The operator's own definitions, so that monitors and rules are judged as well.
pub fn define_monitors(cluster: &ControlPlane) {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/tools/build");
    let folder = std::process::Command::new(build).arg("--crds").output().unwrap();
    assert!(
        folder.status.success(),
        "the operator's definitions are not there: tests/cluster/tools/build operator"
    );
    let folder = String::from_utf8(folder.stdout).unwrap();
    // Applied on the server: they are too long for the annotation that kubectl keeps otherwise.
    cluster.kubectl(["apply", "--server-side", "--filename", folder.trim()]);
    cluster.kubectl(["wait", "crd", "--all", "--for", "condition=Established", "--timeout", "60s"]);
}

/// All objects are taken by the server with no warning, and the pods of each workload as pods.
#[track_caller]
fn judge(cluster: &ControlPlane, namespace: &str, manifests: &str) {
    // The objects name their namespaces themselves: a flag would refuse those that name another.
    let (_, warnings) = cluster.kubectl_with(DRY_RUN, manifests);
    assert!(!warnings.contains("Warning"), "{warnings}");
    let (workloads, others) =
        parsed(cluster, manifests).into_iter().partition::<Vec<_>, _>(|it| it["kind"] == "Deployment");
    assert!(!workloads.is_empty() && !others.is_empty());
    for workload in workloads {
        let mut pod = workload["spec"]["template"].clone();
        pod["apiVersion"] = "v1".into();
        pod["kind"] = "Pod".into();
        pod["metadata"]["name"] = "judged".into();
        pod["metadata"]["namespace"] = namespace.into();
        // The account need not exist yet.
        pod["spec"]["serviceAccountName"] = "default".into();
        cluster.kubectl_with(DRY_RUN, &pod.to_string());
    }
}

/// The same for what each values file of a folder of the repository renders to.
#[track_caller]
fn judge_each(cluster: &ControlPlane, helm: &Path, namespace: &str, folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let values: Vec<_> =
        files.iter().filter(|file| file.extension().is_some_and(|it| it == "yaml")).collect();
    assert!(values.len() > 1);
    for file in values {
        println!("judged: {}", file.display());
        judge(cluster, namespace, &template(helm, namespace, &["--values", file.to_str().unwrap()]));
    }
}

/// The objects of these manifests.
fn parsed(cluster: &ControlPlane, manifests: &str) -> Vec<Value> {
    let arguments = ["create", "--dry-run=client", "--output", "json", "--filename", "-"];
    let (json, _) = cluster.kubectl_with(arguments, manifests);
    let lists = serde_json::Deserializer::from_str(&json).into_iter::<Value>().map(Result::unwrap);
    lists.flat_map(|object| object["items"].as_array().cloned().unwrap_or_else(|| vec![object])).collect()
}

#[test]
fn the_api_server_takes_what_the_chart_installs_in_a_restricted_namespace() {
    let test = "the_api_server_takes_what_the_chart_installs_in_a_restricted_namespace";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let Some(helm) = cluster.helm() else {
        skip(&format!("cluster::{test}"), "helm is not built; tests/cluster/tools/build helm");
        return;
    };
    define_monitors(cluster);
    restricted_namespace(cluster, "judge");
    // Where some values put what Prometheus and Grafana read.
    cluster.kubectl(["create", "namespace", "monitoring"]);
    judge_each(cluster, helm, "judge", "charts/nbu-exporter/ci");
    // What the test rests on: the namespace refuses.
    let privileged = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","namespace":"judge"},"spec":{"containers":[{"name":"x","image":"x","securityContext":{"privileged":true}}]}}"#;
    let refused = cluster.kubectl_refused(DRY_RUN, privileged);
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
}

#[test]
fn the_api_server_takes_every_variant_of_the_charts_values() {
    let test = "the_api_server_takes_every_variant_of_the_charts_values";
    let Some(cluster) = control_plane(test) else { return };
    let _in_service = cluster.in_service();
    let Some(helm) = cluster.helm() else {
        skip(&format!("cluster::{test}"), "helm is not built; tests/cluster/tools/build helm");
        return;
    };
    define_monitors(cluster);
    restricted_namespace(cluster, "variants");
    judge_each(cluster, helm, "variants", "tests/chart/variants");
}

#[test]
fn the_api_server_takes_the_manifests_in_their_own_namespace() {
    let Some(cluster) = control_plane("the_api_server_takes_the_manifests_in_their_own_namespace") else {
        return;
    };
    let _in_service = cluster.in_service();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    let all = cluster.kubectl(["kustomize", folder.to_str().unwrap()]);
    // A dry run creates no namespace for the objects behind it.
    cluster.kubectl([
        "apply",
        "--server-side",
        "--filename",
        folder.join("namespace.yaml").to_str().unwrap(),
    ]);
    let namespace = cluster.kubectl([
        "get",
        "--filename",
        folder.join("namespace.yaml").to_str().unwrap(),
        "--output",
        "json",
    ]);
    let namespace: Value = serde_json::from_str(&namespace).unwrap();
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    let name = namespace["metadata"]["name"].as_str().unwrap();
    super::eventually("the namespace has its service account", || {
        !cluster.kubectl(["--namespace", name, "get", "serviceaccounts", "--output", "name"]).is_empty()
    });
    judge(cluster, name, &all);
}

#[test]
fn the_rules_of_these_tests_are_exactly_the_charts_rules() {
    let Some(cluster) = control_plane("the_rules_of_these_tests_are_exactly_the_charts_rules") else {
        return;
    };
    if cluster.helm().is_none() {
        skip("cluster::the_rules_of_these_tests_are_exactly_the_charts_rules", "helm is not built");
        return;
    }
    let unlabelled = |manifests: &str| {
        let mut objects = parsed(cluster, manifests);
        for object in &mut objects {
            object["metadata"].as_object_mut().unwrap().remove("labels");
        }
        objects
    };
    let _in_service = cluster.in_service();
    let chart = unlabelled(&rules(cluster, "default"));
    assert_eq!(chart.len(), 2);
    assert_eq!(chart[0]["metadata"]["name"], NAME);
    assert_eq!(chart, unlabelled(&RULES.replace("NAMESPACE", "default")));
}
