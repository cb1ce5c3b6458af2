"""Every rendered object against the schemas of Kubernetes and of the Prometheus operator, unknown fields refused. What no schema says
(admission, defaults, CEL) is judged by the API server of the cluster tests."""

import os
from functools import cache
from pathlib import Path

import manifests
import yaml

from rendering import ci_files
from suite import Skipped, over

KUBERNETES = "1.36"
OPERATOR = "monitoring.coreos.com"


class Loader(yaml.CSafeLoader):
    """Takes a lone `=`, which YAML 1.1 gives a meaning of its own, as the text that Kubernetes means."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def validator():
    try:
        import jsonschema
        import kubernetes_validate
    except ImportError:
        raise Skipped("kubernetes-validate is not installed (tests/chart/requirements-schemas.txt)") from None
    return jsonschema, kubernetes_validate


@cache
def operator_schemas():
    """Schema of each kind and version of the operator, from the cache of the cluster tests or $OPERATOR_CRDS."""
    cached = Path(os.environ["NBU_EXPORTER_CACHE"])
    folders = [Path(os.environ["OPERATOR_CRDS"])] if "OPERATOR_CRDS" in os.environ else sorted(cached.glob("cluster-tools/prometheus-operator-*/crds"))
    if not folders:
        raise Skipped("the operator's CRDs were not found: build the cluster tools, or name their folder in OPERATOR_CRDS")
    schemas = {}
    for kind in ("ServiceMonitor", "PodMonitor", "ScrapeConfig", "PrometheusRule"):
        definition = yaml.load(next(folders[-1].glob(f"*_{kind.lower()}s.yaml")).read_text(encoding="utf-8"), Loader)
        for version in definition["spec"]["versions"]:
            schemas[kind, version["name"]] = strict(version["schema"]["openAPIV3Schema"])
    return schemas


def strict(schema):
    """The schema with unknown fields refused, as the API server does under strict validation."""
    if isinstance(schema, list):
        return [strict(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(closed.get("properties"), dict) and "type" in closed and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


def check(objects):
    jsonschema, kubernetes_validate = validator()
    for it in objects:
        group, _, version = it["apiVersion"].rpartition("/")
        if group == OPERATOR:
            # Not jsonschema.validate: it would judge the operator's own schema first, whose patterns are Go's.
            jsonschema.Draft202012Validator(operator_schemas()[it["kind"], version]).validate(it)
        else:
            kubernetes_validate.validate(it, KUBERNETES, strict=True)


@over(ci_files)
def test_objects_follow_their_schemas(helm, item):
    check(helm.render(file=item))


def test_manifests_follow_their_schemas():
    files = [path for path in manifests.TARGET.glob("*.yaml") if path.name not in ("config.yaml", "kustomization.yaml", "name-references.yaml")]
    check([yaml.safe_load(path.read_text(encoding="utf-8")) for path in files])


def test_the_check_of_schemas_can_fail():
    for bad in (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}},
        {"apiVersion": f"{OPERATOR}/v1", "kind": "ServiceMonitor", "metadata": {"name": "a"}, "spec": {"selector": {}, "endpoints": [{"scrapeTimout": "1s"}]}},
    ):
        try:
            check([bad])
        except Skipped:
            raise
        except Exception:
            continue
        raise AssertionError(f"accepted: {bad}")
