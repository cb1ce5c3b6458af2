"""Measures how soon the exporter answers a change, from outside of it and on one clock (the node is this machine).

measure.py edits|swaps|hangups NODE NAMESPACE CONFIGMAP POD: prints lines `WHAT<tab>VALUE`.

edits    a PATCH of the ConfigMap: from the moment at which the API server's answer is read
         `told`  to the exporter's own log line about it, which it writes when the configuration is in use
         `seen`  to the first scrape that shows it, the scrape's own time included
swaps    the same, and the pod annotated: from the kubelet's rename of `..data` to the counted outcome, as scraped
hangups  SIGHUP sent to the process: from just before the system call to the log line with the outcome
"""

import base64
import datetime
import hashlib
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

COUNT = {"edits": 200, "swaps": 5, "hangups": 100}
PATIENCE = 120.0


class Api:
    """The API server over one connection, as administrator."""

    def __init__(self, node):
        kubectl = subprocess.run(
            ["sh", "-c", f'. "{node}/env"; "$KUBECTL" --kubeconfig "{node}/kubeconfig" config view --raw -o json'],
            check=True, capture_output=True).stdout
        config = json.loads(kubectl)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        server = urllib.parse.urlsplit(cluster["server"])
        self.connection = http.client.HTTPSConnection(server.hostname, server.port, context=context, timeout=PATIENCE)

    def call(self, method, path, body=None):
        """The parsed answer, and when its head was read."""
        self.connection.request(method, path, json.dumps(body) if body else None,
                                {"Content-Type": "application/merge-patch+json"})
        answer = self.connection.getresponse()
        answered = time.time()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text), answered


class Exporter:
    """The exporter in its pod: its page, its log file and its process, all seen from the node."""

    def __init__(self, api, node, namespace, pod):
        self.pod = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        found, _ = api.call("GET", self.pod)
        self.uid = found["metadata"]["uid"]
        self.connection = http.client.HTTPConnection(found["status"]["podIP"], 9440, timeout=PATIENCE)
        self.log = pathlib.Path(node, "log/pods", f"{namespace}_{pod}_{self.uid}", "exporter/0.log")
        volumes = pathlib.Path(node, "lib/kubelet/pods", self.uid, "volumes")
        self.link = volumes / "kubernetes.io~configmap/config/..data"

    def page(self):
        self.connection.request("GET", "/metrics")
        return self.connection.getresponse().read().decode()

    def process(self):
        """The process' number on this machine."""
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if command[1:2] == [b"run"] and self.uid in (entry / "cgroup").read_text():
                    return int(entry.name)
            except OSError:
                continue
        raise SystemExit("the exporter's process is not found")

    def wait_for_page(self, what, condition):
        """The moment after the first scrape that fulfils the condition."""
        deadline = time.monotonic() + PATIENCE
        while not condition(self.page()):
            if time.monotonic() > deadline:
                raise SystemExit(f"not within {PATIENCE} s: {what}")
            time.sleep(0.001)
        return time.time()

    def wait_for_line(self, offset, *parts):
        """The first line with all parts behind the offset of the log, and the time stamp that the exporter gave it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with open(self.log, "rb") as log:
                log.seek(offset)
                # The last piece may be half a line.
                for line in log.read().decode().split("\n")[:-1]:
                    if all(part in line for part in parts):
                        return stamp(re.search(r"\bts=(\S+)", line).group(1)), line
            time.sleep(0.005)
        raise SystemExit(f"not logged within {PATIENCE} s: {parts}")


def stamp(text):
    """Seconds of an RFC 3339 time; Python's own parser knows no nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + float("0." + (fraction or "0"))


def sample(page, series):
    for line in page.splitlines():
        if line.startswith(series + " "):
            return float(line.split(" ")[-1])
    return None


class ConfigMap:
    """The ConfigMap, edited by turns and given back as it was."""

    def __init__(self, api, namespace, name):
        self.api, self.path = api, f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        self.original = api.call("GET", self.path)[0]["data"]["config.yaml"]

    def edit(self, number):
        """The digest of a new text, and when the API server had answered."""
        text = re.sub(r"scrapingInterval: \S+", f"scrapingInterval: {number + 61}m", self.original)
        return self.write(text)

    def write(self, text):
        _, answered = self.api.call("PATCH", self.path, {"data": {"config.yaml": text}})
        return hashlib.sha256(text.encode()).hexdigest()[:12], answered

    def restore(self):
        return self.write(self.original)


def runs(digest):
    return lambda page: f'hash="{digest}"' in page


def edits(exporter, config_map):
    told, seen = [], []
    for number in range(COUNT["edits"]):
        offset = exporter.log.stat().st_size
        digest, answered = config_map.edit(number)
        seen.append(exporter.wait_for_page(f"{digest} runs", runs(digest)) - answered)
        told.append(exporter.wait_for_line(offset, f"hash={digest}", "outcome=applied")[0] - answered)
        time.sleep(0.05)
    digest, _ = config_map.restore()
    exporter.wait_for_page("the original runs", runs(digest))
    report("object edit answered -> applied (told)", told)
    report("object edit answered -> applied (seen by a scrape)", seen)


LOOKS = [f'nbu_exporter_config_reloads_total{{outcome="{outcome}",trigger="file"}}'
         for outcome in ("unchanged", "superseded")]


def swaps(exporter, config_map):
    found, outcomes = [], set()
    for number in range(COUNT["swaps"]):
        before = [sample(exporter.page(), look) for look in LOOKS]
        link = os.readlink(exporter.link)
        digest, _ = config_map.edit(number + 100)
        exporter.wait_for_page(f"{digest} runs", runs(digest))
        config_map.api.call("PATCH", exporter.pod, {"metadata": {"annotations": {"nbu-exporter.test/swap": str(number)}}})
        deadline = time.monotonic() + PATIENCE
        while os.readlink(exporter.link) == link:
            if time.monotonic() > deadline:
                raise SystemExit("the kubelet does not swap")
            time.sleep(0.001)
        swapped = os.lstat(exporter.link).st_ctime_ns / 1e9
        changed = lambda page: [sample(page, look) for look in LOOKS] != before
        found.append(exporter.wait_for_page("the swap is counted", changed) - swapped)
        after = [sample(exporter.page(), look) for look in LOOKS]
        outcomes.add("unchanged" if after[0] > before[0] else "superseded")
    config_map.restore()
    report(f"kubelet swap -> outcome ({', '.join(sorted(outcomes))}; seen by a scrape)", found)


def hangups(exporter, _):
    found, outcomes, process = [], set(), exporter.process()
    for _ in range(COUNT["hangups"]):
        offset = exporter.log.stat().st_size
        sent = time.time()
        os.kill(process, signal.SIGHUP)
        told, line = exporter.wait_for_line(offset, "trigger=signal")
        found.append(told - sent)
        outcomes.add(re.search(r"outcome=(\w+)", line).group(1))
        time.sleep(0.05)
    report(f"SIGHUP -> outcome ({', '.join(sorted(outcomes))}; told)", found)


def report(what, seconds):
    values = sorted(1000 * value for value in seconds)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    print(f"{what}\tp50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, worst {values[-1]:.1f} ms of {len(values)}")


def main():
    what, node, namespace, name, pod = sys.argv[1:]
    api = Api(node)
    exporter, config_map = Exporter(api, node, namespace, pod), ConfigMap(api, namespace, name)
    {"edits": edits, "swaps": swaps, "hangups": hangups}[what](exporter, config_map)


if __name__ == "__main__":
    main()
