"""The numbers of e2e/bench/scale.sh: scale.py SKIFF [PART...]"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from measure import used, used_by, until

NODES = int(os.environ.get("NODES", 5000))
PODS = int(os.environ.get("PODS", 5000))
SPREAD = 4 * PODS
AT_REST = int(os.environ.get("AT_REST", 100000))
COLLECTED = int(os.environ.get("COLLECTED", 100000))
LONGEST_S = 900
NODE_THREADS = {"simulation", "heartbeats"}  # Of simulated nodes: kubelets.
MISSED = []


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def decoded(kubeconfig, name):
    return base64.b64decode(re.search(name + r": *(\S+)", kubeconfig)[1]).decode()


class Cluster:
    """A cluster of `skiff up` with simulated nodes; `with` ends it."""

    def __init__(self, skiff, nodes):
        self.skiff, self.nodes = skiff, nodes
        self.connection = None
        self.files = tempfile.TemporaryDirectory()
        self.data = pathlib.Path(self.files.name) / "data"

    def __enter__(self):
        self.log = pathlib.Path(self.files.name) / "log"
        log = open(self.log, "wb")
        self.process = subprocess.Popen(
            [self.skiff, "up", f"--nodes={self.nodes}", f"--data-dir={self.data}", "--foreground",
             f"--secure-port={free_port()}", "--bind-address=127.0.0.1"], stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()
        self.files.cleanup()

    def kubectl(self, *words, text=None):
        done = subprocess.run([self.skiff, *words, f"--kubeconfig={self.data}/admin.kubeconfig"],
                              input=text, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    def apply(self, *objects):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        assert self.kubectl("create", "-f", "-", text=text), "the server takes none of it"

    def get(self, path):
        """Asked often by who waits: by a connection that stays, as kubectl anew ten times a second
        takes a tenth of a core. The answer; empty: there is none."""
        if self.connection is None:
            text = (self.data / "admin.kubeconfig").read_text()
            context = ssl.create_default_context(cadata=decoded(text, "certificate-authority-data"))
            files = pathlib.Path(self.files.name)
            for name in ("client-certificate-data", "client-key-data"):
                (files / name).write_text(decoded(text, name))
            context.load_cert_chain(files / "client-certificate-data", files / "client-key-data")
            host, port = re.search(r"server: https://(\S+):(\d+)", text).groups()
            self.connection = http.client.HTTPSConnection(host, int(port), context=context)
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = json.load(answer)
        return body if answer.status == 200 else {}

    def ready(self, name):
        """How many replicas of a Deployment are."""
        deployment = self.get(f"/apis/apps/v1/namespaces/default/deployments/{name}")
        return str(deployment.get("status", {}).get("readyReplicas", ""))

    def all_ready(self):
        """As the process itself says, once: thousands of nodes are no short list to ask for."""
        if self.process.poll() is not None:
            sys.exit("the cluster ended: " + self.log.read_text(errors="replace")[-500:])
        return "\nusable\n" in self.log.read_text(errors="replace")

    def left(self, resource):
        """How many objects there are, without a list of them."""
        page = self.get(f"/api/v1/namespaces/default/{resource}?limit=1")
        return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)

    def cost(self, act, done):
        """Acts, waits until it is done; seconds, and of CPU."""
        cpu, _ = used(self.process.pid)
        began = time.monotonic()
        act()
        until(done, timeout_s=LONGEST_S, pause_s=0.02)
        return time.monotonic() - began, used(self.process.pid)[0] - cpu

    def row(self, what, goal_s, act, done):
        took, cpu = self.cost(act, done)
        judge(what, took, goal_s, "s", f"{cpu:.1f} s of CPU, "
              f"{used(self.process.pid)[1]:.0f} MB resident")

    def share(self, seconds):
        """Percent of a core that it takes while so much time passes: all of it, and what are no
        nodes."""
        before, nodes = used(self.process.pid)[0], used_by(self.process.pid, NODE_THREADS)
        time.sleep(seconds)
        all_of_it = used(self.process.pid)[0] - before
        nodes = used_by(self.process.pid, NODE_THREADS) - nodes
        return 100 * all_of_it / seconds, 100 * (all_of_it - nodes) / seconds

    def settle(self):
        """Until what is still to be done is done: three seconds of nearly nothing."""
        for _ in range(LONGEST_S // 3):
            cpu, _ = used(self.process.pid)
            time.sleep(3)
            if used(self.process.pid)[0] - cpu < 0.9:
                return


class SliceCount:
    """Counts, by a watch, how often slices of a Service are written and how often that changes what
    they say of endpoints, while the block runs."""

    def __init__(self, cluster, service):
        self.written = self.changed = self.endpoints = 0
        self.cluster, self.service = cluster, service
        self.known = {}
        self.failed = None

    def __enter__(self):
        port = free_port()
        self.proxy = subprocess.Popen(
            [self.cluster.skiff, "proxy", f"--port={port}",
             f"--kubeconfig={self.cluster.data}/admin.kubeconfig"], stdout=subprocess.PIPE)
        self.proxy.stdout.readline()  # It serves by then.
        url = (f"http://127.0.0.1:{port}/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
               f"?labelSelector=kubernetes.io/service-name={self.service}")
        with urllib.request.urlopen(url) as answer:
            slices = json.load(answer)
        for each in slices["items"]:
            self.known[each["metadata"]["name"]] = self.said(each)
        version = slices["metadata"]["resourceVersion"]
        self.watch = urllib.request.urlopen(f"{url}&watch=true&resourceVersion={version}")
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.proxy.terminate()  # The watch ends with it.
        self.proxy.wait()
        self.reader.join()
        if self.failed or not self.changed:
            raise self.failed or RuntimeError("no slice said anything else than before")

    def read(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            for line in self.watch:
                try:
                    self.take(json.loads(line))
                except (RuntimeError, KeyError, ValueError) as error:
                    self.failed = error
                    return

    def take(self, event):
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            raise RuntimeError(f"the watch of slices: {event}")
        name = event["object"]["metadata"]["name"]
        before = self.known.pop(name, {})
        now = {} if event["type"] == "DELETED" else self.said(event["object"])
        if event["type"] != "DELETED":
            self.known[name] = now
        changes = sum(before.get(key) != now.get(key) for key in before.keys() | now.keys())
        self.written += 1
        self.changed += changes > 0
        self.endpoints += changes

    @staticmethod
    def said(each):
        return {endpoint["targetRef"]["uid"]: endpoint for endpoint in each["endpoints"] or []}


def judge(what, value, goal, unit, more=""):
    good = value <= goal
    print(f"{what}: {value:.2f} {unit}, goal {goal:g}: {'ok' if good else 'MISSED'}"
          f"{'; ' + more if more else ''}", flush=True)
    if not good:
        MISSED.append(what)


def deployment(name, replicas, **spec):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "main", "image": "web:1"}],
                                           **spec}}}}


@contextlib.contextmanager
def started(skiff, nodes):
    with Cluster(skiff, nodes) as cluster:
        until(cluster.all_ready, timeout_s=LONGEST_S, pause_s=0.5)
        cluster.settle()
        yield cluster


def nodes(skiff):
    with Cluster(skiff, NODES) as cluster:
        cluster.row(f"up until {NODES} nodes are Ready", 2, lambda: None, cluster.all_ready)
        cluster.settle()
        judge(f"{NODES} nodes at rest, of a core", cluster.share(30)[0], 10, "%")


def small(skiff):
    with started(skiff, 100) as cluster:
        cluster.row("a Deployment of 1000 on 100 nodes until Ready", 0.5,
                    lambda: cluster.apply(deployment("web", 1000)),
                    lambda: cluster.ready("web") == "1000")
        cluster.settle()
        cluster.row("the same deleted until gone", 1,
                    lambda: cluster.kubectl("delete", "deployment", "web"),
                    lambda: cluster.left("pods") == 0)


def fill(skiff):
    with started(skiff, NODES) as cluster:
        cluster.row(f"a Deployment of {PODS} on {NODES} nodes until Ready", 4,
                    lambda: cluster.apply(deployment("web", PODS)),
                    lambda: cluster.ready("web") == str(PODS))


def rest(skiff):
    """What pods cost that nothing happens to, a hundred on each node: the controllers, the scheduler
    and the server alone, without the kubelets of the nodes and what those cost without pods."""
    with started(skiff, AT_REST // 100) as cluster:
        before, others_before = cluster.share(60)
        empty = used(cluster.process.pid)[1]
        cluster.apply(deployment("web", AT_REST))
        until(lambda: cluster.ready("web") == str(AT_REST), timeout_s=4 * LONGEST_S, pause_s=1)
        cluster.settle()
        resident = used(cluster.process.pid)[1]
        whole, others = cluster.share(60)
        judge(f"{AT_REST} pods at rest, of a core", others - others_before, 1, "%",
              f"{whole - before:.1f} % with their kubelets, {resident:.0f} MB resident, "
              f"{1024 * (resident - empty) / AT_REST:.1f} kB a pod")


def spread(skiff):
    key = "topology.kubernetes.io/zone"
    constraint = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule",
                  "labelSelector": {"matchLabels": {"app": "spread"}}}
    with started(skiff, NODES) as cluster:
        for zone in range(3):
            names = [f"node-{i}" for i in range(zone, NODES, 3)]
            cluster.kubectl("label", "nodes", *names, f"{key}=zone-{zone}")
        cluster.settle()
        cluster.row(f"{SPREAD} pods spread over zones until Ready", SPREAD / 3000,
                    lambda: cluster.apply(
                        deployment("spread", SPREAD, topologySpreadConstraints=[constraint])),
                    lambda: cluster.ready("spread") == str(SPREAD))


def apart(skiff):
    term = {"topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app": "apart"}}}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    count = min(PODS, NODES)
    with started(skiff, NODES) as cluster:
        cluster.row(f"{count} pods of which no two share a node until Ready", count / 1500,
                    lambda: cluster.apply(deployment("apart", count, affinity=affinity)),
                    lambda: cluster.ready("apart") == str(count))


def endpoints(skiff):
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
               "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}

    def rolled():
        counts = cluster.kubectl("get", "deployment", "web", "-o=jsonpath={.status.updatedReplicas}"
                                 " {.status.readyReplicas} {.status.replicas}"
                                 " {.status.observedGeneration}")
        return counts.split() == [str(PODS)] * 3 + ["2"]

    with started(skiff, NODES) as cluster:
        cluster.apply(service, deployment("web", PODS))
        until(lambda: cluster.ready("web") == str(PODS), timeout_s=LONGEST_S, pause_s=0.5)
        cluster.settle()
        with SliceCount(cluster, "web") as slices:
            took, cpu = cluster.cost(
                lambda: cluster.kubectl("set", "image", "deployment/web", "main=web:2"), rolled)
            cluster.settle()
        print(f"a rollout behind a Service of {PODS} endpoints: {took:.1f} s, {cpu:.1f} s of CPU, "
              f"{slices.endpoints} changes of endpoints", flush=True)
        judge("writes of its slices, by those that changed", slices.written / slices.changed, 2,
              "times", f"{slices.written} of {slices.changed}")


def collection(skiff):
    with started(skiff, 1) as cluster:
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})
        uid = cluster.kubectl("get", "configmap", "owner", "-o=jsonpath={.metadata.uid}")
        others = cluster.left("configmaps") - 1
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
        for first in range(0, COLLECTED, 5000):
            cluster.apply(*({"apiVersion": "v1", "kind": "ConfigMap",
                             "metadata": {"name": f"owned-{i}", "ownerReferences": [owner]}}
                            for i in range(first, min(first + 5000, COLLECTED))))
        cluster.settle()
        cluster.row(f"{COLLECTED} objects below one owner collected", COLLECTED / 5000,
                    lambda: cluster.kubectl("delete", "configmap", "owner"),
                    lambda: cluster.left("configmaps") <= others)


def main():
    parts = {"nodes": nodes, "deployment": small, "fill": fill, "spread": spread, "apart": apart,
             "endpoints": endpoints, "collection": collection, "rest": rest}
    for part in sys.argv[2:] or parts:
        parts[part](sys.argv[1])
    if MISSED:
        sys.exit("missed: " + "; ".join(MISSED))


if __name__ == "__main__":
    main()
