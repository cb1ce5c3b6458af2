"""The table of alerts/*.yaml as tests for promtool: of each alert that it fires, that it is quiet beside it, and what follows from both.

A row is what makes its alert fire and what keeps it quiet:

    NbuDiskPoolDown:
      fires:                     # series and values; `site` is added
        nbu_disk_pool_up{disk_pool="msdp"}: 0
      labels: {disk_pool: msdp}  # of the alert, beside site and severity
      quiet:                     # by reason: what differs from `fires`; null leaves a series out
        it is up:
          nbu_disk_pool_up{disk_pool="msdp"}: 1

A value is a number, an age that stays (`age 40h`, `in 29d`: a moment so long before or after now), or promtool's own notation, in which `xN` is
as often as needed. Further keys:

    after: 1d           # when the condition begins to hold at the earliest; else at once
    settles: 1h         # how much later it may begin
    also: {reason: …}   # further ways to fire, each as in `quiet`
    guards: [METRIC]    # only keep it quiet: without them it fires too
    per_pod: true       # an alert of each pod, by its `instance`
    by_both: true       # what two pods do at the same time: each has all the series
    handover: false     # a new pod begins anew, which the row says why
    alone: true         # fires without any series

Made of it: it fires, as urgent and with the words that alerts/expected.yaml has, and not before its time; two pods of a site are one alert, and so is a pod
that another takes over from; without any one of its series it is quiet. What must last for hours does so over a scrape that fails.
"""

import json
import re
import subprocess
from pathlib import Path

import yaml

from catalogue import METRICS
from rendering import HERE, dump

FOLDER = HERE / "alerts"
GOLDEN = FOLDER / "expected.yaml"
PODS = {"a": {"pod": "a", "instance": "10.0.0.1:9440"}, "b": {"pod": "b", "instance": "10.0.0.2:9440"}}
TARGET = {"job": "nbu", "namespace": "monitoring"}
# In so many seconds some scrape fails.
LONG = 6 * 3600
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Of Prometheus itself.
FOREIGN = {"up": {"job", "namespace", "pod", "instance"}}


def seconds(duration):
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", duration))


def rows():
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        if path != GOLDEN:
            for name, row in yaml.safe_load(path.read_text(encoding="utf-8")).items():
                assert name not in found, f"{name} stands twice"
                found[name] = row
    return found


def golden():
    """How urgent each alert is, when it fires and what it says, by why it does."""
    return yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))


def unblessed(groups):
    """The same from the rules themselves, with words that no alert says."""
    alerts = (rule for group in groups for rule in group["rules"] if "alert" in rule)
    return {rule["alert"]: {"severity": rule["labels"]["severity"], "for": rule["for"], "says": {}} for rule in alerts}


def bless(groups, text):
    """Takes the rules, and what promtool printed of them, for what is meant."""
    found, said = unblessed(groups), rendered_annotations(text)
    found = {name: {**expected, "says": said.get(name, {})} for name, expected in sorted(found.items())}
    GOLDEN.write_text("# When each alert of the table fires, and what it says then; written by `run --bless`.\n" + dump(found), encoding="utf-8")


def name_of(series):
    return re.match(r"\w+", series).group(0)


