"""Bodies that are no objects, or hardly: of other types, broken, with fields twice or unknown."""
import json
import random
import re

import api_patches
import api_requests

NAMESPACE = api_requests.NAMESPACE
JSON, YAML, PROTO = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
CONTENTS = [JSON, YAML, PROTO, "application/cbor", "text/plain", "", None, "*/*", "application/*",
            "application/xml",
            "application/json; charset=utf-8", "application/JSON", "application/json;a", "json",
            "text/yaml",
            "application/x-www-form-urlencoded", "application/vnd.kubernetes.protobuf;type=x",
            "multipart/form-data"]
PATCHES = [api_patches.MERGE, api_patches.STRATEGIC, api_patches.OPERATIONS, api_patches.APPLY,
           "application/apply-patch+cbor", "application/apply-patch+json", "application/json",
           "application/merge-patch+yaml", "", None, "text/plain",
           "application/merge-patch+json; charset=utf-8",
           "application/json-patch", "application/strategic-merge-patch"]
TEXTS = ["", " ", "{}", "[]", "null", "5", '"x"', "{", "}", "{]", '{"a"', '{"a":}', '{"a":1,}',
         "{'a':1}", "x: y", "x: [",
         "- a", "\t", "a: b\n---\nc: d", "k8s\x00", '{"kind":"ConfigMap"}', '{"apiVersion":"v1"}',
         "true", "nul",
         '{"kind":"ConfigMap","apiVersion":"v1"}', '{"kind":5,"apiVersion":"v1"}',
         '{"kind":"ConfigMap","apiVersion":5}',
         '{"kind":"configmap","apiVersion":"v1"}', '{"kind":"Pod","apiVersion":"v1"}',
         '{"kind":"X","apiVersion":"v1"}',
         '{"kind":"ConfigMap","apiVersion":"v2"}', '{"kind":"ConfigMap","apiVersion":"a/b/c"}',
         '{"kind":"Deployment","apiVersion":"apps/v1"}',
         '{"kind":"ConfigMap","apiVersion":"apps/v1"}',
         '{"kind":"ConfigMapList","apiVersion":"v1","items":[]}',
         '{"kind":"Status","apiVersion":"v1"}',
         '{"kind":"DeleteOptions","apiVersion":"v1"}', '{"metadata":{"name":"x"}} x',
         '{"metadata":{"name":"x"}}{}',
         '{"metadata":{"name":"x"},"data":{"a":"\ud83d"}}',
         '{"metadata":{"name":"x"},"data":{"a":"\\ud83d"}}',
         '{"metadata":{"name":"x"},"data":{"a":"\\q"}}',
         '{"metadata":{"name":"x"},"data":{"a":"\t"}}',
         '{"metadata":{"name":"x"},"data":{"a":01}}',
         '{"metadata":{"name":"x"},"data":{"a":1e999}}',
         '{"metadata":{"name":"x","generation":1e2}}', '{"metadata":{"name":"x","generation":1.0}}',
         '{"metadata":{"name":"x","generation":9223372036854775808}}',
         '{"metadata":{"name":"x","generation":-0}}',
         '{"Metadata":{"name":"x"}}', '{"metadata":{"Name":"x"}}', '{"METADATA":{"NAME":"x"}}',
         '{"metadata":{"name":"x"},"Data":{"a":"b"}}',
         '{"metadata":{"name":"x"},"data":{"a":"b"},"DATA":{"c":"d"}}',
         '{"metadata":{"name":"x"},"binaryData":{"a":"!!"}}',
         '{"metadata":{"name":"x"},"binaryData":{"a":"YQ"}}',
         '{"metadata":{"name":"x"},"binaryData":{"a":"YQ==\\n"}}',
         '{"metadata":{"name":"x"},"binaryData":{"a":[97]}}',
         '{"metadata":{"name":"x"},"immutable":"true"}',
         '{"metadata":{"name":"x"},"immutable":null}',
         '{"metadata":{"name":"x","creationTimestamp":"yesterday"}}',
         '{"metadata":{"name":"x","creationTimestamp":""}}',
         '{"metadata":{"name":"x","creationTimestamp":"2020-01-01"}}',
         '{"metadata":{"name":"x","labels":{"a":1}}}',
         '{"metadata":{"name":"x","labels":{"a":null}}}', '{"metadata":[]}', '{"metadata":"x"}',
         '{"metadata":null}',
         '{"metadata":{"name":"x","managedFields":[{"manager":"x"}]}}', "&a [*a]", "a: &a b\nc: *a",
         "metadata: {name: x}\ndata: {a: yes, b: 1, c: 1.0, d: ~}",
         "metadata:\n  name: x\n name: y",
         "metadata: {name: x}\nmetadata: {name: y}", "? a\n: b", "metadata: {name: 5}",
         "metadata: {name: !!str 5}",
         "<<: {a: b}\nmetadata: {name: x}", "metadata: {name: x, 5: 6}",
         "metadata: {name: x}\ndata: {true: a}",
         "metadata:\n\tname: x", "metadata: {name: x}\n...\nfoo", "metadata: {name: \"x}",
         "%YAML 1.2\n---\na: b", "#"]


