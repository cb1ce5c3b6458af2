"""Values that differ from the defaults still make objects that Kubernetes takes. tests/it/cluster/objects.rs gives the same files to a real API server."""

import yaml

from cases.schemas import check, validator
from rendering import CHART, HERE, Refused
from suite import over

VARIANTS = HERE / "variants"


def variants():
    return sorted(VARIANTS.glob("*.yaml"))


@over(variants)
def test_defaults_do_not_merge_into_invalid_objects(helm, item):
    check(helm.render(file=item))


def test_every_top_level_map_of_values_is_tried_with_another_variant():
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    tried = set().union(*(yaml.safe_load(path.read_text(encoding="utf-8")) for path in variants()))
    maps = {key for key, value in values.items() if isinstance(value, (dict, list))}
    assert maps <= tried, sorted(maps - tried)


def test_no_value_that_is_taken_away_leaves_an_invalid_object(helm):
    """null removes a value: what then renders is valid, or it is refused with the value's name."""
    validator()
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    wrong = [said for key in values if (said := wrong_without(helm, key))]
    assert not wrong, "\n".join(wrong)


def wrong_without(helm, key):
    try:
        check(helm.render({key: None}))
    except Refused as refusal:
        named = key in str(refusal) and "Values" not in str(refusal) and "nil pointer" not in str(refusal)
        return "" if named else f"{key}: {refusal}"
    except Exception as invalid:
        return f"{key}: {invalid}"
    return ""


def test_another_strategy_leaves_the_numbers_of_the_default_behind(helm):
    assert helm.render({"strategy": {"type": "Recreate"}}).one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_another_handler_of_a_probe_takes_the_place_of_the_default(helm):
    probe = helm.render({"livenessProbe": {"tcpSocket": {"port": 1}}}).exporter["livenessProbe"]
    assert probe == {"tcpSocket": {"port": 1}, "periodSeconds": 10, "timeoutSeconds": 3, "failureThreshold": 3}


def test_long_numbers_stay_whole(helm):
    spec = helm.render(file=VARIANTS / "numbers-that-are-long.yaml").one("Deployment")["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["terminationGracePeriodSeconds"]) == (1_000_000, 1_000_000)


def test_a_namespace_that_looks_like_a_number_stays_a_text(helm):
    rule = helm.render(file=VARIANTS / "names-that-look-like-numbers.yaml").one("NetworkPolicy")["spec"]["ingress"][0]
    assert rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == "2024"


def test_site_names_in_quotes_are_never_renamed(helm):
    objects = helm.render(file=VARIANTS / "names-that-look-like-numbers.yaml")
    config = next(it["data"]["12"] for it in objects.of("ConfigMap") if "data" in it)
    assert [it["site"] for it in yaml.safe_load(config)["nbuservers"]] == ["0123", "on", "1e3", "0o17"]


def test_whatever_the_exporter_takes_the_chart_takes(helm):
    """What Helm makes of an unquoted 12.0, references with a default, templates in place of any scalar."""
    site = {"site": "paris", "host": "{{ .Release.Name }}.example.com", "port": "{{ add 1 1555 }}", "apiVersion": 12, "scheme": "${SCHEME:-https}", "apiKeyFile": "/k"}
    found = helm.render({"config": {"nbuservers": [site]}}).config["nbuservers"][0]
    assert found == {**site, "host": "backup.example.com", "port": "1556"}


def test_the_demo_and_the_doctor_take_resources_from_values(helm):
    small = {"limits": {"memory": "40Mi"}, "requests": {"memory": "40Mi"}}
    objects = helm.render({"demo": {"enabled": True, "resources": small}, "tests": {"resources": small}})
    for pod in objects.pods.values():
        simulator = pod["spec"]["initContainers"][0]
        assert simulator["resources"] == {"limits": {"memory": "40Mi"}, "requests": {"cpu": "10m", "memory": "40Mi"}}
    assert objects.one("Pod")["spec"]["containers"][0]["resources"] == small
    own = helm.render({"resources": small}).one("Pod")["spec"]["containers"][0]["resources"]
    assert own["limits"] == small["limits"], "without its own, the doctor has those of the exporter"


def test_the_demo_uses_no_proxy(helm):
    objects = helm.render({"demo": {"enabled": True}, "proxy": {"httpProxy": "http://proxy:3128", "httpsProxy": "http://proxy:3128"}})
    assert [it["proxyUrl"] for it in objects.config["nbuservers"]] == ["none", "none"]
