"""The rules of the chart: their values, the targets that they look at, and how alerts last and end."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from rendering import HERE, Helm, helms
from suite import Skipped

RUNBOOK_URLS = "https://git.example.com/runbooks"


def alerts(helm=None, **values):
    helm = helm or helms()[-1]
    if "prometheusRule" not in values:
        values = {"prometheusRule": {"enabled": True, **values}}
    groups = helm.render(values).one("PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_alerts_say_what_people_need(helm):
    found = alerts(helm)
    required = {"NbuExporterConfigRejected", "NbuExporterConfigMountLagging", "NbuExporterConfigWatchDown", "NbuSiteDown", "NbuCollectorFailing"}
    assert required <= found.keys()
    assert found["NbuExporterConfigRejected"]["for"] == "5m"
    for name, alert in found.items():
        assert name.startswith("Nbu") and alert["labels"]["severity"] in ("critical", "warning", "info")
        assert {"summary", "description"} == set(alert["annotations"]), "no link that leads nowhere"
        assert "$value" not in alert["annotations"]["summary"] and "\n" not in alert["annotations"]["summary"], "a summary names, and does not change"


def test_alerts_can_be_adjusted_by_name(helm):
    found = alerts(helm, selector='namespace="b"', alertLabels={"team": "t"}, defaultRules={"disabled": {"NbuSiteDown": True}, "for": {"NbuCollectorFailing": "2h"}, "severity": {"NbuCollectorFailing": "info"}, "thresholds": {"mountLagSeconds": 1000}})
    assert "NbuSiteDown" not in found
    assert found["NbuCollectorFailing"]["for"] == "2h"
    assert found["NbuCollectorFailing"]["labels"] == {"severity": "info", "team": "t"}
    assert found["NbuExporterConfigMountLagging"]["expr"].endswith("> 1000")


def test_the_rule_object_is_valid_without_any_rule(helm):
    off = helm.render({"prometheusRule": {"enabled": True, "defaultRules": {"create": False}}})
    assert off.one("PrometheusRule")["spec"] == {"groups": []}


def promtool():
    """PROMTOOL, one in PATH, or the newest in the cache of the cluster tests."""
    cache = Path(os.environ["NBU_EXPORTER_CACHE"])
    cached = sorted(cache.glob("cluster-tools/*/usr/bin/promtool"), key=lambda path: path.stat().st_mtime)
    found = os.environ.get("PROMTOOL") or shutil.which("promtool") or (str(cached[-1]) if cached else None)
    if not found:
        raise Skipped("promtool was not found: put Prometheus into PATH or name it in PROMTOOL")
    return found


def judged(*command, cwd=None):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules_and_they_last_and_end_as_they_should(helm: Helm):
    tool = promtool()
    rules = helm.render({"prometheusRule": {"enabled": True, "runbookUrlBase": RUNBOOK_URLS}}).one("PrometheusRule")["spec"]
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "rules.yaml").write_text(yaml.safe_dump(rules))
        shutil.copy(HERE / "rules.test.yaml", scratch)
        judged(tool, "check", "rules", "rules.yaml", cwd=scratch)
        judged(tool, "test", "rules", "rules.test.yaml", cwd=scratch)


def test_a_site_that_moves_ends_no_alert_and_raises_none_and_a_fleet_that_is_at_odds_does():
    tool = promtool()
    rules = helms()[-1].render({"prometheusRule": {"enabled": True}, "fleet": {"enabled": True}, "replicas": 3}).one("PrometheusRule")["spec"]
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "rules.yaml").write_text(yaml.safe_dump(rules))
        for tests in ("moves.test.yaml", "fleet.test.yaml"):
            shutil.copy(HERE / tests, scratch)
            judged(tool, "test", "rules", tests, cwd=scratch)


def test_an_exporter_that_is_down_while_another_release_is_up_raises_an_alert(helm: Helm):
    """Both releases bring their rules, as two installations into one cluster do."""
    tool = promtool()
    values = {"prometheusRule": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    groups = []
    for release in ("one", "two"):
        found = helm.render(values, release=release, namespace="here").one("PrometheusRule")["spec"]["groups"]
        groups += [{**group, "name": f"{release} {group['name']}"} for group in found]
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
        shutil.copy(HERE / "releases.test.yaml", scratch)
        judged(tool, "test", "rules", "releases.test.yaml", cwd=scratch)


def test_the_alerts_on_targets_follow_the_monitor(helm):
    """`job` as the operator gives it: from the Service's name or label, from the PodMonitor, or as it is said."""
    for values, target in (
        ({"serviceMonitor": {"enabled": True, "namespace": "prometheus"}}, 'job="backup-nbu-exporter", namespace="monitoring"'),
        ({"serviceMonitor": {"enabled": True, "jobLabel": "team"}, "service": {"labels": {"team": "b"}}}, 'job="b", namespace="monitoring"'),
        ({"serviceMonitor": {"enabled": True, "jobLabel": "team"}}, 'job="backup-nbu-exporter", namespace="monitoring"'),
        ({"podMonitor": {"enabled": True}, "namespaceOverride": "x"}, 'job="x/backup-nbu-exporter", namespace="x"'),
        ({"podMonitor": {"enabled": True, "jobLabel": "team"}, "podLabels": {"team": "b"}}, 'job="b", namespace="monitoring"'),
        ({"scrapeConfig": {"enabled": True}}, 'job="scrapeConfig/monitoring/backup-nbu-exporter"'),
        ({"scrapeConfig": {"enabled": True, "jobName": "nbu"}, "prometheusRule": {"enabled": True, "selector": 'cluster="a"'}}, 'job="nbu", cluster="a"'),
    ):
        found = alerts(helm, **{"prometheusRule": {"enabled": True}, **values})
        assert found["NbuExporterDown"]["expr"] == f"up{{{target}}} == 0", found["NbuExporterDown"]["expr"]
        assert found["NbuExporterAbsent"]["expr"] == f"absent(up{{{target}}} == 1)", found["NbuExporterAbsent"]["expr"]
