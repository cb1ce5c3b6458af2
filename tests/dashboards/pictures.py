"""Draws boards, and the panels that answer the questions of docs/questions.md, and has Chromium take pictures of them.

    pictures.py PROGRAM PROMETHEUS FOLDER WHAT...    WHAT is boards, fifty-sites or questions
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

from drawing import page, some  # noqa: E402
from grafana import BOARDS, ROOT, panels  # noqa: E402
from world import Server, World, config, free_port, log, page as scraped, site, wait_for  # noqa: E402


FILES = ("overview", "protection", "storage", "site", "exporter-health")
# Of history that is waited for and shown.
MINUTES = 6


def board(file):
    return json.loads((BOARDS / f"{file}.json").read_text(encoding="utf-8"))


def chromium():
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def photograph(text, width, height, target):
    """A picture of a page; small, since it has few colours."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="nbu-pictures.") as scratch:
        source, taken = Path(scratch, "page.html"), Path(scratch, "taken.png")
        source.write_text(text, encoding="utf-8")
        command = [
            chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", f"--user-data-dir={scratch}/profile", f"--window-size={width},{height}", f"--screenshot={taken}", source.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert taken.exists(), done.stderr[-2000:]
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(taken).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)
    log(f"{target.name}: {target.stat().st_size // 1024} kB, {width}×{height} px")


def moment(prometheus):
    """A moment before which the last scrape brought something: on a busy machine one may not end in time."""

    def look():
        at = time.time() - 3
        return at if prometheus.instant("min(up) == 1", at) else None

    return wait_for("a scrape", look)


def picture(prometheus, file, choice, minutes, target):
    end = moment(prometheus)
    photograph(*page(board(file), prometheus, choice, end - 60 * minutes, end), target)


def questions():
    """(title, panels as (board, panel), name of the picture) of each question, as the page has them."""
    boards = {it["title"].split(" / ")[-1]: it for it in map(board, FILES)}
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        found = []
        for part in re.search(r"^- Board: (.*)$", section, re.MULTILINE)[1].split("; "):
            name, *titles = re.split(r", \*|\*", part.rstrip("*"))
            by_title = {it["title"]: it for it in panels(boards[name])}
            found += [(boards[name], by_title[title]) for title in titles if title]
        yield section.splitlines()[0], found, re.search(r"\(pictures/(questions/[\w-]+\.png)\)", section)[1]


def read_back(address, sites):
    return len(re.findall(r"^nbu_backup_history_read_ratio.* 1$", scraped(address), re.MULTILINE)) == sites


def watched(world, name, sites, server, read=None, interval="5s"):
    """A Prometheus that scrapes an exporter of these sites, which has read all that there is at all of them, or at so many."""
    address, _ = world.exporter(name, config(world.program, sites, interval="20s"))
    log(f"{name}: waiting until all is read back")
    wait_for("the end of the read-back", lambda: read_back(address, read or len(sites)), seconds=900)
    return world.prometheus(f"prometheus-{name}", server, {"backup-nbu-exporter": [(address, {"pod": "backup-nbu-exporter-0"})]}, interval=interval)


def one_bad_night(program, server, folder):
    with World(program) as world:
        sites = [site("lyon", world.simulator("lyon", "--scenario=bad-night", "--tls=valid"), "https"), site("paris", world.simulator("paris", "--scenario=ordinary", "--seed=7", "--tls=valid"), "https")]
        prometheus = watched(world, "two-sites", sites, server)
        time.sleep(60 * MINUTES)
        for file in FILES:
            picture(prometheus, file, {"site": ["lyon"]} if file == "site" else {}, MINUTES, folder / f"{file}.png")


def answers(program, server, folder):
    """The bad night with all that it can have, a site that nobody reaches, and one whose key is refused."""
    with World(program) as world:
        lyon = world.simulator("lyon", "--scenario=disaster", "--tls=valid")
        paris = world.simulator("paris", "--scenario=ordinary", "--seed=7", "--tls=valid")
        sites = [
            site("lyon", lyon, "https"), site("paris", paris, "https"), site("rome", paris, "https") | {"apiKey": "another-key"},
            site("oslo", f"127.0.0.1:{free_port()}"),
        ]  # fmt: skip
        Server(lyon, "https").ask("/permissions", {"denied": ["/licensing", "/security/mpa-tickets"]})
        prometheus = watched(world, "answers", sites, server, read=2)
        time.sleep(60 * MINUTES)
        end = moment(prometheus)
        for title, found, name in questions():
            log(title)
            photograph(*some(found, prometheus, end - 60 * MINUTES, end), folder / name)


def fifty_sites(program, server, folder):
    """Most are well, and some have the bad night. The overview is for the documents, the others to look at."""
    with World(program) as world:
        sites = []
        for name, scenario, count in (("ill", "bad-night", 4), ("well", "ordinary", 46)):
            world.simulator(name, f"--scenario={scenario}", f"--sites={count}", "--jobs-per-day=300", "--job-retention=48", "--policies=24", "--tls=off", f"--seed={count}")
            wait_for("all servers", lambda name=name, count=count: len(addresses(world, name)) == count)
            sites += [(address, scenario) for address in addresses(world, name)]
        # The bad ones stand somewhere between the others.
        order = sorted(range(50), key=lambda number: number * 17 % 50)
        sites = [site(f"site-{place + 1:02}", sites[number][0]) for place, number in enumerate(order)]
        prometheus = watched(world, "fifty-sites", sites, server, interval="15s")
        time.sleep(60)
        for file in FILES:
            place = folder if file == "overview" else ROOT / "target" / "pictures"
            picture(prometheus, file, {"site": ["site-01"]} if file == "site" else {}, 1, place / f"{file}-50-sites.png")


def addresses(world, name):
    return re.findall(r"http://(127\.0\.0\.1:\d+)/netbackup", (world.path / f"{name}.log").read_text(errors="replace"))


if __name__ == "__main__":
    for what in sys.argv[4:]:
        {"boards": one_bad_night, "fifty-sites": fifty_sites, "questions": answers}[what](sys.argv[1], sys.argv[2], Path(sys.argv[3]))
