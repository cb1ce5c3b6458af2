"""Has the alerts of the chart fire on a real Prometheus that scrapes the real program on its simulators, and prints a transcript.

Every `for`, window, offset and horizon of the rules lasts SPEED times less, so that a day is a minute. The simulators' clock is the machine's, and what is
old there is old; only bern's runs fast, since it must count what ends in a day. Each alert must fire, or stand in UNSEEN or PERHAPS with the
reason; and on paris, which has an ordinary week, none may but those in ORDINARY.
"""

import json
import re
import ssl
import sys
import time
import urllib.request

from rendering import dump, helms
from world import World, wait_for

SPEED = 1440
# For all that can be seen at one time; a busy machine needs more than the minutes of an idle one.
PATIENCE = 420
# Seconds between two scrapes; no window is shorter than three.
SCRAPES = 5
# Where the bad night is not bad enough, or the wait would be long.
THRESHOLDS = {"queuedHours": 0.5, "slpBacklogImages": 100, "newPolicyDays": 1}
KEY = "simulated-key"

# Alerts that are not seen here, and why.
UNSEEN = {
    "NbuDiskPoolDown": "the simulator's pools are all up",
    "NbuDiskPoolAlmostFull": "of the simulator's pools one is full, and no other is near its mark",
    "NbuDiskPoolVolumeDown": "the simulator's pools have no volume that is not up",
    "NbuCaCertificateExpiring": "the simulator's authority ends in years",
    "NbuHostCertificateNotRenewed": "the simulator's certificates end in more than 150 days, or within 30",
    "NbuBackupFailureRateCritical": "in the bad night fewer than half of the backups fail",
    "NbuApiKeyEndUnknown": "the simulator shows each key its own end",
    "NbuExporterConfigObjectMissing": "needs Kubernetes' API",
    "NbuExporterConfigMountLagging": "needs Kubernetes' API",
    "NbuExporterConfigWatchDown": "needs Kubernetes' API",
}
# What may fire or not, and what it hangs on.
PERHAPS = {
    "NbuDiskPoolFullInAWeek": "fires if a pool of bern fills while this runs",
    "NbuCollectorTruncated": "fires if more jobs of bern end by its fast clock than a run may read",
}
# What fires on the site with the ordinary week, and why it must.
ORDINARY = {
    "NbuAnomalyUnreviewed": "it has anomalies on which nobody has decided",
    "NbuSlpInactiveWithBacklog": "one of its SLPs is inactive, and images wait for it",
    "NbuLicenseExpiring": "it has a licence for a trial that ends",
    "NbuTapeDriveNeedsCleaning": "one of its drives has asked to be cleaned, and nobody does",
    "NbuNoJobsFinished": "its jobs end by the machine's clock, and the day of the rules is a minute",
}


