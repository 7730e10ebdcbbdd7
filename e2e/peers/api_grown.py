"""Objects with several changes at once: what other objects have, near misses; and Kubernetes' own golden objects."""
import copy
import json
import os
import re
import subprocess

import api_requests

MODULES = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True).stdout.strip()
GOLDEN = os.path.join(MODULES, "k8s.io/api@v0.35.6/testdata/HEAD")
WORDS = ["x", "", "a.b.c", "example.com/x", "Bad_Name", "1", "100m", "/a/b", "10.0.0.1", "10.0.0.0/8",
         "2001:db8::/64", "*", "*.example.com", "5%", "150%", "kubernetes.io/x", "a" * 64, "a" * 254,
         "true", "Always", "Never"]
COUNTS = [-1, 0, 1, 2, 3, 10, 64, 100, 101, 255, 256, 600, 1000, 3600, 32767, 65535, 65536, 2147483647]


def golden_objects():
    """{(apiVersion, kind): object}, with names that an object may have."""
    found = {}
    for name in sorted(os.listdir(GOLDEN)) if os.path.isdir(GOLDEN) else ():
        if not name.endswith(".json"):
            continue
        with open(os.path.join(GOLDEN, name)) as file:
            thing = json.load(file)
        if "kind" in thing and isinstance(thing.get("metadata"), dict) and "name" in thing["metadata"]:
            thing["metadata"] = {"name": "golden", "labels": {"a": "b"}}
            found[thing["apiVersion"], thing["kind"]] = thing
    return found


class Pool:
    """Values that were seen of each field of each type, wherever that was."""

    def __init__(self, schemas):
        self.schemas, self.seen = schemas, {}

    def learn(self, path, thing):
        self.walk(thing, self.schemas.of(path, thing["kind"]))

    def type_of(self, schema):
        while len(schema.get("allOf", [])) == 1:
            schema = schema["allOf"][0]
        return schema.get("$ref", "").split("/")[-1]

    def walk(self, value, schema):
        if isinstance(value, list):
            for item in value:
                self.walk(item, self.schemas.below(schema, 0))
        elif isinstance(value, dict):
            kind = self.type_of(schema)
            for key, below in value.items():
                if kind:
                    self.seen.setdefault((kind, key), {})[json.dumps(below, sort_keys=True)] = below
                self.walk(below, self.schemas.below(schema, key))

    def some(self, schema, key, chance):
        """A value for that field of the type, if one is known."""
        known = self.seen.get((self.type_of(schema), key))
        return copy.deepcopy(chance.choice(list(known.values()))) if known else None


class Grown:
    def __init__(self, comparison, schemas, as_ours):
        self.all, self.schemas, self.as_ours = comparison, schemas, as_ours
        self.pool, self.golden = Pool(schemas), golden_objects()

    def near(self, value, schema, chance):
        plain = self.schemas.plain(schema)
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return chance.choice(COUNTS + [value + 1, value - 1])
        if isinstance(value, str):
            return chance.choice(plain.get("enum") or WORDS + [value + "x", value.upper(), value[:-1], value + "."])
        if isinstance(value, list) and value:
            return chance.choice([value + [copy.deepcopy(chance.choice(value))], value[::-1], value[1:], value * 9])
        return value

    def change(self, thing, schema, chance):
        """One change somewhere in it; what was changed."""
        places = [(path, value) for path, value in api_requests.values(thing)
                  if isinstance(value, (dict, list)) and (not path or path[0] not in ("metadata", *api_requests.NEVER)
                                                          or chance.random() < 0.05)]
        path, place = chance.choice(places)
        at = schema
        for key in path:
            at = self.schemas.below(at, key)
        properties = self.schemas.plain(at).get("properties", {})
        if isinstance(place, list):
            if not place:
                return path
            key = chance.randrange(len(place))
            if chance.random() < 0.5:
                place.append(copy.deepcopy(place[key]))
                key = -1
            if isinstance(place[key], (dict, list)):
                return path
            place[key] = self.near(place[key], self.schemas.below(at, 0), chance)
            return path
        names = [name for name in (properties or place) if path or name not in (*api_requests.NEVER, "metadata")]
        if not names:
            return path
        name = chance.choice(names)
        below = self.schemas.below(at, name)
        chosen = chance.random()
        if name in place and chosen < 0.2:
            del place[name]
        elif name in place and chosen < 0.5:
            place[name] = self.near(place[name], below, chance)
        else:
            value = self.pool.some(at, name, chance) if chosen < 0.9 else None
            place[name] = self.schemas.sample(below, chance) if value is None else value
        return path + (name,)

    def changed(self, thing, schema, chance):
        other = copy.deepcopy(thing)
        places = [self.change(other, schema, chance) for _ in range(chance.choice([1, 2, 2, 3, 4, 6]))]
        return " ".join(sorted({api_requests.field_of(place) for place in places})), other

    def ask(self, objects, seed, count, only=""):
        """`objects`: {path of a collection: [object]}; `count` new ones, and as many updates, of each path."""
        self.all.any_order = True
        for path, some in objects.items():
            for thing in some:
                self.pool.learn(path, thing)
        for path, some in objects.items():
            if not re.search(only, path):
                continue
            chance = api_requests.chance_of("grown", path, seed)
            kind = some[0]["kind"]
            schema = self.schemas.of(path, kind)
            golden = self.golden.get((some[0]["apiVersion"], kind))
            if golden:
                self.all.same(f"{kind} golden", "POST", path + "?dryRun=All", golden)
            kept = None
            for turn in range(count):
                where, other = self.changed(chance.choice(some), schema, chance)
                self.all.same(f"{kind} grown {where}", "POST", path + "?dryRun=All", other)
                if turn % 10 == 0:
                    kept = self.renew(path, chance.choice(some), kept)
                if kept:
                    self.update(path, schema, kept, chance)
            self.renew(path, None, kept)
        self.all.any_order = False

    def renew(self, path, thing, kept):
        """What both keep of the object, in place of what they kept so far."""
        if kept:
            one = f"{path}/{kept[0]['metadata']['name']}"
            self.all.both("PATCH", one, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
            self.all.both("DELETE", one + "?gracePeriodSeconds=0", None)
        if thing is None:
            return None
        made = self.all.both("POST", path, thing)
        if [answer[0] for answer in made] != [201, 201]:
            self.all.both("DELETE", f"{path}/{thing['metadata']['name']}?gracePeriodSeconds=0", None)
            return None
        one = f"{path}/{thing['metadata']['name']}"
        return [server.get(one) for server in (self.all.kube, self.all.ours)]

    def update(self, path, schema, kept, chance):
        one = f"{path}/{kept[0]['metadata']['name']}?dryRun=All"
        base = copy.deepcopy(kept[0])
        base["metadata"].pop("managedFields", None)
        where, theirs = self.changed(base, schema, chance)
        ours = self.as_ours(theirs, *kept)
        self.all.compare(f"{kept[0]['kind']} regrown {where}", lambda: (
            self.all.kube.ask("PUT", one, theirs), self.all.ours.ask("PUT", one, ours)),
            f"PUT {one} {json.dumps(theirs)}")
