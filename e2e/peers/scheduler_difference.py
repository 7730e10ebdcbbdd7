"""Has two schedulers, of the names ours and kube, say where generated pods may go, and compares what they say.

Most pods can be bound nowhere (see scheduler_worlds.py), so the world stands still, and all are asked at once: their
condition PodScheduled counts for each reason the nodes that it refuses. Some may be bound; these are asked alone, one
scheduler after the other, and go before the next one comes.
"""
import argparse
import collections
import copy
import http.client
import json
import random
import re
import ssl
import sys
import time

import scheduler_worlds

SCHEDULERS = ("ours", "kube")
SECONDS_MAX = 60  # For all the answers of a world.


class Api:
    def __init__(self, address):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.http = http.client.HTTPSConnection(address, context=context)

    def call(self, verb, path, body=None, known=(200, 201)):
        self.http.request(verb, path, json.dumps(body) if body else None, {
            "Content-Type": "application/json", "Authorization": "Bearer token"})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status not in known:
            raise RuntimeError(f"{verb} {path}: {answer.status} {text.decode()[:500]}\n{json.dumps(body)}")
        return json.loads(text)

    def make(self, path, objects):
        for one in objects:
            self.call("POST", path, one)


def pods_of(space):
    return f"/api/v1/namespaces/{space}/pods"


def path_of(pod):
    return pods_of(pod["metadata"]["namespace"]) + "/" + pod["metadata"]["name"]


def empty(api):
    """Nothing of the last world is left; the namespaces stay."""
    for space in scheduler_worlds.NAMESPACES:
        api.call("DELETE", pods_of(space) + "?gracePeriodSeconds=0")
        api.call("DELETE", f"/api/v1/namespaces/{space}/persistentvolumeclaims")
    for path in ("/api/v1/persistentvolumes", "/api/v1/nodes", "/apis/storage.k8s.io/v1/csinodes",
                 "/apis/storage.k8s.io/v1/storageclasses"):
        api.call("DELETE", path)


def found(api):
    """What all worlds share."""
    for name, labels in scheduler_worlds.NAMESPACES.items():
        if name != "default":
            api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    # Who may not preempt is told of the nodes alone, and moves nobody.
    api.call("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {
        "metadata": {"name": "patient"}, "value": 5, "globalDefault": True, "preemptionPolicy": "Never"})
    api.call("POST", "/apis/node.k8s.io/v1/runtimeclasses", {
        "metadata": {"name": "heavy"}, "handler": "heavy", "overhead": {"podFixed": {"cpu": "250m", "memory": "100Mi"}},
        "scheduling": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}})


def build(api, seed, nodes):
    world = scheduler_worlds.World(random.Random(seed), nodes)
    api.make("/apis/storage.k8s.io/v1/storageclasses", world.classes())
    api.make("/api/v1/nodes", world.nodes())
    api.make("/apis/storage.k8s.io/v1/csinodes", world.csi_nodes())
    volumes, claims = world.volumes()
    api.make("/api/v1/persistentvolumes", volumes)
    for claim in claims:
        api.make(f"/api/v1/namespaces/{claim['metadata']['namespace']}/persistentvolumeclaims", [claim])
        if "volumeName" in claim["spec"]:
            path = f"/api/v1/namespaces/{claim['metadata']['namespace']}/persistentvolumeclaims/" \
                   f"{claim['metadata']['name']}"
            have = api.call("GET", path)
            have["status"] = {"phase": "Bound"}
            api.call("PUT", path + "/status", have)
    for pod in world.running(nodes * 2) + [world.blocker()]:
        api.make(pods_of(pod["metadata"]["namespace"]), [pod])
    return world


def for_scheduler(pod, scheduler):
    made = copy.deepcopy(pod)
    made["metadata"]["name"] += "-" + scheduler
    made["spec"]["schedulerName"] = scheduler
    return made


def answer_of(pod):
    """nodes, or why there is none; None: not yet known."""
    if pod["spec"].get("nodeName"):
        return "bound"
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition["reason"] + ": " + condition.get("message", "")
    return None


