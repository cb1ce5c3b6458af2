"""What is asked: simulated primary servers, exporters that read them, and Prometheus that scrapes these."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

# One that fires at once, for the table of alerts.
RULES = """
groups:
  - name: nbu
    rules:
      - alert: NbuCatalogBackupTooOld
        expr: time() - max by (site) (nbu_catalog_backup_last_timestamp_seconds{result="success"}) > 36 * 3600
        labels: {severity: critical}
"""


def log(text):
    print(f"[{time.strftime('%T')}] {text}", flush=True)


class World:
    """Processes in a scratch folder; all end with it."""

    def __init__(self, program):
        self.program, self.processes = program, {}
        self.folder = tempfile.TemporaryDirectory(prefix="nbu-dashboards.")
        self.path = Path(self.folder.name)

    def __enter__(self):
        # Whoever is ended ends what it began.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, kind, error, trace):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind:
            for path in sorted(self.path.glob("*.log")):
                print(f"--- {path.name}\n{''.join(path.read_text(errors='replace').splitlines(True)[-5:])}", end="")
        self.folder.cleanup()

    def start(self, name, *command, environment=None):
        with (self.path / f"{name}.log").open("wb") as output:
            self.processes[name] = subprocess.Popen([str(it) for it in command], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=os.environ | (environment or {}))
        return self.processes[name]

    def address(self, name, pattern):
        """The address that stands behind the pattern in the log of a process: each takes a free port."""
        return self.addresses(name, pattern + r"(127\.0\.0\.1:\d+)", 1)[0]

    def addresses(self, name, pattern, count):
        """What the pattern finds in the log of a process, once it is there so often."""
        path, process = self.path / f"{name}.log", self.processes[name]

        def look():
            assert process.poll() is None, f"{name} ended: {path.read_text(errors='replace')[-600:]}"
            found = re.findall(pattern, path.read_text(errors="replace"))
            return found if len(found) >= count else None

        return wait_for(f"the addresses of {name}", look)

    def simulator(self, name, *options):
        self.start(name, self.program, "simulate", "--api-version=14.0", "--listen=127.0.0.1", "--port=0", *options)
        return self.address(name, r"https?://")

    def exporter(self, name, config, *flags, environment=None):
        path = self.path / f"{name}.yaml"
        path.write_text(config)
        self.start(name, self.program, "run", f"--config={path}", "--web.listen-address=127.0.0.1:0", *flags, environment=environment)
        return self.address(name, r"Listening.*address=\"?"), path

    def prometheus(self, name, program, targets, *, interval="5s", evaluation=None, rules=RULES, storage=None):
        """`targets`: for each job its (address, labels)."""
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [address], "labels": labels} for address, labels in places]}
            for job, places in targets.items()
        ]  # fmt: skip
        (self.path / f"{name}.rules.yaml").write_text(rules)
        document = {"global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": evaluation or interval}, "rule_files": [f"{name}.rules.yaml"], "scrape_configs": jobs}
        (self.path / f"{name}.yaml").write_text(json.dumps(document))
        # Prometheus can not say which free port it took.
        address = f"127.0.0.1:{free_port()}"
        self.start(
            name, program, f"--config.file={self.path / f'{name}.yaml'}", f"--storage.tsdb.path={storage or self.path / f'{name}.data'}", f"--web.listen-address={address}",
            "--storage.tsdb.retention.time=60d",
        )  # fmt: skip
        process = self.processes[name]

        def ready():
            assert process.poll() is None, (self.path / f"{name}.log").read_text()[-600:]
            return Prometheus(address).up()

        wait_for(name, ready)
        return Prometheus(address)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_for(what, look, seconds=400):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {what}")


def site(name, address, scheme="http"):
    host, port = address.split(":")
    return {"site": name, "scheme": scheme, "host": host, "port": int(port), "apiKey": "simulated-key", "insecureSkipVerify": True}


def collectors(program):
    """The section of all collectors that the program has, each on and with all that it can give."""
    schema = json.loads(subprocess.run([program, "schema"], stdout=subprocess.PIPE, check=True).stdout)
    found = {key: {"enabled": True} for key in schema["properties"]["collectors"]["properties"]}
    found["perClient"] |= {"export": "all", "allowlist": ["*"]}
    found["tape"] |= {"media": "all"}
    return found


def config(program, sites, interval="10s"):
    every = collectors(program)
    every["protection"]["interval"] = "10s"
    # JSON is YAML.
    return json.dumps({"server": {"scrapingInterval": "24h", "collectionInterval": interval}, "metrics": {"names": "native"}, "collectors": every, "nbuservers": sites})


def page(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        return answer.read().decode()


class Server:
    """A simulated primary server, and what is done to it."""

    # Some show a certificate that has ended, or that nobody knows.
    ANY_CERTIFICATE = ssl.create_default_context()
    ANY_CERTIFICATE.check_hostname, ANY_CERTIFICATE.verify_mode = False, ssl.CERT_NONE

    def __init__(self, address, scheme="http"):
        self.host, self.port = address.split(":")
        self.scheme, self.control = scheme, f"{scheme}://{address}/simulator"

    def ask(self, path, body=None):
        request = urllib.request.Request(self.control + path, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20, context=self.ANY_CERTIFICATE) as answer:
            return json.load(answer)

    def fault(self, path, kind, **more):
        self.ask("/faults", {"path": path, "fault": kind, **more})


class Refused(Exception):
    """Prometheus' own words about a query."""


class Prometheus:
    def __init__(self, address):
        self.address, self.warnings = address, set()

    def up(self):
        try:
            return self.get("status/buildinfo")
        except (OSError, Refused, ValueError):
            return None

    def get(self, path, **parameters):
        text = urllib.parse.urlencode(parameters, doseq=True).encode()
        # As a form, for the length of the queries; what has no parameters takes GET alone.
        request = urllib.request.Request(f"http://{self.address}/api/v1/{path}", data=text or None)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]) from None
        for word in (*found.get("warnings", []), *found.get("infos", [])):
            raise Refused(f"Prometheus warns: {word}")
        return found["data"]

    def instant(self, query, at=None):
        """[(labels, value)]"""
        found = self.get("query", query=query, **({"time": at} if at else {}))
        return [(it["metric"], float(it["value"][1])) for it in found["result"]]

    def range(self, query, start, end, step):
        """[(labels, [(time, value)])]"""
        found = self.get("query_range", query=query, start=start, end=end, step=step)
        return [(it["metric"], [(at, float(value)) for at, value in it["values"]]) for it in found["result"]]

    def label_values(self, label, selector):
        request = f"http://{self.address}/api/v1/label/{label}/values?{urllib.parse.urlencode({'match[]': selector})}"
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def version(self):
        return self.get("status/buildinfo")["version"]
