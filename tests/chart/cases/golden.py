"""Each values file of the chart renders to what was reviewed, with every helm."""

import difflib

import suite
from rendering import CHART, HERE, ci_files, dump
from suite import over

GOLDEN = HERE / "golden"


def text_of(objects):
    return "---\n".join(dump(without_dashboards(it)) for it in objects)


def without_dashboards(it):
    """Dashboards are long, and compared with their files by a test of their own."""
    for key in it.get("data", {}):
        if key.endswith(".json"):
            it["data"][key] = "a dashboard"
    return it


@over(ci_files)
def test_values_render_to_the_golden_file(helm, item):
    golden = GOLDEN / f"{item.stem.removesuffix('-values')}.yaml"
    text = text_of(helm.render(file=item))
    if suite.BLESS:
        golden.write_text(text, encoding="utf-8")
    expected = golden.read_text(encoding="utf-8") if golden.exists() else ""
    difference = "\n".join(difflib.unified_diff(expected.splitlines(), text.splitlines(), "golden", "rendered", lineterm="", n=2))
    assert not difference, f"{golden.name} differs (after a review: run --bless)\n{difference}"


def test_no_golden_file_is_left_over():
    wanted = {f"{path.stem.removesuffix('-values')}.yaml" for path in ci_files()}
    present = {path.name for path in GOLDEN.glob("*")}
    assert present == wanted, f"golden files and ci values differ: {sorted(present ^ wanted)}"


@over(ci_files)
def test_helm_lint_is_content(helm, item):
    said = helm.lint(item)
    assert "[WARNING]" not in said and "[ERROR]" not in said, said


def test_the_dashboards_of_two_releases_are_files_of_two_names(helm):
    """Grafana's sidecar collects the ConfigMaps of all releases and namespaces in one folder."""
    names = []
    for release, namespace in (("one", "here"), ("two", "here"), ("one", "there")):
        maps = helm.render({"dashboards": {"enabled": True}}, release=release, namespace=namespace).of("ConfigMap")
        names += [key for it in maps for key in it.get("data", {}) if key.endswith(".json")]
    assert len(names) == len(set(names)) == 3 * len(list((CHART / "dashboards").glob("*.json"))), names


def test_dashboards_arrive_as_they_are(helm):
    maps = helm.render({"dashboards": {"enabled": True}}).of("ConfigMap")
    arrived = {key.removeprefix("monitoring-backup-nbu-exporter-"): text for it in maps for key, text in it.get("data", {}).items() if key.endswith(".json")}
    files = {path.name: path.read_text(encoding="utf-8") for path in (CHART / "dashboards").glob("*.json")}
    assert files and {key: text.strip() for key, text in arrived.items()} == {key: text.strip() for key, text in files.items()}
