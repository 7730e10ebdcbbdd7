#!/usr/bin/env python3
"""Do two answers of metrics.k8s.io say the same of a pod that works as much as it may, and of the node it is on?

    agree.py OURS THEIRS      folders with nodes.json and pods.json, lists as the API answers them

Of the pod `busy`, which works in a limit of a tenth of a core and holds 20 MiB, both have to say so: its CPU within 0.03
cores, its memory within 4 MiB, and that of all pods within 2 MiB of one another. Both know the same pods and nodes with
the same containers. A node's figures are of different moments: its memory may differ by a tenth.
"""
import json
import pathlib
import sys

UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9}
LIMIT = 0.1
CPU_SLACK = 0.03
HELD = 20 << 20
POD_BYTES = 2 << 20
NODE_SHARE = 0.1


def amount(text):
    digits = text.rstrip("numkKMGi")
    return float(digits) * UNITS[text[len(digits):]]


def read(folder):
    def items(name):
        return json.loads(pathlib.Path(folder, name).read_text())["items"]
    nodes = {each["metadata"]["name"]: each["usage"] for each in items("nodes.json")}
    pods = {(each["metadata"]["namespace"], each["metadata"]["name"]): {c["name"]: c["usage"] for c in each["containers"]}
            for each in items("pods.json")}
    return nodes, pods


def main():
    (our_nodes, ours), (their_nodes, theirs) = (read(each) for each in sys.argv[1:])
    wrong = []
    # The one that measures came later.
    theirs = {key: value for key, value in theirs.items() if not key[1].startswith("metrics-server-")}
    if our_nodes.keys() != their_nodes.keys():
        wrong.append(f"nodes {sorted(our_nodes)} and {sorted(their_nodes)}")
    if {k: sorted(v) for k, v in ours.items()} != {k: sorted(v) for k, v in theirs.items()}:
        wrong.append(f"pods {sorted(ours)} and {sorted(theirs)}")
    for who, pods in (("ours", ours), ("theirs", theirs)):
        used = amount(pods[("default", "busy")]["main"]["cpu"])
        if abs(used - LIMIT) > CPU_SLACK:
            wrong.append(f"{who} says that busy uses {used:.3f} of its {LIMIT} cores")
        held = amount(pods[("default", "busy")]["main"]["memory"])
        if not HELD <= held <= HELD + 2 * POD_BYTES:
            wrong.append(f"{who} says that busy uses {held / 2**20:.1f} MiB")
    for key in ours.keys() & theirs.keys():
        for name in ours[key].keys() & theirs[key].keys():
            one, other = amount(ours[key][name]["memory"]), amount(theirs[key][name]["memory"])
            if abs(one - other) > POD_BYTES:
                wrong.append(f"memory of {key} {name}: {one / 2**20:.1f} and {other / 2**20:.1f} MiB")
    for name in our_nodes.keys() & their_nodes.keys():
        one, other = amount(our_nodes[name]["memory"]), amount(their_nodes[name]["memory"])
        if abs(one - other) > NODE_SHARE * max(one, other):
            wrong.append(f"memory of {name}: {one / 2**20:.0f} and {other / 2**20:.0f} MiB")
    print("\n".join(wrong) or f"both agree; pods: {len(ours)}, nodes: {len(our_nodes)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
