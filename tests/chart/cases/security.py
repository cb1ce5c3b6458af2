"""Pod Security "restricted", no user id, least rights, narrow network."""

from rendering import ci_files
from suite import over

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(spec):
    """What the profile "restricted" would object to."""
    pod = spec.get("securityContext", {})
    for flag in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(flag):
            yield flag
    for volume in spec.get("volumes", []):
        if set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']}"
    for container in spec["containers"] + spec.get("initContainers", []):
        own = container.get("securityContext", {})
        checks = {
            "runAsNonRoot": own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True,
            "runAsUser": own.get("runAsUser", pod.get("runAsUser")) != 0,
            "seccompProfile": own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") in ("RuntimeDefault", "Localhost"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "capabilities": own.get("capabilities", {}).get("drop") == ["ALL"] and set(own.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"},
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
        }
        yield from (f"{container['name']}: {name}" for name, held in checks.items() if not held)


@over(ci_files)
def test_pods_are_restricted(helm, item):
    for name, pod in helm.render(file=item).pods.items():
        assert not list(violations(pod["spec"])), f"{name}: {list(violations(pod['spec']))}"


def test_the_check_of_pods_can_fail():
    assert list(violations({"containers": [{"name": "c"}], "hostNetwork": True}))


@over(ci_files)
def test_no_user_or_group_is_fixed(helm, item):
    for pod in helm.render(file=item).pods.values():
        assert not {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"} & set(keys(pod)), "OpenShift gives its own"


def keys(node):
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from keys(value)


def test_own_containers_have_a_read_only_root(helm):
    for pod in helm.render({"demo": {"enabled": True}}).pods.values():
        for container in pod["spec"]["containers"] + pod["spec"]["initContainers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_secrets_are_readable_without_a_fixed_group(helm):
    objects = helm.render({"credentialsSecret": "k", "credentials": [{"site": "a", "existingSecret": "s"}]})
    modes = [it.get("secret", it.get("projected", {})).get("defaultMode") for it in objects.template["spec"]["volumes"]]
    assert modes == [None, None, 0o444, 0o444]


def test_the_token_is_mounted_only_for_the_watch(helm):
    for watch in (True, False):
        objects = helm.render({"kubernetesWatch": {"enabled": watch}})
        assert objects.template["spec"]["automountServiceAccountToken"] is watch
        assert objects.one("ServiceAccount")["automountServiceAccountToken"] is False
        assert objects.one("Pod")["spec"]["automountServiceAccountToken"] is False
        assert len(objects.of("Role")) == len(objects.of("RoleBinding")) == int(watch)
        assert any(it.startswith("--config.kubernetes=") for it in objects.exporter["args"]) is watch
        assert any(it["name"] == "POD_NAME" for it in objects.exporter["env"]) is watch, "the pod's name is only for the watch"


def test_the_role_holds_exactly_what_is_used(helm):
    watch = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["backup-nbu-exporter"], "verbs": ["get", "list", "watch"]}
    events = {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}
    kept = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["backup-nbu-exporter-last-good"], "verbs": ["get", "update", "patch"]}
    for enabled, expected in ((True, [watch, kept, events]), (False, [watch, kept])):
        objects = helm.render({"events": {"enabled": enabled}})
        assert objects.one("Role")["rules"] == expected
        assert f"--kubernetes.events={str(enabled).lower()}" in objects.exporter["args"]
        assert not objects.of("ClusterRole") and not objects.of("ClusterRoleBinding")


def test_the_role_of_a_configuration_in_a_secret_reads_that_secret_alone(helm):
    rules = helm.render({"configSecret": {"existingName": "theirs"}}).one("Role")["rules"]
    assert rules[0] == {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["theirs"], "verbs": ["get", "list", "watch"]}


def test_no_role_is_made_when_someone_else_does(helm):
    objects = helm.render({"rbac": {"create": False}})
    assert not objects.of("Role") and not objects.of("RoleBinding")
    assert any(it.startswith("--config.kubernetes=") for it in objects.exporter["args"])


# Policies are judged behind the Service of the name servers, whose pods listen on 5353 in OpenShift.
DNS = [53, 5353]


def egress(helm, **values):
    rules = helm.render({"networkPolicy": {"enabled": True}, **values}).one("NetworkPolicy")["spec"]["egress"]
    return [sorted({port["port"] for port in rule["ports"]}) for rule in rules]


def test_the_network_policy_lets_dns_sites_and_the_api_server_through(helm):
    sites = [{"site": "a", "host": "h", "apiKeyFile": "/k"}, {"site": "b", "host": "h", "port": "8443", "apiKeyFile": "/k", "proxyUrl": "http://p:8080"}]
    for values, expected in (
        ({}, [DNS, [1556], [443, 6443]]),
        ({"kubernetesWatch": {"enabled": False}}, [DNS, [1556]]),
        ({"config": {"nbuservers": sites}}, [DNS, [1556, 8080, 8443], [443, 6443]]),
        ({"config": {"nbuserver": {"host": "h", "port": 1557, "apiKeyFile": "/k"}}}, [DNS, [1557], [443, 6443]]),
        ({"proxy": {"httpsProxy": "http://user@proxy:3128/"}, "config": {"nbuservers": sites[:1]}}, [DNS, [1556, 3128], [443, 6443]]),
        ({"proxy": {"httpProxy": "http://proxy", "httpsProxy": "https://[fd00::1]/"}}, [DNS, [80, 443], [443, 6443]]),
        ({"config": {"nbuservers": [{**sites[0], "host": "fd00::1", "proxyUrl": "none"}]}}, [DNS, [1556], [443, 6443]]),
        ({"config": {"nbuservers": [{**sites[0], "port": "${PORT}"}]}, "networkPolicy": {"enabled": True, "egress": {"sitePorts": [7]}}}, [DNS, [7], [443, 6443]]),
        ({"networkPolicy": {"enabled": True, "egress": {"sitePorts": [1, 2], "apiServerPorts": [16443]}}}, [DNS, [1, 2], [16443]]),
        ({"networkPolicy": {"enabled": True, "egress": {"dns": False}}}, [[1556], [443, 6443]]),
    ):
        assert egress(helm, **values) == expected, f"{values}: {egress(helm, **values)}"


def test_dns_is_open_over_udp_and_tcp(helm):
    rule = helm.render({"networkPolicy": {"enabled": True}}).one("NetworkPolicy")["spec"]["egress"][0]
    assert {(it["protocol"], it["port"]) for it in rule["ports"]} == {(protocol, port) for protocol in ("UDP", "TCP") for port in DNS}


def test_the_network_policy_opens_the_port_of_the_pod(helm):
    policy = {"enabled": True, "ingress": {"fromNamespaces": ["prometheus"]}}
    rule = helm.render({"networkPolicy": policy, "containerPort": 1234, "service": {"port": 80}}).one("NetworkPolicy")["spec"]["ingress"][0]
    assert [it["port"] for it in rule["ports"]] == [1234]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "prometheus"}}}]
    anyone = helm.render({"networkPolicy": {"enabled": True}}).one("NetworkPolicy")["spec"]["ingress"][0]
    assert "from" not in anyone


def test_a_disruption_budget_needs_a_second_replica(helm):
    for replicas in (0, 1, 2):
        found = helm.render({"podDisruptionBudget": {"enabled": True}, "replicas": replicas}).of("PodDisruptionBudget")
        assert len(found) == int(replicas > 1)
