"""Simulated weeks at a clock that runs fast, with reloads all the time: what must not grow is measured each simulated hour.

    weeks.py PROGRAM SPEED RELOADS DAYS
"""

import json
import os
import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "dashboards"))
from world import World, collectors, log, page, site  # noqa: E402

DAY = 24
# Few policies with many jobs: what there can be of clients, statuses and types has been there after some days.
BUSY = ("--jobs-per-day=4000", "--job-retention=48", "--policies=6", "--storage-units=20")


class Weeks:
    def __init__(self, world, speed, reloads, days):
        self.world, self.speed, self.reloads, self.last = world, speed, reloads, days * DAY
        lasting = [(name, world.simulator(name, f"--scenario={name}", f"--speed={speed}", *BUSY)) for name in ("ordinary", "bad-night")]
        self.lasting = [site(name, address) for name, address in lasting]
        self.guest = site("guest", world.simulator("guest", "--jobs-per-day=100", f"--speed={speed}"))
        self.address, self.file = world.exporter("exporter", self.text(0))
        self.pid = world.processes["exporter"].pid
        self.outcomes, self.wrong, self.hours = {}, [], []

    def text(self, number):
        """Each edit brings or takes a site, or is broken."""
        sites = self.lasting + [self.guest] * (number % 2)
        every = {key: {**options, "interval": "1s"} for key, options in collectors(self.world.program).items()} if number == 0 else self.every
        self.every = every
        document = {"server": {"scrapingInterval": "1h", "collectionInterval": "1s"}, "collectors": every, "nbuservers": sites}
        return json.dumps(document) + ("" if number % 10 != 9 else "\n  broken")

    def edit(self, number):
        new = self.file.with_suffix(".new")
        new.write_text(self.text(number))
        os.replace(new, self.file)
        request = urllib.request.Request(f"http://{self.address}/-/reload", data=b"")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        self.outcomes[status] = self.outcomes.get(status, 0) + 1
        if (status == 200) == (number % 10 == 9):
            self.wrong.append(f"edit {number} was answered with {status}")

    def measure(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1000
        threads = int(next(line for line in status.splitlines() if line.startswith("Threads:")).split()[1])
        lines = [line for line in page(self.address).splitlines() if not line.startswith("#")]
        series = sum('site="guest"' not in line for line in lines)
        self.hours.append({"MB resident": resident, "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")), "threads": threads, "series": series})

    def live(self):
        begun, number = time.monotonic(), 0
        for hour in range(1, self.last + 1):
            end = begun + hour * 3600 / self.speed
            while number < self.reloads * hour // self.last:
                number += 1
                self.edit(number)
            time.sleep(max(0, end - time.monotonic()))
            self.measure()
            if hour % DAY == 0:
                log(f"day {hour // DAY}, {number} reloads: " + ", ".join(f"{value:g} {name}" for name, value in self.hours[-1].items()))
        return time.monotonic() - begun


def judge(hours):
    """(what, whether it holds): of each measure, the median of the last day against that of the day in the middle: until then there is still more to be remembered each day."""
    middle = len(hours) // 2 // DAY * DAY
    for name in hours[0]:
        before, last = (statistics.median(hour[name] for hour in hours[begin : begin + DAY]) for begin in (middle, len(hours) - DAY))
        yield f"{name}: median {before:g} on day {middle // DAY + 1}, {last:g} on the last; at most {max(hour[name] for hour in hours):g}", last <= 1.05 * before + 1


def main():
    program, (speed, reloads, days) = sys.argv[1], map(int, sys.argv[2:])
    with World(program) as world:
        weeks = Weeks(world, speed, reloads, days)
        log(f"{days} days in {weeks.last * 3600 / speed / 60:.0f} minutes")
        took = weeks.live()
        log(f"{took:.0f} s; answers to reloads: {weeks.outcomes}")
        judged = [*judge(weeks.hours), (f"{reloads} reloads had the outcome of their edit" if not weeks.wrong else "; ".join(weeks.wrong[:5]), not weeks.wrong)]
    for said, holds in judged:
        print("ok   " if holds else "FAILED:", said)
    failed = sum(not holds for _, holds in judged)
    print(f"soak: {len(judged) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
