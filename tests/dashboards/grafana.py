"""What Grafana does with a board before it asks Prometheus: variables, and which series a panel shows."""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BOARDS = ROOT / "charts" / "nbu-exporter" / "dashboards"

# What Grafana puts in for its own variables; short, since what is asked has run for minutes only.
OWN = {"__rate_interval": "20s", "__interval": "5s", "__range": "120s"}
ALL = object()


def in_a_string(value):
    """As the data source escapes a value for a regular expression in a string in double quotes: quotes are left as they are."""
    return re.sub(r"[$^*{}\[\]'+?.()|]", lambda found: "\\\\" + found[0], value.replace("\\", "\\\\\\\\"))


def as_regex(value):
    """As `${name:regex}` does it, whoever asks."""
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", lambda found: "\\" + found[0], value)


@dataclass
class Choice:
    """What is chosen in a board's variables: ALL, or a list of values."""

    values: dict = field(default_factory=dict)
    board: dict = field(default_factory=dict)
    first: dict = field(default_factory=lambda: {"site": ["lyon"]})

    def variables(self):
        return {it["name"]: it for it in self.board["templating"]["list"]}

    def of(self, name, form):
        known = self.variables()[name]
        if known["type"] == "constant":
            return known["query"]
        value = self.values.get(name, ALL)
        if value is ALL and known["multi"]:
            return known["allValue"]
        # A variable with one value begins with its first.
        value = self.first[name] if value is ALL else value if known["multi"] else value[:1]
        escaped = [(as_regex if form == "regex" else in_a_string)(it) for it in value]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    def fill(self, text):
        def replaced(found):
            name, form = found[1] or found[3], found[2]
            return OWN[name] if name in OWN else self.of(name, form)

        return re.sub(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)", replaced, text)


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


# --- The transformations of a table -----------------------------------------------------------------------------------


def merged(frames):
    """`merge`: rows that agree in all columns that every frame has become one."""
    frames = [frame for frame in frames if frame]
    if not frames:
        return []
    common = [name for name in frames[0][0] if all(name in frame[0] for frame in frames)]
    rows = {}
    for frame in frames:
        for row in frame:
            rows.setdefault(tuple(row[name] for name in common), []).append(row)
    found = []
    for parts in rows.values():
        one = {}
        for part in parts:
            # Two rows of one frame with one key stay two.
            if any(name in one and name not in common for name in part):
                found.append(one)
                one = {}
            one = one | part
        found.append(one)
    return found


def organized(rows, options):
    order, hidden, renamed = options["indexByName"], options["excludeByName"], options["renameByName"]
    columns = [name for name in {name: 0 for row in rows for name in row} if not hidden.get(name)]
    columns.sort(key=lambda name: order.get(name, 99))
    return [renamed.get(name, name) for name in columns], [[row.get(name) for name in columns] for row in rows]


def rows_of(panel, answers):
    """Columns and rows of a table, from the answers to its queries: lists of (labels, value)."""
    several = len(answers) > 1
    frames = []
    for target, answer in zip(panel["targets"], answers, strict=True):
        value = f"Value #{target['refId']}" if several else "Value"
        # A label that a series lacks is an empty cell of its frame.
        blank = {name: "" for labels, _ in answer for name in labels}
        frames.append([blank | dict(labels) | {value: number} for labels, number in answer])
    organize = next(it["options"] for it in panel["transformations"] if it["id"] == "organize")
    columns, rows = organized(merged(frames), organize)
    for rule in reversed(panel["options"].get("sortBy", [])):
        at = columns.index(rule["displayName"]) if rule["displayName"] in columns else None
        if at is not None:
            there = [row for row in rows if row[at] is not None]
            there.sort(key=lambda row: row[at], reverse=rule["desc"])
            rows = there + [row for row in rows if row[at] is None]
    return columns, rows
