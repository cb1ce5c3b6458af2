"""Names, labels and what refers to them hold together, whatever is overridden."""

import re

from rendering import ci_files, yaml
from suite import over

EVERYTHING = {
    "serviceMonitor": {"enabled": True},
    "podMonitor": {"enabled": True},
    "scrapeConfig": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "replicas": 2,
    "tls": {"caBundle": {"inline": "PEM"}},
    "admissionWebhook": {"enabled": True},
}
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration"}
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def overrides():
    long = "x" * 60 + "-yy-" + "z" * 60
    return [
        {},
        {"nameOverride": long},
        {"fullnameOverride": long},
        {"fullnameOverride": "a" * 62 + "-b", "nameOverride": "c" * 62 + "-d"},
        {"serviceAccount": {"name": long}},
        {"namespaceOverride": "elsewhere"},
    ]


@over(overrides)
def test_names_and_label_values_are_short_and_valid(helm, item):
    for release in ("b", "r" * 53):
        objects = helm.render({**EVERYTHING, **item}, release=release)
        seen = set()
        for it in objects:
            name = it["metadata"]["name"]
            # Outside of namespaces: the release's name and its namespace.
            parts = name.split(".") if it["kind"] in CLUSTER_SCOPED else [name]
            assert len(parts) <= 2 and all(len(part) <= 63 and DNS_LABEL.fullmatch(part) for part in parts), f"{it['kind']} {name}"
            assert (it["kind"], name) not in seen, f"two of {it['kind']} {name}"
            seen.add((it["kind"], name))
            for labels in every_labels(it):
                for key, value in labels.items():
                    assert len(value) <= 63 and LABEL_VALUE.fullmatch(value), f"{it['kind']} {name}: {key}={value}"


