"""A real Kubernetes API for the alerts that hang on one, and the ConfigMap that an exporter follows there."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from rendering import NAMESPACE, dump, helms

CONTROL_PLANE = Path(__file__).resolve().parents[1] / "cluster" / "control-plane"
# The customary status of what was skipped.
SKIPPED = 77


@contextmanager
def cluster(folder):
    """A control plane, or None where its programs are not built."""
    done = subprocess.run([CONTROL_PLANE, "up", folder, "--owner", str(os.getpid())], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == SKIPPED:
        yield None
        return
    assert done.returncode == 0, f"the control plane does not start: {done.stderr[-600:]}"
    try:
        yield Cluster(folder)
    finally:
        subprocess.run([CONTROL_PLANE, "down", folder], capture_output=True, check=False)


class Cluster:
    """The objects of a release, as the chart makes them: its rights alone."""

    def __init__(self, folder):
        self.folder = folder
        self.kubectl_path = next(line.removeprefix("KUBECTL=") for line in (folder / "env").read_text().splitlines() if line.startswith("KUBECTL="))
        chart = helms()[-1].render({"serviceAccount": {"create": True}, "fleet": {"enabled": True}})
        role = chart.one("Role")
        self.name, self.account = role["rules"][0]["resourceNames"][0], chart.one("ServiceAccount")["metadata"]["name"]
        self.kubectl("create", "namespace", NAMESPACE)
        for kind in ("ServiceAccount", "Role", "RoleBinding"):
            self.kubectl("apply", "--filename=-", given=dump(chart.one(kind)))

    def kubectl(self, *words, given=None):
        command = [self.kubectl_path, f"--kubeconfig={self.folder / 'kubeconfig'}", f"--namespace={NAMESPACE}", *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=os.environ | {"KUBECACHEDIR": str(self.folder / "cache")})
        assert done.returncode == 0, f"kubectl {words}: {done.stderr}"
        return done.stdout

    def environment(self):
        """What a pod has: the account's token, and where it runs."""
        config = json.loads(self.kubectl("config", "view", "--raw", "--output=json"))
        config["users"][0]["user"] = {"token": self.kubectl("create", "token", self.account, "--duration=1h").strip()}
        path = self.folder / "account.kubeconfig"
        path.write_text(json.dumps(config))
        return {"KUBECONFIG": str(path), "POD_NAMESPACE": NAMESPACE}

    def ending_certificate(self):
        """A directory with a certificate that nobody renewed: it ends in three days."""
        folder = self.folder / "webhook"
        folder.mkdir()
        names = ["-subj", "/CN=webhook", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", *names], capture_output=True, check=True)
        return folder

    def write(self, text):
        """Creates the ConfigMap, or edits it."""
        self.kubectl("apply", "--filename=-", given=dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.name}, "data": {"config.yaml": text}}))

    def remove(self):
        self.kubectl("delete", "configmap", self.name)

    def forbids_leases(self):
        """Takes the right to renew a Lease away; the rest stays."""
        role = json.loads(self.kubectl("get", "role", "--output=json"))["items"][0]
        role["rules"] = [rule for rule in role["rules"] if "leases" not in rule["resources"]]
        self.kubectl("replace", "--filename=-", given=json.dumps(role))

    def falls_silent(self):
        subprocess.run([CONTROL_PLANE, "stop-apiserver", self.folder], capture_output=True, check=True)
