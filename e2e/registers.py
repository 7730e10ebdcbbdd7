#!/usr/bin/env python3
"""Reads and writes a few registers through an API server until SIGTERM, and records what happened when.

    registers.py --make KUBECONFIG                    makes them, "0" each
    registers.py NAME KUBECONFIG HISTORY [SERVER]     as client NAME, two at a time, appending to HISTORY

Registers are the ConfigMaps register-0 to register-2. What becomes of the server meanwhile is what the history is for
(e2e/linearizable.py): an answer that says that nothing was done is a failure; none, or one of the server's own errors,
leaves open whether a write has happened. A write is written down before it is sent: a client that is killed meanwhile
leaves a line without an end, and whether that write has happened is open, too. Times are the kernel's monotonic clock, one for all clients of a machine, those
in namespaces included.
"""
import base64
import http.client
import json
import random
import re
import signal
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse

REGISTERS = 3
WORKERS = 2
ANSWER_SECONDS = 3  # What is not answered then is asked on a new connection.
PAUSE = 0.04  # Between two requests of a worker: it is a history, not a load.
PATH = "/api/v1/namespaces/default/configmaps"
stopping = threading.Event()


class Server:
    """Where a kubeconfig leads, with its client certificate."""

    def __init__(self, kubeconfig, server=None):
        with open(kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.context = ssl.create_default_context(cadata=self.field(text, "certificate-authority-data"))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(self.field(text, "client-certificate-data") + self.field(text, "client-key-data"))
            pair.flush()
            self.context.load_cert_chain(pair.name)
        url = urllib.parse.urlparse(server or re.search(r"\bserver: *(\S+)", text).group(1))
        self.host, self.port = url.hostname, url.port

    @staticmethod
    def field(text, name):
        return base64.b64decode(re.search(rf"\b{name}: *(\S+)", text).group(1)).decode()

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=ANSWER_SECONDS, context=self.context)


class NotSent(Exception):
    """The server cannot have heard of it."""


class Worker:
    def __init__(self, name, server, history):
        self.name, self.server, self.history = name, server, history
        self.connection = None
        self.count = 0

    def ask(self, method, path, body=None):
        """The status code and the object. NotSent, or any other exception where the answer is lost."""
        if self.connection is None:
            connection = self.server.connect()
            try:
                connection.connect()
            except (OSError, ssl.SSLError) as error:
                raise NotSent() from error
            self.connection = connection
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body),
                                    {"Content-Type": "application/json", "Accept": "application/json"})
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read())
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def record(self, kind, key, values, act):
        """Does it, and writes down what is known of it: `act` says its status."""
        entry = {"client": self.name, "key": key, "kind": kind, **values, "begin": time.monotonic_ns()}
        if kind != "read":
            self.history.add(entry)
        outcome = "unknown"
        try:
            status = act(entry)
            outcome = "ok" if status in (200, 201) else "failed" if status < 500 else "unknown"
        except NotSent:
            outcome = "failed"
        except (OSError, http.client.HTTPException, ValueError):
            pass
        entry["end"] = time.monotonic_ns()
        self.history.add({**entry, "outcome": outcome})
        return outcome == "ok"

    def read(self, key):
        found = {}

        def act(entry):
            status, found["object"] = self.ask("GET", f"{PATH}/{key}")
            if status == 200:
                entry["value"] = found["object"]["data"]["value"]
            return status

        return found["object"] if self.record("read", key, {"value": ""}, act) else None

    def next_value(self):
        self.count += 1
        return f"{self.name}-{self.count}"

    def write(self, key):
        def act(entry):
            return self.ask("PUT", f"{PATH}/{key}", {"metadata": {"name": key}, "data": {"value": entry["value"]}})[0]

        self.record("write", key, {"value": self.next_value()}, act)

    def swap(self, key):
        """As controllers write: only if nobody else has meanwhile."""
        was = self.read(key)
        if was is None:
            return

        def act(entry):
            return self.ask("PUT", f"{PATH}/{key}", {**was, "data": {"value": entry["value"]}})[0]

        self.record("swap", key, {"old": was["data"]["value"], "value": self.next_value()}, act)

    def run(self):
        draw = random.Random(self.name)
        while not stopping.wait(PAUSE):
            act = draw.choice([self.read, self.write, self.swap])
            act(f"register-{draw.randrange(REGISTERS)}")


class History:
    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def add(self, entry):
        with self.lock:
            self.file.write(json.dumps(entry) + "\n")
            self.file.flush()


def make(server):
    worker = Worker("maker", server, None)
    for number in range(REGISTERS):
        status, answer = worker.ask("POST", PATH, {"metadata": {"name": f"register-{number}"}, "data": {"value": "0"}})
        if status != 201:
            sys.exit(f"register-{number} cannot be made: {answer}")


def main(arguments):
    if arguments[0] == "--make":
        make(Server(arguments[1]))
        return
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    name, kubeconfig, path = arguments[:3]
    server, history = Server(kubeconfig, *arguments[3:4]), History(path)
    threads = [threading.Thread(target=Worker(f"{name}.{number}", server, history).run) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
