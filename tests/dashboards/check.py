"""Executes every query of every board on a real Prometheus that scraped the exporter on its simulator: as one pod and as two.

    check.py PROGRAM PROMETHEUS...   a program of ours, and each Prometheus that is asked
"""

import json
import math
import re
import sys
import time
from pathlib import Path

from grafana import ALL, BOARDS, ROOT, Choice, panels
from world import Refused, World, config, log, page, site, wait_for

sys.dont_write_bytecode = True
sys.path[:0] = [str(BOARDS / "source"), str(ROOT / "tests" / "chart")]
from boards import BOARDS as SOURCES  # noqa: E402
from catalogue import metrics, names, selectors, unknown  # noqa: E402

# Of what happens once an hour something is to happen in a minute; and not more is to be read back than a minute takes.
BUSY = ("--jobs-per-day=8000", "--job-retention=30", "--tls=self-signed")
# Families and matchers that have no series here, and why.
NOT_HERE = {
    "nbu_exporter_config_kubernetes_watch_up": "no Kubernetes here",
    "nbu_exporter_config_mount_lag_seconds": "no Kubernetes here",
    "nbu_exporter_config_kubernetes_object_present": "no Kubernetes here",
    "nbu_exporter_fleet_members": "no Kubernetes here",
    "nbu_exporter_fleet_moves_total": "no Kubernetes here",
    "nbu_exporter_fleet_sites": "no Kubernetes here",
}
# Prometheus has to have seen this much before increases are asked for.
SECONDS_OF_HISTORY = 45
STEP, SPAN = 5, 60


def shipped():
    """(board, source) of each, as the chart brings it."""
    return [(json.loads((BOARDS / f"{source.file}.json").read_text(encoding="utf-8")), source) for source in SOURCES]


class Asked:
    """One query of a board: where it stands, and what is to be known about its answer."""

    def __init__(self, board, panel, target, expression, *, ranged=False, why_empty=None, per_pod=False):
        self.board, self.panel, self.target, self.expression = board, panel, target, expression
        self.ranged, self.why_empty, self.per_pod = ranged, why_empty, per_pod

    def __str__(self):
        return f"{self.board['title']}: {self.panel} {self.target}"


def asked(board, source):
    """All queries of a board: of its panels and annotations."""
    notes = {panel.title: panel for panel in source.panels}
    for panel in panels(board):
        note = notes[panel["title"]]
        for target in panel["targets"]:
            yield Asked(board, panel["title"], target["refId"], target["expr"], ranged=target["range"], why_empty=note.why_empty, per_pod=note.per_pod)
    for it in board["annotations"]["list"]:
        yield Asked(board, f"annotation {it['name']}", "", it["expr"], ranged=True)


# --- What can be seen without Prometheus ------------------------------------------------------------------------------


def faults(expression, known):
    """What there is not, and what is asked for of more than what is chosen on the board."""
    yield from unknown(expression, known=known)
    for family, matchers in map(names, selectors(expression)):
        given = {label for label, *_ in matchers}
        if "job" not in given:
            yield f"{family} is not narrowed to the job"
        if "site" in known.get(family, ()) and "site" not in given:
            yield f"{family} is not narrowed to the site"


def of_links(board, boards):
    """What is wrong with the links of a board: another board that is not there, a variable that it does not have."""
    for panel in panels(board):
        for url in re.findall(r'"url": "([^"\\]*(?:\\.[^"\\]*)*)"', json.dumps(panel)):
            uid = re.match(r"/d/([\w-]+)\?", url)[1]
            if uid not in boards:
                yield f"{panel['title']}: links to {uid}, which is no board"
                continue
            there = {it["name"] for it in boards[uid]["templating"]["list"]}
            for name in re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", url):
                if (name[0] or name[1]) not in there:
                    yield f"{panel['title']}: {uid} has no variable {name[0] or name[1]}"
            if panel["type"] == "table":
                organize = next(it["options"] for it in panel["transformations"] if it["id"] == "organize")
                shown = {organize["renameByName"].get(name, name) for name in organize["indexByName"]}
                for label in re.findall(r'__data\.fields\["([^"]+)"\]', url.replace('\\"', '"')):
                    if label not in shown:
                        yield f"{panel['title']}: a link takes {label}, which is no column"


