"""Definitions changed field by field, and custom resources of them likewise."""
import copy
import json
import re
import time

import api_requests

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
MAP_LIST = {"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "port"],
            "items": {"type": "object", "required": ["name"], "properties": {
                "name": TEXT, "port": {"type": "integer", "default": 80}, "mode": {"type": "string",
                                                                                   "enum": ["a",
                                                                                            "b"]},
                "nested": {"type": "object", "properties": {"x": {"type": "string",
                                                                  "default": "deep"}}}}}}
SPEC = {
    "type": "object", "required": ["size"],
    "x-kubernetes-validations": [
        {"rule": "self.size <= self.limit", "message": "too big", "fieldPath": ".size",
         "reason": "FieldValueForbidden"},
        {"rule": "!has(self.frozen) || !has(oldSelf.frozen) || self.frozen == oldSelf.frozen",
         "messageExpression": "oldSelf.frozen ? 'was frozen' : 'was not'"}],
    "properties": {
        "size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 10,
                 "multipleOf": 1},
        "limit": {"type": "integer", "default": 10}, "frozen": {"type": "boolean"},
        "replicas": {"type": "integer", "default": 1, "minimum": 0},
        "name": {"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[a-z]+$",
                 "x-kubernetes-validations": [{"rule": "self != 'bad'"},
                                              {"rule": "self.size() >= oldSelf.size()",
                                               "message": "shrunk"}]},
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"},
                                                               {"type": "string"}]},
        "ratio": {"type": "number", "exclusiveMinimum": True, "minimum": 0},
        "when": {"type": "string", "format": "date-time"},
        "wait": {"type": "string", "format": "duration"}, "data": {"type": "string",
                                                                   "format": "byte"},
        "addr": {"type": "string", "format": "ipv4"}, "mail": {"type": "string", "format": "email"},
        "maybe": {"type": "string", "nullable": True}, "maybeDefault": {"type": "string",
                                                                        "nullable": True,
                                                                        "default": "d"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                 "properties": {"known": WHOLE, "strict": {"type": "object",
                                                           "properties": {"a": TEXT}}}},
        "template": {"type": "object", "x-kubernetes-embedded-resource": True,
                     "properties": {"spec": {"type": "object"}}},
        "listed": MAP_LIST, "set": {"type": "array", "x-kubernetes-list-type": "set", "maxItems": 4,
                                    "items": TEXT},
        "atomic": {"type": "array", "x-kubernetes-list-type": "atomic",
                   "items": {"type": "object", "properties": {"a": TEXT}}},
        "plain": {"type": "array", "minItems": 1, "items": WHOLE, "uniqueItems": False},
        "labels": {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "string",
                                                                                  "maxLength": 3}},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": TEXT,
                                                                                      "b": TEXT}},
        "choice": {"type": "object", "properties": {"a": TEXT, "b": TEXT},
                   "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        "not": {"type": "string", "not": {"enum": ["x"]}, "allOf": [{"minLength": 1},
                                                                    {"maxLength": 4}]},
        "enumed": {"type": "string", "enum": ["x", "y", ""]}, "deep": {"type": "object",
                                                                       "default": {},
                                                                       "properties": {
            "a": {"type": "string", "default": "A"}, "b": {"type": "array", "default": [{}],
                                                           "items": {
                "type": "object", "properties": {"c": {"type": "integer", "default": 3}}}}}}}}
STATUS = {"type": "object", "properties": {
    "replicas": WHOLE, "selector": TEXT, "phase": TEXT, "conditions": {
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object", "required": ["type", "status"], "properties": {
                "type": TEXT, "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": TEXT}}}}}
COLUMNS = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
           {"name": "When", "type": "date", "jsonPath": ".spec.when", "priority": 1},
           {"name": "Name", "type": "string", "jsonPath": ".spec.name", "description": "d",
            "format": "password"},
           {"name": "All", "type": "string", "jsonPath": ".spec.listed[*].name"},
           {"name": "Ready", "type": "string",
            "jsonPath": ".status.conditions[?(@.type=='Ready')].status"}]
