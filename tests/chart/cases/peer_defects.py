"""Defects P1 to P10 that were found in another exporter's chart. What only the program can show is tested beside it, in tests/it:
P2 the swap of a mounted ConfigMap (faults/volume.rs), P3 the sites in use (promises.rs), P4 the answer of /-/healthy while no NetBackup does
(compatibility.rs), P7 the pages (documents.rs), P10 the lines of the log (faults/listeners.rs)."""

import json
import re

from rendering import CHART, ci_files
from suite import over

from cases.boards import dashboards, queries
from cases.rules import alerts
from cases.security import violations


@over(ci_files)
def test_p1_the_service_monitor_selects_the_service(helm, item):
    objects = helm.render({"serviceMonitor": {"enabled": True}}, file=item)
    monitor, service = objects.one("ServiceMonitor"), objects.one("Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["namespace"] in monitor["spec"]["namespaceSelector"]["matchNames"]
    assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


@over(ci_files)
def test_p2_the_configuration_is_mounted_so_that_edits_arrive(helm, item):
    objects = helm.render(file=item)
    for pod in objects.pods.values():
        for container in pod["spec"]["containers"]:
            assert not any("subPath" in mount or "subPathExpr" in mount for mount in container.get("volumeMounts", []))
    assert not [key for key in objects.template["metadata"]["annotations"] if "checksum" in key or "config" in key]
    for it in objects.of("ConfigMap"):
        assert not it.get("immutable"), it["metadata"]["name"]


def test_p3_a_changed_list_of_sites_reaches_the_running_pod(helm):
    one = {"credentialsSecret": "k", "config": {"nbuservers": [{"site": "a", "host": "h"}]}}
    other = {"credentialsSecret": "k", "config": {"nbuservers": [{"site": "bbb", "host": "h"}]}}
    before, after = helm.render(one), helm.render(other)
    assert before.template == after.template and before.config != after.config
    names = [[it["metadata"]["name"] for it in objects.of("ConfigMap")] for objects in (before, after)]
    assert names[0] == names[1], "no hash in a name"


@over(ci_files)
def test_p4_no_probe_depends_on_netbackup(helm, item):
    exporter = helm.render(file=item).exporter
    paths = {probe: exporter[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/-/healthy", "livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"}


@over(ci_files)
def test_p5_the_default_pod_is_restricted(helm, item):
    for pod in helm.render(file=item).pods.values():
        assert not list(violations(pod["spec"]))


def test_p6_every_value_of_the_monitor_arrives_wherever_it_lies(helm):
    values = {"enabled": True, "namespace": "", "targetLabels": ["team"], "scrapeTimeout": "5s", "jobLabel": "team", "scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}
    for namespace in ("", "elsewhere"):
        spec = helm.render({"serviceMonitor": {**values, "namespace": namespace}}).one("ServiceMonitor")["spec"]
        assert spec["targetLabels"] == ["team"] and spec["jobLabel"] == "team"
        assert {"scrapeTimeout": "5s", "scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}.items() <= spec["endpoints"][0].items()


def test_p6_no_alert_hard_codes_the_job(helm):
    found = alerts(helm)
    assert found, "an enabled rule object is never empty"
    for name, alert in found.items():
        assert not re.search(r"\bjob\s*(=|!)", alert["expr"]), name
    of_a_monitor = alerts(helm, prometheusRule={"enabled": True}, serviceMonitor={"enabled": True})
    assert {name for name, alert in of_a_monitor.items() if "job=" in alert["expr"]} == {"NbuExporterAbsent", "NbuExporterDown"}


def test_p7_the_chart_has_what_a_chart_needs():
    for name in ("templates/NOTES.txt", "README.md", "values.schema.json", "templates/tests/doctor.yaml", "ci/default-values.yaml"):
        assert (CHART / name).stat().st_size > 0, name


def test_p8_sites_are_never_added_up(helm):
    expressions = [alert["expr"] for alert in alerts(helm).values()]
    for path in dashboards():
        # The overview counts what needs somebody over all sites; what it counts is of one site each.
        board = queries(json.loads(path.read_text()))
        expressions += [re.sub(r"^(sum|count|min|max)( by \(older_than\))? ?(?=\()", "", it) if path.stem == "overview" else it for it in board]
    for expression in expressions:
        for labels in re.findall(r"\b(?:sum|min|max|avg|group)\s+by\s*\(([^)]*)\)", expression):
            of_site = "nbu_exporter_" not in expression
            assert not of_site or "site" in labels.replace(" ", "").split(","), expression
        assert not re.search(r"\b(sum|avg)\s*\(", expression), expression
        assert "without (site" not in expression, expression


def test_p9_no_rendered_object_holds_a_key(helm):
    objects = helm.render({"credentialsSecret": "k", "config": {"nbuservers": [{"site": "a", "host": "h"}]}})
    assert not objects.of("Secret"), "Secrets are the user's"
    assert "apiKey" not in objects.config["nbuservers"][0]
