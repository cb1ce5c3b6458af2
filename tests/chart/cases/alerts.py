"""The alerts by the table of alerts/: each fires, is quiet beside it, and says what it shall."""

import json
import re
import tempfile
from pathlib import Path

import yaml

import alert_table
import rule_file
import suite
from cases.rules import alerts, judged, promtool
from catalogue import METRICS, unknown
from rendering import CHART, Refused, dump, helms


def groups(helm=None):
    """What the chart makes of its default values."""
    return (helm or helms()[-1]).render({"prometheusRule": {"enabled": True}}).one("PrometheusRule")["spec"]["groups"]


def test_each_alert_has_a_row():
    found, known = alert_table.rows(), alerts()
    assert found.keys() == known.keys(), f"without a row {sorted(known.keys() - found.keys())}, without an alert {sorted(found.keys() - known.keys())}"
    for name, row in found.items():
        assert row["quiet"], f"{name} is quiet beside nothing"


def test_each_alert_fires_is_quiet_beside_it_and_is_one_for_two_pods():
    tool = promtool()
    with tempfile.TemporaryDirectory() as scratch:
        if suite.BLESS:
            files = alert_table.write(scratch, groups(), alert_table.rows(), alert_table.unblessed(groups()))
            alert_table.bless(groups(), alert_table.run(tool, scratch, files))
        files = alert_table.write(scratch, groups(), alert_table.rows(), alert_table.golden())
        judged(tool, "test", "rules", *files, cwd=scratch)


def test_the_table_of_alerts_finds_each_kind_of_broken_rule():
    """The rule of a disk pool, broken in each way that the table shall find, and the test that finds it."""
    tool, name = promtool(), "NbuDiskPoolDown"
    down = "min by (site, disk_pool) (nbu_disk_pool_up)"
    broken = {
        "fires": {"expr": f"{down} == 2"},
        "fires, as another matter": {"labels": {"severity": "info"}},
        "fires, in other words": {"annotations": {"summary": "Something is down"}},
        "not before its time": {"for": "1m"},
        "quiet: it is up": {"expr": f"{down} >= 0"},
        "quiet without any series": {"expr": f"{down} == 0 or absent(nbu_disk_pool_up)"},
        "two pods": {"expr": "nbu_disk_pool_up == 0"},
        "a pod that another takes over from": {"expr": "min without (instance) (nbu_disk_pool_up) == 0"},
    }
    for expected, change in broken.items():
        found = [{"name": "g", "rules": [{**alerts()[name], **change}]}, {"name": "r", "rules": [{"record": "r", "expr": "0"}]}]
        with tempfile.TemporaryDirectory() as scratch:
            files = alert_table.write(scratch, found, alert_table.rows(), alert_table.golden())
            said = alert_table.run(tool, scratch, files)
        assert f"name: {name}: {expected.split(',')[0]}," in said, f"{change} was not found by '{expected}': {said}"


def test_alerts_name_only_what_the_exporter_has():
    recorded = {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}
    for rule in (rule for group in groups() for rule in group["rules"]):
        bad = unknown(rule["expr"], recorded)
        assert not bad, f"{rule}: {bad}"
        said = " ".join(rule.get("annotations", {}).values())
        bad = set(re.findall(r"nbu_\w+", said)) - METRICS.keys()
        assert not bad, f"{rule['alert']} tells of {sorted(bad)}"


def test_the_check_of_names_can_fail():
    assert not unknown("site_slp:nbu_slp_incomplete_images:sum > 0 and on (site, slp) nbu_up", {"site_slp:nbu_slp_incomplete_images:sum"})
    for wrong in ("nbu_down", 'nbu_up{city="x"}', "sum by (city) (nbu_up)", "site:nbu_up:sum", 'nbu_up{policy="x"} + on (site) nbu_policy_active'):
        assert unknown(wrong), wrong