VERSION = {"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": COLUMNS,
           "selectableFields": [{"jsonPath": ".spec.name"}, {"jsonPath": ".spec.size"}],
           "subresources": {"status": {}, "scale": {
               "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
               "labelSelectorPath": ".status.selector"}},
           "schema": {"openAPIV3Schema": {"type": "object", "description": "Of every sort.",
                                          "required": ["spec"],
                                          "properties": {"spec": SPEC, "status": STATUS}}}}
OLDER = {"name": "v1alpha1", "served": True, "storage": False, "deprecated": True,
         "deprecationWarning": "it is old",
         "schema": {"openAPIV3Schema": {"type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True}}}
RICH = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.rich.example.com"},
        "spec": {"group": "rich.example.com", "scope": "Namespaced", "versions": [VERSION, OLDER],
                 "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget",
                           "listKind": "GadgetList",
                           "shortNames": ["gg"], "categories": ["all"]},
                 "conversion": {"strategy": "None"}}}
GADGET = {"apiVersion": "rich.example.com/v1", "kind": "Gadget", "metadata": {"name": "one",
                                                                              "labels": {"a": "b"}},
          "spec": {"size": 3, "frozen": True, "name": "abc", "port": 80, "ratio": 0.5,
                   "when": "2020-01-01T00:00:00Z",
                   "wait": "1h", "data": "YQ==", "addr": "1.2.3.4", "mail": "a@b.c", "maybe": "x",
                   "free": {"known": 1, "other": {"x": 1}, "strict": {"a": "b"}},
                   "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "t"},
                                "spec": {}},
                   "listed": [{"name": "a", "mode": "a", "nested": {}}, {"name": "a", "port": 81}],
                   "set": ["a", "b"],
                   "atomic": [{"a": "x"}], "plain": [1, 2], "labels": {"a": "b"},
                   "whole": {"a": "x", "b": "y"},
                   "choice": {"a": "x"}, "not": "y", "enumed": "x", "deep": {"b": [{"c": 4}]}},
          "status": {"replicas": 2, "selector": "a=b", "conditions": [{"type": "Ready",
                                                                       "status": "True"}]}}


