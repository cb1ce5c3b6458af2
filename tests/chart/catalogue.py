"""What the exporter serves, and whether an expression asks for anything else."""

import re
from pathlib import Path

METRICS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
# Labels that Prometheus adds to every series, most of them where a ServiceMonitor finds the target.
TARGET_LABELS = {"instance", "pod", "namespace", "job", "service", "container", "endpoint", "node"}


def metrics(names_of_go=True):
    """The labels of each series, by its name, as docs/metrics.md has them; `cargo test` compares that page with the program."""
    found = {}
    for line in METRICS_PAGE.read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| `(\w+)` \| (\w+) \| ([\w, ]*) \|(?: (\w+) \|)?", line):
            name, kind, labels, naming = row.groups()
            if naming == "v4" and not names_of_go:
                continue
            labels = set(re.findall(r"\w+", labels))
            of_family = {"_bucket": labels | {"le"}, "_sum": labels, "_count": labels} if kind == "histogram" else {"": labels}
            found |= {name + suffix: of_series for suffix, of_series in of_family.items()}
    return found


METRICS = metrics()


def selectors(expression):
    """All selectors of the exporter's own series, with what stands in their braces; not those of recorded series."""
    return re.findall(r'(?<![:\w])(?:nbu|process)_\w+(?:\{(?:[^}"`]|"(?:[^"\\]|\\.)*"|`[^`]*`)*\})?', expression)


def names(selector):
    """The series and the matchers of a selector `series{label="value",…}`."""
    series, inner = re.fullmatch(r"(\w+)(?:\{(.*)\})?", selector).groups()
    return series, re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)', inner or "")


def unknown(expression, recorded=(), known=METRICS):
    """What an expression asks for that there is not: series, recorded series, labels of a series, and labels to group or join by that
    none of the expression's series has."""
    bad = []
    labels = TARGET_LABELS | ({"alertname", "alertstate", "severity", "site"} if "ALERTS" in expression else set())
    for series, matchers in map(names, selectors(expression)):
        if series not in known:
            bad.append(f"no such series: {series}")
        labels |= known.get(series, set())
        bad += [f"{series} has no label {label}" for label, *_ in matchers if label not in known.get(series, {label}) | TARGET_LABELS]
    for series, by in re.findall(r"((\w+):nbu_\w+:\w+)", expression):
        if series not in recorded:
            bad.append(f"no such recorded series: {series}")
        labels |= {"site"} | ({by.removeprefix("site_")} if by != "site" else set())
    for listed in re.findall(r"\b(?:by|on|ignoring|group_left|group_right|without)\s*\(([^()]*)\)", expression):
        bad += [f"nothing here has the label {label}" for label in filter(None, re.split(r"\s*,\s*", listed.strip())) if label not in labels]
    return bad