def every_labels(node):
    """All maps under `labels` and `matchLabels`, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("labels", "matchLabels"):
                yield value
            else:
                yield from every_labels(value)
    elif isinstance(node, list):
        for value in node:
            yield from every_labels(value)


@over(overrides)
def test_selectors_select_the_exporter_and_not_the_doctor(helm, item):
    objects = helm.render({**EVERYTHING, **item})
    exporter = objects.template["metadata"]["labels"]
    doctor = objects.one("Pod")["metadata"]["labels"]
    selectors = {
        "Deployment": objects.one("Deployment")["spec"]["selector"]["matchLabels"],
        "Service": objects.one("Service")["spec"]["selector"],
        "PodDisruptionBudget": objects.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "PodMonitor": objects.one("PodMonitor")["spec"]["selector"]["matchLabels"],
    }
    for kind, selector in selectors.items():
        assert selector.items() <= exporter.items(), f"{kind} does not select the exporter"
        assert not selector.items() <= doctor.items(), f"{kind} selects the doctor"
        assert set(selector) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}, "selectors are immutable: only what never changes"


@over(overrides)
def test_the_network_policy_selects_the_exporter_and_the_doctor(helm, item):
    objects = helm.render({**EVERYTHING, **item})
    selector = objects.one("NetworkPolicy")["spec"]["podSelector"]
    (name,) = selector["matchExpressions"]
    assert (name["key"], name["operator"]) == ("app.kubernetes.io/name", "In")
    for pod in objects.pods.values():
        labels = pod["metadata"]["labels"]
        assert selector["matchLabels"].items() <= labels.items() and labels[name["key"]] in name["values"]


def test_labels_of_the_user_never_break_a_selector(helm):
    bad = {"app.kubernetes.io/name": "nbu-exporter", "app.kubernetes.io/instance": "mine"}
    objects = helm.render({**EVERYTHING, "commonLabels": bad, "podLabels": bad, "service": {"labels": bad}})
    assert objects.one("Service")["spec"]["selector"].items() <= objects.template["metadata"]["labels"].items()
    selector = objects.one("ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= objects.one("Service")["metadata"]["labels"].items()
    assert objects.one("Pod")["metadata"]["labels"]["app.kubernetes.io/name"] == "nbu-exporter-doctor", "or the Service sends scrapes to it"


def test_the_pod_of_helm_test_carries_the_standard_labels(helm):
    objects = helm.render({"commonLabels": {"team": "backup"}})
    expected = objects.one("Service")["metadata"]["labels"] | {"app.kubernetes.io/name": "nbu-exporter-doctor", "app.kubernetes.io/component": "test"}
    assert objects.one("Pod")["metadata"]["labels"] == expected


def test_a_release_name_may_have_dots_or_be_a_number(helm):
    for release, expected in (("my.release", "my-release-nbu-exporter"), ("7", "7-nbu-exporter")):
        objects = helm.render(EVERYTHING, release=release)
        assert objects.one("Service")["metadata"]["name"] == expected
        for it in objects:
            for labels in every_labels(it):
                assert all(isinstance(value, str) for value in labels.values()), f"{it['kind']}: {labels}"


def test_names_that_look_like_numbers_stay_texts(helm):
    values = {"credentialsSecret": "1", "credentials": [{"site": "a", "existingSecret": "2", "key": "3"}], "configMap": {"existingName": "4"},
              "tls": {"caBundle": {"existingSecret": "5", "key": "6"}}, "serviceAccount": {"name": "7"}, "namespaceOverride": "8"}
    spec = helm.render(values).template["spec"]
    by_name = {it["name"]: it for it in spec["volumes"]}
    assert by_name["keys"]["secret"]["secretName"] == "1"
    source = by_name["credentials"]["projected"]["sources"][0]["secret"]
    assert source == {"name": "2", "optional": True, "items": [{"key": "3", "path": "a/apiKey"}]}
    assert by_name["config"]["configMap"]["name"] == "4"
    assert by_name["ca"]["secret"]["secretName"] == "5" and by_name["ca"]["secret"]["items"][0]["key"] == "6"
    assert spec["serviceAccountName"] == "7"
    assert all(it["metadata"]["namespace"] == "8" for it in helm.render(values))


@over(ci_files)
def test_port_names_lead_to_the_container(helm, item):
    objects = helm.render(file=item)
    ports = {it["name"]: it["containerPort"] for it in objects.exporter["ports"]}
    assert set(ports) == {it["name"] for it in objects.one("Service")["spec"]["ports"]}
    for port in objects.one("Service")["spec"]["ports"]:
        assert port["targetPort"] in ports and port["protocol"] == "TCP"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert objects.exporter[probe]["httpGet"]["port"] in ports
    address = next(it for it in objects.exporter["args"] if it.startswith("--web.listen-address="))
    assert address.endswith(f":{ports['http-metrics']}")


@over(ci_files)
def test_mounts_have_their_volumes(helm, item):
    for name, pod in helm.render(file=item).pods.items():
        volumes = {it["name"] for it in pod["spec"]["volumes"]}
        containers = pod["spec"]["containers"] + pod["spec"].get("initContainers", [])
        for container in containers:
            used = {it["name"] for it in container.get("volumeMounts", [])}
            assert used <= volumes, f"{name}: {sorted(used - volumes)}"


def test_role_binding_and_pod_agree_on_the_account(helm):
    for account in ({}, {"name": "own"}, {"create": False, "name": "theirs"}, {"create": False}):
        objects = helm.render({"serviceAccount": account, "namespaceOverride": "elsewhere"})
        name = objects.template["spec"]["serviceAccountName"]
        binding = objects.one("RoleBinding")
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "elsewhere"}]
        assert binding["roleRef"]["name"] == objects.one("Role")["metadata"]["name"]
        assert [it["metadata"]["name"] for it in objects.of("ServiceAccount")] == ([name] if account.get("create", True) else [])


@over(ci_files)
def test_every_object_lies_in_one_namespace_but_for_monitors(helm, item):
    for it in helm.render({"extraManifests": []}, file=item, namespace="here"):
        allowed = {"here", "monitoring"} if it["kind"] == "ServiceMonitor" else {"here"}
        assert it["metadata"].get("namespace") in ({None} if it["kind"] in CLUSTER_SCOPED else allowed), it["kind"]


def test_images_are_composed_of_their_parts(helm):
    digest = "sha256:" + "0" * 64
    for image, registry, expected in (
        ({}, "", "nbu-exporter:0.1.0"),
        ({"registry": "r.io", "tag": "2", "tagSuffix": "-debug"}, "", "r.io/nbu-exporter:2-debug"),
        ({"registry": "r.io", "digest": digest, "tag": "2"}, "", f"r.io/nbu-exporter@{digest}"),
        ({"registry": "r.io", "repository": "a/b"}, "global.io", "global.io/a/b:0.1.0"),
    ):
        objects = helm.render({"image": image, "global": {"imageRegistry": registry}})
        images = {container["image"] for pod in objects.pods.values() for container in pod["spec"]["containers"]}
        assert images == {expected}, images


def test_pull_secrets_are_names_or_maps(helm):
    objects = helm.render({"global": {"imagePullSecrets": ["a", {"name": "b"}]}, "imagePullSecrets": ["c", "a"]})
    assert objects.template["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}, {"name": "c"}]


def test_hooks_take_lists_and_template_strings(helm):
    volume = {"name": "v-{{ .Release.Name }}", "emptyDir": {}}
    container = {"name": "c-{{ .Release.Name }}", "image": "i"}
    for given in (lambda it: [it], lambda it: yaml.safe_dump([it])):
        objects = helm.render({"extraVolumes": given(volume), "extraContainers": given(container), "extraInitContainers": given(container), "extraVolumeMounts": given({"name": "v-{{ .Release.Name }}", "mountPath": "/v"})})
        spec = objects.template["spec"]
        assert spec["volumes"][-1]["name"] == "v-backup" and objects.exporter["volumeMounts"][-1]["name"] == "v-backup"
        assert spec["containers"][-1]["name"] == "c-backup" and spec["initContainers"][-1]["name"] == "c-backup"


def test_extra_manifests_are_maps_or_strings_in_a_list_or_a_map(helm):
    as_map = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-m"}}
    as_string = yaml.safe_dump({**as_map, "metadata": {"name": "{{ .Release.Name }}-s"}})
    for given in ([as_map, as_string], {"one": as_map, "two": as_string}):
        assert {it["metadata"]["name"] for it in helm.render({"extraManifests": given}).of("Secret")} == {"backup-m", "backup-s"}