class Custom:
    def __init__(self, comparison, schemas, objects, updates):
        """`objects` and `updates` ask of new ones and of kept ones: api_difference's."""
        self.all, self.schemas, self.objects, self.updates = comparison, schemas, objects, updates

    def definitions(self):
        found = api_requests.recorded_definitions()
        older = {**copy.deepcopy(GADGET), "apiVersion": "rich.example.com/v1alpha1"}
        older["metadata"]["name"] = "older"
        at = "/apis/rich.example.com/{}/namespaces/" + api_requests.NAMESPACE + "/gadgets"
        return [(RICH, {at.format("v1"): [GADGET], at.format("v1alpha1"): [older]})] + found

    def ask(self, only, chance_of):
        for definition, objects in self.definitions():
            name = definition["metadata"]["name"]
            if not re.search(only, name):
                continue
            chance = chance_of(name)
            self.objects(DEFINITIONS, definition, chance)
            if self.established(definition):
                self.instances(definition, objects, chance)
            self.all.both("DELETE", f"{DEFINITIONS}/{name}")
            for server in self.all.kube, self.all.ours:
                until(lambda server=server: server.ask("GET", f"{DEFINITIONS}/{name}")[0] == 404)

    def established(self, definition):
        """Made at both, changed at both in dry runs, and served."""
        name = definition["metadata"]["name"]
        codes = [answer[0] for answer in self.all.both("POST", DEFINITIONS, definition)]
        if codes != [201, 201]:
            return False
        versions = [one["name"] for one in definition["spec"]["versions"] if one["served"]]
        spec = definition["spec"]
        path = f"/apis/{spec['group']}/{versions[0]}/{spec['names']['plural']}"
        for server in self.all.kube, self.all.ours:
            until(lambda server=server: "Established" in str(
                server.get(f"{DEFINITIONS}/{name}").get("status")) and
                  server.ask("GET", path)[0] == 200)
        time.sleep(0.5)
        return True

    def instances(self, definition, objects, chance):
        spec = definition["spec"]
        for version in spec["versions"]:
            if not version["served"]:
                continue
            schema = version["schema"]["openAPIV3Schema"]
            schema = {**schema, "properties": {"metadata": {}, **schema.get("properties", {})}}
            space = f"namespaces/{api_requests.NAMESPACE}/" if spec["scope"] == "Namespaced" else ""
            path = f"/apis/{spec['group']}/{version['name']}/{space}{spec['names']['plural']}"
            some = api_requests.pick(objects.get(path, []), 1, chance) or self.made(path,
                                                                                    definition,
                                                                                    version, schema,
                                                                                   chance)
            self.schemas.given[path] = schema
            for thing in some:
                thing = json.loads(json.dumps(thing))
                for field in ("namespace", "finalizers"):
                    thing["metadata"].pop(field, None)
                self.objects(path, thing, chance)
                self.updates(path, thing, chance)
                self.reads(path, thing)
                self.methods(path, thing)

    def made(self, path, definition, version, schema, chance):
        """One that kube-apiserver takes, of what the schema says; or what it refuses."""
        thing = {}
        for _ in range(20):
            thing = {**self.schemas.sample(schema, chance),
                     "apiVersion": f"{definition['spec']['group']}/{version['name']}",
                     "kind": definition["spec"]["names"]["kind"], "metadata": {"name": "one"}}
            if self.all.kube.ask("POST", path + "?dryRun=All", thing)[0] == 201:
                break
        return [thing]

    def reads(self, path, thing):
        one = f"{path}/{thing['metadata']['name']}"
        self.all.both("POST", path, thing)
        for place in (one, path, path + "?labelSelector=a%3Db",
                      path + "?fieldSelector=spec.name%3Dabc",
                      path + "?fieldSelector=spec.size%3D3", path + "?fieldSelector=spec.port%3D3",
                      path + "?fieldSelector=spec.name!%3Dabc,metadata.name%3Done"):
            for accept in ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io",
                           "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
                           "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                           "application/yaml",
                           "application/vnd.kubernetes.protobuf", "application/cbor"):
                query = place.partition("?")[2] or "-"
                self.all.compare(f"{thing['kind']} read {query} {accept}",
                                 lambda place=place, accept=accept: self.same_age(place, accept))
        self.all.both("DELETE", one)

    def methods(self, path, thing):
        """What is done of an object, a collection and what is behind them, whether or not anybody does that."""
        one, kind = f"{path}/{thing['metadata']['name']}", thing["kind"]
        parts = path.split("/")
        old = "/".join([*parts[:4], "watch", *parts[4:]]) + "/" + thing["metadata"]["name"]
        everywhere = "/".join([*parts[:4], parts[-1]])
        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "FOO"):
            body = {} if verb in ("POST", "PUT", "PATCH") else None
            content = "application/merge-patch+json" if verb == "PATCH" else "application/json"
            for place in (path, one, one + "/status", one + "/scale", one + "/nothing", one + "/status/x",
                          one + "/nothing/x", old + "/status", old + "/scale", old + "/nothing", everywhere,
                          everywhere + "/one", path + "/", path + "//status"):
                shown = place.replace(path, "").replace(everywhere, "everywhere").replace(old, "old")
                self.all.same(f"{kind} method {verb} {shown}", verb, place + "?dryRun=All", body, content)

    def same_age(self, place, accept):
        answers = self.all.both("GET", place, accept=accept)
        return [(code, json.loads(re.sub(r'"(\d+s|<invalid>)"', '"AGE"', json.dumps(document)))
                 if code == 200 and
                 "yaml" not in accept else {}, warnings) for code, document, warnings in answers]


def until(holds):
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise TimeoutError("a definition neither came nor went")
