"""The pages about alerts: one for each, with its parts, queries that Prometheus parses, values that the chart has; and the rules for the Go exporter's names."""

import re
import tempfile
from pathlib import Path

import yaml

import alert_pages
import suite
import cases.boards  # noqa: F401 (it puts tests/dashboards into the path)
from cases.rules import RUNBOOK_URLS, alerts, judged, promtool
from catalogue import METRICS, unknown
from pictures import questions
from rendering import HERE, ROOT
from suite import over

# Of a picture on a page of many.
LARGEST_PICTURE = 60 * 1024
PARTS = ["First look", "Cure", "What it does not mean", "Silence or change it"]
DOCS = ROOT / "docs"
QUESTIONS, ALERTS, MIGRATION = DOCS / "questions.md", DOCS / "alerts.md", DOCS / "migration.md"


def runbooks():
    return sorted(alert_pages.RUNBOOKS.glob("*.md"))


def pages():
    return [*runbooks(), QUESTIONS, ALERTS]


def blocks(text, language, after=""):
    """The content of each fenced block of a language; only of the one that follows a mark, if there is one."""
    return re.findall(rf"{re.escape(after)}\s*```{language}\n(.*?)```" if after else rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def asked(path):
    """(query, what it answers) of each line of the page's queries."""
    for block in blocks(path.read_text(encoding="utf-8"), "promql"):
        for line in block.splitlines():
            query, _, answer = line.partition(" # ")
            yield query, answer


def parsed(queries):
    rules = [{"record": f"page:{number}", "expr": query} for number, query in enumerate(queries)]
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "pages.yaml").write_text(yaml.safe_dump({"groups": [{"name": "pages", "rules": rules}]}))
        judged(promtool(), "check", "rules", "pages.yaml", cwd=scratch)


