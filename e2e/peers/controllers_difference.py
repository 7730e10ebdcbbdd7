"""Plays scenarios of workloads in two clusters, one of real programs and one of ours, and compares after each step all
objects and events that their controllers made. See controllers_difference.sh."""
import argparse
import collections
import json
import os
import re
import sys
import threading

from api_servers import TIME, UUID
import controllers_mixed_scenarios
import controllers_more_scenarios
from controllers_scenarios import SCENARIOS
from controllers_world import World
from differences import differences

KNOWN = os.path.join(os.path.dirname(__file__), "controllers_difference.txt")
# What each server makes of its own.
OWN = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "deletionTimestamp"}
MADE_NAME = re.compile(r"\b[a-z0-9-]+-[bcdfghjklmnpqrstvwxz2456789]{5}\b")  # By generateName.
DURATION = re.compile(r"\b\d+(\.\d+)?(ms|µs|s)\b")
HASHES = {"replicasets": "pod-template-hash", "controllerrevisions": "controller.kubernetes.io/hash"}
COMBINED = "(combined from similar events): "  # From the tenth on, and how many there are depends on the time.
SHOWN_MAX = 300


def template_of(thing):
    template = thing["spec"]["template"] if "spec" in thing else thing["data"]["spec"]["template"]
    words = re.findall(r"\w+", json.dumps([container.get("image") for container in template["spec"]["containers"]]) +
                       json.dumps(template["spec"].get("nodeSelector", "")))
    return "T" + "".join(words)


class Snapshot:
    """Objects and events of a namespace by the names that both worlds give them."""

    def __init__(self, world, space, hashes):
        """`hashes`: of templates that were seen before, and what they are called; those of now are added."""
        objects = world.objects(space)
        events = world.events(space)
        for kind, label in HASHES.items():
            for thing in objects[kind]:
                value = (thing["metadata"].get("labels") or {}).get(label) or \
                    (thing["metadata"].get("labels") or {}).get("controller-revision-hash")
                if value:
                    hashes[value.rsplit("-", 1)[-1]] = template_of(thing)
        made = set()
        for event in events:
            made.update(MADE_NAME.findall(event.get("message", "") + " " + event["involvedObject"]["name"]))
        for things in objects.values():
            for thing in things:
                name, prefix = thing["metadata"]["name"], thing["metadata"].get("generateName")
                if prefix and name.startswith(prefix) and len(name) == len(prefix) + 5:
                    made.add(name)
        names = {name: name[:-5] + "#" for name in made}
        self.names = sorted([*names.items(), *hashes.items()], key=lambda pair: -len(pair[0]))
        self.objects, self.events = collections.defaultdict(list), collections.Counter()
        for kind, things in objects.items():
            for thing in things:
                thing = self.clean(thing)
                self.arrange(kind, thing)
                self.objects[kind, thing["metadata"]["name"]].append(thing)
        for things in self.objects.values():
            things.sort(key=lambda thing: json.dumps(thing, sort_keys=True))
        for event in events:
            about = event["involvedObject"]
            self.events[event["type"], event["reason"], about["kind"], self.text(about["name"]),
                        self.text(event.get("message", "")),
                        event.get("reportingComponent") or event["source"].get("component")] += 1
        self.refusals = collections.Counter((verb, self.text(path), code, self.text(message))
                                            for verb, path, code, message in world.refusals)
        world.refusals.clear()

    def text(self, text):
        text = re.sub(r"kube-api-access-\w{5}", "kube-api-access-#", TIME.sub("TIME", UUID.sub("UUID", text)))
        for name, called in self.names:
            text = text.replace(name, called)
        text = text.replace(COMBINED, "")
        # Their order is that of a map.
        text = re.sub(r"(multiple HPAs: )\[(.*)\]", lambda it: it[1] + str(sorted(it[2].split())), text)
        return DURATION.sub("Ns", text)

    def clean(self, thing):
        if isinstance(thing, dict):
            return {self.text(key): self.clean(value) for key, value in thing.items() if key not in OWN}
        if isinstance(thing, list):
            return [self.clean(value) for value in thing]
        return self.text(thing) if isinstance(thing, str) else thing

    @staticmethod
    def arrange(kind, thing):
        """Addresses are as the pods came, and the order of pods and subsets is that of a map or a hash."""
        def sort(things):
            things.sort(key=lambda each: json.dumps(each, sort_keys=True))

        if kind == "certificatesigningrequests":
            if thing.get("status", {}).get("certificate"):
                thing["status"]["certificate"] = "signed"
        elif kind == "configmaps" and "ca.crt" in (thing.get("data") or {}):
            thing["data"]["ca.crt"] = "CERTIFICATES"
        elif kind == "secrets" and "token" in (thing.get("data") or {}):
            thing["data"]["token"] = "TOKEN"
        elif kind == "services":  # Addresses and ports are drawn.
            drawn = [address for address in thing["spec"].get("clusterIPs") or [] if address != "None"]
            thing["spec"].update({"clusterIP": "drawn", "clusterIPs": len(drawn)} if drawn else {})
            for port in thing["spec"].get("ports") or []:
                port.update({"nodePort": "drawn"} if "nodePort" in port else {})
        elif kind == "nodes":  # Two loops taint a node whose kubelet is silent, in whatever order.
            sort(thing["spec"].get("taints") or [])
        elif kind == "pods":
            for field in ("podIP", "podIPs"):
                thing.get("status", {}).pop(field, None)
        elif kind == "endpointslices":
            for endpoint in thing.get("endpoints") or []:
                endpoint["addresses"] = len(endpoint["addresses"])
            sort(thing.get("endpoints") or [])
            sort(thing.get("ports") or [])
        elif kind == "endpoints":
            for subset in thing.get("subsets", []):
                for field in ("addresses", "notReadyAddresses"):
                    for address in subset.get(field, []):
                        del address["ip"]
                    sort(subset.get(field, []))
            sort(thing.get("subsets", []))


