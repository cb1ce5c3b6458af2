"""When the exporter is restarted, and that nothing else restarts it."""

import shutil
import tempfile
from pathlib import Path

import yaml

from rendering import CHART, ci_files
from suite import over

SITES = [{"site": "paris", "host": "nbu.paris.example.com"}]
BASE = {"credentialsSecret": "keys", "config": {"nbuservers": SITES}}


def same_template(helm, **changes):
    return helm.render(BASE).template == helm.render({**BASE, **changes}).template


def test_a_change_of_configuration_leaves_the_pod_template(helm):
    for config in (
        {"nbuservers": SITES + [{"site": "lyon", "host": "nbu.lyon.example.com"}]},
        {"nbuservers": [{**SITES[0], "host": "moved.example.com", "port": 1557}]},
        {"nbuservers": SITES, "server": {"port": 1, "collectionInterval": "1m"}},
        {"nbuservers": []},
    ):
        assert same_template(helm, config=config), config


def test_what_only_describes_leaves_the_pod_template(helm):
    assert same_template(helm, commonAnnotations={"revision": "2"}, deploymentAnnotations={"a": "b"}, deploymentLabels={"c": "d"})


def test_a_new_volume_changes_the_pod_template(helm):
    assert not same_template(helm, credentials=[{"site": "paris", "existingSecret": "nbu-paris"}]), "so that the tests here can fail"


@over(ci_files)
def test_a_new_chart_version_alone_leaves_the_pod_template(helm, item):
    with tempfile.TemporaryDirectory() as scratch:
        newer = Path(scratch) / "nbu-exporter"
        shutil.copytree(CHART, newer)
        meta = yaml.safe_load((newer / "Chart.yaml").read_text())
        (newer / "Chart.yaml").write_text(yaml.safe_dump({**meta, "version": "9.9.9+build"}))
        old, new = helm.render(file=item), helm.render(file=item, chart=newer)
    assert old.template == new.template
    assert old.one("Deployment")["metadata"]["labels"] != new.one("Deployment")["metadata"]["labels"], "the version was not changed"


def test_a_new_version_of_the_program_changes_the_image(helm):
    with tempfile.TemporaryDirectory() as scratch:
        newer = Path(scratch) / "nbu-exporter"
        shutil.copytree(CHART, newer)
        meta = yaml.safe_load((newer / "Chart.yaml").read_text())
        (newer / "Chart.yaml").write_text(yaml.safe_dump({**meta, "appVersion": "9.9.9"}))
        assert helm.render(chart=newer).exporter["image"] == "nbu-exporter:9.9.9"


def test_an_update_never_leaves_a_gap(helm):
    assert helm.render().one("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_probe_is_removed_by_null(helm):
    assert "startupProbe" not in helm.render({"startupProbe": None}).exporter


def test_the_path_of_the_page_is_pinned_to_that_of_the_monitors(helm):
    """Another path in the values changes flag, pod and monitors together; an edit of the ConfigMap changes none of them."""
    objects = helm.render({"config": {"server": {"uri": "/{{ .Release.Name }}/m"}}, "serviceMonitor": {"enabled": True}})
    assert "--web.telemetry-path=/backup/m" in objects.exporter["args"]
    assert objects.one("ServiceMonitor")["spec"]["endpoints"][0]["path"] == "/backup/m"
    assert "--web.telemetry-path=/metrics" in helm.render({"configMap": {"existingName": "theirs"}}).exporter["args"]


def test_the_listener_is_on_every_address_of_both_families(helm):
    assert "--web.listen-address=:9440" in helm.render().exporter["args"]


def test_the_commands_inside_of_a_pod_find_the_listener(helm):
    for values, address in (
        ({}, "http://127.0.0.1:9440"),
        ({"containerPort": 1234}, "http://127.0.0.1:1234"),
        ({"listenHost": "0.0.0.0"}, "http://127.0.0.1:9440"),
        ({"listenHost": "[::]"}, "http://[::1]:9440"),
        ({"listenHost": "10.0.0.1", "kubernetesWatch": {"enabled": False}}, "http://10.0.0.1:9440"),
    ):
        assert {"name": "NBU_EXPORTER_ADDRESS", "value": address} in helm.render(values).exporter["env"], values


def test_a_pod_that_is_told_to_go_serves_on_for_the_shutdown_delay(helm):
    assert "--shutdown-delay=5s" in helm.render().exporter["args"]
    longer = helm.render({"shutdownDelay": "1m", "terminationGracePeriodSeconds": 90})
    assert "--shutdown-delay=1m" in longer.exporter["args"]
    assert longer.template["spec"]["terminationGracePeriodSeconds"] == 90


def test_the_last_good_configuration_outlives_container_and_pod(helm):
    name = "backup-nbu-exporter-last-good"
    objects = helm.render()
    assert {"--config.last-good=/var/lib/nbu-exporter/last-good.yaml", f"--config.last-good-kubernetes={name}"} <= set(objects.exporter["args"])
    assert {"name": "state", "mountPath": "/var/lib/nbu-exporter"} in objects.exporter["volumeMounts"]
    assert {"name": "state", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}} in objects.template["spec"]["volumes"]
    assert "data" not in objects.named(name, "ConfigMap"), "or an upgrade would take it away"
    assert objects.one("Role")["rules"][1] == {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [name], "verbs": ["get", "update", "patch"]}