def faster(duration, least=0.001):
    """A duration of Prometheus, by the fast clock, in seconds at least `least`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    whole = sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhdw])", duration))
    return f"{round(max(whole / SPEED, least) * 1000)}ms"


def accelerated(groups):
    """The rules by the fast clock."""
    for rule in (rule for group in groups for rule in group["rules"]):
        expr = re.sub(r"\[(\w+)\]", lambda found: f"[{faster(found.group(1), 3 * SCRAPES)}]", rule["expr"])
        expr = re.sub(r"offset (\w+)", lambda found: f"offset {faster(found.group(1))}", expr)
        expr = re.sub(r"(predict_linear\([^,]+, )([^)]+)\)", rf"\1\2 / {SPEED})", expr)
        rule["expr"] = expr
        if "for" in rule:
            rule["for"] = faster(rule["for"])
    return groups


# One of the simulators shows a certificate that has ended.
ANY_CERTIFICATE = ssl.create_default_context()
ANY_CERTIFICATE.check_hostname, ANY_CERTIFICATE.verify_mode = False, ssl.CERT_NONE


def fetch(url, body=None, method=None):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=20, context=ANY_CERTIFICATE) as answer:
        return answer.read().decode()


class Server:
    """A simulated primary server."""

    def __init__(self, address, scheme="http"):
        self.host, self.port = address.split(":")
        self.scheme, self.control = scheme, f"{scheme}://{address}/simulator"

    def ask(self, path, body=None, method=None):
        return json.loads(fetch(self.control + path, body, method))

    def fault(self, path, kind, **more):
        self.ask("/faults", {"path": path, "fault": kind, **more})


class Stage:
    """Simulators, the exporter and Prometheus."""

    def __init__(self, world, prometheus):
        self.world, self.binary = world, prometheus
        started = {
            "ordinary": self.simulator("ordinary", 4),
            "night": self.simulator("bad-night", 1),
            "fast": self.simulator("bad-night", 1, "--speed=600", "--policies=20"),
            "empty": self.simulator("empty", 1),
            "expired": self.simulator("ordinary", 1, "--tls=expired"),
        }
        servers = {name: self.servers(process, count) for name, (process, count) in started.items()}
        # The hosts of a site have its number in their names: those of the night are those of the evening.
        self.evening, self.paris, self.oslo, self.rome = servers["ordinary"]
        self.lyon, self.bern = servers["night"][0], servers["fast"][0]
        self.bonn, self.wien = servers["empty"][0], servers["expired"][0]
        self.sites = {"paris": self.paris, "lyon": self.evening, "bern": self.bern, "oslo": self.oslo, "rome": self.rome, "bonn": self.bonn, "wien": self.wien}
        # The same server as rome's, with a key that it does not know.
        self.sites["kyiv"] = self.rome
        self.wien.ask("/keys", {"expireAt": int(self.wien.ask("/state")["time"] + 20 * 86400_000)})

    def simulator(self, scenario, count, *flags):
        name = f"{scenario}{''.join(flags)}"
        self.world.start(name, self.world.program, "simulate", f"--scenario={scenario}", f"--sites={count}", "--port=0", "--api-version=14.0", *flags)
        return name, count

    def servers(self, name, count):
        found = self.world.addresses(name, r"(https?)://(127\.0\.0\.1:\d+)/netbackup", count)
        return [Server(address, scheme) for scheme, address in found[:count]]

    def text(self):
        """The configuration of the sites. JSON is YAML."""
        collectors = {key: {"enabled": True, "interval": "10s"} for key in COLLECTORS}
        collectors["perClient"] |= {"export": "overdue", "allowlist": ["*"]}
        collectors["tape"] |= {"media": "summary", "mediaInterval": "10s"}
        sites = [
            {"site": name, "host": it.host, "port": int(it.port), "scheme": it.scheme, "apiKey": "another-key" if name == "kyiv" else KEY, "insecureSkipVerify": it.scheme == "https"}
            for name, it in self.sites.items()
        ]
        return json.dumps({"server": {"collectionInterval": "10s", "scrapingInterval": "1h"}, "collectors": collectors, "nbuservers": sites})

    def configure(self, text=None):
        """Writes the configuration of the sites, or a text, as an editor does."""
        new = self.world.path / "config.new"
        new.write_text(self.text() if text is None else text)
        new.rename(self.config)

    def start(self):
        address, self.config = self.world.exporter("exporter", self.text())
        spec = helms()[-1].render({"prometheusRule": {"enabled": True, "defaultRules": {"thresholds": THRESHOLDS}}}).one("PrometheusRule")["spec"]
        self.alerts = {rule["alert"]: rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule}
        places = {"nbu-exporter": [(address, {"namespace": "monitoring", "pod": "nbu-exporter-0"})]}
        rules = dump({"groups": accelerated(spec["groups"])})
        self.prometheus = self.world.prometheus("prometheus", self.binary, places, interval=f"{SCRAPES}s", evaluation="1s", rules=rules)

    def end_exporter(self):
        self.world.processes["exporter"].terminate()

    def firing(self):
        return [it for it in self.prometheus.get("alerts")["alerts"] if it["state"] == "firing"]

    def value(self, query):
        return next((value for _, value in self.prometheus.instant(query)), None)


COLLECTORS = (
    "protection perClient catalogBackup diskPools servers slp certificates server tape services malware anomalies alerts notifications catalog slo licensing posture"
).split()


class Transcript:
    """What fired, in the order in which it did."""

    def __init__(self, stage):
        self.stage, self.began, self.told = stage, time.monotonic(), {}

    def look(self):
        for it in self.stage.firing():
            labels = it["labels"]
            key = json.dumps(labels, sort_keys=True)
            if key not in self.told:
                self.told[key] = it
                if labels["alertname"] not in {other["labels"]["alertname"] for other in list(self.told.values())[:-1]}:
                    self.tell(it)

    def tell(self, it):
        labels, annotations = dict(it["labels"]), it["annotations"]
        name, severity = labels.pop("alertname"), labels.pop("severity")
        print(f"\n[{time.monotonic() - self.began:4.0f} s] {name} ({severity}) {json.dumps(labels, ensure_ascii=False)}")
        print(f"         {annotations['summary']}")
        print(f"         {annotations['description']}", flush=True)

    def names(self):
        return {it["labels"]["alertname"] for it in self.told.values()}

    def of(self, site):
        return sorted((it for it in self.told.values() if it["labels"].get("site") == site), key=lambda it: it["labels"]["alertname"])

    def until(self, wanted, patience):
        end = time.monotonic() + patience
        while not wanted <= self.names() and time.monotonic() < end:
            self.look()
            time.sleep(0.3)
        return wanted - self.names()


def night_falls(stage):
    """What is done to the sites, once all is well."""
    stage.oslo.fault("", "status", code=503)
    stage.rome.ask("/permissions", {"denied": ["/storage/tape-media"]})
    stage.rome.fault("/storage/disk-pools", "status", code=500)
    stage.rome.fault("/licensing", "stall")
    stage.sites["lyon"] = stage.lyon
    stage.configure()


def main():
    program, prometheus = sys.argv[1:]
    with World(program) as world:
        stage = Stage(world, prometheus)
        stage.start()
        wanted = set(stage.alerts) - set(UNSEEN) - set(PERHAPS)
        if unknown := (set(UNSEEN) | set(PERHAPS) | set(ORDINARY)) - set(stage.alerts):
            sys.exit(f"there is no alert {sorted(unknown)}")
        print(f"A day lasts {86400 // SPEED} s. {len(stage.alerts)} alerts, of which {len(wanted)} must fire here, with {THRESHOLDS}.")
        transcript = Transcript(stage)
        wait_for("all sites", lambda: stage.value("sum(nbu_up)") == len(stage.sites) - 1 and stage.value("count(nbu_service_up) > 10"))
        time.sleep(5)
        night_falls(stage)
        last = {"NbuExporterConfigRejected", "NbuExporterDown", "NbuExporterAbsent"}
        missing = transcript.until(wanted - last, PATIENCE)
        stage.configure("server: {scrapingInterval: never}\n")
        missing |= transcript.until({"NbuExporterConfigRejected"}, 60)
        stage.end_exporter()
        missing |= transcript.until({"NbuExporterDown", "NbuExporterAbsent"}, 60)
    sys.exit(judge(transcript, missing))


def judge(transcript, missing):
    """Prints what is to be said at the end; whether all is as it must be."""
    print("\nNot seen here:")
    for name, why in (UNSEEN | {name: why for name, why in PERHAPS.items() if name not in transcript.names()}).items():
        print(f"  {name}: {why}")
    print("\nThe ordinary week (paris):")
    for it in transcript.of("paris"):
        name = it["labels"]["alertname"]
        print(f"  {name}: {ORDINARY.get(name, 'A FALSE ALARM: ' + it['annotations']['description'])}")
    false = {it["labels"]["alertname"] for it in transcript.of("paris")} - ORDINARY.keys()
    seen = transcript.names() & UNSEEN.keys()
    for what, names in (("did not fire", missing), ("fired, and is in UNSEEN", seen), ("false alarm", false)):
        for name in sorted(names):
            print(f"FAILED: {name}: {what}")
    print(f"\n{len(transcript.names())} alerts fired, {len(missing | seen | false)} failed")
    return 1 if missing or seen or false else 0


if __name__ == "__main__":
    main()
