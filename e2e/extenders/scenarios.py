"""Has schedulers that share extenders place pods, and looks where these go and what they are told.

  scenarios.py API_SERVER LOGS SCHEDULER...     LOGS/SCHEDULER.log is what the extender of a scheduler tells

The nodes: n1 is too hot, n2 locked, n3 worth little and n4 much; p1 and p2 are full, and p1 stays so.
"""
import http.client
import json
import pathlib
import ssl
import sys
import time

SECONDS_MAX = 120


class Api:
    def __init__(self, address):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.http = http.client.HTTPSConnection(address, context=context)

    def call(self, verb, path, body=None):
        self.http.request(verb, path, json.dumps(body) if body else None, {
            "Content-Type": "application/json", "Authorization": "Bearer token"})
        answer = self.http.getresponse()
        text = answer.read().decode()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{verb} {path}: {answer.status} {text[:300]}")
        return json.loads(text)


PODS = "/api/v1/namespaces/default/pods"


def make_node(api, name, **labels):
    kind = {"metadata": {"name": name, "labels": {"kind": name[0], **labels}}}
    api.call("POST", "/api/v1/nodes", kind)
    kind = api.call("GET", "/api/v1/nodes/" + name)
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    kind["status"] = {"capacity": amounts, "allocatable": amounts}
    kind["spec"].pop("taints", None)
    api.call("PUT", "/api/v1/nodes/" + name, kind)
    kind = api.call("GET", "/api/v1/nodes/" + name)
    kind["status"] = {"capacity": amounts, "allocatable": amounts}
    api.call("PUT", f"/api/v1/nodes/{name}/status", kind)


def pod_of(name, scheduler, kind="n", dongle=True, cpu="100m", priority=None, node=None, **labels):
    container = {"name": "main", "image": "image:1", "resources": {"requests": {"cpu": cpu}}}
    if dongle:
        container["resources"]["requests"]["example.com/dongle"] = "1"
        container["resources"]["limits"] = {"example.com/dongle": "1"}
    spec = {"schedulerName": scheduler, "containers": [container], "nodeSelector": {"kind": kind},
            "terminationGracePeriodSeconds": 0}
    if priority:
        spec["priorityClassName"] = priority
    if node:
        spec["nodeName"] = node
    return {"metadata": {"name": name + "-" + scheduler, "labels": labels}, "spec": spec}


class Scenarios:
    def __init__(self, api, logs, scheduler):
        self.api, self.scheduler = api, scheduler
        self.log = pathlib.Path(logs) / (scheduler + ".log")

    def name(self, pod):
        return pod + "-" + self.scheduler

    def make(self, name, **what):
        self.api.call("POST", PODS, pod_of(name, self.scheduler, **what))

    def pod(self, name):
        return self.api.call("GET", PODS + "/" + self.name(name))

    def until(self, what, wanted):
        end = time.monotonic() + SECONDS_MAX
        while True:
            got = what()
            if got == wanted:
                return
            if time.monotonic() > end:
                raise SystemExit(f"{self.scheduler}: wanted\n  {wanted}\nand got\n  {got}")
            time.sleep(0.1)

    def node(self, name, wanted):
        self.until(lambda: self.pod(name)["spec"].get("nodeName"), wanted)

    def told(self, name, wanted):
        def said():
            for condition in self.pod(name).get("status", {}).get("conditions", []):
                if condition["type"] == "PodScheduled" and condition["status"] == "False":
                    return condition["reason"] + ": " + condition["message"]
            return None
        self.until(said, wanted)

    def asked(self, name, verb, node=""):
        line = f"{verb} {self.name(name)} {node}"
        self.until(lambda: line in self.log.read_text().splitlines(), True)

    def run(self):
        # Whoever wants nothing of the extender's goes past it, and past those who wait for it.
        self.make("slow", slow="yes")
        self.asked("slow", "filter")
        self.make("plain", dongle=False)
        self.until(lambda: bool(self.pod("plain")["spec"].get("nodeName")), True)
        # kube-scheduler does nothing else meanwhile.
        if self.scheduler.startswith("ours") and self.pod("slow").get("status", {}).get("conditions"):
            raise SystemExit(f"{self.scheduler}: had to wait for what the extender says of another")
        if self.name("plain") in self.log.read_text():
            raise SystemExit(f"{self.scheduler}: asked about a pod that is none of the extender's")
        self.api.call("DELETE", PODS + "/" + self.name("slow"))
        self.make("scored")
        self.node("scored", "n4")
        for verb in ("filter", "prioritize"):
            self.asked("scored", verb)
        self.asked("scored", "bind", "n4")
        self.make("refused", refused="yes")
        self.told("refused", "Unschedulable: 0/6 nodes are available: 1 node is locked, 1 node is too hot, "
                  "2 node(s) didn't match Pod's node affinity/selector, 2 pod is not wanted. no new claims to deallocate, "
                  "preemption: 0/6 nodes "
                  "are available: 3 No preemption victims found for incoming pod, 3 Preemption is not helpful for "
                  "scheduling.")
        self.make("broken", broken="yes")
        self.told("broken", "SchedulerError: no idea of this pod")
        self.make("unbound", unbound="yes")
        self.told("unbound", "SchedulerError: this pod is not bound")
        for name in ("refused", "broken", "unbound"):
            self.api.call("DELETE", PODS + "/" + self.name(name))
        self.preemption()

    def preemption(self):
        for node in ("p1", "p2"):
            self.make("low-" + node, kind="p", dongle=False, cpu="3", node=node)
        self.make("high", kind="p", cpu="3", priority="high")
        self.node("high", "p2")
        self.asked("high", "preempt")
        if self.pod("low-p1")["metadata"].get("deletionTimestamp"):
            raise SystemExit(f"{self.scheduler}: who was to be kept had to go")
        for name in ("high", "low-p1"):
            self.api.call("DELETE", PODS + "/" + self.name(name))


def main():
    address, logs, *schedulers = sys.argv[1:]
    api = Api(address)
    api.call("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 10})
    make_node(api, "n1", hot="yes")
    make_node(api, "n2", locked="yes")
    make_node(api, "n3", score="1")
    make_node(api, "n4", score="9")
    make_node(api, "p1", kept="yes")
    make_node(api, "p2")
    for scheduler in schedulers:
        Scenarios(api, logs, scheduler).run()
        print(scheduler + ": all as wanted")


main()