class Comparison:
    def __init__(self, kube, ours):
        self.worlds = [World("kube", kube), World("ours", ours)]
        self.compared, self.known, self.unknown = 0, 0, set()
        with open(KNOWN, encoding="utf-8") as file:
            lines = [line for line in map(str.rstrip, file) if line and line[0] != "#"]
        names = [re.escape(line).replace(r"\*", ".*") for line in lines]
        self.known_names = re.compile("|".join(names) or "$.")

    def play(self, space, steps):
        for world in self.worlds:
            world.ask("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
        self.in_both(lambda world: world.settle(space))
        hashes = [{}, {}]
        for label, act in steps:
            self.in_both(lambda world, act=act: (act(world, space), world.settle(space)))
            self.compare(f"{space}/{label}", *[Snapshot(world, space, seen)
                                               for world, seen in zip(self.worlds, hashes)])
            if all(world.missed for world in self.worlds):  # Else it differs in what came of it.
                self.tell(f"{space}/{label}", "wait", "in vain", "in vain")
            for world in self.worlds:
                world.missed = False
        for world in self.worlds:
            world.ask("DELETE", "/api/v1/namespaces/" + space)

    def in_both(self, act):
        failures = []

        def run(world):
            try:
                act(world)
            except Exception as failure:  # Told where it is waited for.
                failures.append(failure)

        threads = [threading.Thread(target=run, args=(world,)) for world in self.worlds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def compare(self, step, theirs, ours):
        for kind, name in sorted({*theirs.objects, *ours.objects}):
            self.compared += 1
            one, other = theirs.objects.get((kind, name), []), ours.objects.get((kind, name), [])
            if len(one) != len(other):
                self.tell(step, f"{kind} {name}", f"{len(one)} of them", f"{len(other)} of them")
                continue
            for thing, counterpart in zip(one, other):
                for path, *values in differences(thing, counterpart):
                    self.tell(step, f"{kind} {path[1:]}", *values)
        for event in sorted({*theirs.events, *ours.events}, key=str):
            self.compared += 1
            if (event in theirs.events) != (event in ours.events):
                self.tell(step, f"event {event[1]} {event[2]}", *[
                    f"{event[0]} {event[3]} {event[5]}: {event[4]}" if event in side.events else "nothing"
                    for side in (theirs, ours)])

        for refusal in sorted({*theirs.refusals, *ours.refusals}, key=str):
            self.compared += 1
            if (refusal in theirs.refusals) != (refusal in ours.refusals):
                self.tell(step, f"refusal {refusal[0]} {refusal[1].rsplit('/', 1)[-1]}", *[
                    f"{refusal[2]} {refusal[3]}" if refusal in side.refusals else "nothing"
                    for side in (theirs, ours)])

    def tell(self, step, what, theirs, ours):
        """Once a scenario."""
        name = f"{step.split('/')[0]} {what}"
        if self.known_names.fullmatch(name):
            self.known += 1
            return
        if name in self.unknown:
            return
        self.unknown.add(name)
        print(f"{name}  (first at {step})", flush=True)
        for side, value in (("kube", theirs), ("ours", ours)):
            print(f"  {side} {json.dumps(value)[:SHOWN_MAX]}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kube", type=int, required=True)
    parser.add_argument("--ours", type=int, required=True)
    parser.add_argument("--only", default="", help="a regular expression of scenarios")
    options = parser.parse_args()
    comparison = Comparison(options.kube, options.ours)
    for name, steps in SCENARIOS.items():
        if re.search(options.only, name):
            comparison.play(name, steps)
    print(f"{comparison.compared} objects and events compared; {len(comparison.unknown)} names differ, "
          f"{comparison.known} times one that is known")
    sys.exit(bool(comparison.unknown))


main()
