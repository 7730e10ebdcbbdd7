#!/usr/bin/env python3
"""Kills the cluster under open watches, again and again, and sees that they miss nothing.

    reconnect.py --data-dir DIR [--kills N] [--get COMMAND]... -- UP-COMMAND...

DIR is that of a running cluster; UP-COMMAND starts it again. A writer makes, changes and deletes
numbered ConfigMaps before, while and after the process is killed with SIGKILL. Meanwhile

  - a watch of our own, which resumes from the last revision it has seen and never lists again, must
    be told of every acknowledged write exactly once, in order;
  - each COMMAND (`kubectl`, `skiff`) runs `get configmaps -w` in a loop that starts it again when it
    ends. It lists first, so it must show the last revision of every object there is, and none that
    was never written.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

NAMESPACE = "reconnect"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SELECTOR = "labelSelector=made-by%3Dreconnect"
LAST = "the-last"
SECONDS_MAX = 120
RETRY_SECONDS = 0.05  # Nobody tells a client when a server that is gone has come back.
WRITES_BETWEEN = 60


class Refused(Exception):
    """The server answered, and not as asked."""


class Server:
    """The API server, as the kubeconfig says; a connection each thread."""

    def __init__(self, data_dir):
        text = subprocess.run(
            [SKIFF, "config", "view", "--raw", "-o", "json",
             f"--kubeconfig={data_dir}/admin.kubeconfig"], check=True, capture_output=True).stdout
        config = json.loads(text)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.host = cluster["server"].removeprefix("https://").rstrip("/")
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pair:  # The library loads certificates from files only.
            pair.write(base64.b64decode(user["client-certificate-data"]) + b"\n")
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            self.tls.load_cert_chain(pair.name)

    def connect(self):
        return http.client.HTTPSConnection(self.host, context=self.tls, timeout=SECONDS_MAX)

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, json.dumps(body) if body else None,
                           {"Content-Type": "application/json", "Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


LOST = (ConnectionError, http.client.HTTPException, ssl.SSLError, TimeoutError)


def until_served(attempt):
    """Runs `attempt` until it meets a server; True when that was not the first time."""
    deadline, failed = time.monotonic() + SECONDS_MAX, False
    while True:
        try:
            return attempt(), failed
        except LOST as error:
            if time.monotonic() > deadline:
                raise Refused(f"no server for {SECONDS_MAX} s: {error!r}") from None
            failed = True
            threading.Event().wait(RETRY_SECONDS)


class Writer(threading.Thread):
    """Writes one thing after the other and notes what was acknowledged. A write whose answer was lost
    is asked after: it has happened or it has not, and is written then."""

    def __init__(self, server):
        super().__init__()
        self.server, self.connection = server, None
        self.done = []     # (type, name, revision); deletes have no revision of their own.
        self.now = {}      # What there is: name -> revision.
        self.lost_answers = 0
        self.progress = threading.Condition()
        self.stopping = threading.Event()
        self.error = None

    def run(self):
        try:
            number = 0
            while not self.stopping.is_set():
                self.write("ADDED", f"number-{number}", "made")
                if number % 2 == 1:
                    self.write("MODIFIED", f"number-{number - 1}", f"changed-{number}")
                if number % 5 == 4:
                    self.delete(f"number-{number - 3}")
                number += 1
            self.write("ADDED", LAST, "made")
        except Exception as error:  # Handed to the main thread, which waits for progress.
            self.error = error
            with self.progress:
                self.progress.notify_all()

    def wait_for_writes(self, count):
        with self.progress:
            wanted = len(self.done) + count
            if not self.progress.wait_for(lambda: self.error or len(self.done) >= wanted,
                                          SECONDS_MAX):
                raise Refused(f"no {count} writes in {SECONDS_MAX} s")
        if self.error:
            raise self.error

    def write(self, kind, name, value):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"value": value},
                "metadata": {"name": name, "labels": {"made-by": "reconnect"}}}
        path, method = (PATH, "POST") if kind == "ADDED" else (f"{PATH}/{name}", "PUT")
        if kind == "MODIFIED":  # So that it can happen but once.
            body["metadata"]["resourceVersion"] = self.now[name]
        (code, answer), again = until_served(lambda: self.ask(method, path, body))
        if again and code == 409:  # The first one did happen, and its answer was lost.
            self.lost_answers += 1
            (code, answer), _ = until_served(lambda: self.ask("GET", f"{PATH}/{name}"))
            if answer.get("data") != body["data"]:
                raise Refused(f"{name} is {answer}, not {value}")
        if code not in (200, 201):
            raise Refused(f"{method} {path}: {code} {answer}")
        self.now[name] = answer["metadata"]["resourceVersion"]
        self.note((kind, name, self.now[name]))

    def delete(self, name):
        (code, answer), again = until_served(lambda: self.ask("DELETE", f"{PATH}/{name}"))
        if code == 404 and again:
            self.lost_answers += 1
        elif code != 200:
            raise Refused(f"DELETE {name}: {code} {answer}")
        del self.now[name]
        self.note(("DELETED", name, None))

    def ask(self, *request):
        if self.connection is None:
            self.connection = self.server.connect()
        try:
            return self.server.ask(self.connection, *request)
        except LOST:
            self.connection.close()
            self.connection = None
            raise

    def note(self, event):
        with self.progress:
            self.done.append(event)
            self.progress.notify_all()


class Watch(threading.Thread):
    """A watch that resumes from the last revision it knows, and ends with the last object."""

    def __init__(self, server, revision):
        super().__init__()
        self.server, self.revision = server, revision
        self.seen = []  # (type, name, revision)
        self.connections = 0
        self.error = None

    def run(self):
        try:
            while not until_served(self.follow)[0]:
                pass
        except Exception as error:
            self.error = error

    def follow(self):
        connection = self.server.connect()
        connection.request("GET", f"{PATH}?watch=true&allowWatchBookmarks=true&{SELECTOR}"
                                  f"&resourceVersion={self.revision}")
        answer = connection.getresponse()
        if answer.status != 200:
            raise Refused(f"the watch from {self.revision}: {answer.status} {answer.read()}")
        self.connections += 1
        with contextlib.closing(connection):
            for line in answer:
                if not line.endswith(b"\n"):
                    return False  # Cut off in the middle: this event comes again.
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Refused(f"the watch from {self.revision}: {event['object']}")
                metadata = event["object"]["metadata"]
                self.revision = metadata["resourceVersion"]
                if event["type"] == "BOOKMARK":
                    continue
                self.seen.append((event["type"], metadata["name"], self.revision))
                if metadata["name"] == LAST:
                    return True
        return False


class Getter(threading.Thread):
    """`COMMAND get configmaps -w`, started again whenever it ends, until it shows the last object."""

    def __init__(self, command, data_dir):
        super().__init__()
        shown = '{.metadata.name} {.metadata.resourceVersion}{"\\n"}'
        self.command = [command, "get", "configmaps", "-w", "-n", NAMESPACE,
                        "-l", "made-by=reconnect", "-o", f"jsonpath={shown}",
                        f"--kubeconfig={data_dir}/admin.kubeconfig"]
        self.seen = []  # (name, revision)
        self.runs = 0
        self.error = None
        self.process = None

    def run(self):
        try:
            deadline = time.monotonic() + SECONDS_MAX
            while not self.once():
                if time.monotonic() > deadline:
                    raise Refused("it has not shown the last object")
                threading.Event().wait(RETRY_SECONDS)
        except Exception as error:
            self.error = error

    def once(self):
        self.runs += 1
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as self.process:
            for line in self.process.stdout:
                fields = line.split()
                if len(fields) == 2:
                    self.seen.append(tuple(fields))
                if fields[:1] == [LAST]:
                    self.process.terminate()
                    return True
        return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()


def kill(data_dir):
    """Ends the cluster's process at once and waits until it is gone."""
    process = int(Path(data_dir, "skiff.pid").read_text().split()[0])
    handle = os.pidfd_open(process)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [], SECONDS_MAX)
    os.close(handle)


