"""Renders docs/alerts/nbu-exporter.rules.yaml, the rules for a Prometheus without an operator, from the chart's default values."""

import sys

from rendering import ROOT, dump, helms

TARGET = ROOT / "docs" / "alerts" / "nbu-exporter.rules.yaml"
HEADER = """\
# Rules for Prometheus, Thanos or Mimir without an operator; docs/alerts.md says how to load them.
# Rendered from charts/nbu-exporter/rules by tests/chart/render-rules: change them there and render again.
"""


# As people write and read a rule.
ORDER = ("record", "alert", "expr", "for", "labels", "annotations", "summary", "description", "runbook_url")


def ordered(node):
    if isinstance(node, dict):
        return {key: ordered(node[key]) for key in sorted(node, key=lambda key: (ORDER.index(key) if key in ORDER else -1, key))}
    return [ordered(it) for it in node] if isinstance(node, list) else node


def rendered(helm):
    return HEADER + dump(ordered(helm.render({"prometheusRule": {"enabled": True}}).one("PrometheusRule")["spec"]))


def main():
    helm = helms()[-1]
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != rendered(helm):
            sys.exit(f"{TARGET.relative_to(ROOT)} is stale: run tests/chart/render-rules")
    elif sys.argv[1:]:
        sys.exit(f"unknown argument {sys.argv[1]!r}: only --check is known")
    else:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(rendered(helm), encoding="utf-8")


if __name__ == "__main__":
    main()
