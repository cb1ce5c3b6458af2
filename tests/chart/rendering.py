"""Helm as the tests see it: values in, Kubernetes objects out."""

import json
import os
import re
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = ROOT / "charts" / "nbu-exporter"
RELEASE, NAMESPACE = "backup", "monitoring"


class Refused(Exception):
    """Helm would not render; the text is what it said."""


class Helm:
    def __init__(self, path):
        self.path = path
        self._seen = {}

    @cached_property
    def version(self):
        text = self._run(["version", "--short"])
        return re.search(r"v(\d+)\.[\d.]+", text).group(0)

    @property
    def major(self):
        return int(self.version.lstrip("v").split(".")[0])

    def lint(self, values_file):
        return self._run(["lint", "--strict", str(CHART), "--values", str(values_file)])

    def render(self, values=None, *, file=None, flags=(), chart=CHART, release=RELEASE, namespace=NAMESPACE):
        """The objects that the chart makes of a values file, a map of values and further flags."""
        key = json.dumps([values, str(file), flags, str(chart), release, namespace], sort_keys=True)
        if key not in self._seen:
            self._seen[key] = self._render(values, file, flags, chart, release, namespace)
        return Objects(yaml.safe_load_all(self._seen[key]))

    def _render(self, values, file, flags, chart, release, namespace):
        command = ["template", release, str(chart), "--namespace", namespace, *flags]
        if file:
            command += ["--values", str(file)]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as given:
            if values is not None:
                yaml.safe_dump(values, given)
                given.flush()
                command += ["--values", given.name]
            return self._run(command)

    def _run(self, command):
        done = subprocess.run([self.path, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Refused(done.stderr + done.stdout)
        return done.stdout


class Objects(list):
    """Rendered objects in a fixed order."""

    def __init__(self, documents):
        super().__init__(document for document in documents if document)
        self.sort(key=lambda it: (it["kind"], it["metadata"]["name"], it["metadata"].get("namespace", "")))

    def of(self, kind):
        return [it for it in self if it["kind"] == kind]

    def one(self, kind):
        found = self.of(kind)
        assert len(found) == 1, f"{len(found)} objects of kind {kind} instead of one"
        return found[0]

    @property
    def template(self):
        return self.one("Deployment")["spec"]["template"]

    @property
    def exporter(self):
        return next(it for it in self.template["spec"]["containers"] if it["name"] == "exporter")

    @property
    def config(self):
        """The exporter's configuration in the chart's own ConfigMap."""
        return yaml.safe_load(self.named(self.one("Deployment")["metadata"]["name"], "ConfigMap")["data"]["config.yaml"])

    def named(self, name, kind=None):
        return next(it for it in self if it["metadata"]["name"] == name and kind in (None, it["kind"]))

    @property
    def pods(self):
        """Every pod template and pod, by the name of its object."""
        deployment = self.one("Deployment")
        pods = {deployment["metadata"]["name"]: deployment["spec"]["template"]}
        return pods | {pod["metadata"]["name"]: pod for pod in self.of("Pod")}


class Dumper(yaml.SafeDumper):
    """YAML for people: block texts, no aliases."""

    def ignore_aliases(self, data):
        return True


Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def dump(document):
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def ci_files():
    return sorted((CHART / "ci").glob("*-values.yaml"))


def helms():
    """One helm of each major version among those found."""
    found = {}
    for path in os.environ["HELMS"].split():
        helm = Helm(path)
        found.setdefault(helm.major, helm)
    return [found[major] for major in sorted(found)]
