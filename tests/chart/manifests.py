"""Renders manifests/ (a kustomization) from the chart's default values and one example site."""

import sys

from rendering import ROOT, dump, helms

TARGET = ROOT / "manifests"
NAME = NAMESPACE = "nbu-exporter"
HEADER = "# Rendered from charts/nbu-exporter by tests/chart/render-manifests: change the chart and render again.\n"
VALUES = {
    "credentialsSecret": "nbu-exporter-keys",
    "config": {"nbuservers": [{"site": "example", "host": "nbu.example.com", "port": 1556, "scheme": "https"}]},
    "tests": {"enabled": False},
}
KUSTOMIZATION = f"""\
# kubectl apply -k manifests/
#
# The key of each site lies in a Secret that is made by hand, under the site's name:
#
#   kubectl -n {NAMESPACE} create secret generic nbu-exporter-keys --from-literal=example=THE-API-KEY
#
# The Dockerfile makes the image. Every node must have it, or this says where yours is:
#
#   images:
#     - name: nbu-exporter
#       newName: registry.example.com/monitoring/nbu-exporter
#
# A namePrefix, a nameSuffix or the hash of the generator (without disableNameSuffixHash) renames the ConfigMap. kustomize rewrites its name in
# volumes by itself; in the variable that tells the exporter which object to watch, and in the Role, by name-references.yaml. With the hash each
# edit is a new ConfigMap and a new pod.
"""
NAME_REFERENCES = {
    "nameReference": [
        {
            "kind": "ConfigMap",
            "version": "v1",
            "fieldSpecs": [
                {"kind": "Deployment", "path": "spec/template/spec/containers/env/value"},
                {"kind": "Role", "path": "rules/resourceNames"},
            ],
        }
    ]
}


def rendered(helm):
    """Text of each file of the folder, by its name."""
    objects = helm.render(VALUES, release=NAME, namespace=NAMESPACE)
    files, resources = {}, ["namespace.yaml"]
    files["namespace.yaml"] = HEADER + dump(namespace())
    for it in objects:
        if "config.yaml" in it.get("data", {}):
            files["config.yaml"] = it["data"]["config.yaml"]
            continue
        name = "last-good.yaml" if it["kind"] == "ConfigMap" else f"{it['kind'].lower()}.yaml"
        assert name not in files, f"two objects would be {name}"
        files[name] = HEADER + dump(without_helm(it))
        resources.append(name)
    files["name-references.yaml"] = HEADER + dump(NAME_REFERENCES)
    files["kustomization.yaml"] = HEADER + KUSTOMIZATION + dump(kustomization(sorted(resources)))
    return files


def namespace():
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def without_helm(it):
    """The object without what only Helm means, and without the namespace, which the kustomization sets."""
    it["metadata"].pop("namespace", None)
    for label in ("helm.sh/chart", "app.kubernetes.io/managed-by"):
        it["metadata"]["labels"].pop(label)
    if it["kind"] == "Deployment":
        names_in_variables(it["spec"]["template"]["spec"]["containers"][0])
    return it


# kustomize can rename an object in a whole value, but not in a part of an argument.
VARIABLES = {
    "--config.kubernetes": "NBU_EXPORTER_CONFIG_KUBERNETES",
    "--config.last-good-kubernetes": "NBU_EXPORTER_CONFIG_LAST_GOOD_KUBERNETES",
}


def names_in_variables(container):
    """Names objects by variables instead of flags."""
    kept = []
    for argument in container["args"]:
        flag, _, value = argument.partition("=")
        if variable := VARIABLES.get(flag):
            # The key is the one that is read when none is named.
            container["env"].append({"name": variable, "value": value.removesuffix(":config.yaml")})
        else:
            kept.append(argument)
    container["args"] = kept


def kustomization(resources):
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": resources,
        "configurations": ["name-references.yaml"],
        "configMapGenerator": [
            {
                "name": NAME,
                "files": ["config.yaml"],
                # A hash in the name would make each edit a new ConfigMap and a new pod.
                "options": {"disableNameSuffixHash": True, "labels": labels()},
            }
        ],
    }


def labels():
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": NAME}


def stale(helm):
    """Names of the files that differ from what the chart makes."""
    expected = rendered(helm)
    present = {path.name: path.read_text(encoding="utf-8") for path in TARGET.glob("*")}
    return sorted(name for name in expected.keys() | present.keys() if expected.get(name) != present.get(name))


def write(helm):
    TARGET.mkdir(exist_ok=True)
    for path in TARGET.glob("*"):
        path.unlink()
    for name, text in rendered(helm).items():
        (TARGET / name).write_text(text, encoding="utf-8")


def main():
    helm = helms()[-1]
    if sys.argv[1:] == ["--check"]:
        if names := stale(helm):
            sys.exit(f"manifests/ is stale ({', '.join(names)}): run tests/chart/render-manifests")
    elif sys.argv[1:]:
        sys.exit(f"unknown argument {sys.argv[1]!r}: only --check is known")
    else:
        write(helm)


if __name__ == "__main__":
    main()
