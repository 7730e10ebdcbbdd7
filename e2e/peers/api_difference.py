"""Asks two API servers, a real one and ours, the same requests, and compares their answers by name."""
import argparse
import collections
import http.client
import json
import os
import re
import ssl
import sys

import api_requests

KNOWN = os.path.join(os.path.dirname(__file__), "api_difference.txt")
# What differs from server to server, or from run to run.
OWN = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "clusterIP", "clusterIPs", "nodePort",
       "healthCheckNodePort", "time", "lastTransitionTime"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ACCESS = re.compile(r"(kube-api-access)-[a-z0-9]{5}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SHOWN_MAX = 400
# Some of Kubernetes' errors come in the order of a Go map, which is another one each time.
TRIES_MAX = 8


class NoAnswer(Exception):
    """A request that its server panics at."""


class Server:
    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.http = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)

    def ask(self, verb, path, body=None):
        """(code, document, warnings); raises NoAnswer where the server closes the connection instead."""
        headers = {"Authorization": "Bearer token", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            self.http.request(verb, path, None if body is None else json.dumps(body), headers)
            answer = self.http.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ConnectionError):
            self.http.close()
            raise NoAnswer(self) from None
        warnings = [value for name, value in answer.getheaders() if name.lower() == "warning"]
        try:
            return answer.status, json.loads(text), warnings
        except ValueError:
            return answer.status, {"message": text.decode("utf-8", "replace")}, warnings

    def get(self, path):
        return self.ask("GET", path)[1]


