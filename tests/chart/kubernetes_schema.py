"""Writes charts/nbu-exporter/schema/kubernetes.schema.json: Kubernetes' own definitions of the objects that values hold."""

import json
import sys
from pathlib import Path

from rendering import CHART

TARGET = CHART / "schema" / "kubernetes.schema.json"
VERSION = "v1.36.0-local"
# What a definition of the chart's own schema refers to as #/definitions/kubernetes.NAME.
WANTED = """Affinity Container DeploymentStrategy EnvFromSource EnvVar Lifecycle NetworkPolicyEgressRule NetworkPolicyPeer PodDNSConfig
    PodSecurityContext Probe ResourceRequirements SecurityContext Toleration TopologySpreadConstraint Volume VolumeMount""".split()


def rendered():
    import kubernetes_validate

    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / VERSION
    all_of_them = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    by_name = {}
    for path, definition in all_of_them.items():
        # Of several versions of one kind the stable one is meant.
        if "alpha" not in path and "beta" not in path:
            by_name.setdefault(path.rsplit(".", 1)[-1], definition)
    found, open_names = {}, list(WANTED)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found[name] = bare(by_name[name])
            open_names += references(found[name])
    return json.dumps({"definitions": dict(sorted(found.items()))}, indent=1) + "\n"


def bare(node):
    """Only what judges: types, and references by the last part of their names."""
    if isinstance(node, list):
        return [bare(it) for it in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": "#/definitions/" + node["$ref"].rsplit(".", 1)[-1]}
    judging = {}
    for key, value in sorted(node.items()):
        if key == "properties":
            judging[key] = {name: bare(it) for name, it in value.items()}
        elif key in ("type", "required", "enum"):
            judging[key] = value
        elif key in ("items", "additionalProperties", "oneOf", "anyOf"):
            judging[key] = bare(value)
    return judging


def references(node):
    if isinstance(node, dict):
        return [it for key, value in node.items() for it in ([value.rsplit("/", 1)[-1]] if key == "$ref" else references(value))]
    if isinstance(node, list):
        return [it for value in node for it in references(value)]
    return []


def main():
    if sys.argv[1:] == ["--check"]:
        if TARGET.read_text(encoding="utf-8") != rendered():
            sys.exit("kubernetes.schema.json is stale: run tests/chart/kubernetes-schema")
    elif sys.argv[1:]:
        sys.exit(f"unknown argument {sys.argv[1]!r}: only --check is known")
    else:
        TARGET.write_text(rendered(), encoding="utf-8")


if __name__ == "__main__":
    main()
