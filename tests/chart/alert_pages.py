"""Writes what pages say about an alert and the chart knows: its values into docs/runbooks/, the table of all into docs/alerts.md."""

import argparse
import re
import sys

import yaml

from rendering import CHART, ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
TABLE = ROOT / "docs" / "alerts.md"
SUBJECTS = {
    "nbu-backups": "Backups, clients and the catalog",
    "nbu-storage": "Disk pools and servers",
    "nbu-slp": "Storage lifecycle policies",
    "nbu-tape": "Tape",
    "nbu-credentials": "Keys and certificates",
    "nbu-security": "Security, services and licences",
    "nbu-exporter": "The exporter and what it may see",
}
BEGIN, END = "<!-- begin values -->", "<!-- end values -->"


class Alert:
    """One rule, as the files in the chart's rules/ have it."""

    def __init__(self, rule, group, thresholds):
        self.name, self.group, self.expression = rule["alert"], group, rule["expr"]
        self.duration, self.severity = rule["for"], rule["labels"]["severity"]
        self.of_site = "$labels.site" in rule["annotations"]["summary"]
        self.thresholds = thresholds


def names(expression):
    """The placeholders of an expression that are thresholds, in their order."""
    return list(dict.fromkeys(re.findall(r"\$\{(\w+)\}", expression)))


def source():
    """All alerts in the order of the chart's files, each with its thresholds and those of the recorded series that it uses."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())["prometheusRule"]["defaultRules"]["thresholds"]
    groups = [yaml.safe_load(path.read_text()) for path in sorted((CHART / "rules").glob("*.yaml"))]
    recorded = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"] if "record" in rule}
    found = []
    for group in groups:
        for rule in group["rules"]:
            if "alert" not in rule:
                continue
            used = names(rule["expr"]) + [name for record, expression in recorded.items() if record in rule["expr"] for name in names(expression)]
            found.append(Alert(rule, group["name"], {name: values[name] for name in used if name in values}))
    return found


def block(alert):
    """What the section "Silence or change it" of an alert's page begins with."""
    site = " site=SITE" if alert.of_site else ""
    thresholds = ", ".join(f"{name}: {value}" for name, value in alert.thresholds.items())
    return "\n".join([
        BEGIN,
        "",
        f"For a few hours: `amtool silence add alertname={alert.name}{site} --duration=4h --comment=WHY`. For good, in the values of the chart (this is what they are by default):",
        "",
        "```yaml",
        "prometheusRule:",
        "  defaultRules:",
        f"    for: {{{alert.name}: {alert.duration}}}",
        f"    severity: {{{alert.name}: {alert.severity}}}",
        *([f"    thresholds: {{{thresholds}}}"] if thresholds else []),
        f"    disabled: {{{alert.name}: false}}",
        "```",
        "",
        END,
    ])


def page_with(text, alert):
    """The page with the block of today's values, whatever it had."""
    heading = "## Silence or change it\n"
    before, found, after = text.partition(heading)
    if not found:
        raise ValueError(f"{alert.name}: no section {heading.strip()}")
    after = re.sub(rf"{BEGIN}.*?{END}", "", after, flags=re.DOTALL).strip()
    return f"{before}{heading}\n{block(alert)}\n" + (f"\n{after}\n" if after else "")


def meaning(name):
    """The first sentence of an alert's page."""
    paragraph = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8").split("\n\n")[1]
    return re.split(r"(?<=\.) (?=[A-Z`])", paragraph.replace("\n", " "))[0]


def table(alerts):
    lines = []
    for group, subject in SUBJECTS.items():
        lines += ["", f"### {subject}", "", "| alert | severity | after | thresholds | means |", "|---|---|---|---|---|"]
        for it in (it for it in alerts if it.group == group):
            thresholds = ", ".join(f"`{name}` {value}" for name, value in it.thresholds.items())
            lines.append(f"| [{it.name}](runbooks/{it.name}.md) | {it.severity} | {it.duration} | {thresholds} | {meaning(it.name)} |")
    return "\n".join([*lines, ""])


def table_with(text, alerts):
    begin, end = "<!-- begin alerts -->", "<!-- end alerts -->"
    return re.sub(rf"{begin}.*?{end}", lambda _: f"{begin}\n{table(alerts)}\n{end}", text, flags=re.DOTALL)


def wanted():
    """(file, text) of each page as it should be. An alert without a page is found by a test of its own."""
    alerts = source()
    for it in alerts:
        path = RUNBOOKS / f"{it.name}.md"
        if path.exists():
            yield path, page_with(path.read_text(encoding="utf-8"), it)
    yield TABLE, table_with(TABLE.read_text(encoding="utf-8"), alerts)


def stale():
    return [path for path, text in wanted() if path.read_text(encoding="utf-8") != text]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which pages are stale")
    if parser.parse_args().check:
        found = stale()
        print("\n".join(f"stale: {path.relative_to(ROOT)}" for path in found) or "all pages are as they should be")
        sys.exit(1 if found else 0)
    for path, text in list(wanted()):
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