def masked(thing):
    if isinstance(thing, dict):
        return {key: "-" if key in OWN else masked(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [masked(value) for value in thing]
    if not isinstance(thing, str):
        return thing
    return ACCESS.sub(r"\1", TIME.sub("TIME", UUID.sub("UUID", thing)))


def comparable(answer):
    code, document, warnings = answer
    if code < 400:
        return {"code": code, "object": masked(document), "warnings": sorted(warnings)}
    causes = (document.get("details") or {}).get("causes") or []
    return {"code": code, "message": masked(document.get("message")), "reason": document.get("reason"),
            "causes": sorted(json.dumps(masked(cause), sort_keys=True) for cause in causes),
            "warnings": sorted(warnings)}


def first_difference(theirs, ours, path=""):
    """(path, theirs, ours) of the first value that differs; None where all agree."""
    if type(theirs) is type(ours) and isinstance(theirs, dict):
        for key in list(theirs) + [key for key in ours if key not in theirs]:
            found = first_difference(theirs.get(key), ours.get(key), f"{path}.{key}")
            if found:
                return found
        return None
    if type(theirs) is type(ours) and isinstance(theirs, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours)):
            found = first_difference(one, other, f"{path}[{index}]")
            if found:
                return found
        return None
    return None if theirs == ours else (path, theirs, ours)


class Comparison:
    def __init__(self, options):
        self.kube, self.ours = Server(options.kube), Server(options.ours)
        self.requests = options.requests
        self.asked, self.unanswered, self.differing = 0, 0, collections.Counter()
        with open(KNOWN) as file:
            self.known = {line.split("  ")[0] for line in map(str.rstrip, file) if line and line[0] != "#"}
        self.schemas = api_requests.Schemas(self.kube.get)
        for server in self.kube, self.ours:
            server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": api_requests.NAMESPACE}})
            server.ask("POST", f"/api/v1/namespaces/{api_requests.NAMESPACE}/serviceaccounts",
                       {"metadata": {"name": "default"}})

    def compare(self, name, ask):
        """`ask` gets both answers, kube-apiserver's first."""
        self.asked += 1
        for _ in range(TRIES_MAX):
            try:
                answers = ask()
            except NoAnswer as failure:
                if failure.args[0] is self.ours:
                    raise
                self.unanswered += 1
                return
            found = first_difference(*map(comparable, answers))
            # It writes some of them itself meanwhile.
            if not found or "object has been modified" in str(answers[0][1].get("message")):
                return
        self.differing[name] += 1
        if name in self.known or self.differing[name] > 1:
            return
        path, theirs, ours = found
        print(f"{name}{'' if path[:5] == '.code' else ' ' + path[1:]}\n  kube {json.dumps(theirs)[:SHOWN_MAX]}\n"
              f"  ours {json.dumps(ours)[:SHOWN_MAX]}", flush=True)

    def both(self, verb, path, thing):
        return [server.ask(verb, path, thing) for server in (self.kube, self.ours)]

    def new_objects(self, path, thing, chance):
        kind = thing["kind"]
        self.compare(f"{kind} create", lambda: self.both("POST", path + "?dryRun=All", thing))
        changes = api_requests.changed(thing, self.schemas, self.schemas.of(path, kind), chance)
        for place, _, other in chance.sample(changes, min(len(changes), self.requests)):
            query = "?dryRun=All" + ("&fieldValidation=Strict" if chance.random() < 0.3 else "")
            self.compare(f"{kind} create {api_requests.field_of(place)}",
                         lambda other=other, query=query: self.both("POST", path + query, other))

    def updates(self, path, thing, chance):
        kind, one = thing["kind"], f"{path}/{thing['metadata']['name']}"
        made = [answer[0] for answer in self.both("POST", path, thing)]
        if made != [201, 201]:
            self.both("DELETE", one + "?gracePeriodSeconds=0", None)
            return
        kept = [server.get(one) for server in (self.kube, self.ours)]
        for document in kept:
            document["metadata"].pop("managedFields", None)
        changes = api_requests.changed(kept[0], self.schemas, self.schemas.of(path, kind), chance)
        for place, _, theirs in chance.sample(changes, min(len(changes), self.requests)):
            if place[:2] in (("metadata", "uid"), ("metadata", "resourceVersion"), ("metadata", "selfLink")):
                continue  # Compared with the object that each has, and kept by dry runs alone.
            ours = as_ours(theirs, *kept)
            put = one + "?dryRun=All"
            self.compare(f"{kind} update {api_requests.field_of(place)}", lambda theirs=theirs, ours=ours: (
                self.kube.ask("PUT", put, theirs), self.ours.ask("PUT", put, ours)))
        self.both("DELETE", one + "?gracePeriodSeconds=0", None)


def as_ours(thing, theirs, ours):
    """The changed object with what our server gave the object in place of what theirs did."""
    text = json.dumps(thing).replace(theirs["metadata"]["uid"], ours["metadata"]["uid"])
    thing = json.loads(text)
    if isinstance(thing.get("metadata"), dict) and thing["metadata"].get("resourceVersion"):
        thing["metadata"]["resourceVersion"] = ours["metadata"]["resourceVersion"]
    spec, own = thing.get("spec"), ours.get("spec")
    for field in ("clusterIP", "clusterIPs"):
        if isinstance(spec, dict) and isinstance(own, dict) and spec.get(field) == theirs["spec"].get(field):
            if field in own:
                spec[field] = own[field]
    return thing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kube", "ours", "objects", "requests"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("seeds", type=int, nargs="+")
    options = parser.parse_args()
    comparison = Comparison(options)
    for seed in options.seeds:
        for path, objects in api_requests.recorded_objects().items():
            if not re.search(options.only, path):
                continue
            chance = api_requests.chance_of(seed, path)
            for thing in api_requests.pick(objects, options.objects, chance):
                comparison.new_objects(path, thing, chance)
                comparison.updates(path, thing, chance)
    new = sorted(set(comparison.differing) - comparison.known)
    print(f"{comparison.asked} requests, kube-apiserver panicked at {comparison.unanswered}; "
          f"{sum(comparison.differing.values())} answers differ, of {len(comparison.differing)} names, "
          f"{len(new)} of them not in api_difference.txt")
    sys.exit(1 if new else 0)


if __name__ == "__main__":
    main()