def of_shape(board):
    """What is wrong with the panels: no description, two of one title, one over the other."""
    titles, taken = set(), {}
    for panel in panels(board):
        if not panel.get("description"):
            yield f"{panel['title']}: no description"
        if panel["title"] in titles:
            yield f"{panel['title']}: twice"
        titles.add(panel["title"])
    for panel in board["panels"]:
        at = panel["gridPos"]
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if cell in taken or cell[0] >= 24:
                yield f"{panel['title']} lies over {taken.get(cell, 'the edge')}"
                break
            taken[cell] = panel["title"]


# --- What Prometheus says ---------------------------------------------------------------------------------------------


class Judge:
    """Asks one Prometheus. What is wrong is said once, as (query, words)."""

    def __init__(self, prometheus, known):
        self.prometheus, self.known = prometheus, known
        self.executed, self.there = 0, {}

    def answer(self, it, choice, at):
        self.executed += 1
        query = choice.fill(it.expression)
        if it.ranged:
            found = self.prometheus.range(query, at - SPAN, at, STEP)
            return {frozenset(labels.items()): values[-1][1] for labels, values in found if any(not math.isnan(value) for _, value in values)}
        return {frozenset(labels.items()): value for labels, value in self.prometheus.instant(query, at) if not math.isnan(value)}

    def matches(self, family, selector):
        """Whether anything has these matchers: a value with a typo is nothing for ever, whatever stands beside it."""
        if selector not in self.there:
            self.there[selector] = family in NOT_HERE or bool(self.prometheus.instant(f"count({selector})"))
        return self.there[selector]

    def wrong(self, it, at):
        """What is wrong with a query, in the world as it is."""
        yield from faults(it.expression, self.known)
        if not it.per_pod:
            yield from added_up(it.expression)
        whole = Choice({"job": ["one"]}, it.board)
        try:
            for selector in selectors(it.expression):
                family, _ = names(selector)
                if not self.matches(family, whole.fill(selector)):
                    yield f"nothing is {whole.fill(selector)}"
            one = self.answer(it, whole, at)
            if not one and not it.why_empty:
                yield "is empty"
            # Of one site, on its good day as well.
            for name in ("paris", "lyon"):
                if not self.answer(it, Choice({"job": ["one"], "site": [name]}, it.board), at) and not it.why_empty:
                    yield f"is empty for {name}"
            # Names as they are: with quotes, backslashes and brackets; of several variables the first two values.
            self.answer(it, Choice({"job": ["one", "two"], "site": ["lyon", "paris"]} | self.odd_values(it.board), it.board), at)
            yield from self.doubled(it, one, at)
        except Refused as error:
            yield str(error)

    def doubled(self, it, one, at):
        two, other = (self.answer(it, Choice({"job": [job]}, it.board), at) for job in ("two", "other"))
        if it.per_pod:
            return
        # `job` may be a label of the answer.
        one, other, two = ({frozenset(pair for pair in key if pair[0] != "job"): value for key, value in answer.items()} for answer in (one, other, two))
        for key in two:
            if {"pod", "instance"} & dict(key).keys():
                yield f"two pods are two series: {dict(key)}"
                return
        for key in two.keys() ^ (one.keys() | other.keys()):
            yield f"two pods {'add' if key in two else 'lose'} {dict(key)}"
            return
        # What one scrape sees of a counter that is new, another has missed: there the expression alone tells, by `added_up`.
        if RANGE.search(it.expression):
            return
        for key, value in two.items():
            each = [answer[key] for answer in (one, other) if key in answer]
            # Both read the same, though not in the same moment.
            slack = 0.4 * max(abs(alone) for alone in each) + 2
            if not math.isinf(value) and not min(each) - slack <= value <= max(each) + slack:
                yield f"two pods say {value}, and each alone {each}, of {dict(key)}"
                return

    def odd_values(self, board):
        found = {}
        for it in board["templating"]["list"]:
            if it["type"] == "query" and it["name"] not in ("job", "site"):
                values = self.values(it, Choice({"job": ["one"]}, board))
                found[it["name"]] = sorted(values, key=lambda value: (value.isascii() and '"' not in value, value))[:2]
        return found

    def values(self, variable, choice):
        family, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
        return self.prometheus.label_values(label, choice.fill(family))


