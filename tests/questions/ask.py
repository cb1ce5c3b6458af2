"""Asks what the documentation asks, of a real Prometheus that scraped the demo: lyon has a bad night, paris an ordinary week.

    ask.py PROGRAM PROMETHEUS
"""

import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "dashboards"))
from world import Refused, World, free_port, log, page, wait_for  # noqa: E402

DOCS = ROOT / "docs"
# Of a question's queries, those to which the bad night is no answer, and why.
NOTHING_TO_SAY = {
    "nbu_scrape_collector_unauthorized) == 1": "the demo's keys may see all",
    "nbu_api_request_failures_total[15m]": "the simulator always answers",
    'nbu_api_requests_total{code!="200"}[15m]': "the simulator always answers",
    "nbu_scrape_collector_interval_seconds) > 2": "nothing is late",
}
# Alerts of whose queries none has an answer here.
NOT_HERE = {
    "NbuAdmissionCertificateExpiring": "no Kubernetes",
    "NbuExporterConfigMountLagging": "no Kubernetes",
    "NbuExporterConfigWatchDown": "no Kubernetes",
    "NbuFleetMemberWithoutLease": "no Kubernetes",
    "NbuFleetSitesUnseen": "no Kubernetes",
    "NbuSiteDown": "both sites answer",
}
# Prometheus has to have seen this much before increases are asked for.
SECONDS_OF_HISTORY = 60


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def asked(path):
    """(query, what it answers) of each line."""
    for block in blocks(path, "promql"):
        for line in block.splitlines():
            query, _, answer = line.partition(" # ")
            yield query, answer


def rules(path):
    """(expression, alert) of the rules for the Go exporter's names. Without a parser of YAML, of which Python has none."""
    block = next(it for it in blocks(path, "yaml") if it.startswith("groups:"))
    for rule in re.split(r"^ +- alert: ", block, flags=re.MULTILINE)[1:]:
        yield " ".join(re.search(r"expr: (?:\|-\n)?(.*?)\n +for:", rule, re.DOTALL)[1].split()), rule.splitlines()[0]


class Judge:
    def __init__(self, one, two):
        self.one, self.two, self.asked, self.failures = one, two, 0, []

    def fail(self, where, query, said):
        self.failures.append(f"{where}: {said}\n    {query}")

    def answer(self, where, query):
        """What one pod says; that two pods are not two series is held. What they read is of two moments and may differ."""
        self.asked += 1
        at = time.time() - 2
        try:
            one, two = self.one.instant(query, at), labels(self.two.instant(query, at))
        except Refused as error:
            self.fail(where, query, f"refused: {error}")
            return []
        of_pods = re.search(r"\b(by \((?:instance|job, version)\)|up == 0)|^nbu_exporter_", query)
        once = {tuple(pair for pair in series if pair[0] != "pod") for series in two}
        if not of_pods and len(once) < len(two):
            self.fail(where, query, f"two pods of one site do not say the same: {sorted(two)[:2]}")
        return one


def labels(answer):
    return {tuple(sorted((name, value) for name, value in it.items() if name not in ("instance", "job"))) for it, _ in answer}


def show(query, answer, rows=4):
    print(f"    {query}")
    for it, value in answer[:rows]:
        named = ", ".join(f"{name}={value!r}" for name, value in it.items() if name not in ("__name__", "instance", "job"))
        print(f"        {{{named}}} {value:g}")
    print(f"        … {len(answer)} in all" if len(answer) > rows else "" if answer else "        nothing")


def ask(judge):
    for section in re.split(r"^## ", (DOCS / "questions.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        print(f"\n{section.splitlines()[0]}")
        for block in re.findall(r"^```promql\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
            for query in (line.partition(" # ")[0] for line in block.splitlines()):
                answer = judge.answer("questions.md", query)
                show(query, answer)
                if not answer and not any(part in query for part in NOTHING_TO_SAY):
                    judge.fail("questions.md", query, "no answer")
    for query, _ in asked(DOCS / "metrics.md"):
        judge.answer("metrics.md", query)
    for path in sorted((DOCS / "runbooks").glob("*.md")):
        answers = [judge.answer(path.name, query) for query, _ in asked(path)]
        if any(answers) == (path.stem in NOT_HERE):
            judge.fail(path.name, "First look", "has an answer: take it out of NOT_HERE" if any(answers) else "no query has an answer")
    print("\nThe rules for the Go exporter's names")
    for expression, alert in rules(DOCS / "migration.md"):
        print(f"  {alert}")
        show(expression, judge.answer("migration.md", expression), rows=2)


def breaks(judge):
    """That the check can fail: what is broken is noticed."""
    for query, words in (("nbu_up +", "refused"), ("sum by (site) (nbu_up) * on (site) nbu_jobs_active", "refused"), ("max by (site, pod) (nbu_up)", "do not say the same")):
        before = len(judge.failures)
        judge.answer("a broken one", query)
        noticed = judge.failures[before:]
        del judge.failures[before:]
        if not any(words in said for said in noticed):
            judge.fail("the check itself", query, f"was not noticed: {noticed}")


def main():
    program, prometheus = sys.argv[1:]
    with World(program) as world:
        address = f"127.0.0.1:{free_port()}"
        world.start("demo", program, "demo", "--port", address.rpartition(":")[2])
        log("waiting until the demo has read back all that it reads back")

        def whole():
            try:
                return len(re.findall(r"^nbu_backup_history_read_ratio.* 1$", page(address), re.MULTILINE)) == 2
            except OSError:
                return False

        wait_for("the end of the read-back", whole)
        one = world.prometheus("one", prometheus, {"nbu": [(address, {})]})
        two = world.prometheus("two", prometheus, {"nbu": [(address, {"pod": pod, "instance": f"{pod}:9440"}) for pod in ("a", "b")]})
        log(f"waiting for {SECONDS_OF_HISTORY} s of history")
        time.sleep(SECONDS_OF_HISTORY)
        judge = Judge(one, two)
        ask(judge)
        breaks(judge)
    for said in judge.failures:
        print("FAILED:", said)
    print(f"questions: {judge.asked} asked, {len(judge.failures)} failed")
    sys.exit(1 if judge.failures else 0)


if __name__ == "__main__":
    main()
