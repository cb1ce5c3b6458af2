"""Files that are generated are fresh, and the values are documented."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_schema
import manifests
import yaml

from rendering import CHART
from suite import Skipped


def test_manifests_are_what_the_chart_makes(helm):
    assert not manifests.stale(helm), f"run tests/chart/render-manifests: {manifests.stale(helm)}"


def kustomized(folder):
    kubectl = shutil.which("kubectl")
    if not kubectl:
        raise Skipped("kubectl was not found in PATH")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_a_name_that_kustomize_changes_is_changed_wherever_it_is_used():
    """By the hash of the generator and by the prefix of an overlay."""
    with tempfile.TemporaryDirectory() as scratch:
        base, overlay = Path(scratch, "base"), Path(scratch, "overlay")
        shutil.copytree(manifests.TARGET, base)
        kustomization = base / "kustomization.yaml"
        hashed = kustomization.read_text(encoding="utf-8").replace("    disableNameSuffixHash: true\n", "")
        kustomization.write_text(hashed, encoding="utf-8")
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text("resources: [../base]\nnamePrefix: prod-\n", encoding="utf-8")
        objects = kustomized(overlay)
    config = next(it for it in objects if it["kind"] == "ConfigMap" and "config.yaml" in it.get("data", {}))
    name = config["metadata"]["name"]
    assert re.fullmatch(r"prod-nbu-exporter-[a-z0-9]{10}", name), name
    spec = next(it for it in objects if it["kind"] == "Deployment")["spec"]["template"]["spec"]
    variables = {it["name"]: it.get("value") for it in spec["containers"][0]["env"]}
    assert variables["NBU_EXPORTER_CONFIG_KUBERNETES"] == name == next(it["configMap"]["name"] for it in spec["volumes"] if it["name"] == "config")
    assert variables["NBU_EXPORTER_CONFIG_LAST_GOOD_KUBERNETES"] == "prod-nbu-exporter-last-good"
    rules = next(it for it in objects if it["kind"] == "Role")["rules"]
    assert [it["resourceNames"] for it in rules[:2]] == [[name], ["prod-nbu-exporter-last-good"]]


def test_kustomize_builds_the_manifests():
    objects = kustomized(manifests.TARGET)
    config = next(it for it in objects if it["kind"] == "ConfigMap" and "data" in it)
    deployment = next(it for it in objects if it["kind"] == "Deployment")
    role = next(it for it in objects if it["kind"] == "Role")
    mounted = next(it["configMap"]["name"] for it in deployment["spec"]["template"]["spec"]["volumes"] if it["name"] == "config")
    assert config["metadata"]["name"] == mounted == role["rules"][0]["resourceNames"][0], "no hash in the name"
    assert {it["metadata"].get("namespace") for it in objects if it["kind"] != "Namespace"} == {manifests.NAMESPACE}


def test_the_schema_is_built_from_its_parts():
    done = subprocess.run([sys.executable, str(CHART / "schema" / "build"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_definitions_of_kubernetes_are_its_own():
    try:
        fresh = kubernetes_schema.rendered()
    except ImportError:
        raise Skipped("kubernetes-validate is not installed (tests/chart/requirements-schemas.txt)") from None
    assert kubernetes_schema.TARGET.read_text(encoding="utf-8") == fresh, "run tests/chart/kubernetes-schema"


def test_a_generated_schema_of_the_configuration_can_be_dropped_in(helm):
    generated = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"name": {"type": "object", "required": ["mustBeHere"]}}, "$ref": "#/$defs/name"}
    with tempfile.TemporaryDirectory() as scratch:
        chart = Path(scratch) / "nbu-exporter"
        shutil.copytree(CHART, chart)
        (chart / "schema" / "config.schema.json").write_text(json.dumps(generated))
        subprocess.run([sys.executable, str(chart / "schema" / "build")], check=True)
        helm.render({"config": {"mustBeHere": 1}}, chart=chart)
        try:
            helm.render(chart=chart)
        except Exception as refusal:
            assert "mustBeHere" in str(refusal)
        else:
            raise AssertionError("the dropped-in schema does not judge")


def test_every_value_is_in_the_schema_and_the_other_way_round():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"enabled"} == set(values)
    compare(schema, schema, values, "")


def compare(root, node, values, path):
    """Objects that the schema closes hold exactly the keys of values.yaml."""
    for key, value in values.items():
        inner = node["properties"].get(key, {})
        if "$ref" in inner:
            inner = root["definitions"][inner["$ref"].rsplit("/", 1)[-1]]
        if key != "config" and isinstance(value, dict) and inner.get("additionalProperties") is False:
            assert set(inner["properties"]) == set(value), f"{path}.{key}: {sorted(set(inner['properties']) ^ set(value))}"
            assert key in node["required"], f"{path}.{key}: null would remove it, and a template would then fail without naming it"
            compare(root, inner, value, f"{path}.{key}")


def test_values_that_the_issue_fixed_are_there():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    fixed = """config configMap.existingName configMap.key kubernetesWatch.enabled events.enabled credentialsSecret credentials
        containerPort tls.caBundle proxy hostAliases replicas serviceMonitor.enabled serviceMonitor.labels podMonitor.enabled
        scrapeConfig.enabled prometheusRule.enabled dashboards.enabled networkPolicy.enabled podDisruptionBudget.enabled
        demo.enabled rbac.create serviceAccount.create extraArgs env extraVolumes extraVolumeMounts extraContainers
        extraInitContainers extraManifests allowInlineKeys""".split()
    for path in fixed:
        node = values
        for key in path.split("."):
            assert key in node, f"{path} is missing"
            node = node[key]
    assert values["kubernetesWatch"]["enabled"] is True and values["events"]["enabled"] is True
    assert values["containerPort"] == 9440 and values["configMap"]["key"] == "config.yaml"


def test_templates_and_values_agree():
    """Each value is used, and each that is used exists (deeper levels are taken by name in loops)."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    text = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    used = set(re.findall(r"(?:\.Values|\$values)\.(\w+)", text)) | set(re.findall(r'"(\w+)"', text))
    assert set(values) - used == set(), sorted(set(values) - used)
    asked = set(re.findall(r"\.Values\.(\w+)", text))
    assert asked <= set(values), sorted(asked - set(values))
