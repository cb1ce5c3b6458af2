"""What the exporter serves, and whether an expression asks for anything else."""

import re
from pathlib import Path

METRICS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
# Labels that Prometheus adds to every series.
TARGET_LABELS = {"instance", "pod", "namespace", "job"}
# Not those in the name of a recorded series.
NAME = r"(?<![:\w])nbu_\w+"


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


def matched(matchers):
    """The labels of matchers such as `a="b", c=~"d"`."""
    return set(re.findall(r"(?:^|,)\s*(\w+)\s*(?:=~|!~|!=|=)", matchers))


def unknown(expression, recorded=()):
    """Metrics and recorded series that do not exist, labels that the metric does not have of which they are asked, and labels to group or join
    by that none of the expression's metrics has."""
    used = set(re.findall(NAME, expression))
    bad = used - METRICS.keys()
    bad |= set(re.findall(r"\w+:nbu_\w+:\w+", expression)) - set(recorded)
    for name, matchers in re.findall(rf"({NAME})\s*\{{([^}}]*)\}}", expression):
        bad |= matched(matchers) - METRICS.get(name, set()) - TARGET_LABELS
    known = set(TARGET_LABELS).union(*(METRICS.get(name, set()) for name in used))
    for series in re.findall(r"(\w+):nbu_\w+:\w+", expression):
        known |= {"site"} | ({series.removeprefix("site_")} if series != "site" else set())
    for names in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression):
        bad |= {name.strip() for name in names.split(",")} - known
    return sorted(bad)
