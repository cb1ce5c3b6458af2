"""What Prometheus is told: monitors, and the notes that find out why one is not selected."""

import json
import re

import yaml

from rendering import NAMESPACE
from suite import over

SERVICE = {"serviceMonitor": {"enabled": True}}


def endpoint(monitor):
    spec = monitor["spec"]
    return (spec.get("endpoints") or spec.get("podMetricsEndpoints"))[0]


def test_monitors_follow_the_path_of_the_configuration(helm):
    for uri, expected in (("/metrics", "/metrics"), ("/nbu", "/nbu"), ("/{{ .Release.Name }}/m", "/backup/m")):
        enabled = {"enabled": True}
        objects = helm.render({"config": {"server": {"uri": uri}}, "serviceMonitor": enabled, "podMonitor": enabled, "scrapeConfig": enabled})
        assert endpoint(objects.one("ServiceMonitor"))["path"] == expected
        assert endpoint(objects.one("PodMonitor"))["path"] == expected
        assert objects.one("ScrapeConfig")["spec"]["metricsPath"] == expected


def test_a_monitor_elsewhere_still_looks_into_the_namespace_of_the_service(helm):
    monitor = helm.render({"serviceMonitor": {"enabled": True, "namespace": "prometheus"}, "namespaceOverride": "backups"}).one("ServiceMonitor")
    assert monitor["metadata"]["namespace"] == "prometheus"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["backups"]}


def test_empty_values_leave_no_keys(helm):
    monitor = helm.render(SERVICE).one("ServiceMonitor")
    assert set(endpoint(monitor)) == {"port", "path", "interval", "scrapeTimeout"}
    assert set(monitor["spec"]) == {"selector", "namespaceSelector", "endpoints"}


def test_a_timeout_as_long_as_the_interval_is_accepted(helm):
    for interval, timeout in (("60s", "1m"), ("1m30s", "90s"), ("1h", "59m59s"), ("500ms", "500ms")):
        helm.render({"serviceMonitor": {"enabled": True, "interval": interval, "scrapeTimeout": timeout}})


def test_the_scrape_config_leads_to_the_service(helm):
    config = helm.render({"scrapeConfig": {"enabled": True}, "service": {"port": 80}}).one("ScrapeConfig")
    assert config["spec"]["staticConfigs"] == [{"targets": [f"backup-nbu-exporter.{NAMESPACE}.svc:80"]}]


# --- notes -----------------------------------------------------------------------------------


def included(helm, expression, **values):
    """What a named template of the chart says, by way of extraManifests."""
    manifest = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: said\nstringData:\n  said: {{ ' + expression + ' | quote }}\n'
    return helm.render({**values, "extraManifests": [manifest]}).named("said")["stringData"]["said"]


def doctor(helm, prometheuses, namespaces=None, **values):
    given = yaml.safe_load(json.dumps(values)) or dict(SERVICE)
    arguments = f'(dict "root" . "prometheuses" (fromJsonArray `{json.dumps(prometheuses)}`) "namespaces" (fromJson `{json.dumps(namespaces or {})}`))'
    return included(helm, f'include "nbu-exporter.doctor" {arguments}', **given)


def prometheus(selector, namespace_selector=None, namespace=NAMESPACE, name="k8s", kind="Prometheus"):
    spec = {"serviceMonitorSelector": selector, "serviceMonitorNamespaceSelector": namespace_selector}
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": {key: value for key, value in spec.items() if value is not None}}


