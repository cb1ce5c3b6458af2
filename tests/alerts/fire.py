"""Has the alerts of the chart fire on a real Prometheus that scrapes the real program on its simulators, and prints a transcript.

Every `for`, window, offset and horizon of the rules lasts SPEED times less, so that a day is a minute. The simulators' clock is the machine's, and what is
old there is old; only those of bern and graz run fast, since there must be counted what ends in a day. Each alert must fire; where no control
plane is built, those that need one are said to be skipped. On paris, which has an ordinary week, none may but those in ORDINARY.
"""

import json
import re
import sys
import time

from cluster import cluster
from rendering import dump, helms
from world import Server, World, collectors, wait_for

SPEED = 1440
# For all that can be seen at one time; a busy machine needs more than the minutes of an idle one.
PATIENCE = 420
# Seconds between two scrapes; no window is shorter than three.
SCRAPES = 5
# Where the bad night is not bad enough, or the wait would be long.
THRESHOLDS = {"queuedHours": 0.5, "slpBacklogImages": 100, "newPolicyDays": 1, "mountLagSeconds": 10}
KEY = "simulated-key"

# Alerts of a fleet, and those of the way to a configuration: they need a real Kubernetes API.
OF_THE_FLEET = {"NbuFleetMemberWithoutLease", "NbuFleetSiteAskedTwice", "NbuFleetSitesUnseen"}
OF_THE_CLUSTER = OF_THE_FLEET | {"NbuAdmissionCertificateExpiring", "NbuExporterConfigMountLagging", "NbuExporterConfigObjectMissing", "NbuExporterConfigWatchDown"}
# What fires on the site with the ordinary week, and why it must.
ORDINARY = {
    "NbuAnomalyUnreviewed": "it has anomalies on which nobody has decided",
    "NbuSlpInactiveWithBacklog": "one of its SLPs is inactive, and images wait for it",
    "NbuLicenseExpiring": "it has a licence for a trial that ends",
    "NbuTapeDriveNeedsCleaning": "one of its drives has asked to be cleaned, and nobody does",
    "NbuPolicyFailingRepeatedly": "of its backups 5 in 100 fail, each by itself: once in some dozen weeks three of one policy in a row",
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


class Stage:
    """Simulators, the exporter and Prometheus; and where there is a cluster, another exporter that follows its ConfigMap there."""

    def __init__(self, world, prometheus, cluster):
        self.world, self.binary, self.cluster = world, prometheus, cluster
        self.collectors = collectors(world.program)
        started = {
            "ordinary": self.simulator("ordinary", 4),
            "night": self.simulator("bad-night", 2),
            "fast": self.simulator("bad-night", 1, "--speed=600", "--policies=20"),
            "disaster": self.simulator("disaster", 1, "--speed=600", "--policies=20"),
            "empty": self.simulator("empty", 1),
            "expired": self.simulator("ordinary", 1, "--tls=expired"),
        }
        servers = {name: self.servers(process, count) for name, (process, count) in started.items()}
        # The hosts of a site have its number in their names: those of the night are those of the evening.
        self.evening, self.paris, self.oslo, self.rome = servers["ordinary"]
        self.lyon, self.kiel = servers["night"]
        self.bern, self.graz = servers["fast"][0], servers["disaster"][0]
        self.bonn, self.wien = servers["empty"][0], servers["expired"][0]
        self.sites = {"paris": self.paris, "lyon": self.evening, "bern": self.bern, "graz": self.graz, "kiel": self.kiel, "oslo": self.oslo, "rome": self.rome, "bonn": self.bonn, "wien": self.wien}
        # The same server as rome's, with a key that it does not know.
        self.sites["kyiv"] = self.rome
        in_20_days = int(self.wien.ask("/state")["time"] + 20 * 86400_000)
        self.wien.ask("/keys", {"expireAt": in_20_days})
        # A role that sees the keys of others, on a release that does not tell who asks.
        self.bonn.ask("/version", {"version": "12.0"})
        self.bonn.ask("/keys", {"addForeign": {"user": "somebody", "expireAt": in_20_days}})
        # A server that gives its first page again and again: the rest of its list can not be read.
        self.kiel.fault("/catalog/slp-images", "stuck-cursor")

    def simulator(self, scenario, count, *flags):
        name = f"{scenario}{''.join(flags)}"
        self.world.start(name, self.world.program, "simulate", f"--scenario={scenario}", f"--sites={count}", "--port=0", "--api-version=14.0", *flags)
        return name, count

    def servers(self, name, count):
        found = self.world.addresses(name, r"(https?)://(127\.0\.0\.1:\d+)/netbackup", count)
        return [Server(address, scheme) for scheme, address in found[:count]]

    def text(self, names=None):
        """The configuration of the sites. JSON is YAML."""
        every = {key: options | {"interval": "10s"} for key, options in self.collectors.items()}
        every["perClient"]["export"] = "overdue"
        every["tape"] |= {"media": "summary", "mediaInterval": "10s"}
        sites = [
            {"site": name, "host": it.host, "port": int(it.port), "scheme": it.scheme, "apiKey": "another-key" if name == "kyiv" else KEY, "insecureSkipVerify": it.scheme == "https"}
            for name, it in self.sites.items()
            if names is None or name in names
        ]
        return json.dumps({"server": {"collectionInterval": "10s", "scrapingInterval": "1h"}, "collectors": every, "nbuservers": sites})

    def configure(self, text=None):
        """Writes the configuration of the sites, or a text, as an editor does."""
        new = self.world.path / "config.new"
        new.write_text(self.text() if text is None else text)
        new.rename(self.config)

    def start(self):
        address, self.config = self.world.exporter("exporter", self.text())
        spec = helms()[-1].render({"prometheusRule": {"enabled": True, "defaultRules": {"thresholds": THRESHOLDS}}}).one("PrometheusRule")["spec"]
        self.alerts = {rule["alert"]: rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule}
        places = [(address, {"namespace": "monitoring", "pod": "nbu-exporter-0"})]
        if self.cluster:
            text = self.text(["paris"])
            self.cluster.write(text)
            webhook = ["--webhook.listen-address=127.0.0.1:0", f"--webhook.certificate-dir={self.cluster.ending_certificate()}"]
            address, _ = self.world.exporter("follower", text, f"--config.kubernetes={self.cluster.name}:config.yaml", *webhook, environment=self.cluster.environment())
            places.append((address, {"namespace": "monitoring", "pod": "nbu-exporter-1"}))
            places += self.fleet()
        rules = dump({"groups": accelerated(spec["groups"])})
        self.prometheus = self.world.prometheus("prometheus", self.binary, {"nbu-exporter": places}, interval=f"{SCRAPES}s", evaluation="1s", rules=rules)

    def fleet(self):
        """Two members that share two sites, in a namespace of their own, and a pod that asks both as if it were alone."""
        # Of these nothing is looked at but who shows them: the collectors as they are by default.
        text = json.dumps(json.loads(self.text(["oslo", "bonn"])) | {"collectors": {}})
        for name in ("member-0", "member-1", "stray"):
            flags = [] if name == "stray" else ["--fleet.group=nbu-exporter", "--fleet.lease-duration=10s"]
            address, _ = self.world.exporter(name, text, *flags, environment=self.cluster.environment() | {"POD_NAME": name})
            yield address, {"namespace": "fleet", "pod": name}

    def react(self, alert):
        """What is done in the cluster once an alert fires, so that the next one can."""
        match alert:
            case "NbuFleetSiteAskedTwice":
                self.cluster.forbids_leases()
            case "NbuExporterConfigMountLagging":
                self.cluster.remove()
            case "NbuExporterConfigObjectMissing":
                self.cluster.falls_silent()

    def end_exporters(self):
        for name in {"exporter", "follower", "member-0", "member-1", "stray"} & self.world.processes.keys():
            self.world.processes[name].terminate()

    def firing(self):
        return [it for it in self.prometheus.get("alerts")["alerts"] if it["state"] == "firing"]

    def value(self, query):
        return next((value for _, value in self.prometheus.instant(query)), None)


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
                    self.stage.react(labels["alertname"])

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
    if stage.cluster:
        # An edit that the kubelet does not bring to the file.
        stage.cluster.write(stage.text(["paris", "bonn"]))


def main():
    program, prometheus = sys.argv[1:]
    with World(program) as world, cluster(world.path / "cluster") as control_plane:
        stage = Stage(world, prometheus, control_plane)
        stage.start()
        skipped = set() if control_plane else OF_THE_CLUSTER
        wanted = set(stage.alerts) - skipped
        if unknown := (OF_THE_CLUSTER | set(ORDINARY)) - set(stage.alerts):
            sys.exit(f"there is no alert {sorted(unknown)}")
        print(f"A day lasts {86400 // SPEED} s. {len(stage.alerts)} alerts, of which {len(wanted)} must fire here, with {THRESHOLDS}.")
        transcript = Transcript(stage)
        wait_for("all sites", lambda: stage.value("sum(max by (site) (nbu_up))") == len(stage.sites) - 1 and stage.value("count(nbu_service_up) > 10"))
        time.sleep(5)
        night_falls(stage)
        last = {"NbuExporterConfigRejected", "NbuExporterDown", "NbuExporterAbsent"}
        missing = transcript.until(wanted - last, PATIENCE)
        stage.configure("server: {scrapingInterval: never}\n")
        missing |= transcript.until({"NbuExporterConfigRejected"}, 60)
        stage.end_exporters()
        missing |= transcript.until({"NbuExporterDown", "NbuExporterAbsent"}, 60)
    if skipped:
        print(f"\nSKIPPED {len(skipped)} alerts that need Kubernetes' API: its programs are not built; tests/cluster/tools/build control-plane: {' '.join(sorted(skipped))}")
    sys.exit(judge(transcript, missing))


def judge(transcript, missing):
    """Prints what is to be said at the end; whether all is as it must be."""
    print("\nThe ordinary week (paris):")
    for it in transcript.of("paris"):
        name = it["labels"]["alertname"]
        print(f"  {name}: {ORDINARY.get(name, 'A FALSE ALARM: ' + it['annotations']['description'])}")
    false = {it["labels"]["alertname"] for it in transcript.of("paris")} - ORDINARY.keys()
    for what, names in (("did not fire", missing), ("false alarm", false)):
        for name in sorted(names):
            print(f"FAILED: {name}: {what}")
    print(f"\n{len(transcript.names())} alerts fired, {len(missing | false)} failed")
    return 1 if missing or false else 0


if __name__ == "__main__":
    main()