class Table:
    """All tests of one alert."""

    def __init__(self, name, row, expected):
        self.name, self.row, self.expected = name, row, expected
        self.holds, self.begins = seconds(expected["for"]), seconds(row.get("after", "0s"))
        self.settles = seconds(row.get("settles", "0s"))
        span = self.holds + self.begins + self.settles
        # Within the five minutes for which Prometheus looks back for a sample.
        self.step = 60 if span <= 2 * 3600 else 300
        self.at = span + self.step
        self.count = int(self.at / self.step) + 5

    def values(self, value):
        """In promtool's notation."""
        if not isinstance(value, str):
            return f"{value}x{self.count}"
        if moment := re.fullmatch(r"(age|in) (\S+)", value):
            begin = seconds(moment.group(2)) * (-1 if moment.group(1) == "age" else 1)
            return f"{int(begin)}+{self.step}x{self.count}"
        return value.replace("xN", f"x{self.count}")

    def series(self, name, pod):
        """Its name with the labels of its site and target; those of the exporter are checked against what it has."""
        metric, labels = name_of(name), dict(re.findall(r'(\w+)="([^"]*)"', name))
        known = METRICS.get(metric) or FOREIGN.get(metric, set())
        assert metric in METRICS or metric in FOREIGN, f"{self.name}: there is no {metric}"
        if "site" in known:
            labels = {"site": "paris", **labels}
        if metric in METRICS:
            assert labels.keys() == known, f"{self.name}: {metric} has the labels {sorted(known)}, not {sorted(labels)}"
        labels |= {**TARGET, **PODS[pod]}
        return metric + "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"

    def of(self, samples, *pods):
        pods = pods or (("a", "b") if self.row.get("by_both") else ("a",))
        return [{"series": self.series(name, pod), "values": self.values(value)} for pod in pods for name, value in samples.items() if value is not None]

    def handed_over(self, samples):
        """One pod until the middle, another from then on, as a rolling update has them."""
        half = self.half()
        old = [{**it, "values": " ".join([*each(it["values"])[:half], "stale"])} for it in self.of(samples, "a")]
        return old + [{**it, "values": " ".join([f"_x{half}", *each(it["values"])[half:]])} for it in self.of(samples, "b")]

    def interrupted(self, samples):
        """With a scrape in the middle that fails."""
        half = self.half()
        return [{**it, "values": " ".join([*(values := each(it["values"]))[:half], "stale", *values[half + 1 :]])} for it in self.of(samples)]

    def half(self):
        return int((self.begins + self.settles + self.holds / 2) / self.step)

    def alert(self, pod="a", why=None):
        labels = {"severity": self.expected["severity"], **self.row.get("labels", {})}
        if any("site" in METRICS.get(name_of(name), ()) for name in self.row["fires"]):
            labels.setdefault("site", "paris")
        if self.row.get("per_pod"):
            labels |= {**TARGET, **PODS[pod]}
        said = self.expected["says"].get(why or "fires", {"summary": "?"})
        text = {key: value.replace(PODS["a"]["instance"], PODS[pod]["instance"]) for key, value in said.items()}
        return {"exp_labels": labels, "exp_annotations": text}

    def test(self, name, series, expected, *, at=None):
        check = {"alertname": self.name, "eval_time": f"{int(self.at if at is None else at)}s", "exp_alerts": expected}
        return {"name": f"{self.name}: {name}", "interval": f"{self.step}s", "input_series": series, "alert_rule_test": [check]}

    def tests(self):
        fires, row = self.row["fires"], self.row
        yield self.test("fires", self.of(fires), [self.alert()])
        for why, differing in row.get("also", {}).items():
            yield self.test(f"fires: {why}", self.of(fires | differing), [self.alert(why=why)])
        yield self.test("not before its time", self.of(fires), [], at=self.begins + self.holds - self.step)
        for why, differing in row["quiet"].items():
            yield self.test(f"quiet: {why}", self.of(fires | differing), [])
        if not row.get("alone"):
            yield self.test("quiet without any series", [], [])
        for metric in sorted({name_of(name) for name in fires}):
            left = {name: value for name, value in fires.items() if name_of(name) != metric}
            expected = [self.alert()] if metric in row.get("guards", ()) else []
            yield self.test(f"without {metric}", self.of(left), expected)
        two = [self.alert("a"), self.alert("b")] if row.get("per_pod") else [self.alert()]
        if row.get("by_both"):
            yield self.test("one pod alone", self.of(fires, "a"), [])
        elif fires:
            yield self.test("two pods", self.of(fires) + self.of(fires, "b"), two)
        if fires and not row.get("per_pod") and not row.get("by_both") and row.get("handover", True):
            yield self.test("a pod that another takes over from", self.handed_over(fires), [self.alert()])
        if self.holds >= LONG:
            yield self.test("a scrape that fails", self.interrupted(fires), [self.alert()])


def each(values):
    """The samples of a notation such as `1x5` or `0+1x5 7x3`."""
    samples = []
    for part in values.split():
        start, step, times = re.fullmatch(r"(-?[\d.e+]+?|_|stale)([+-][\d.e-]+)?(?:x(\d+))?", part).groups()
        for index in range(int(times or 0) + 1 if start not in ("_",) else int(times or 1)):
            samples.append(start if start in ("_", "stale") or not step else repr(float(start) + index * float(step)))
    return samples


def file_for(tables, rules_file):
    step = max(table.step for table in tables)
    return {"rule_files": [rules_file], "evaluation_interval": f"{step}s", "tests": [test for table in tables for test in table.tests()]}


def rendered_annotations(text):
    """Of each way of each alert to fire, where promtool got another text than it expected, as it prints them."""
    found = {}
    for block in re.split(r"\n\s*name: ", text)[1:]:
        if not (way := re.match(r"(\w+): fires(?:: (.*))?,\n", block)):
            continue
        name, why = way.groups()
        got = block.split("got:[", 1)[-1]
        if (line := re.search(r"Annotations:\{(.*)\}\s*(?:\]|$)", got, re.MULTILINE)):
            pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*")', line.group(1))
            found.setdefault(name, {})[why or "fires"] = {key: json.loads(value) for key, value in sorted(pairs, reverse=True)}
    return found


def run(tool, folder, files):
    done = subprocess.run([tool, "test", "rules", *files], capture_output=True, text=True, check=False, cwd=folder)
    return done.stdout + done.stderr


def write(folder, groups, table_rows, expected):
    """The rules and the tests of each alert, in files of their own, so that each is evaluated with what it rests on and no more."""
    recordings = next(group for group in groups if any("record" in rule for rule in group["rules"]))
    files = []
    for group in groups:
        alerts = [rule for rule in group["rules"] if "alert" in rule]
        for rule in alerts:
            row = table_rows[rule["alert"]]
            table = Table(rule["alert"], row, expected[rule["alert"]])
            # Of its group only what it names, the stronger alert of two.
            needed = [it for it in alerts if it is rule or f'"{it["alert"]}"' in rule["expr"] or it["alert"] in rule["expr"]]
            # In one group with what is recorded, since promtool takes groups in any order.
            recorded = [it for it in recordings["rules"] if it["record"] in rule["expr"]]
            rules = {"groups": [{"name": group["name"], "rules": recorded + needed}]}
            Path(folder, f"{rule['alert']}.rules.yaml").write_text(dump(rules), encoding="utf-8")
            test = f"{rule['alert']}.test.yaml"
            Path(folder, test).write_text(dump(file_for([table], f"{rule['alert']}.rules.yaml")), encoding="utf-8")
            files.append(test)
    return files