def test_nothing_is_said_where_nothing_is_wrong(helm):
    own = {"app.kubernetes.io/name": "nbu-exporter"}
    for found in (
        [],
        [prometheus({})],
        [prometheus({"matchLabels": own})],
        [prometheus({"matchLabels": {"release": "kps"}}), prometheus({}, name="second")],
        [prometheus({}, {}, namespace="elsewhere")],
        [prometheus({}, {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}, namespace="elsewhere")],
        [prometheus({"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["nbu-exporter"]}, {"key": "x", "operator": "DoesNotExist"}]})],
    ):
        assert doctor(helm, found) == "", doctor(helm, found)


def cures():
    return [
        prometheus({"matchLabels": {"release": "kps"}}),
        prometheus({"matchLabels": {"example.com/scrape": "true", "release": "kps"}}),
        prometheus({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}),
        prometheus({"matchExpressions": [{"key": "scrape", "operator": "Exists"}]}, kind="PrometheusAgent"),
        prometheus({}, namespace="elsewhere"),
        prometheus({"matchLabels": {"release": "kps"}}, namespace="elsewhere"),
    ]


@over(cures)
def test_the_flags_in_the_notes_cure_what_they_name(helm, item):
    said = doctor(helm, [item])
    assert f"{item['kind']} {item['metadata']['namespace']}/k8s" in said, said
    flags = []
    for option, quoted, bare in re.findall(r"(--set(?:-string)?) (?:'([^']+)'|(\S+))", said):
        flags += [option, quoted or bare]
    assert flags, said
    arguments = f'(dict "root" . "prometheuses" (fromJsonArray `{json.dumps([item])}`) "namespaces" dict)'
    manifest = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: said\nstringData:\n  said: {{ include "nbu-exporter.doctor" ' + arguments + " | quote }}\n"
    cured = helm.render({**SERVICE, "extraManifests": [manifest]}, flags=tuple(flags))
    assert cured.named("said")["stringData"]["said"] == "", cured.named("said")


def test_what_no_flag_cures_is_explained(helm):
    assert "no serviceMonitorSelector, which selects nothing" in doctor(helm, [prometheus(None)])
    other = prometheus({}, {"matchLabels": {"monitored": "yes"}}, namespace="elsewhere")
    assert "label the namespace as its serviceMonitorNamespaceSelector asks" in doctor(helm, [other])
    assert doctor(helm, [other], {NAMESPACE: {"monitored": "yes"}}) == ""
    refused = prometheus({"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "NotIn", "values": ["nbu-exporter"]}]})
    assert "it refuses the label app.kubernetes.io/name=nbu-exporter" in doctor(helm, [refused])


def notes(helm, **values):
    return included(helm, 'include "nbu-exporter.notes" .', **values)


def test_the_notes_tell_how_to_edit_and_look(helm):
    said = notes(helm)
    assert f"kubectl -n {NAMESPACE} edit configmap/backup-nbu-exporter" in said
    assert f"kubectl -n {NAMESPACE} port-forward service/backup-nbu-exporter 9440" in said
    assert "kubectl -n monitoring events --for configmap/backup-nbu-exporter" in said
    assert "No site is configured yet" in said
    # Helm 3 does not find the log of a test that passed.
    assert ("test backup --logs" in said) is (helm.major > 3) and "test backup" in said
    assert "edit configmap/theirs" in notes(helm, configMap={"existingName": "theirs"})
    assert "edit secret/theirs" in notes(helm, configSecret={"existingName": "theirs"})
    assert "events --for secret/theirs" in notes(helm, configSecret={"existingName": "theirs"})


def test_the_notes_tell_where_an_image_must_be_that_names_no_registry(helm):
    sentence = "The image nbu-exporter:0.1.0 names no registry: each node must have it already"
    assert sentence in notes(helm)
    for values in ({"image": {"registry": "r.io"}}, {"global": {"imageRegistry": "r.io"}}, {"image": {"repository": "r.io/nbu-exporter"}}):
        assert "names no registry" not in notes(helm, **values), values


def test_the_notes_leave_out_what_was_given(helm):
    assert "no runbook" not in notes(helm, prometheusRule={"enabled": True, "runbookUrlBase": "https://git.example.com/runbooks"})


def test_the_notes_tell_what_a_choice_means(helm):
    site = {"nbuservers": [{"site": "a", "host": "h", "apiKeyFile": "/k"}]}
    for values, sentence in (
        ({"credentials": [{"site": "a", "existingSecret": "s"}]}, "a new entry is a new volume and restarts the pod"),
        ({"networkPolicy": {"enabled": True}}, "on the ports 1556. A site added live on another port or address stays unreachable"),
        ({"networkPolicy": {"enabled": True, "egress": {"siteCidrs": ["10.0.0.0/8"]}}}, "on the ports 1556 at 10.0.0.0/8."),
        ({"credentialsSecret": "k", "config": {"nbuservers": [{"site": "lyon", "host": "h"}, {"site": "paris", "host": "h"}]}}, "Secret k needs a key under the name of each site: lyon, paris. A site whose key or authority is not there is down"),
        ({"credentials": [{"site": "a", "existingSecret": "s", "key": "t"}]}, "Secret s needs the key t (site a)"),
        ({"configSecret": {"existingName": "c"}, "tls": {"caBundle": {"existingSecret": "ca"}}}, "waits in ContainerCreating until there is a Secret c."),
        ({"tls": {"caBundle": {"existingSecret": "ca"}}}, "Secret ca needs the authorities under the key ca.crt"),
        ({"allowInlineKeys": True}, "readable for everyone who may read ConfigMaps"),
        ({"replicas": 3}, "every series exists 3 times"),
        ({"podDisruptionBudget": {"enabled": True}}, "No PodDisruptionBudget is made for a single replica"),
        ({"serviceMonitor": {"enabled": True}}, "Nobody looked whether a Prometheus selects the ServiceMonitor: --set serviceMonitor.verifySelector=true"),
        ({"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "serviceMonitor, podMonitor are all enabled"),
        ({"demo": {"enabled": True}}, "demo-1 and demo-2 are simulated"),
        ({"proxy": {"httpsProxy": "http://p:1", "noProxy": ".svc"}}, "but for those in proxy.noProxy (.svc)"),
        ({"configMap": {"existingName": "mine"}}, "a site there names its key file itself"),
        ({"prometheusRule": {"enabled": True}}, "The alerts link to no runbook"),
    ):
        assert sentence in notes(helm, **values), f"{values}: {notes(helm, **values)}"
        assert sentence not in notes(helm, config=site), f"said in any case: {sentence}"
