"""What becomes of `config`, keys and authorities."""

KEYS = "/etc/nbu-exporter/keys"


def site(**keys):
    return {"site": "paris", "host": "nbu.example.com", "scheme": "https", **keys}


def sites_of(helm, *sites, **values):
    return helm.render({"config": {"nbuservers": list(sites)}, **values}).config["nbuservers"]


def volume(objects, name):
    return next(it for it in objects.template["spec"]["volumes"] if it["name"] == name)


def mount(objects, name):
    return next(it for it in objects.exporter["volumeMounts"] if it["name"] == name)


def test_a_site_without_a_key_file_gets_the_mounted_one(helm):
    objects = helm.render({"config": {"nbuservers": [site()]}, "credentialsSecret": "nbu-keys"})
    assert objects.config["nbuservers"][0]["apiKeyFile"] == f"{KEYS}/paris"
    assert volume(objects, "keys")["secret"] == {"secretName": "nbu-keys", "defaultMode": 0o444, "optional": True}, "mounted whole, readable for any user"
    assert mount(objects, "keys")["mountPath"] == KEYS


def test_a_secret_that_comes_after_the_chart_holds_no_pod_up(helm):
    """The exporter is up without it and says which key or authority it lacks."""
    objects = helm.render({"config": {"nbuservers": [site()]}, "credentialsSecret": "k", "credentials": [{"site": "lyon", "existingSecret": "l"}], "tls": {"caBundle": {"existingSecret": "ca"}}})
    assert volume(objects, "keys")["secret"]["optional"] is True
    assert all(it["secret"]["optional"] is True for it in volume(objects, "credentials")["projected"]["sources"])
    assert volume(objects, "ca")["secret"]["optional"] is True
    assert volume(helm.render({"tls": {"caBundle": {"existingConfigMap": "ca"}}}), "ca")["configMap"]["optional"] is True
    assert "optional" not in volume(helm.render({"configMap": {"existingName": "c"}}), "config")["configMap"], "nothing can be right without"


def test_a_secret_of_its_own_wins_over_the_common_one(helm):
    credentials = [{"site": "paris", "existingSecret": "nbu-paris", "key": "token"}]
    objects = helm.render({"config": {"nbuservers": [site(), site(site="lyon")]}, "credentialsSecret": "k", "credentials": credentials})
    files = {it["site"]: it["apiKeyFile"] for it in objects.config["nbuservers"]}
    assert files == {"paris": "/etc/nbu-exporter/credentials/paris/apiKey", "lyon": f"{KEYS}/lyon"}
    source = volume(objects, "credentials")["projected"]["sources"][0]["secret"]
    assert source == {"name": "nbu-paris", "optional": True, "items": [{"key": "token", "path": "paris/apiKey"}]}
    assert mount(objects, "credentials")["mountPath"] == "/etc/nbu-exporter/credentials"


def test_a_key_file_or_variable_of_the_user_stays(helm):
    assert sites_of(helm, site(apiKeyFile="/mine"), credentialsSecret="k")[0]["apiKeyFile"] == "/mine"
    by_variable = sites_of(helm, site(apiKey="${PARIS_KEY}"), credentialsSecret="k")[0]
    assert by_variable["apiKey"] == "${PARIS_KEY}" and "apiKeyFile" not in by_variable


def test_a_key_that_is_null_counts_as_none(helm):
    assert sites_of(helm, site(apiKey=None), credentialsSecret="k")[0] == site(apiKeyFile=f"{KEYS}/paris")


def test_the_single_server_gets_its_key_file_under_its_host(helm):
    config = helm.render({"config": {"nbuserver": {"host": "nbu.example.com", "port": 1556}}, "credentialsSecret": "k"}).config
    assert config["nbuserver"]["apiKeyFile"] == f"{KEYS}/nbu.example.com"
    assert "nbuservers" not in config, "an empty list beside it would be a second answer"


def test_no_sites_are_an_empty_list(helm):
    assert helm.render().config["nbuservers"] == []


def test_the_ca_bundle_reaches_only_sites_that_verify_by_it(helm):
    ca = "/etc/nbu-exporter/ca/ca.crt"
    bundle = {"caBundle": {"existingSecret": "company-ca"}}
    for keys, expected in (
        ({}, ca),
        ({"scheme": "http"}, None),
        ({"caFile": "/own.crt"}, "/own.crt"),
        ({"certificateSha256": "ab" * 32}, None),
        ({"insecureSkipVerify": True}, None),
        ({"insecureSkipVerify": "${SKIP}"}, None),
        ({"insecureSkipVerify": False}, ca),
    ):
        found = sites_of(helm, site(**keys), credentialsSecret="k", tls=bundle)[0].get("caFile")
        assert found == expected, f"{keys}: {found}"


