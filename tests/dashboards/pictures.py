"""Draws boards and has Chromium take pictures of them.

    pictures.py PROGRAM PROMETHEUS FOLDER [MINUTES]

MINUTES of history are waited for and shown (default 6).
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

from drawing import WIDE, page  # noqa: E402
from grafana import BOARDS  # noqa: E402
from world import World, config, log, page as scraped, site, wait_for  # noqa: E402


def board(file):
    return json.loads((BOARDS / f"{file}.json").read_text(encoding="utf-8"))


def chromium():
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def photograph(text, height, target):
    """A picture of a page; small, since it has few colours."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="nbu-pictures.") as scratch:
        source, taken = Path(scratch, "page.html"), Path(scratch, "taken.png")
        source.write_text(text, encoding="utf-8")
        command = [
            chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", f"--user-data-dir={scratch}/profile", f"--window-size={WIDE},{height}", f"--screenshot={taken}", source.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert taken.exists(), done.stderr[-2000:]
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(taken).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


def picture(prometheus, file, choice, minutes, target):
    end = time.time() - 3
    text, height = page(board(file), prometheus, choice, end - 60 * minutes, end)
    photograph(text, height, target)
    log(f"{target.name}: {target.stat().st_size // 1024} kB, {height} px")


def read_back(address, sites):
    return len(re.findall(r"^nbu_backup_history_read_ratio.* 1$", scraped(address), re.MULTILINE)) == sites


def watched(world, name, sites, server):
    """A Prometheus that scrapes an exporter of these sites, which has read all that there is."""
    address, _ = world.exporter(name, config(sites, interval="20s"))
    log(f"{name}: waiting until all is read back")
    wait_for("the end of the read-back", lambda: read_back(address, len(sites)), seconds=900)
    return world.prometheus(f"prometheus-{name}", server, {"backup-nbu-exporter": [(address, {"pod": "backup-nbu-exporter-0"})]}, interval="3s")


def one_bad_night(program, server, folder, minutes):
    with World(program) as world:
        sites = [site("lyon", world.simulator("lyon", "--scenario=bad-night", "--tls=valid"), "https"), site("paris", world.simulator("paris", "--scenario=ordinary", "--seed=7", "--tls=valid"), "https")]
        prometheus = watched(world, "two-sites", sites, server)
        time.sleep(60 * minutes)
        for file in ("overview", "protection", "storage", "site", "exporter-health"):
            picture(prometheus, file, {"site": ["lyon"]} if file == "site" else {}, minutes, folder / f"{file}.png")


def fifty_sites(program, server, folder):
    """Most are well, and some have the bad night."""
    with World(program) as world:
        sites = []
        for name, scenario, count in (("ill", "bad-night", 4), ("well", "ordinary", 46)):
            world.simulator(name, f"--scenario={scenario}", f"--sites={count}", "--jobs-per-day=300", "--job-retention=48", "--policies=24", "--tls=off", f"--seed={count}")
            wait_for("all servers", lambda name=name, count=count: len(addresses(world, name)) == count)
            sites += [(address, scenario) for address in addresses(world, name)]
        # The bad ones stand somewhere between the others.
        order = sorted(range(50), key=lambda number: number * 17 % 50)
        sites = [site(f"site-{place + 1:02}", sites[number][0]) for place, number in enumerate(order)]
        prometheus = watched(world, "fifty-sites", sites, server)
        time.sleep(60)
        picture(prometheus, "overview", {}, 1, folder / "overview-50-sites.png")


def addresses(world, name):
    return re.findall(r"http://(127\.0\.0\.1:\d+)/netbackup", (world.path / f"{name}.log").read_text(errors="replace"))


if __name__ == "__main__":
    given = sys.argv[4:]
    one_bad_night(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(given[0]) if given else 6)
    fifty_sites(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