# A function over a range of time, and what has to stand before it, so that of several pods one counts.
RANGE = re.compile(r"\b(increase|i?rate|i?delta|deriv|changes|resets|predict_linear|\w+_over_time)\(")
ONE_POD = re.compile(r"\b(max|min) (without|by) \([^()]*\) \($")


def added_up(expression):
    for found in RANGE.finditer(expression):
        if not ONE_POD.search(expression[: found.start()]):
            yield f"adds up pods: {found[1]} stands in no max or min"


def of_variables(judge, board):
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            choice = Choice({"job": ["one"]} if variable["name"] != "job" else {}, board)
            if not judge.values(variable, choice):
                yield f"{board['title']}: the variable {variable['name']} has no values"


def judged(judge, queries, tries=4):
    """What stays wrong: what two pods read at two moments may differ for a moment."""
    found = {}
    for attempt in range(tries):
        at = time.time() - 3
        judge.there = {}
        found = {it: wrong for it in queries if (wrong := list(judge.wrong(it, at)))}
        queries = list(found)
        if not found or attempt == tries - 1:
            break
        time.sleep(6)
    return found


# --- That the check can fail ------------------------------------------------------------------------------------------

BROKEN = {
    "a family that there is not": (lambda it: it.replace("nbu_up{", "nbu_down{"), "no such series"),
    "a label that there is not": (lambda it: it.replace("by (site)", "by (city)"), "has the label city"),
    "a matcher that there is not": (lambda it: it.replace('site=~"$site"', 'site=~"$site",city="x"'), "has no label city"),
    "no job": (lambda it: it.replace('job=~"$job",', ""), "not narrowed to the job"),
    "a value that there is not": (lambda it: it.replace('level="root"', 'level="rot"'), "nothing is nbu_"),
    "a sum over pods": (lambda it: it.replace("max without (instance, pod) (", "("), "adds up pods"),
    "a sum of gauges over pods": (lambda it: it.replace("max without (instance, pod) (", "("), "two pods say"),
    "a series for each pod": (lambda it: it.replace("max by (site)", "max by (site, pod)"), "two pods are two series"),
    "an error of syntax": (lambda it: it + " +", "parse error"),
    "an empty answer": (lambda it: f"({it}) > 1e30", "is empty"),
    "no answer on a good day": (lambda it: f'({it}) and on (site) nbu_up{{job=~"$job",site=~"$site",site="lyon"}}', "is empty for paris"),
}
# Which query is broken: one that has what the break replaces.
EXAMPLES = {
    "a series for each pod": ("nbu-exporter-site", "Answers"),
    "a sum over pods": ("nbu-exporter-site", "Jobs that ended in an hour"),
    "a sum of gauges over pods": ("nbu-exporter-site", "Running"),
    "a value that there is not": ("nbu-exporter-site", "Jobs that ended in an hour"),
    "no answer on a good day": ("nbu-exporter-site", "Jobs that wait, by reason"),
}


def that_fail(judge, boards):
    """The breaks that nobody has noticed."""
    every = [it for board, source in boards for it in asked(board, source)]
    for what, (broken, words) in BROKEN.items():
        uid, title = EXAMPLES.get(what, ("nbu-exporter-overview", "Sites"))
        it = next((it for it in every if (it.board["uid"], it.panel) == (uid, title)), None)
        if it is None:
            yield f"{what}: there is no panel {title} any more"
            continue
        changed = Asked(it.board, it.panel, it.target, broken(it.expression), ranged=it.ranged)
        assert changed.expression != it.expression, f"{what}: nothing to break in {it}"
        found = next(iter(judged(judge, [changed], tries=1).values()), [])
        if not any(words in said for said in found):
            yield f"{what} was not noticed: {found}"


# --- Everything -------------------------------------------------------------------------------------------------------


def statically(boards, known):
    by_uid = {board["uid"]: board for board, _ in boards}
    for board, source in boards:
        for said in (*of_shape(board), *of_links(board, by_uid)):
            yield f"{board['title']}: {said}"
        for it in asked(board, source):
            yield from (f"{it}: {said}" for said in faults(it.expression, known))


