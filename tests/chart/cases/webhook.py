"""The admission webhook: it asks about one object, and what it asks for is exactly what it needs."""

import base64

NAME = "backup-nbu-exporter"


def on(mode="self", **values):
    return {"admissionWebhook": {"enabled": True, "certificate": {"mode": mode}, **values}}


def webhook(objects):
    [found] = objects.one("ValidatingWebhookConfiguration")["webhooks"]
    return found


def test_nothing_of_it_is_there_by_default(helm):
    objects = helm.render()
    for kind in ("ValidatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding"):
        assert not objects.of(kind), kind
    assert not any("webhook" in it for it in objects.exporter["args"])
    assert len(objects.one("Service")["spec"]["ports"]) == len(objects.exporter["ports"]) == 1


def test_the_api_server_asks_about_this_one_object_and_never_waits_for_long(helm):
    for values, resource, name in (({}, "configmaps", NAME), ({"configSecret": {"existingName": "mine"}}, "secrets", "mine")):
        objects = helm.render({**on(), **values})
        asked = webhook(objects)
        assert asked["rules"] == [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource], "scope": "Namespaced"}]
        namespace = objects.one("Deployment")["metadata"]["namespace"]
        assert asked["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        assert [it["expression"] for it in asked["matchConditions"]] == [f"object.metadata.name == '{name}'"]
        assert (asked["failurePolicy"], asked["timeoutSeconds"], asked["sideEffects"]) == ("Ignore", 3, "NoneOnDryRun")
    assert webhook(helm.render(on(failurePolicy="Fail")))["failurePolicy"] == "Fail"


def test_the_service_and_the_pod_have_the_port_that_the_api_server_is_told(helm):
    objects = helm.render({**on(port=8443), "networkPolicy": {"enabled": True, "ingress": {"fromNamespaces": ["prometheus"]}}})
    service = webhook(objects)["clientConfig"]["service"]
    assert service["port"] == 8443 and service["path"] == "/admission"
    assert service["name"] == objects.one("Service")["metadata"]["name"]
    assert objects.one("Service")["spec"]["ports"][1]["targetPort"] == objects.exporter["ports"][1]["name"]
    assert objects.exporter["ports"][1]["containerPort"] == 8443
    assert "--webhook.listen-address=:8443" in objects.exporter["args"]
    opened = objects.one("NetworkPolicy")["spec"]["ingress"][1]
    assert opened == {"ports": [{"port": 8443, "protocol": "TCP"}]}, "the API server comes from anywhere"


def test_the_exporter_may_write_its_own_certificate_and_nothing_else(helm):
    objects = helm.render(on())
    secret = objects.one("Secret")
    assert "data" not in secret and "stringData" not in secret, "an upgrade would take the certificate away"
    name = secret["metadata"]["name"]
    assert {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get", "patch"]} in objects.one("Role")["rules"]
    configuration = objects.one("ValidatingWebhookConfiguration")["metadata"]["name"]
    [rule] = objects.one("ClusterRole")["rules"]
    assert rule == {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingwebhookconfigurations"], "resourceNames": [configuration], "verbs": ["get", "patch"]}
    assert objects.one("ClusterRoleBinding")["subjects"] == objects.one("RoleBinding")["subjects"]
    args = objects.exporter["args"]
    assert f"--webhook.secret={name}" in args and f"--webhook.configuration={configuration}" in args
    assert "caBundle" not in webhook(objects)["clientConfig"]
    assert not helm.render({**on(), "rbac": {"create": False}}).of("ClusterRole")


def test_other_certificates_need_no_rights_and_are_mounted(helm):
    for mode in ("cert-manager", "chart"):
        objects = helm.render(on(mode))
        assert not objects.of("ClusterRole") and len(objects.one("Role")["rules"]) == 3
        assert "--webhook.certificate-dir=/etc/nbu-exporter/webhook" in objects.exporter["args"]
        [volume] = [it for it in objects.template["spec"]["volumes"] if it["name"] == "webhook"]
        assert volume["secret"]["optional"] is True, "the exporter does not wait for it"


def test_helms_pair_is_for_the_service_and_its_authority_is_told(helm):
    objects = helm.render(on("chart"))
    data = objects.one("Secret")["data"]
    assert webhook(objects)["clientConfig"]["caBundle"] == data["ca.crt"]
    assert all(base64.b64decode(data[key]).startswith(b"-----BEGIN ") for key in ("ca.crt", "tls.crt", "tls.key"))


def test_cert_manager_is_told_what_for_and_injects_its_authority(helm):
    objects = helm.render(on("cert-manager"))
    certificates = {it["metadata"]["name"]: it for it in objects.of("Certificate")}
    issuers = {it["metadata"]["name"]: it["spec"] for it in objects.of("Issuer")}
    [volume] = [it for it in objects.template["spec"]["volumes"] if it["name"] == "webhook"]
    [certificate] = [it for it in certificates.values() if it["spec"]["secretName"] == volume["secret"]["secretName"]]
    service = webhook(objects)["clientConfig"]["service"]
    assert certificate["spec"]["dnsNames"][0] == f"{service['name']}.{service['namespace']}.svc"
    injected = objects.one("ValidatingWebhookConfiguration")["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    assert injected == f"{certificate['metadata']['namespace']}/{certificate['metadata']['name']}"
    # What is renewed is signed by an authority that stays and keeps its key.
    signed_by = issuers[certificate["spec"]["issuerRef"]["name"]]["ca"]["secretName"]
    [authority] = [it for it in certificates.values() if it["spec"]["secretName"] == signed_by]
    assert authority["spec"]["isCA"] and authority["spec"]["privateKey"]["rotationPolicy"] == "Never"
    assert issuers[authority["spec"]["issuerRef"]["name"]] == {"selfSigned": {}}
    theirs = {"name": "company", "kind": "ClusterIssuer"}
    objects = helm.render(on(certificate={"mode": "cert-manager", "issuerRef": theirs}))
    assert not objects.of("Issuer") and objects.one("Certificate")["spec"]["issuerRef"] == theirs


def test_nobody_takes_the_certificate_of_another_mode_for_its_own(helm):
    secrets = set()
    for mode in ("self", "cert-manager", "chart"):
        objects = helm.render(on(mode))
        kept = objects.of("Secret") or [{"metadata": {"name": it["spec"]["secretName"]}} for it in objects.of("Certificate")]
        names = {it["metadata"]["name"] for it in kept}
        assert not names & secrets, names
        secrets |= names


def test_releases_of_two_namespaces_share_nothing_outside_of_them(helm):
    def names(namespace):
        objects = helm.render({**on(), "namespaceOverride": namespace})
        return {objects.one(kind)["metadata"]["name"] for kind in ("ValidatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding")}

    assert not names("one") & names("two")