def check_watch(watch, writer):
    revisions = [int(revision) for _, _, revision in watch.seen]
    complaints = []
    if sorted(set(revisions)) != revisions:
        complaints.append("its revisions do not grow")
    # A delete is acknowledged with the object's last state, so only its name can be compared.
    seen = [(kind, name, None if kind == "DELETED" else revision)
            for kind, name, revision in watch.seen]
    for event in writer.done:
        if seen.count(event) != 1:
            complaints.append(f"{event} was seen {seen.count(event)} times")
    complaints += [f"{event} was never written" for event in set(seen) - set(writer.done)]
    if seen != writer.done:
        complaints.append("the order differs")
    return complaints


def check_getter(getter, writer):
    written = {(name, revision) for kind, name, revision in writer.done if revision}
    deleted = {name for kind, name, _ in writer.done if kind == "DELETED"}
    seen = set(getter.seen)
    complaints = [f"{item} was not seen" for item in set(writer.now.items()) - seen]
    # A delete has a revision that only the watch knows.
    complaints += [f"{item} was never written" for item in seen - written
                   if item[0] not in deleted]
    return complaints


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--kills", type=int, default=1)
    options.add_argument("--get", action="append", default=[])
    options.add_argument("up", nargs="+")
    options = options.parse_args()
    global SKIFF
    SKIFF = options.up[0]
    server = Server(options.data_dir)
    connection = server.connect()
    code, answer = server.ask(connection, "POST", "/api/v1/namespaces",
                              {"apiVersion": "v1", "kind": "Namespace",
                               "metadata": {"name": NAMESPACE}})
    if code != 201:
        raise SystemExit(f"the namespace was not made: {code} {answer}")
    _, listed = server.ask(connection, "GET", f"{PATH}?{SELECTOR}")
    writer = Writer(server)
    watch = Watch(server, listed["metadata"]["resourceVersion"])
    getters = [Getter(command, options.data_dir) for command in options.get]
    threads = [writer, watch, *getters]
    for thread in threads:
        thread.daemon = True
        thread.start()
    try:
        for _ in range(options.kills):
            writer.wait_for_writes(WRITES_BETWEEN)
            kill(options.data_dir)
            subprocess.run(options.up, check=True, stdout=subprocess.DEVNULL)
        writer.wait_for_writes(WRITES_BETWEEN)
        writer.stopping.set()
        for thread in threads:
            thread.join(SECONDS_MAX)
    finally:
        for getter in getters:
            getter.stop()
    failed = False
    for name, thread, complaints in [
            ("the writer", writer, []), ("the watch", watch, check_watch(watch, writer)),
            *((" ".join(it.command[:3]), it, check_getter(it, writer)) for it in getters)]:
        if thread.error or thread.is_alive():
            complaints = [repr(thread.error or "it has not ended"), *complaints]
        for complaint in complaints[:10]:
            print(f"   {name}: {complaint}", file=sys.stderr)
        failed = failed or bool(complaints)
    print(f"   {len(writer.done)} writes over {options.kills} kills, {writer.lost_answers} answers "
          f"lost; the watch saw {len(watch.seen)} events in {watch.connections} connections" +
          "".join(f"; {it.command[0].rsplit('/', 1)[-1]} get -w ran {it.runs} times"
                  for it in getters))
    server.ask(server.connect(), "DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