def test_nothing_of_a_secret_is_kept_in_a_configmap(helm):
    objects = helm.render({"configSecret": {"existingName": "theirs"}})
    assert not objects.of("ConfigMap") and not any("last-good-kubernetes" in it for it in objects.exporter["args"])
    assert "--config.last-good=/var/lib/nbu-exporter/last-good.yaml" in objects.exporter["args"]


def test_the_last_good_configuration_can_be_turned_off(helm):
    for values in ({"lastGood": {"enabled": False}}, {"lastGood": {"enabled": False}, "kubernetesWatch": {"enabled": False}}):
        objects = helm.render(values)
        assert "--config.last-good=off" in objects.exporter["args"]
        assert not any("last-good-kubernetes" in it for it in objects.exporter["args"])
        assert len(objects.of("ConfigMap")) == 1 and all(it["name"] != "state" for it in objects.template["spec"]["volumes"])
        assert len(objects.of("Role")) == 0 or len(objects.one("Role")["rules"]) == 2


def test_the_report_of_a_failed_start_is_the_termination_message(helm):
    assert helm.render().exporter["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_listener_is_pinned_whatever_the_configuration_says(helm):
    objects = helm.render({"config": {"server": {"host": "127.0.0.1", "port": 1}}, "containerPort": 1234, "listenHost": "[::]"})
    assert "--web.listen-address=[::]:1234" in objects.exporter["args"]
    assert objects.exporter["ports"][0]["containerPort"] == 1234


def test_no_flag_but_listener_and_path_hides_a_key_of_the_configuration(helm):
    flags = {it.split("=")[0] for it in helm.render().exporter["args"][1:]}
    assert flags == {"--config", "--web.listen-address", "--web.telemetry-path", "--shutdown-delay", "--config.kubernetes", "--kubernetes.events",
                     "--config.last-good", "--config.last-good-kubernetes"}


def test_placement_reaches_the_pods(helm):
    values = {"priorityClassName": "p", "runtimeClassName": "r", "schedulerName": "s", "hostNetwork": True, "dnsPolicy": "Default", "nodeSelector": {"a": "b"}}
    for pod in helm.render(values).pods.values():
        assert values.items() <= pod["spec"].items()
    assert not values.keys() & helm.render().template["spec"].keys()


def test_the_doctor_sees_the_files_and_variables_of_the_exporter(helm):
    values = {"credentials": [{"site": "a", "existingSecret": "s"}], "credentialsSecret": "k", "tls": {"caBundle": {"existingSecret": "c"}},
              "env": [{"name": "A", "value": "b"}], "envFrom": [{"secretRef": {"name": "e"}}], "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["h"]}]}
    objects = helm.render(values)
    doctor = objects.one("Pod")["spec"]
    exporter = objects.template["spec"]
    for key in ("hostAliases", "securityContext"):
        assert doctor[key] == exporter[key], key
    # But for what the exporter keeps for itself.
    assert doctor["volumes"] == [it for it in exporter["volumes"] if it["name"] != "state"]
    assert doctor["containers"][0]["volumeMounts"] == [it for it in objects.exporter["volumeMounts"] if it["name"] != "state"]
    assert doctor["containers"][0]["envFrom"] == objects.exporter["envFrom"]
    assert doctor["containers"][0]["args"] == ["doctor", "--config=/etc/nbu-exporter/config/config.yaml"]
    assert not helm.render({"tests": {"enabled": False}}).of("Pod")
