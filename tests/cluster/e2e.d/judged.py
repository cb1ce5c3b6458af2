"""How long the webhook takes to judge an edit, asked as the API server asks it.

judged.py ADDRESS PORT HOST BUNDLE NAMESPACE NAME < the configuration

A thousand questions on one connection, and a thousand on a connection each, with its handshake; every other text is a bad one. Prints lines
`what<TAB>value`. It fails where an answer is not the right one.
"""

import http.client
import json
import socket
import ssl
import sys
import time

TIMES = 1000


class Webhook(http.client.HTTPSConnection):
    """A connection to an address that shows the certificate of another name."""

    def __init__(self, address, port, host, context):
        super().__init__(host, port, timeout=30, context=context)
        self.address = address

    def connect(self):
        plain = socket.create_connection((self.address, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


def question(namespace, name, text):
    def configmap(text):
        metadata = {"namespace": namespace, "name": name, "uid": "1", "resourceVersion": "1"}
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"config.yaml": text}}

    return json.dumps(
        {
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "1",
                "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
                "resource": {"group": "", "version": "v1", "resource": "configmaps"},
                "name": name,
                "namespace": namespace,
                "operation": "UPDATE",
                "userInfo": {"username": "judged.py"},
                "object": configmap(text),
                "oldObject": configmap("# another text\n" + text),
                "dryRun": True,
            },
        }
    )


def ask(connection, body, is_good):
    connection.request("POST", "/admission?timeout=3s", body, {"Content-Type": "application/json"})
    response = json.loads(connection.getresponse().read())["response"]
    if response["allowed"] != is_good:
        sys.exit(f"the wrong answer: {response}")


def show(what, times):
    times.sort()
    p50, p99, longest = (1000 * times[int(place * len(times))] for place in (0.5, 0.99, 1 - 1 / len(times)))
    print(f"{what}, p50 / p99 / longest of {len(times)}\t{p50:.2f} / {p99:.2f} / {longest:.2f} ms")


def main():
    address, port, host, bundle, namespace, name = sys.argv[1:]
    text = sys.stdin.read()
    broken = text.replace("scheme: http", "scheme: gopher", 1)
    if broken == text:
        sys.exit("the configuration has no scheme: http")
    bodies = [(question(namespace, name, text), True), (question(namespace, name, broken), False)]
    context = ssl.create_default_context(cafile=bundle)

    kept, times = Webhook(address, int(port), host, context), []
    for number in range(TIMES):
        began = time.perf_counter()
        ask(kept, *bodies[number % 2])
        times.append(time.perf_counter() - began)
    show("an edit judged, on one connection", times)

    times = []
    for number in range(TIMES):
        connection = Webhook(address, int(port), host, context)
        began = time.perf_counter()
        ask(connection, *bodies[number % 2])
        times.append(time.perf_counter() - began)
        connection.close()
    show("an edit judged, on a connection each", times)


main()