def doubled(thing, chance):
    """The text of it with one key written twice, or in another case, or one that nobody knows."""
    places = [path for path, value in api_requests.values(thing) if isinstance(value, dict)
              and value]
    path = chance.choice(places)
    place = thing
    for key in path:
        place = place[key]
    key = chance.choice(list(place))
    value = chance.choice([place[key], "x", None, {}, 5])
    marked = api_requests.with_value(thing, path + ("@@",), 0)
    name = chance.choice([key, key, key.upper(), key.capitalize(), "bogusField", key + "s"])
    text = json.dumps(marked).replace('"@@": 0', f"{json.dumps(name)}: {json.dumps(value)}")
    if chance.random() < 0.2:
        more = chance.choice(["bogus", "kind", "metadata", "spec"])
        text = text[:-1] + f', {json.dumps(more)}: {{}}}}'
    return api_requests.field_of(path + (name,)), text


class Bodies:
    def __init__(self, comparison):
        self.all = comparison

    def texts(self):
        maps = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        self.all.both("POST", maps, {"metadata": {"name": "x"}, "data": {"a": "b"}})
        for text in TEXTS:
            body = text.encode("utf-8", "surrogatepass")
            shown = re.sub(r"\s+", " ", text.encode("unicode_escape").decode())
            for content in (JSON, YAML):
                for query in ("", "&fieldValidation=Strict"):
                    self.ask(f"body POST {content} {query} {shown}", "POST",
                             maps + "?dryRun=All" + query, body, content)
                self.ask(f"body PUT {content} {shown}", "PUT", maps + "/x?dryRun=All", body,
                         content)
            for content in PATCHES[:4]:
                for query in ("", "&fieldValidation=Strict"):
                    self.ask(f"body PATCH {content} {query} {shown}", "PATCH",
                             maps + "/x?dryRun=All&fieldManager=m1" + query, body, content)
            self.ask(f"body APPLY new {shown}", "PATCH", maps + "/new?dryRun=All&fieldManager=m1",
                     body,
                     api_patches.APPLY)
            self.ask(f"body POST proto {shown}", "POST", maps + "?dryRun=All", body, PROTO)
            self.ask(f"body DELETE {shown}", "DELETE", maps + "/x?dryRun=All", body, JSON)
        thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"},
                 "data": {"c": "d"}}
        for content in CONTENTS:
            for verb, path in (("POST", maps), ("PUT", maps + "/x")):
                self.ask(f"content {verb} {content}", verb, path + "?dryRun=All", json.dumps(thing),
                         content)
        for content in PATCHES:
            for query in ("", "&force=true", "&fieldManager=m1", "&fieldManager=m1&force=true",
                          "&fieldManager=",
                          "&fieldManager=" + "m" * 129, "&fieldManager=a%00b", "&force=x",
                          "&fieldManager=m1&force=false",
                          "&fieldValidation=x", "&dryRun=x"):
                self.ask(f"content PATCH {content} {query}", "PATCH",
                         maps + "/x?dryRun=All" + query,
                         json.dumps(thing), content)
        for query in ("&fieldManager=" + "m" * 129, "&fieldManager=a%00b", "&fieldManager=%C3%A9",
                      "&fieldValidation=x",
                      "&fieldValidation=strict", "&fieldValidation=", "&dryRun=x", "&dryRun=",
                      "&dryRun=All",
                      "&fieldManager=", "&pretty=x", "&force=true",
                      "&fieldValidation=Warn&fieldValidation=Strict",
                      "&timeout=x", "&timeout=1s", "&timeout=0", "&timeout=-1s", "&timeout=100h"):
            for verb, path in (("POST", maps), ("PUT", maps + "/x")):
                self.ask(f"query {verb} {query}", verb, path + "?dryRun=All" + query,
                         json.dumps(thing), JSON)
        self.all.both("DELETE", maps + "/x")

    def ask(self, name, verb, path, body, content):
        self.all.compare(name, lambda: self.all.both(verb, path, body, content),
                         f"{verb} {path} {body!r}")

    def doubled(self, path, thing, chance, count):
        """Strict, warned of and ignored."""
        for _ in range(count):
            field, text = doubled(thing, chance)
            rule = chance.choice(["Strict", "Strict", "Warn", "Ignore", ""])
            content = chance.choice([JSON, JSON, YAML])
            self.ask(f"{thing['kind']} {rule or 'plain'} {field}", "POST",
                     path + "?dryRun=All" + (f"&fieldValidation={rule}" if rule else ""), text,
                     content)
