"""Random definitions: schemas right and wrong, objects that fit them nearly, and the same under schemas that change."""
import copy
import json
import time

import api_requests

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FORMATS = ["date-time", "date", "duration", "byte", "ipv4", "ipv6", "cidr", "uri", "email", "hostname", "uuid", "mac",
           "int32", "int64", "password", "double", "float", "bsonobjectid", "isbn", "creditcard", "ssn", "hexcolor",
           "rgbcolor", "uuid4", "datetime", "nonsense", "k8s-short-name", "k8s-long-name"]
TEXTS = ["", "a", "abc", "x" * 40, "10.0.0.1", "2020-01-01T00:00:00Z", "2020-01-01", "1h", "YQ==", "::1", "10.0.0.0/8",
         "http://a.b/c", "a@b.c", "é", "A-b", "1", "k8s.io", "#fff", "rgb(1,2,3)", "978-0-306-40615-7",
         "00:11:22:33:44:55", "4111 1111 1111 1111", "123e4567-e89b-12d3-a456-426614174000", "2020-13-01", "1.5h", "%",
         "a b", " a", "true", "111-22-3333", "507f1f77bcf86cd799439011"]
NUMBERS = [0, 1, 2, -1, 5, 10, 1.5, 2.0, 1e3, 99999999999, 2147483648, 9223372036854775807, -0.5, 0.1, 1e21,
           3.0000000001]
NAMES = ["a", "b", "c", "name", "spec", "x-y", "ä", "kind"]
PATTERNS = ["^[a-z]+$", "a", "^$", "(?i)ABC", "[", "^.{2,4}$", "\\d", "^(a|b)*$", "\\p{L}", "(?=a)"]


