#!/usr/bin/env python3
"""Definitions that others wrote, on `skiff apiserver`: are they taken as kube-apiserver takes them, do the examples that
come with them validate, and what do all of them at once cost?

    definitions.py SKIFF DEFINITIONS [EXAMPLES]     folders of YAML files, whatever else is in these

Each definition has to get the conditions of one that is in order, and nothing else; each object in EXAMPLES of a kind
that is defined has to be accepted (dry run). Then a second server gets all definitions at once, by THREADS clients (4):
that has to take no more than SECONDS (2) until the last is established, and no more than MEGABYTES (60).
MISTAKEN  a pattern of what may be refused: lines as this prints them
"""
import collections
import json
import os
import pathlib
import re
import sys
import time

from extension import server

SECONDS = float(os.environ.get("SECONDS_MAX", "2"))
MEGABYTES = float(os.environ.get("MEGABYTES_MAX", "60"))
MISTAKEN = os.environ.get("MISTAKEN")
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
IN_ORDER = {("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
            ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")}
PROTECTED = re.compile(r"(^|\.)(k8s|kubernetes)\.io$")
APPROVAL = "api-approved.kubernetes.io"

Document = collections.namedtuple("Document", "file api_version kind namespace text")


def documents(folder):
    """What stands in the folder's YAML, read no further than needed: the server reads the rest."""
    for file in sorted(pathlib.Path(folder).rglob("*.y*ml")):
        for text in re.split(r"^---.*$", file.read_text(), flags=re.MULTILINE):
            def of(pattern):
                found = re.search(pattern, text, re.MULTILINE)
                return found[1] if found else None
            head = of(r"^metadata:[^\n]*\n((?:[ #][^\n]*\n|\n)*)") or ""
            namespace = re.search(r"^  ?namespace:\s*[\"']?([\w.-]+)", head, re.MULTILINE)
            document = Document(file, of(r"^apiVersion:\s*[\"']?([\w./-]+)"), of(r"^kind:\s*[\"']?(\w+)"),
                                namespace[1] if namespace else None, text)
            if document.api_version and document.kind:
                yield document


def established(definition):
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def wait_for_all(api, names):
    """As the server has them then; one is asked for after the other, so that waiting costs it little."""
    items, connection, end = [], api.connect(), time.monotonic() + 60
    for name in names:
        while True:
            item = json.loads(api.ask(connection, "GET", f"{PATH}/{name}")[1])
            if established(item):
                break
            if time.monotonic() > end:
                sys.exit(f"not established: {name}")
            time.sleep(0.02)
        items.append(item)
    return items


def wrong_conditions(definition):
    wanted = IN_ORDER
    if PROTECTED.search(definition["spec"]["group"]):
        url = definition["metadata"]["annotations"][APPROVAL]
        wanted = wanted | {("KubernetesAPIApprovalPolicyConformant", "True", "ApprovedAnnotation", f"approved in {url}")}
    got = {(each["type"], each["status"], each["reason"], each["message"]) for each in definition["status"]["conditions"]}
    return got ^ wanted


def accept(api, found):
    """All of them, one after the other; as the server has them afterwards."""
    failures, names = [], []
    for each in found:
        status, text = api.ask(api.connect(), "POST", PATH, each.text.encode(), "application/yaml")
        if status == 201:
            names.append(json.loads(text)["metadata"]["name"])
        else:
            failures.append(f"{each.file}: {status} {json.loads(text)['message']}")
    items = wait_for_all(api, names)
    failures += [f"{each['metadata']['name']}: {wrong_conditions(each)}" for each in items if wrong_conditions(each)]
    return items, failures


def validate(api, items, examples):
    served = {}
    for item in items:
        spec = item["spec"]
        for version in spec["versions"]:
            if version["served"]:
                served[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = spec
    accepted, refused, namespaces = 0, [], set()
    connection = api.connect()
    for each in examples:
        spec = served.get((each.api_version, each.kind))
        if spec is None:
            continue
        where = ""
        if spec["scope"] == "Namespaced":
            namespace = each.namespace or "default"
            if namespace not in namespaces:
                namespaces.add(namespace)
                api.ask(connection, "POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": namespace}}))
            where = f"/namespaces/{namespace}"
        status, text = api.ask(connection, "POST",
                               f"/apis/{each.api_version}{where}/{spec['names']['plural']}?dryRun=All",
                               each.text.encode(), "application/yaml")
        if status == 201:
            accepted += 1
        else:
            refused.append(f"{each.file.name}: {status} {json.loads(text)['message'][:400]}")
    return accepted, refused


def mb(api, what):
    status = pathlib.Path(f"/proc/{api.process.pid}/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0]) / 1024


def cost(skiff, items):
    bodies = []
    for item in items:
        metadata = {key: item["metadata"][key] for key in ("name", "labels", "annotations") if key in item["metadata"]}
        bodies.append(json.dumps({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                                  "metadata": metadata, "spec": item["spec"]}))
    with server(skiff) as api:
        time.sleep(2)  # What it does at its start is over.
        memory, anonymous, cpu, began = mb(api, "VmRSS"), mb(api, "RssAnon"), api.cpu_ms(), time.monotonic()
        api.load([("POST", PATH, body) for body in bodies])
        posted = time.monotonic() - began
        wait_for_all(api, [item["metadata"]["name"] for item in items])
        took, cpu = time.monotonic() - began, api.cpu_ms() - cpu
        most = mb(api, "VmHWM") - memory
        time.sleep(10)  # What only the rush needed is given back.
        held = mb(api, "RssAnon") - anonymous
    print(f"{len(bodies)} definitions, {sum(map(len, bodies)) / 1e6:.1f} MB of JSON: answered after {posted:.2f} s, "
          f"established after {took:.2f} s ({cpu / 1000:.2f} s of CPU); {most:.0f} MB more at most, {held:.0f} MB ten "
          f"seconds later (resident before: {memory:.0f} MB)", flush=True)
    return took <= SECONDS and most <= MEGABYTES


def main():
    skiff = os.path.realpath(sys.argv[1])
    found = [each for each in documents(sys.argv[2]) if each.kind == "CustomResourceDefinition"]
    with server(skiff) as api:
        items, failures = accept(api, found)
        print(f"{len(items)} of {len(found)} definitions are accepted")
        if len(sys.argv) > 3:
            accepted, refused = validate(api, items, documents(sys.argv[3]))
            mistaken = [line for line in refused if MISTAKEN and re.search(MISTAKEN, line)]
            print(f"{accepted} examples validate, {len(refused)} do not, {len(mistaken)} of these as was said before")
            failures += [line for line in refused if line not in mistaken]
    for line in failures:
        print("FAILED", line)
    within = cost(skiff, items)
    sys.exit(0 if within and not failures else 1)


if __name__ == "__main__":
    main()