def test_labels_of_alerts_are_those_of_their_expression():
    """A text with a label that the alert has not is a text with a gap."""
    for name, rule in alerts().items():
        row = alert_table.rows()[name]
        has = {"site", "severity", *row.get("labels", {}), *(("instance", "job", "namespace", "pod") if row.get("per_pod") else ())}
        named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        assert named <= has, f"{name}: {sorted(named - has)}"


def test_no_placeholder_is_left_and_each_threshold_is_used(helm):
    text = dump(groups(helm))
    assert "${" not in text
    sources = "".join(path.read_text(encoding="utf-8") for path in (CHART / "rules").glob("*.yaml"))
    thresholds = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["prometheusRule"]["defaultRules"]["thresholds"]
    computed = {"exporterAbsent", "exporterAbsentMeans", "exporterDown"}
    assert set(re.findall(r"\$\{(\w+)\}", sources)) == thresholds.keys() | computed


def test_a_threshold_changes_its_alert_and_the_words_that_name_it(helm):
    found = alerts(helm, defaultRules={"thresholds": {"clientsWithoutBackupDays": 7, "poolFullMargin": 0.015}})
    assert 'older_than="7d"' in found["NbuClientsWithoutBackup"]["expr"] and "for 7 days" in found["NbuClientsWithoutBackup"]["annotations"]["description"]
    assert found["NbuDiskPoolFull"]["expr"].endswith("- 0.015)")


def test_the_schema_knows_exactly_the_alerts_of_the_chart():
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert schema["definitions"]["alertName"]["enum"] == sorted(alerts())
    assert set(schema["properties"]["prometheusRule"]["properties"]["defaultRules"]["properties"]["thresholds"]["properties"]) == set(
        yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["prometheusRule"]["defaultRules"]["thresholds"]
    )


def test_an_alert_that_does_not_exist_can_be_neither_disabled_nor_changed(helm):
    for key, value in (("disabled", True), ("for", "1h"), ("severity", "info")):
        try:
            helm.render({"prometheusRule": {"enabled": True, "defaultRules": {key: {"NbuSiteIsDown": value}}}})
        except Refused as error:
            assert "NbuSiteIsDown" in str(error), error
        else:
            raise AssertionError(f"{key} took an alert that does not exist")


def test_the_selector_stands_in_each_raw_series_and_in_no_recorded_one(helm):
    selector = 'cluster=~"a|nbu_b$", namespace!=""'
    found = helm.render({"prometheusRule": {"enabled": True, "selector": selector}}).one("PrometheusRule")["spec"]["groups"]
    for rule in (rule for group in found for rule in group["rules"]):
        bare = rule["expr"].replace(selector, "SELECTOR")
        raw = re.findall(r"(?<![:\w])nbu_\w+", bare)
        assert len(raw) == len(re.findall(r"(?<![:\w])nbu_\w+\{SELECTOR[,}]", bare)), rule["expr"]
        assert bare.count("SELECTOR") == len(raw) and ":nbu_" not in re.sub(r":nbu_\w+:\w+(?!\{)", "", bare), rule["expr"]
    tool = promtool()
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "rules.yaml").write_text(dump({"groups": found}), encoding="utf-8")
        judged(tool, "check", "rules", "rules.yaml", cwd=scratch)


def test_of_two_alerts_the_stronger_stands_before_the_milder():
    """Else both fire for one evaluation."""
    order = [rule["alert"] for group in groups() for rule in group["rules"] if "alert" in rule]
    pairs = [(named, rule["alert"]) for rule in alerts().values() for part in re.findall(r'ALERTS\{alertname=~?"([^"]+)"', rule["expr"]) for named in part.split("|")]
    assert len(pairs) >= 5
    for stronger, milder in pairs:
        assert order.index(stronger) < order.index(milder), f"{milder} stands before {stronger}"


def test_the_plain_rule_file_is_what_the_chart_renders():
    assert rule_file.TARGET.read_text(encoding="utf-8") == rule_file.rendered(helms()[-1]), "run tests/chart/render-rules"