class Schemas:
    def __init__(self, chance, wrong):
        self.chance, self.wrong = chance, wrong

    def of(self, depth, in_rules=False):
        """A structural schema, now and then a wrong one; `in_rules` is below allOf and its like."""
        chance = self.chance
        kind = chance.choice(["object", "object", "array", "string", "string", "integer", "number", "boolean", "port",
                              "free", "embedded"])
        if depth <= 0 and kind in ("object", "array", "embedded"):
            kind = "string"
        schema = {} if in_rules else getattr(self, kind)(depth)
        if in_rules:
            getattr(self, kind + "_rules", lambda _: None)(schema)
        elif kind not in ("port", "free", "embedded"):
            getattr(self, kind + "_rules", lambda _: None)(schema)
        if not in_rules:
            if chance.random() < 0.15:
                schema["nullable"] = True
            if chance.random() < 0.25:
                schema["default"] = self.value(schema) if chance.random() < 0.8 else chance.choice(TEXTS + NUMBERS +
                                                                                                   [None, {}, []])
            if chance.random() < 0.1:
                schema["description"] = "d"
        if depth > 0 and chance.random() < 0.12:
            which = chance.choice(["allOf", "anyOf", "oneOf"])
            schema[which] = [self.rules(schema) for _ in range(chance.choice([1, 2]))]
        if depth > 0 and chance.random() < 0.05:
            schema["not"] = self.rules(schema)
        if chance.random() < self.wrong:
            self.spoil(schema)
        return schema

    def rules(self, schema):
        made = {}
        kind = schema.get("type")
        if self.chance.random() < 0.3:
            made["required"] = [self.chance.choice(NAMES)]
        elif "properties" in schema and schema["properties"] and self.chance.random() < 0.6:
            name = self.chance.choice(list(schema["properties"]))
            made["properties"] = {name: self.rules(schema["properties"][name])}
        elif kind:
            getattr(self, kind + "_rules", lambda _: None)(made)
        return made

    def object(self, depth):
        if self.chance.random() < 0.25:
            return {"type": "object", "additionalProperties": self.of(depth - 1)}
        names = self.chance.sample(NAMES, self.chance.choice([1, 2, 3]))
        return {"type": "object", "properties": {name: self.of(depth - 1) for name in names}}

    def object_rules(self, schema):
        chance = self.chance
        for name, some in {"required": [["a"], ["b", "c"], []], "minProperties": [0, 1, 2], "maxProperties": [0, 1, 3],
                           "x-kubernetes-map-type": ["atomic", "granular"]}.items():
            if chance.random() < 0.1 and not ("map-type" in name and "type" not in schema):
                schema[name] = chance.choice(some)
        if "properties" in schema and chance.random() < 0.1:
            schema["x-kubernetes-preserve-unknown-fields"] = True

    def array(self, depth):
        schema = {"type": "array", "items": self.of(depth - 1)}
        how = self.chance.random()
        if how < 0.15:
            schema["items"] = self.of(0)
            schema["x-kubernetes-list-type"] = "set"
        elif how < 0.35:
            schema["items"] = {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "a": self.of(depth - 1),
                **({"b": {"type": "integer", "default": 5}} if how < 0.25 else {})}}
            schema.update({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "b"] if how < 0.25
                           else ["name"]})
        elif how < 0.45:
            schema["x-kubernetes-list-type"] = "atomic"
        return schema

    def array_rules(self, schema):
        for name, some in {"minItems": [0, 1, 2], "maxItems": [0, 1, 3], "uniqueItems": [False, True]}.items():
            if self.chance.random() < (0.1 if name != "uniqueItems" else self.wrong):
                schema[name] = self.chance.choice(some)

    def string(self, _):
        return {"type": "string"}

    def string_rules(self, schema):
        for name, some in {"minLength": [0, 1, 3], "maxLength": [0, 2, 10], "pattern": PATTERNS,
                           "enum": [["a", "abc"], ["a", "a"], [""], ["a", 1]],
                           "format": FORMATS}.items():
            if self.chance.random() < (0.4 if name == "format" else 0.15):
                schema[name] = self.chance.choice(some)

    def integer(self, _):
        return {"type": "integer"}

    def integer_rules(self, schema):
        for name, some in {"minimum": [0, 1, -5, 1.5], "maximum": [5, 10, 0], "multipleOf": [2, 3, 0.5],
                           "exclusiveMinimum": [True, False],
                           "exclusiveMaximum": [True], "enum": [[1, 2], [1, "a"], [1.5]], "format": FORMATS}.items():
            if self.chance.random() < 0.15:
                schema[name] = self.chance.choice(some)

    def number(self, _):
        return {"type": "number"}

    number_rules = integer_rules

    def boolean(self, _):
        return {"type": "boolean"}

    def port(self, _):
        return {"x-kubernetes-int-or-string": True, **self.chance.choice([
            {}, {"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "^[0-9]+$"}, {"maximum": 5}])}

    def free(self, depth):
        return {**self.chance.choice([{}, {"type": "object"}]), "x-kubernetes-preserve-unknown-fields": True,
                **({"type": "object", "properties": {"a": self.of(depth - 1)}} if self.chance.random() < 0.4 else {})}

    def embedded(self, depth):
        return {"type": "object", "x-kubernetes-embedded-resource": True, **self.chance.choice([
            {"x-kubernetes-preserve-unknown-fields": True}, {"properties": {"spec": self.of(depth - 1)}},
            {"properties": {"metadata": {"type": "object"}, "spec": {"type": "object"}}}])}

    def spoil(self, schema):
        schema.update(self.chance.choice([
            {"type": "null"}, {"type": ""}, {"type": "text"}, {"$ref": "#/x"}, {"items": {"type": "string"}},
            {"enum": []},
            {"additionalProperties": False}, {"additionalProperties": True}, {"dependencies": {"a": ["b"]}},
            {"patternProperties": {}},
            {"x-kubernetes-list-type": "map"}, {"x-kubernetes-list-type": "odd"},
            {"x-kubernetes-list-map-keys": ["a", "a"]},
            {"x-kubernetes-map-type": "odd"}, {"x-kubernetes-int-or-string": True},
            {"x-kubernetes-embedded-resource": True},
            {"x-kubernetes-preserve-unknown-fields": False}, {"properties": {"a": {}}}, {"minimum": "x"},
            {"required": ["zz", "zz"]},
            {"nullable": True, "default": None}, {"uniqueItems": True}, {"definitions": {}}, {"id": "x"},
            {"$schema": "x"}, {"title": "t"},
            {"externalDocs": {"url": "u"}}, {"example": {"a": 1}}, {"minLength": -1}, {"multipleOf": 0},
            {"multipleOf": -1},
            {"anyOf": [{"type": "string"}]}, {"allOf": [{"default": 1}]}, {"not": {"nullable": True}},
            {"anyOf": [{"properties": {"q": {}}}]},
            {"allOf": [{"x-kubernetes-preserve-unknown-fields": True}]}, {"oneOf": []}, {"pattern": "["},
            {"maxItems": -1}, {"odd": 1},
            {"allOf": [{"description": "d"}]}, {"additionalItems": True},
            {"properties": {"metadata": {"type": "object", "properties": {
                "name": {"type": "string", "pattern": "a"}, "labels": {"type": "object"}}}}}, {"exclusiveMinimum": 5},
                {"items": [{}]}]))

    def value(self, schema, odd=0.0):
        """What fits it, mostly."""
        chance = self.chance
        if chance.random() < odd:
            return chance.choice(TEXTS + NUMBERS + [None, True, {}, [], {"a": 1}, ["a"], {"q": {"r": 1}}])
        if schema.get("nullable") and chance.random() < 0.1:
            return None
        if "enum" in schema and schema["enum"] and chance.random() < 0.7:
            return chance.choice(schema["enum"])
        kind = schema.get("type")
        if schema.get("x-kubernetes-embedded-resource"):
            return chance.choice([
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"q": 1}}, {},
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "X_", "labels": {"a b": "c"}, "odd": 1}},
                {"kind": "", "apiVersion": "a/b/c"},
                {"apiVersion": "v1", "kind": "Pod", "metadata": 5}, {"apiVersion": "v1", "kind": "Pod"}])
        if schema.get("x-kubernetes-int-or-string"):
            return chance.choice([80, "80", "x", 5, 1.5])
        if kind == "object" and isinstance(schema.get("properties"), dict):
            made = {name: self.value(one, odd) for name, one in schema["properties"].items()
                    if isinstance(one, dict) and (chance.random() < 0.7 or name in (schema.get("required") or []))}
            if chance.random() < 0.2:
                made[chance.choice(NAMES + ["q"])] = chance.choice([1, "u", {"v": 1}, None])
            return made
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return {name: self.value(schema["additionalProperties"], odd)
                    for name in chance.sample(NAMES, chance.randrange(3))}
        if kind == "array" and isinstance(schema.get("items"), dict):
            items = [self.value(schema["items"], odd) for _ in range(chance.randrange(4))]
            return items + items[:1] if chance.random() < 0.1 else items
        if kind == "boolean":
            return chance.random() < 0.5
        if kind == "integer":
            return chance.choice([one for one in NUMBERS if one == int(one)])
        if kind == "number":
            return chance.choice(NUMBERS)
        if kind == "string":
            return chance.choice(TEXTS)
        return chance.choice(TEXTS + NUMBERS + [{"a": {"b": 1}}, [1], {}, None])