def anchors(path):
    """The addresses of a page's headings, as the viewers of Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield target


def test_each_alert_has_a_page_and_each_page_an_alert():
    found = alerts(runbookUrlBase=f"{RUNBOOK_URLS}/")
    assert set(found) == {path.stem for path in runbooks()}
    for name, alert in found.items():
        assert alert["annotations"]["runbook_url"] == f"{RUNBOOK_URLS}/{name}.md"


@over(runbooks)
def test_a_page_has_its_parts_in_order_and_begins_with_what_it_means(item):
    title, meaning, *rest = item.read_text(encoding="utf-8").split("\n\n")
    assert title == f"# {item.stem}"
    assert meaning[0].isupper() and meaning.endswith(".") and 40 < len(meaning) < 420, f"not a short paragraph: {meaning}"
    parts = re.split(r"^## (.+)$", "\n\n".join(rest), flags=re.MULTILINE)[1:]
    assert parts[::2] == PARTS, parts[::2]
    assert all(part.strip() for part in parts[1::2]), "a part is empty"
    assert list(asked(item)), "nothing to look at first"


@over(pages)
def test_queries_of_pages_name_only_what_there_is(item):
    for query, answer in asked(item):
        assert answer, f"{item.stem}: what does this answer? {query}"
        assert not unknown(query), f"{item.stem}: {query}: {unknown(query)}"
    text = item.read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!:)\bnbu_[a-z_]+\b", text))
    families = METRICS.keys() | {name.removesuffix("_bucket") for name in METRICS}
    assert used <= families, f"{item.stem}: {sorted(used - families)}"


def test_prometheus_parses_the_queries_of_pages():
    queries = [query for path in pages() for query, _ in asked(path)]
    assert len(queries) > 150
    parsed(queries)


def test_the_checks_of_queries_can_fail():
    assert unknown('nbu_up{collector="jobs"} and nbu_scrape_collector_success') and not unknown('nbu_up{site="paris"}')
    assert unknown("sum by (city) (nbu_up)") and unknown("nbu_down")
    try:
        parsed(["max by (site) (nbu_up"])
    except AssertionError:
        return
    raise AssertionError("promtool took a query that does not end")


def test_each_question_has_its_queries_its_panels_its_alerts_and_its_picture():
    """No picture is left over, and all of them are small enough for a page of many."""
    sections = re.split(r"^## ", QUESTIONS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(sections) == 13, "the twelve questions, and what was never backed up"
    for section in sections:
        assert "```promql" in section and "- Alert: [Nbu" in section, section.splitlines()[0]
    # One that names a board or a panel that there is not ends here.
    found = list(questions())
    for title, panels, _ in found:
        assert panels, f"no panel answers: {title}"
    names = {name for _, _, name in found}
    assert len(names) == len(sections), "two questions have one picture"
    there = {path.relative_to(DOCS / "pictures").as_posix(): path.stat().st_size for path in DOCS.glob("pictures/questions/*")}
    assert there.keys() == names, f"run tests/dashboards/pictures: {sorted(there.keys() ^ names)}"
    assert max(there.values()) <= LARGEST_PICTURE, f"larger than {LARGEST_PICTURE}: {there}"


@over(pages)
def test_links_of_pages_lead_somewhere(item):
    assert not list(broken_links(item)), f"{item.stem}: {list(broken_links(item))}"


def test_pages_have_the_values_of_the_chart():
    if suite.BLESS:
        for path, text in list(alert_pages.wanted()):
            path.write_text(text, encoding="utf-8")
    assert not alert_pages.stale(), f"run tests/chart/alert-pages: {[path.name for path in alert_pages.stale()]}"


def test_the_values_that_pages_show_are_those_by_default():
    """All of them together change nothing, so that each is the default and none is refused."""
    shown = {}
    for path in runbooks():
        for block in blocks(path.read_text(encoding="utf-8"), "yaml"):
            for kind, values in yaml.safe_load(block)["prometheusRule"]["defaultRules"].items():
                shown.setdefault(kind, {}).update(values)
    assert len(shown["for"]) == len(runbooks())
    assert alerts(defaultRules=shown) == alerts()


def test_the_chart_takes_the_example_of_a_change(helm):
    values = next(yaml.safe_load(block) for block in blocks(ALERTS.read_text(encoding="utf-8"), "yaml") if block.startswith("prometheusRule"))
    before, after = alerts(helm), alerts(helm, **values["prometheusRule"])
    changed = values["prometheusRule"]["defaultRules"]
    assert before.keys() - after.keys() == changed["disabled"].keys()
    for name, duration in changed["for"].items():
        assert before[name]["for"] != after[name]["for"] == duration
    for name, severity in changed["severity"].items():
        assert before[name]["labels"]["severity"] != after[name]["labels"]["severity"] == severity


def test_the_example_of_routing_names_alerts_that_there_are():
    block, = blocks(ALERTS.read_text(encoding="utf-8"), "yaml", "<!-- alertmanager -->")
    routing = yaml.safe_load(block)
    receivers = {it["name"] for it in routing["receivers"]}
    assert {routing["route"]["receiver"], *(it["receiver"] for it in routing["route"]["routes"])} == receivers
    for pattern in re.findall(r"alertname(?:=|=~|!~)\"([^\"]+)\"", block):
        for part in pattern.split("|"):
            assert any(re.fullmatch(part, name) for name in alerts()), f"no alert is called {part}"


def test_the_rules_for_the_go_exporters_names_fire_when_they_should():
    block, = blocks(MIGRATION.read_text(encoding="utf-8"), "yaml", "<!-- v4-rules -->")
    rules = {rule["alert"]: rule for group in yaml.safe_load(block)["groups"] for rule in group["rules"]}
    for name, rule in rules.items():
        assert not unknown(rule["expr"]), f"{name}: {unknown(rule['expr'])}"
    cases = (HERE / "migration.test.yaml").read_text(encoding="utf-8")
    fires, quiet = set(), set()
    for test in yaml.safe_load(cases)["tests"]:
        for it in test["alert_rule_test"]:
            (fires if it.get("exp_alerts") else quiet).add(it["alertname"])
    assert fires == quiet == rules.keys(), f"firing {sorted(fires)}, quiet {sorted(quiet)}"
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "v4.rules.yaml").write_text(block)
        Path(scratch, "migration.test.yaml").write_text(cases)
        judged(promtool(), "check", "rules", "v4.rules.yaml", cwd=scratch)
        judged(promtool(), "test", "rules", "migration.test.yaml", cwd=scratch)
