"""Makes requests of recorded objects: each field left out, of another type, out of bounds, and new ones beside it."""
import copy
import glob
import json
import os
import random
import re

TRANSCRIPTS = os.path.join(os.path.dirname(__file__), "../compat/transcripts/*.json")
NAMESPACE = "difference"
TEXTS = ["", "UPPER_case!", "a" * 300, "-x", "a/b", "1x", 5, None, " x", "é", True, {}, []]
NUMBERS = [-1, 0, 99999999999, 1.5, "x", None, "5", 2147483648, 65536, True]
BOOLEANS = ["x", None, 1]
NEVER = ("apiVersion", "kind", "managedFields")


def taken_objects(name, run):
    """(path, body) of what a real server has taken as a new object, as a transcript tells."""
    with open(name) as file:
        steps = json.load(file)["steps"]
    for step in steps:
        verb, _, path = step.get("do", "").partition(" ")
        body = step.get("body")
        if verb != "POST" or "dryRun" in path or not isinstance(body, dict) or step["expect"].get("code") != 201:
            continue
        if "kind" not in body or not isinstance(body.get("metadata"), dict):
            continue
        text = json.dumps(body).replace("$NS", NAMESPACE).replace("$RUN", run)
        yield path.replace("$NS", NAMESPACE).replace("$RUN", run).partition("?")[0], json.loads(text)


def recorded_definitions():
    """[(definition, {path of a collection: [its objects]})]"""
    made = []
    for name in sorted(glob.glob(os.path.dirname(TRANSCRIPTS) + "/crd-*.json")):
        found = list(taken_objects(name, os.path.basename(name)[4:-5].replace("-", "")))
        for _, definition in found:
            if definition["kind"] != "CustomResourceDefinition":
                continue
            start = "/apis/" + definition["spec"]["group"] + "/"
            end = "/" + definition["spec"]["names"]["plural"]
            objects = {}
            for path, body in found:
                if path.startswith(start) and path.endswith(end):
                    body["metadata"].setdefault("name", "x")
                    body["metadata"].pop("generateName", None)
                    objects.setdefault(path, []).append(body)
            made.append((definition, objects))
    return made


def recorded_objects():
    """{path of a collection: [object]} of all objects that a real server has taken, but those of definitions."""
    found = {}
    for name in sorted(glob.glob(TRANSCRIPTS)):
        if os.path.basename(name).startswith("crd-"):
            continue
        for path, body in taken_objects(name, "r1"):
            text = json.dumps(body)
            parts = path.strip("/").split("/")
            if "$" in path or len(parts) > (5 if parts[0] == "api" else 6):
                continue
            if "namespaces" in parts[:-1]:
                parts[parts.index("namespaces") + 1] = NAMESPACE
            body["metadata"].pop("namespace", None)
            body["metadata"].setdefault("name", "x")
            found.setdefault("/" + "/".join(parts), {})[text] = body
    return {path: list(objects.values()) for path, objects in sorted(found.items())}