class Definitions:
    def __init__(self, comparison):
        self.all, self.made = comparison, 0

    def ask(self, seed, rounds, objects):
        self.all.any_order = True
        for turn in range(rounds):
            chance = api_requests.chance_of(seed, "schemas", turn)
            for _ in range(12):
                schemas = Schemas(chance, 0.1)
                self.all.same("schema wrong", "POST", DEFINITIONS + "?dryRun=All",
                              self.definition(chance, schemas.object(3), "wrong"))
            self.objects(chance, objects)
        self.all.any_order = False

    def definition(self, chance, spec, plural):
        schema = {"type": "object", "properties": {"spec": spec, "status": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        if chance.random() < 0.5:
            version["subresources"] = {"status": {}}
        return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.schemas.example.com"}, "spec": {
                    "group": "schemas.example.com", "scope": "Cluster",
                    "names": {"plural": plural, "kind": plural.capitalize()},
                    "versions": [version]}}

    def objects(self, chance, count):
        schemas = Schemas(chance, 0)
        self.made += 1
        plural = f"kind{self.made}"
        for _ in range(30):
            definition = self.definition(chance, schemas.object(3), plural)
            answers = self.all.both("POST", DEFINITIONS + "?dryRun=All", definition)
            self.all.compare("schema right", lambda answers=answers: answers, json.dumps(definition))
            if [answer[0] for answer in answers] == [201, 201]:
                break
        else:
            return
        self.all.both("POST", DEFINITIONS, definition)
        path = f"/apis/schemas.example.com/v1/{plural}"
        self.served(path, definition, "first")
        self.published(definition)
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        kept = []
        for index in range(count):
            thing = self.thing(definition, f"o{index}", schemas.value(schema, chance.choice([0, 0.05, 0.2])))
            query = chance.choice(["", "&fieldValidation=Strict", "&fieldValidation=Warn", "&fieldValidation=Ignore"])
            answers = self.all.both("POST", f"{path}?dryRun=All{query}", thing)
            self.all.compare("object create", lambda answers=answers: answers, json.dumps([schema, thing["spec"]]))
            self.all.compare("object apply", lambda thing=thing: self.all.both(
                "PATCH", f"{path}/{thing['metadata']['name']}?dryRun=All&fieldManager=m", thing,
                "application/apply-patch+yaml"), json.dumps([schema, thing["spec"]]))
            if [answer[0] for answer in answers] == [201, 201] and len(kept) < 4:
                self.all.both("POST", path, thing)
                kept.append(thing)
        self.ratchet(chance, definition, path, kept)
        for thing in kept:
            self.all.both("DELETE", f"{path}/{thing['metadata']['name']}")
        self.all.both("DELETE", f"{DEFINITIONS}/{plural}.schemas.example.com")

    def published(self, definition):
        """What both OpenAPI documents say of its spec."""
        kind = definition["spec"]["names"]["kind"]
        for place, parts in (("/openapi/v3/apis/schemas.example.com/v1", ("components", "schemas")),
                             ("/openapi/v2", ("definitions",))):
            found = []
            for server in self.all.kube, self.all.ours:
                for _ in range(100):
                    document = server.get(place)
                    for part in parts:
                        document = document.get(part) or {}
                    schema = document.get(f"com.example.schemas.v1.{kind}")
                    if schema:
                        break
                    time.sleep(0.1)
                found.append((200, {"spec": (schema or {}).get("properties", {}).get("spec")}, []))
            self.all.compare(f"schema {place[:11]}", lambda found=found: found, json.dumps(definition))

    def thing(self, definition, name, spec):
        return {"apiVersion": "schemas.example.com/v1", "kind": definition["spec"]["names"]["kind"],
                "metadata": {"name": name},
                "spec": spec}

    def served(self, path, definition, name, taken=(201, 422)):
        for server in self.all.kube, self.all.ours:
            for _ in range(300):
                if server.ask("POST", path + "?dryRun=All", self.thing(definition, name, {}))[0] in taken:
                    break
                time.sleep(0.1)

    def ratchet(self, chance, definition, path, kept):
        """Other rules for the same fields: what is kept may stay, and not become worse."""
        stricter = copy.deepcopy(definition)
        inner = stricter["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        tighten(chance, inner, Schemas(chance, 0))
        inner.setdefault("properties", {})["mark"] = {"type": "string", "pattern": "^m"}
        inner.pop("additionalProperties", None)
        patch = [{"op": "replace", "path": "/spec", "value": stricter["spec"]}]
        answers = self.all.both("PATCH", f"{DEFINITIONS}/{definition['metadata']['name']}", patch,
                                "application/json-patch+json")
        if [answer[0] for answer in answers] != [200, 200]:
            return
        # Until the pattern acts.
        for server in self.all.kube, self.all.ours:
            for _ in range(100):
                code, answer, _ = server.ask("POST", path + "?dryRun=All", self.thing(definition, "x", {"mark": "z"}))
                if code == 422 and "spec.mark" in json.dumps(answer):
                    break
                time.sleep(0.1)
        schemas = Schemas(chance, 0)
        for thing in kept:
            one = f"{path}/{thing['metadata']['name']}"
            for change in ({"metadata": {"labels": {"l": "m"}}}, {"spec": {"mark": "m"}}, {"spec": {"mark": "z"}},
                           {"spec": schemas.value(inner, 0.05)}, {"spec": schemas.value(inner)}):
                self.all.compare("object ratchet", lambda one=one, change=change: self.all.both(
                    "PATCH", one + "?dryRun=All", change, "application/merge-patch+json"),
                    json.dumps([inner, thing["spec"], change]))


def tighten(chance, schema, schemas):
    """Gives the schemas in it other rules."""
    rules = getattr(schemas, schema.get("type", "") + "_rules", None)
    if rules and chance.random() < 0.5:
        rules(schema)
    for inner in [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(inner, dict):
            tighten(chance, inner, schemas)