def test_each_source_of_the_ca_bundle_is_mounted_as_one_file(helm):
    for tls, kind, name, key in (
        ({"caBundle": {"existingSecret": "s", "key": "a.pem"}}, "secret", "s", "a.pem"),
        ({"caBundle": {"existingConfigMap": "c", "key": "a.pem"}}, "configMap", "c", "a.pem"),
        ({"caBundle": {"inline": "PEM", "key": "a.pem"}}, "configMap", "backup-nbu-exporter-ca", "ca.crt"),
        ({"openshiftTrustedCABundle": True}, "configMap", "backup-nbu-exporter-ca", "ca-bundle.crt"),
    ):
        objects = helm.render({"tls": tls})
        source = volume(objects, "ca")[kind]
        assert source.get("name", source.get("secretName")) == name
        assert source["items"] == [{"key": key, "path": "ca.crt"}]
        assert mount(objects, "ca")["mountPath"] == "/etc/nbu-exporter/ca"


def test_openshift_is_asked_to_fill_the_bundle(helm):
    bundle = helm.render({"tls": {"openshiftTrustedCABundle": True}}).named("backup-nbu-exporter-ca")
    assert bundle["metadata"]["labels"]["config.openshift.io/inject-trusted-cabundle"] == "true"
    assert "data" not in bundle, "helm would fight OpenShift for it"


def test_templates_in_the_configuration_are_evaluated(helm):
    objects = helm.render({"config": {"server": {"uri": "/{{ .Release.Name }}"}, "nbuservers": [site(host="{{ .Release.Namespace }}.example.com", apiKeyFile="/k")]}})
    assert objects.config["server"]["uri"] == "/backup"
    assert objects.config["nbuservers"][0]["host"] == "monitoring.example.com"


def test_numbers_and_strings_keep_their_kind(helm):
    keys = {"port": 1556, "apiVersion": "13.0", "x-size": 10_000_000, "apiKeyFile": "/k"}
    assert sites_of(helm, site(**keys))[0] == site(**keys)


def test_an_existing_map_is_mounted_watched_and_not_written(helm):
    objects = helm.render({"configMap": {"existingName": "theirs", "key": "exporter.yml"}})
    assert not any("data" in it for it in objects.of("ConfigMap"))
    assert volume(objects, "config")["configMap"]["name"] == "theirs"
    assert "--config=/etc/nbu-exporter/config/exporter.yml" in objects.exporter["args"]
    assert "--config.kubernetes=theirs:exporter.yml" in objects.exporter["args"]
    assert objects.one("Role")["rules"][0]["resourceNames"] == ["theirs"]


def test_a_configuration_in_a_secret_is_mounted_watched_and_not_written(helm):
    objects = helm.render({"configSecret": {"existingName": "theirs", "key": "exporter.yml"}})
    assert not objects.of("ConfigMap")
    assert volume(objects, "config")["secret"] == {"secretName": "theirs", "defaultMode": 0o444}
    assert "--config=/etc/nbu-exporter/config/exporter.yml" in objects.exporter["args"]
    assert "--config.kubernetes-secret=theirs:exporter.yml" in objects.exporter["args"]
    assert not any(it.startswith("--config.kubernetes=") for it in objects.exporter["args"])
    assert "--config=/etc/nbu-exporter/config/exporter.yml" in objects.one("Pod")["spec"]["containers"][0]["args"]


def test_the_proxy_is_an_environment_of_the_exporter_and_the_doctor(helm):
    objects = helm.render({"proxy": {"httpsProxy": "http://p:1", "noProxy": ".svc"}})
    for pod in objects.pods.values():
        container = next(it for it in (pod["spec"])["containers"] if it["name"] in ("exporter", "doctor"))
        env = {it["name"]: it.get("value") for it in container["env"]}
        assert env["HTTPS_PROXY"] == "http://p:1" and env["NO_PROXY"] == ".svc" and "HTTP_PROXY" not in env


def test_the_demo_adds_sites_that_its_simulator_serves(helm):
    objects = helm.render({"demo": {"enabled": True}, "config": {"nbuservers": [site(apiKeyFile="/k")]}})
    simulator = objects.template["spec"]["initContainers"][0]
    flags = dict(it.removeprefix("--").split("=") for it in simulator["args"][1:])
    demo = objects.config["nbuservers"][1:]
    ports = [int(flags["port"]) + number for number in range(int(flags["sites"]))]
    assert [it["port"] for it in demo] == ports and {it["host"] for it in demo} == {flags["listen"]}
    assert simulator["restartPolicy"] == "Always" and simulator["image"] == objects.exporter["image"]
    for pod in objects.pods.values():
        assert {"name": "SIMULATED_API_KEY", "value": "simulated-key"} in pod["spec"]["containers"][0]["env"]
        assert any(it["name"] == "simulator" for it in pod["spec"]["initContainers"]), "the doctor asks the simulator as well"