class Schemas:
    """What OpenAPI v3 says of fields; `ask` gets the document of a group and version."""

    def __init__(self, ask):
        self.ask, self.documents = ask, {}
        # {path of a collection: schema} of those that are known without being asked for.
        self.given = {}

    def of(self, path, kind):
        """Of a kind of the group that the path is in, or that is written there."""
        if path in self.given and kind != "Scale":
            return self.given[path]
        if path in self.given:
            path = "/apis/apps/v1"
        parts = path.strip("/").split("/")
        name = "/".join(parts[: 2 if parts[0] == "api" else 3])
        if name not in self.documents:
            self.documents[name] = self.ask("/openapi/v3/" + name)["components"]["schemas"]
        self.known = self.documents[name]
        for schema in self.known.values():
            for named in schema.get("x-kubernetes-group-version-kind", []):
                if named["kind"] == kind and kind != "DeleteOptions":
                    return schema
        return {}

    def named(self, path, version, kind):
        """Of a kind that may be written below a collection of another group."""
        return self.of("/apis/" + version if "/" in version else "/api/" + version, kind) or self.of(path, kind)

    def plain(self, schema):
        while True:
            if "$ref" in schema:
                schema = self.known[schema["$ref"].split("/")[-1]]
            elif len(schema.get("allOf", [])) == 1:
                schema = schema["allOf"][0]
            else:
                return schema

    def below(self, schema, key):
        schema = self.plain(schema)
        if isinstance(key, int):
            return schema.get("items", {})
        others = schema.get("additionalProperties")
        return schema.get("properties", {}).get(key) or (others if isinstance(others, dict) else {})

    def sample(self, schema, chance, depth=0):
        """Some value that the schema allows, though hardly one that validation does."""
        schema = self.plain(schema)
        kind = schema.get("type")
        if kind == "string":
            if schema.get("format") == "date-time":
                return "2020-01-01T00:00:00Z"
            return chance.choice(schema.get("enum") or ["x", "foo", "bar-1", "1", "100m", "/a/b"])
        if kind == "integer":
            return chance.choice([1, 2, 3, 80, 100])
        if kind == "number":
            return 1.5
        if kind == "boolean":
            return chance.choice([True, False])
        if kind == "array":
            return [self.sample(schema.get("items", {}), chance, depth + 1)] if depth < 5 else []
        if "oneOf" in schema:
            return chance.choice(["5", "50%", 5, "1Gi"])
        if depth >= 5:
            return {}
        if "properties" in schema:
            wanted = schema.get("required", [])
            return {name: self.sample(below, chance, depth + 1) for name, below in schema["properties"].items()
                    if name in wanted or chance.random() < 0.3}
        if isinstance(schema.get("additionalProperties"), dict):
            return {"k": self.sample(schema["additionalProperties"], chance, depth + 1)}
        return {}


def values(thing, path=()):
    """Every value in it with its path; of lists the first two items."""
    yield path, thing
    items = thing.items() if isinstance(thing, dict) else enumerate(thing[:2]) if isinstance(thing, list) else ()
    for key, value in items:
        yield from values(value, path + (key,))


def other_values(value):
    if isinstance(value, bool):
        return BOOLEANS + [not value]
    if isinstance(value, int):
        return NUMBERS
    if isinstance(value, str):
        return TEXTS
    if isinstance(value, list):
        more = [value + [copy.deepcopy(value[0])], value + [{}], [5]] if value else []
        return [[], None, "x", [None], {}] + more
    if isinstance(value, dict):
        return [{}, None, "x", [], {**value, "bogusField": 1}, {**value, "": "x"}, {**value, "Bad Key!": "v"}]
    return []


def with_value(thing, path, value):
    thing = copy.deepcopy(thing)
    place = thing
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return thing


def changed(thing, schemas, schema, chance):
    """[(path, what, object)]: `thing` with one change each."""
    made = []
    for path, value in values(thing):
        if path and path[0] in NEVER:
            continue
        if path:
            if path != ("metadata", "name"):
                made.append((path, "-", with_value(thing, path, KeyError)))
            for other in other_values(value):
                if other != value or type(other) is not type(value):
                    made.append((path, json.dumps(other), with_value(thing, path, other)))
        if not isinstance(value, dict):
            continue
        place = schema
        for key in path:
            place = schemas.below(place, key)
        for name, below in schemas.plain(place).get("properties", {}).items():
            if name in value or name in NEVER:
                continue
            for _ in range(2):
                new = schemas.sample(below, chance)
                made.append((path + (name,), "+ " + json.dumps(new), with_value(thing, path + (name,), new)))
    return made


def field_of(path):
    """spec.containers[].name"""
    return re.sub(r"\.\[\]", "[]", ".".join("[]" if isinstance(key, int) else key for key in path))


def pick(objects, count, chance):
    """The richest of some of them."""
    some = chance.sample(objects, min(len(objects), 8 * count))
    return sorted(some, key=lambda thing: -len(json.dumps(thing)))[:count]


def chance_of(*seed):
    return random.Random(json.dumps(seed))