def families(address):
    return set(re.findall(r"^# TYPE (\w+)", page(address), re.MULTILINE))


def scraped(world, servers, known):
    """Each Prometheus and the files of the exporters' configurations, with all that there is to be asked: two sites, by each pod alone as the jobs one and other, and by both as job two."""
    log("two sites, two exporters")
    lyon = world.simulator("lyon", "--scenario=bad-night", *BUSY)
    paris = world.simulator("paris", "--scenario=ordinary", "--seed=7", *BUSY)
    text = config(world.program, [site("lyon", lyon, "https"), site("paris", paris, "https")])
    pods = [world.exporter(name, text) for name in ("pod-a", "pod-b")]

    def labels(pod):
        return {"namespace": "monitoring", "pod": pod, "service": "backup-nbu-exporter", "container": "exporter", "endpoint": "http"}

    places = [(address, labels(name)) for name, (address, _) in zip(("pod-a", "pod-b"), pods, strict=True)]
    targets = {"one": places[:1], "other": places[1:], "two": places}
    wanted = {name for name in known if not name.startswith(("nbu_exporter_", "process_")) and not re.search("_(bucket|sum|count)$", name)}
    for address, _ in pods:
        wait_for(f"every family: {sorted(wanted - families(address))}", lambda address=address: wanted <= families(address))
    log("waiting until all that is to be read back has been")
    for address, _ in pods:
        wait_for("the end of the read-back", lambda address=address: len(re.findall(r"^nbu_backup_history_read_ratio.* 1$", page(address), re.MULTILINE)) == 2)
    asked_of = [(world.prometheus(f"prometheus-{number}", it, targets)) for number, it in enumerate(servers)]
    log(f"waiting for {SECONDS_OF_HISTORY} s of history")
    time.sleep(SECONDS_OF_HISTORY)
    # What a job alone can bring: of one kind some minutes may have none.
    ended = 'count(sum by (job, site) (increase(nbu_jobs_finished_total{job_type="BACKUP",level="root"}[1d])) > 0)'
    for prometheus in asked_of:
        wait_for("the end of a backup on each site, seen by each job", lambda prometheus=prometheus: [value for _, value in prometheus.instant(ended)] == [2 * len(targets)])
    return asked_of, [path for _, path in pods]


def reload(configurations, hours):
    """Something to see in the annotations, which look back 2 minutes."""
    for path in configurations:
        path.write_text(re.sub(r'("scrapingInterval": )"\d+h"', rf'\1"{hours}h"', path.read_text()))


def main():
    program, *servers = sys.argv[1:]
    known = metrics(names_of_go=False)
    boards = shipped()
    failures = list(statically(boards, known))
    passed = 0
    with World(program) as world:
        asked_of, configurations = scraped(world, servers, known)
        for number, prometheus in enumerate(asked_of):
            reload(configurations, 23 - number)
            time.sleep(6)
            judge, begin = Judge(prometheus, known), time.monotonic()
            failures += [said for board, _ in boards for said in of_variables(judge, board)]
            for board, source in boards:
                queries = list(asked(board, source))
                found = judged(judge, queries)
                failures += [f"Prometheus {prometheus.version()}: {it}: {said}\n    {it.expression}" for it, wrong in found.items() for said in wrong]
                passed += len(queries) - len(found)
                log(f"Prometheus {prometheus.version()}: {board['title']}: {len(queries)} queries of {len(panels(board))} panels, {len(found)} wrong")
            unnoticed = list(that_fail(judge, boards))
            failures += [f"the check itself: {said}" for said in unnoticed]
            passed += len(BROKEN) - len(unnoticed)
            log(f"Prometheus {prometheus.version()}: {judge.executed} queries executed in {time.monotonic() - begin:.0f} s; of {len(BROKEN)} breaks {len(BROKEN) - len(unnoticed)} noticed")
    for said in failures:
        print("FAILED:", said)
    print(f"dashboards: {passed} passed, {len(failures)} failed")
    sys.exit(1 if failures or not passed else 0)


if __name__ == "__main__":
    main()
