"""The chart as a dependency of an umbrella chart."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import yaml

from rendering import CHART, ci_files


@contextmanager
def umbrella(**values):
    with tempfile.TemporaryDirectory() as scratch:
        parent = Path(scratch) / "umbrella"
        (parent / "charts").mkdir(parents=True)
        shutil.copytree(CHART, parent / "charts" / "nbu-exporter")
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
        dependency = {"name": "nbu-exporter", "version": version, "repository": "", "condition": "nbu-exporter.enabled"}
        (parent / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}))
        (parent / "values.yaml").write_text(yaml.safe_dump(values))
        yield parent


def test_values_and_globals_reach_the_sub_chart(helm):
    file = next(path for path in ci_files() if path.name == "sub-chart-values.yaml")
    handed_down = yaml.safe_load(file.read_text())
    shared = handed_down.pop("global")
    with umbrella(**{"global": shared, "nbu-exporter": handed_down}) as parent:
        objects = helm.render(chart=parent)
    assert objects.exporter["image"] == "registry.example.com/nbu-exporter:0.1.0"
    assert objects == helm.render(file=file), "as a chart of its own and as a part it is the same"


def test_the_sub_chart_can_be_turned_off(helm):
    with umbrella(**{"nbu-exporter": {"enabled": False}}) as parent:
        assert not helm.render(chart=parent)


def test_values_for_anchors_are_free(helm):
    assert helm.render({"x-anchors": {"any": 1}}).template == helm.render().template
