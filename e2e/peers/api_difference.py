"""Asks two API servers, a real one and ours, the same requests, and compares their answers by name."""
import argparse
import json
import re
import sys
import time

import api_bodies
import api_custom
import api_grown
import api_lives
import api_patches
import api_policies
import api_queries
import api_requests
import api_rules
import api_schemas
import api_servers
import api_subresources
import api_webhooks

# Of what extends the API: who asks, how many rounds for each 60 requests, and how much in each.
EXTENSIONS = {"schemas": (api_schemas.Definitions, 3, 10), "rules": (api_rules.Rules, 1, 40),
              "policies": (api_policies.Policies, 0.5, 30), "webhooks": (api_webhooks.Webhooks, 0.5, 30)}
PARTS = ("objects", "lives", "posted", "reviews", "queries", "bodies", "custom", *EXTENSIONS)


class Objects:
    """All that is asked of one object: as a new one, and as one that is kept."""

    def __init__(self, comparison, schemas):
        self.all, self.schemas = comparison, schemas
        self.patches = api_patches.Patches(comparison, schemas)
        self.subresources = api_subresources.Subresources(comparison, schemas)
        self.bodies = api_bodies.Bodies(comparison)

    def new_objects(self, path, thing, chance):
        kind = thing["kind"]
        self.all.same(f"{kind} create", "POST", path + "?dryRun=All", thing)
        changes = api_requests.changed(thing, self.schemas, self.schemas.of(path, kind), chance)
        for place, _, other in chance.sample(changes, min(len(changes), self.all.requests)):
            query = "?dryRun=All" + ("&fieldValidation=Strict" if chance.random() < 0.3 else "")
            self.all.same(f"{kind} create {api_requests.field_of(place)}", "POST", path + query, other)
        self.bodies.doubled(path, thing, chance, self.all.requests // 4)

    def updates(self, path, thing, chance):
        kind, one = thing["kind"], f"{path}/{thing['metadata']['name']}"
        if chance.random() < 0.5:
            made = self.all.both("POST", path, thing)
        else:
            made = self.all.both("PATCH", one + "?fieldManager=m1", thing, api_patches.APPLY)
        if [answer[0] for answer in made] != [201, 201]:
            self.all.both("DELETE", one + "?gracePeriodSeconds=0", None)
            return
        kept = [server.get(one) for server in (self.all.kube, self.all.ours)]
        for document in kept:
            document["metadata"].pop("managedFields", None)
        changes = api_requests.changed(kept[0], self.schemas, self.schemas.of(path, kind), chance)
        for place, _, theirs in chance.sample(changes, min(len(changes), self.all.requests)):
            if api_patches.own_place(place):
                continue  # Compared with the object that each has, and kept by dry runs alone.
            ours = as_ours(theirs, *kept)
            put = one + "?dryRun=All"
            self.all.compare(f"{kind} update {api_requests.field_of(place)}", lambda theirs=theirs, ours=ours: (
                self.all.kube.ask("PUT", put, theirs), self.all.ours.ask("PUT", put, ours)),
                f"PUT {put} {json.dumps(theirs)}")
        if chance.random() < 0.5:
            self.all.same(f"{kind} apply", "PATCH", one + "?fieldManager=m1&force=true", thing, api_patches.APPLY)
        self.patches.of(path, one, thing, kept[0], chance, 0.5)
        self.subresources.of(path, one, thing, chance, as_ours)
        self.all.both("DELETE", one + "?gracePeriodSeconds=0", None)


def as_ours(thing, theirs, ours):
    """The changed object with what our server gave the object in place of what theirs did."""
    thing = json.loads(api_patches.with_own(json.dumps(thing), theirs, ours))
    versions = [kept["metadata"]["resourceVersion"] for kept in (theirs, ours)]
    if isinstance(thing.get("metadata"), dict):
        if thing["metadata"].get("resourceVersion") == versions[0]:
            thing["metadata"]["resourceVersion"] = versions[1]
        ends = [kept["metadata"].get("deletionTimestamp") for kept in (theirs, ours)]
        if all(ends) and thing["metadata"].get("deletionTimestamp") == ends[0]:
            thing["metadata"]["deletionTimestamp"] = ends[1]
    return thing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kube", "ours", "objects", "requests"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("seeds", type=int, nargs="+")
    options = parser.parse_args()
    comparison = api_servers.Comparison(options.kube, options.ours, options.requests)
    comparison.both("POST", "/api/v1/namespaces", {"metadata": {"name": api_requests.NAMESPACE}})
    comparison.both("POST", f"/api/v1/namespaces/{api_requests.NAMESPACE}/serviceaccounts",
                    {"metadata": {"name": "default"}})
    schemas = api_requests.Schemas(comparison.kube.get)
    for seed in options.seeds:
        for part in options.parts.split(","):
            before, start = comparison.asked, time.monotonic()
            ask(part, comparison, schemas, options, seed)
            print(f"{part}, seed {seed}: {comparison.asked - before} requests in "
                  f"{time.monotonic() - start:.0f} s", flush=True)
    both = comparison.expected + comparison.differing
    print(f"{comparison.asked} requests, kube-apiserver panicked or had no time at {comparison.unanswered}; "
          f"{sum(both.values())} answers differ, of {len(both)} names, "
          f"{len(comparison.differing)} of them not in api_difference.txt")
    if not comparison.says_enough():
        print("too many of them were not answered")
    sys.exit(1 if comparison.differing or not comparison.says_enough() else 0)


def ask(part, comparison, schemas, options, seed):
    chance = api_requests.chance_of(seed, part)
    objects = Objects(comparison, schemas)
    comparison.part = part if part in EXTENSIONS else ""
    if part == "objects":
        for path, some in api_requests.recorded_objects().items():
            if not re.search(options.only, path):
                continue
            chance = api_requests.chance_of(seed, path)
            for thing in api_requests.pick(some, options.objects, chance):
                objects.new_objects(path, thing, chance)
                objects.updates(path, thing, chance)
    elif part == "lives":
        lives = api_lives.Lives(comparison, schemas, as_ours)
        for path, some in api_requests.recorded_objects().items():
            if re.search(options.only, path) and some[0]["kind"] != "Binding":
                lives.ask(path, api_requests.pick(some, options.objects, api_requests.chance_of(seed, path)), chance)
    elif part == "grown":
        grown = api_grown.Grown(comparison, schemas, as_ours)
        grown.ask(api_requests.recorded_objects(), seed, options.requests, options.only)
    elif part == "posted":
        objects.subresources.posted(chance)
    elif part == "reviews":
        objects.subresources.reviews(chance)
    elif part == "queries":
        queries = api_queries.Queries(comparison)
        queries.make()
        if seed == options.seeds[0]:
            queries.selectors()
            queries.accepts()
            queries.methods()
            queries.deletions(chance)
        queries.combinations(chance, 3 * options.requests)
        queries.unmake()
    elif part == "bodies":
        if seed == options.seeds[0]:
            objects.bodies.texts()
    elif part == "custom":
        comparison.any_order = True
        custom = api_custom.Custom(comparison, schemas, objects.new_objects, objects.updates)
        custom.ask(options.only, lambda name: api_requests.chance_of(seed, name))
        comparison.any_order = False
    else:
        asker, rounds, count = EXTENSIONS[part]
        asker(comparison).ask(seed, max(1, round(rounds * options.requests / 60)), count)


if __name__ == "__main__":
    main()
