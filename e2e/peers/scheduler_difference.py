"""Has two schedulers, of the names ours and kube, say where generated pods may go, and compares what they say.

Most pods can be bound nowhere (see scheduler_worlds.py, and scheduler_devices.py for those with claims), so the world
stands still, and all are asked at once: their condition PodScheduled counts for each reason the nodes that it refuses,
and says who might make room. Some may be bound; these are asked alone, one scheduler after the other, and go before the
next one comes, with the claims that were made for them. Of those that prefer some nodes it is looked at which they get,
again and again, as among the best any may be chosen.
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

import scheduler_devices
import scheduler_worlds

SCHEDULERS = ("ours", "kube")
SECONDS_MAX = 60  # For the next answer: searches that are given up take ten each, one after the other.


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


DEVICES = "/apis/" + scheduler_devices.API


def claims_of(space):
    return f"{DEVICES}/namespaces/{space}/resourceclaims"


def pods_of(space):
    return f"/api/v1/namespaces/{space}/pods"


def path_of(pod):
    return pods_of(pod["metadata"]["namespace"]) + "/" + pod["metadata"]["name"]


def empty(api):
    """Nothing of the last world is left; the namespaces stay."""
    for space in scheduler_worlds.NAMESPACES:
        api.call("DELETE", pods_of(space) + "?gracePeriodSeconds=0")
        api.call("DELETE", f"/api/v1/namespaces/{space}/persistentvolumeclaims")
        api.call("DELETE", claims_of(space))
    for path in ("/api/v1/persistentvolumes", "/api/v1/nodes", "/apis/storage.k8s.io/v1/csinodes",
                 "/apis/storage.k8s.io/v1/storageclasses", DEVICES + "/resourceslices", DEVICES + "/deviceclasses"):
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


def build_devices(api, seed, world):
    world.rng = random.Random(f"devices {seed}")
    devices = scheduler_devices.Devices(world.rng, world)
    api.make(DEVICES + "/deviceclasses", devices.classes())
    api.make(DEVICES + "/resourceslices", devices.slices())
    for space in scheduler_worlds.NAMESPACES:
        for claim, status in devices.claims(space):
            have = api.call("POST", claims_of(space), claim)
            if status:
                have["status"] = status
                api.call("PUT", f"{claims_of(space)}/{claim['metadata']['name']}/status", have)
    return devices


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
    chosen = "labelSelector=asked%20in%20%28blocked%2Ctied%29"
    for pod in pods:
        api.make(pods_of(pod["metadata"]["namespace"]), [for_scheduler(pod, s) for s in SCHEDULERS])
    wanted = {f"{pod['metadata']['name']}-{s}": (pod["metadata"]["name"], s) for pod in pods for s in SCHEDULERS}
    end, waited_for = 0, len(wanted) + 1
    while True:
        answers = collections.defaultdict(dict)
        for pod in api.call("GET", "/api/v1/pods?" + chosen)["items"]:
            if pod["metadata"]["name"] in wanted and (answer := answer_of(pod)) is not None:
                name, scheduler = wanted[pod["metadata"]["name"]]
                answers[name][scheduler] = answer
        missing = [n for n, (name, s) in wanted.items() if s not in answers[name]]
        if len(missing) < waited_for:
            end, waited_for = time.monotonic() + SECONDS_MAX, len(missing)
        if not missing or time.monotonic() > end:
            for name, scheduler in (wanted[n] for n in missing):
                answers[name][scheduler] = "no answer"
            break
        time.sleep(0.2)  # A list is cheaper than thousands of events.
    for pod in pods:
        for scheduler in SCHEDULERS:
            api.call("DELETE", path_of(for_scheduler(pod, scheduler)) + "?gracePeriodSeconds=0")
    return answers


def let_go(api, claim):
    """Of a pod that is gone, as nobody else here does it."""
    path = f"{claims_of(claim['metadata']['namespace'])}/{claim['metadata']['name']}"
    have = api.call("GET", path)
    have["status"] = {}
    have = api.call("PUT", path + "/status", have)
    have["metadata"]["finalizers"] = []
    api.call("PUT", path, have)
    api.call("DELETE", path)


def devices_of(api, claim):
    """What it was given: requests, and that nothing was given twice."""
    got = api.call("GET", f"{claims_of(claim['metadata']['namespace'])}/{claim['metadata']['name']}")
    status = got.get("status", {})
    results = status.get("allocation", {}).get("devices", {}).get("results", [])
    ids = {(r["driver"], r["pool"], r["device"]) for r in results}
    holds, users = len(got["metadata"].get("finalizers", [])), len(status.get("reservedFor", []))
    given = sorted(r["request"] for r in results) if len(ids) == len(results) else ["one twice"]
    return f"{' '.join(given)}: {holds} holds, {users} users"


def ask_alone_with_claims(api, devices, pod):
    """Each scheduler is given claims of its own, made alike."""
    space, answers = pod["metadata"]["namespace"], {}
    exact = [c for c in (devices.claim_spec(space) for _ in range(3))
             if '"All"' not in json.dumps(c) and "firstAvailable" not in json.dumps(c)]
    for scheduler in SCHEDULERS:
        claims = [scheduler_devices.made("ResourceClaim", f"{pod['metadata']['name']}-{scheduler}-{i}", spec,
                                         namespace=space) for i, spec in enumerate(exact)]
        api.make(claims_of(space), claims)
        made = copy.deepcopy(pod)
        devices.name_in(made, [claim["metadata"]["name"] for claim in claims])
        said = ask_alone(api, made, (scheduler,))[scheduler]
        if said == "bound":
            said += ": " + ", ".join(devices_of(api, claim) for claim in claims)
        answers[scheduler] = said
        for claim in claims:
            let_go(api, claim)
    return answers


def chosen(api, pod, scheduler, tries):
    """The nodes that it gets, of those that are as good as one another any."""
    nodes = set()
    for _ in range(tries):
        made = for_scheduler(pod, scheduler)
        api.make(pods_of(made["metadata"]["namespace"]), [made])
        end = time.monotonic() + 20
        while answer_of(now := api.call("GET", path_of(made))) is None and time.monotonic() < end:
            time.sleep(0.002)
        nodes.add(now["spec"].get("nodeName", "nowhere"))
        api.call("DELETE", path_of(made) + "?gracePeriodSeconds=0")
        time.sleep(0.02)  # That it is gone is heard of.
    return nodes


def ask_for_best(api, pod):
    """Whether they choose alike: that of few nodes none is of both is no chance, when it is asked again."""
    for tries in 5, 12:
        kube, ours = [chosen(api, pod, scheduler, tries) for scheduler in ("kube", "ours")]
        if kube & ours or min(len(kube), len(ours)) > 2:
            said = "chosen: the only one" if len(kube | ours) == 1 else "chosen: one of some"
            return {"kube": said, "ours": said}
    return {"kube": f"chosen: {sorted(kube)}", "ours": f"chosen: {sorted(ours)}"}


def ask_alone(api, pod, schedulers=SCHEDULERS):
    answers = {}
    for scheduler in schedulers:
        made = for_scheduler(pod, scheduler)
        api.make(pods_of(made["metadata"]["namespace"]), [made])
        end = time.monotonic() + 20
        while (answer := answer_of(api.call("GET", path_of(made)))) is None and time.monotonic() < end:
            time.sleep(0.002)
        answers[scheduler] = answer or "no answer"
        api.call("DELETE", path_of(made) + "?gracePeriodSeconds=0")
    return answers


def differ(answers, states):
    """All words count, but for what depends on the node that is looked at first: kube-scheduler looks at many at once,
    and the first one where a claim is found to be wrong is the one it tells of. A pool that one of them tells of has to
    be as it says, of which `states` knows, and on another node something else may be wrong with the claim."""
    told = [re.match(r"SchedulerError: .*?: claim (\S+?)[,:] (.*)", answers[scheduler]) for scheduler in SCHEDULERS]
    if all(told):
        pools = [re.search(r"resource pool (\S+) is currently (.*)", each[2]) for each in told]
        if any(pool and states.get(pool[1]) != pool[2] for pool in pools):
            return True
        ours, kube = told
        return ours[1] == kube[1] and ours[2] != kube[2] and not any(pools)
    return without_timeouts(answers["ours"]) != without_timeouts(answers["kube"])


def without_timeouts(said):
    """A search for devices that takes ten seconds of a busy machine is given up: that node is counted with those that
    have none."""
    told = re.match(r"(.*nodes are available: )(.*?)(\.(?: .*|$))", said)
    if "timed out trying" not in said or not told:
        return said
    reasons, without = [], 0
    for reason in re.split(r", (?=\d)", told[2]):
        counted = re.match(r"(\d+) (timed out trying to allocate devices|cannot allocate all claims)$", reason)
        without += int(counted[1]) if counted else 0
        reasons += [] if counted else [reason]
    return told[1] + ", ".join(sorted(reasons + [f"{without} cannot allocate all claims"])) + told[3]


def ask_world(api, seed, count, nodes):
    world = build(api, seed, nodes)
    blocked = [world.asked(f"p{i}", True) for i in range(count)]
    alone = [world.asked(f"q{i}", False) for i in range(count // 8)]
    devices = build_devices(api, seed, world)
    tied = [world.asked(f"d{i}", False) for i in range(count // 8)]
    tied += [world.light(f"l{i}") for i in range(count // 2)]
    for pod in tied:
        pod["metadata"]["labels"]["asked"] = "tied"
        devices.add_to(pod)
    blocked += tied
    with_claims = [world.light(f"e{i}") for i in range(count // 8)]
    world.rng = random.Random(f"preferences {seed}")
    preferring = [world.preferring(f"b{i}") for i in range(count // 8)]
    answers = ask_at_once(api, blocked)
    # A scheduler may have been asked before it had heard of all the world; then it is not again.
    again = [pod for pod in blocked if differ(answers[pod["metadata"]["name"]], devices.states)]
    if again:
        answers.update(ask_at_once(api, again))
    for pod in alone:
        said = ask_alone(api, pod)
        answers[pod["metadata"]["name"]] = ask_alone(api, pod) if differ(said, devices.states) else said
    for pod in with_claims:
        answers[pod["metadata"]["name"]] = ask_alone_with_claims(api, devices, pod)
    for pod in preferring:
        answers[pod["metadata"]["name"]] = ask_for_best(api, pod)
    different = 0
    for pod in blocked + alone + with_claims + preferring:
        said = answers[pod["metadata"]["name"]]
        if differ(said, devices.states):
            different += 1
            print(f"seed {seed} pod {pod['metadata']['name']}:\n  ours: {said['ours']}\n  kube: {said['kube']}\n"
                  f"  {json.dumps(pod)}")
    return answers, different


def reasons_in(answers):
    tally = collections.Counter()
    for said in answers.values():
        counts = re.sub(r"^.*?nodes are available: ", "", said["kube"]).split(". ")[0]
        if said["kube"].startswith("SchedulerError: "):
            tally[re.sub(r"(claim [\w.-]+/|request |pool )[\w./-]+", r"\1...", said["kube"])] += 1
        for count, reason in re.findall(r"(\d+) ([^,]+)", counts if "nodes are available" in said["kube"] else ""):
            tally[reason.rstrip(".")] += int(count)
    tally["bound"] = sum(said["kube"] == "bound" for said in answers.values())
    for best in "chosen: the only one", "chosen: one of some":
        tally["best node " + best] = sum(said["kube"] == best for said in answers.values())
    tally["bound with devices"] = sum(said["kube"].startswith("bound: ") for said in answers.values())
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
