"""The dashboards, without a Prometheus that has data: tests/dashboards executes their queries."""

import json
import re
import sys
import tempfile
from pathlib import Path

import yaml

from cases.rules import judged, promtool
from catalogue import metrics
from rendering import CHART, ROOT
from suite import over

sys.path.insert(0, str(ROOT / "tests" / "dashboards"))
import check  # noqa: E402
from grafana import Choice  # noqa: E402

UIDS = {
    "overview": "nbu-exporter-overview", "protection": "nbu-exporter-protection", "storage": "nbu-exporter-storage", "site": "nbu-exporter-site", "exporter-health": "nbu-exporter-health",
}  # fmt: skip
# Grafana's sidecar reads ConfigMaps, which hold 1 MiB.
LARGEST = 1 << 20


def dashboards():
    return sorted((CHART / "dashboards").glob("*.json"))


def queries(node):
    """Every PromQL expression of a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield value
            else:
                yield from queries(value)
    elif isinstance(node, list):
        for value in node:
            yield from queries(value)


def test_dashboards_are_what_their_source_makes():
    judged(sys.executable, "-B", CHART / "dashboards" / "source" / "build", "--check")


def test_dashboards_name_known_metrics_labels_and_boards():
    wrong = list(check.statically(check.shipped(), metrics(names_of_go=False)))
    assert not wrong, wrong


def test_the_check_of_queries_can_fail():
    known = metrics(names_of_go=False)
    of = '{job=~"$job",site=~"$site"}'
    for query in (f"nbu_down{of}", 'nbu_up{job=~"$job",site=~"$site",city="x"}', f"sum by (city) (nbu_up{of})", 'nbu_up{site=~"$site"}', 'nbu_up{job=~"$job"}', f"nbu_jobs_count{of}"):
        assert list(check.faults(query, known)), query
    assert not list(check.faults(f"max by (site) (nbu_up{of})", known))


@over(dashboards)
def test_dashboards_have_stable_names_and_their_variables(item):
    board = json.loads(item.read_text(encoding="utf-8"))
    assert [it["name"] for it in board["templating"]["list"]][:3] == ["datasource", "job", "site"]
    assert board["uid"] == UIDS[item.stem] and board["schemaVersion"] == 39
    assert item.stat().st_size < LARGEST / 2
    identifiers = [panel["id"] for panel in board["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    for panel in board["panels"]:
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"


@over(dashboards)
def test_no_sum_doubles_while_two_pods_exist(item):
    """Only what `max by` or `count by` has made of one site may be added up."""
    expressions = list(queries(json.loads(item.read_text(encoding="utf-8"))))
    found = [it for it in expressions if re.search(r"\bsum\b", it)]
    assert found, "nothing is looked at"
    for expression in found:
        assert not re.search(r"\bsum( by \([^)]*\))? \((?!max without \(instance, pod\) \(|max by \(site|count by \(site)", expression), expression


@over(dashboards)
def test_promtool_parses_the_queries_of_dashboards(item):
    board = json.loads(item.read_text(encoding="utf-8"))
    tool, choice = promtool(), Choice({}, board)
    rules = [{"record": f"panel:{number}", "expr": choice.fill(expression)} for number, expression in enumerate(queries(board))]
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
        judged(tool, "check", "rules", "panels.yaml", cwd=scratch)