def ask_at_once(api, pods):
    """The pods may be bound nowhere. Their answers by name and scheduler."""
    for pod in pods:
        api.make(pods_of(pod["metadata"]["namespace"]), [for_scheduler(pod, s) for s in SCHEDULERS])
    wanted = {f"{pod['metadata']['name']}-{s}": (pod["metadata"]["name"], s) for pod in pods for s in SCHEDULERS}
    end = time.monotonic() + SECONDS_MAX
    while True:
        answers = collections.defaultdict(dict)
        for pod in api.call("GET", "/api/v1/pods?labelSelector=asked%3Dblocked")["items"]:
            if pod["metadata"]["name"] in wanted and (answer := answer_of(pod)) is not None:
                name, scheduler = wanted[pod["metadata"]["name"]]
                answers[name][scheduler] = answer
        missing = [n for n, (name, s) in wanted.items() if s not in answers[name]]
        if not missing or time.monotonic() > end:
            for name, scheduler in (wanted[n] for n in missing):
                answers[name][scheduler] = "no answer"
            break
        time.sleep(0.2)  # A list is cheaper than thousands of events.
    for pod in pods:
        for scheduler in SCHEDULERS:
            api.call("DELETE", path_of(for_scheduler(pod, scheduler)) + "?gracePeriodSeconds=0")
    return answers


def ask_alone(api, pod):
    answers = {}
    for scheduler in SCHEDULERS:
        made = for_scheduler(pod, scheduler)
        api.make(pods_of(made["metadata"]["namespace"]), [made])
        end = time.monotonic() + 20
        while (answer := answer_of(api.call("GET", path_of(made)))) is None and time.monotonic() < end:
            time.sleep(0.002)
        answers[scheduler] = answer or "no answer"
        api.call("DELETE", path_of(made) + "?gracePeriodSeconds=0")
    return answers


def differ(answers):
    """What follows the counts is of who might make room. There v1.35 says also that no claims of devices are in the way,
    and of a pod that it looked for no node for, `not found`, which it logs as an error of its own."""
    counts = [re.split(r"\. (?:preemption: |no new claims|not found)", answers[s])[0] for s in SCHEDULERS]
    return counts[0] != counts[1]


def ask_world(api, seed, count, nodes):
    world = build(api, seed, nodes)
    blocked = [world.asked(f"p{i}", True) for i in range(count)]
    alone = [world.asked(f"q{i}", False) for i in range(count // 8)]
    answers = ask_at_once(api, blocked)
    # A scheduler may have been asked before it had heard of all the world; then it is not again.
    again = [pod for pod in blocked if differ(answers[pod["metadata"]["name"]])]
    if again:
        answers.update(ask_at_once(api, again))
    for pod in alone:
        said = ask_alone(api, pod)
        answers[pod["metadata"]["name"]] = ask_alone(api, pod) if differ(said) else said
    different = 0
    for pod in blocked + alone:
        said = answers[pod["metadata"]["name"]]
        if differ(said):
            different += 1
            print(f"seed {seed} pod {pod['metadata']['name']}:\n  ours: {said['ours']}\n  kube: {said['kube']}\n"
                  f"  {json.dumps(pod)}")
    return answers, different


def reasons_in(answers):
    tally = collections.Counter()
    for said in answers.values():
        counts = re.sub(r"^.*?nodes are available: ", "", said["kube"]).split(". ")[0]
        for count, reason in re.findall(r"(\d+) ([^,]+)", counts if "nodes are available" in said["kube"] else ""):
            tally[reason.rstrip(".")] += int(count)
    tally["bound"] = sum(said["kube"] == "bound" for said in answers.values())
    return tally


def main():
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("address")
    flags.add_argument("seeds", type=int, nargs="+")
    flags.add_argument("--pods", type=int, default=400)
    flags.add_argument("--nodes", type=int, default=40)
    options = flags.parse_args()
    api = Api(options.address)
    found(api)
    tally, asked, different = collections.Counter(), 0, 0
    for seed in options.seeds:
        answers, differences = ask_world(api, seed, options.pods, options.nodes)
        tally += reasons_in(answers)
        asked += len(answers)
        different += differences
        empty(api)
    for reason, count in tally.most_common():
        print(f"{count:8} {reason}")
    print(f"{asked} pods on {options.nodes} nodes in {len(options.seeds)} worlds: {different} differ")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
