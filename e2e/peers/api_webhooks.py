"""Webhooks that lie, of admission and of conversion: what each request that meets one is answered."""
import base64
import http.server
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time

import api_requests
import api_rules

SPACE = f"/api/v1/namespaces/{api_requests.NAMESPACE}/configmaps"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"
OBJECTS = "/apis/lies.example.com/{}/lies"
PATHS = ["/data/a", "/data", "/metadata/labels", "/metadata/name", "/kind", "/apiVersion", "", "/metadata",
         "/data/b/c", "/nothing", "/binaryData", "/immutable", "/metadata/labels/x", "/metadata/finalizers/-",
         "/metadata/uid", "/metadata/namespace"]
VALUES = ["b", 1, None, {}, [], {"a": "b"}, {"a": 1}, True, "ConfigMap", "v2", ["x/y"], "Secret"]


class Liar(http.server.BaseHTTPRequestHandler):
    """Says of each object what `lies` has under its name."""
    lies = {}
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code, content, body = self.lies.get(name_in(review), well)(review)
        self.send_response(code)
        if content is not None:
            self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def name_in(review):
    request = review.get("request") or {}
    things = [request] + request.get("objects", []) + [request.get("object") or {}]
    return next((name for thing in things for name in [thing.get("name") or thing.get("metadata", {}).get("name")]
                 if name), "")


def well(review):
    """As it should."""
    response = {"uid": review["request"]["uid"]}
    if review["kind"] == "ConversionReview":
        wanted = review["request"]["desiredAPIVersion"]
        response["result"] = {"status": "Success"}
        response["convertedObjects"] = [{**thing, "apiVersion": wanted} for thing in review["request"]["objects"]]
    else:
        response["allowed"] = True
    return 200, "application/json", json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"],
                                                "response": response}).encode()


def edited(chance, change, plain=0.85):
    """An answer as `change` leaves it; some are of another code, type or text as a whole."""
    if chance.random() < plain:
        return lambda review: with_document(well(review), review, change)
    body = chance.choice([b"", b"no json", b"{}", b"[]", b"null", b"5", b"\"text\"", b"a: b", b"{\"kind\": \"x\"}",
                          b"{", b"<html>",
                          b"{\"kind\": \"Status\", \"apiVersion\": \"v1\", \"status\": \"Failure\", "
                          b"\"message\": \"words\", "
                          b"\"reason\": \"Forbidden\", \"code\": 403}", b"{\"response\": 5}", b"{\"response\": null}",
                          b"\xff\xfe"])
    code = chance.choice([200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 418, 429, 500, 503])
    content = chance.choice(["application/json", "text/plain", "application/yaml",
                             "application/vnd.kubernetes.protobuf", "nonsense", None,
                             "application/json; charset=utf-8"])
    return lambda review: (code, content, b"" if code == 204 else body)


def with_document(answer, review, change):
    document = json.loads(answer[2])
    change(document, review)
    return answer[0], answer[1], json.dumps(document).encode()


def put(thing, path, value):
    """`value` there, or nothing where that is ...; says so to what is no object."""
    *parents, last = path.split(".")
    for parent in parents:
        if not isinstance(thing, dict):
            return
        thing = thing.setdefault(parent, {})
    if isinstance(thing, dict):
        thing.pop(last, None) if value is ... else thing.update({last: value})


def admission_lie(chance):
    operations = [{"op": chance.choice(["add", "add", "replace", "remove", "test", "move", "odd"]),
                   "path": chance.choice(PATHS),
                   "value": chance.choice(VALUES), **({"from": chance.choice(PATHS)} if chance.random() < 0.2 else {})}
                  for _ in range(chance.choice([0, 1, 1, 1, 2]))]
    text = chance.choice([json.dumps(operations)] * 8 + ["null", "{}", "[", "nonsense", "[{}]", "[5]", '[{"op": 5}]'])
    patch = chance.choice([base64.b64encode(text.encode()).decode()] * 8 + ["", "%%", 5, text])
    ways = {"uid": ["x", "", ..., 5], "patch": [patch] * 6, "patchType": ["JSONPatch"] * 6 +
            ["MergePatch", "", None, 5],
            "allowed": [False, False, None, ..., "yes", 1],
            "warnings": [["w"], [], "w", [1], ["a" * 300], [""], ["ä\n"], ["w", "w"]],
            "auditAnnotations": [{"k": "v"}, {"": "v"}, {"k": 1}, [], {"a b/c": "x"}],
            "status": [{"message": "words"}, {"reason": "Conflict"}, {"code": 409}, {"code": 200, "status": "Success"},
                       {"code": 299},
                       {"message": "m", "reason": "NotFound", "code": 404,
                        "details": {"kind": "k", "name": "n", "causes": [
                           {"reason": "r", "message": "m", "field": "f"}], "retryAfterSeconds": 3}}, "x",
                       {"code": "5"}, None, {},
                       {"status": "Odd", "metadata": {"resourceVersion": "5"}}, {"code": 599, "reason": "Own"},
                       {"details": 5}]}
    chosen = {name: chance.choice(some) for name, some in ways.items() if chance.random() < 0.3 and name != "uid"}
    if "patch" in chosen and chance.random() < 0.8:
        chosen.setdefault("patchType", "JSONPatch")
    if chance.random() < 0.06:
        chosen["uid"] = chance.choice(ways["uid"])
    own = {name: chance.choice(some) for name, some in {
        "apiVersion": ["admission.k8s.io/v1beta1", "v1", "", ..., 5, "admission.k8s.io/v2"],
        "kind": ["Status", "", ..., 5]}.items()
           if chance.random() < 0.05}

    def change(document, _):
        for name, value in chosen.items():
            put(document, "response." + name, value)
        for name, value in own.items():
            put(document, name, value)
    return edited(chance, change), {**chosen, **own, "text": text if "patch" in chosen else None}


def conversion_lie(chance):
    ways = {"apiVersion": ["apiextensions.k8s.io/v1beta1", "", ..., "v1", 5], "kind": ["Odd", "", ...],
            "response.uid": ["x", ..., 5],
            "response": [None, ..., 5, []],
            "response.result": [..., {}, {"status": "Failure"}, {"status": "Failure", "message": "words"},
                                {"status": "Odd"}, None, 5,
                                {"status": "Failure", "reason": "Gone", "code": 410, "message": "m"}],
            "response.convertedObjects": [..., [], None, [5], [{}], {}, [None]]}
    chosen = {name: chance.choice(some) for name, some in ways.items() if chance.random() < 0.12}
    fields = {"apiVersion": ["lies.example.com/v1", "other/v2", "", ..., 5], "kind": ["Odd", "", ..., 5],
              "metadata": [..., None, 5, {}, []],
              "metadata.name": ["other", "", ..., 5], "metadata.uid": ["x", ...], "metadata.namespace": ["x"],
              "metadata.labels": [{"x": "y"}, {"a b": "c"}, 5, {"x": 1}, {"a": None}, None, []],
              "metadata.annotations": [{"x": "y"}, {"x": 5}, ...],
              "metadata.generation": [77], "metadata.resourceVersion": ["5", 5],
              "metadata.creationTimestamp": ["x", None],
              "metadata.finalizers": [["x/y"], "x"], "metadata.odd": [1], "metadata.managedFields": [[], 5],
              "metadata.deletionTimestamp": ["2020-01-01T00:00:00Z"],
              "spec": [..., 5, {"size": "x"}, {"odd": 1}, None, {"size": 1.5}],
              "status": [{"a": 1}], "odd": [1]}
    inner = {name: chance.choice(some) for name, some in fields.items() if chance.random() < 0.12}
    extra = chance.random() < 0.05

    def change(document, _):
        for thing in document["response"]["convertedObjects"]:
            for name, value in inner.items():
                put(thing, name, value)
        if extra:
            document["response"]["convertedObjects"] *= 2
        for name, value in chosen.items():
            put(document, name, value)
    return edited(chance, change, 0.93), {**chosen, **inner, "extra": extra}


class Webhooks:
    def __init__(self, comparison):
        self.all, self.made = comparison, 0
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-days", "2", "-subj", "/CN=liar", "-addext", "subjectAltName=IP:127.0.0.1",
                            "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            with open(certificate, "rb") as file:
                self.bundle = base64.b64encode(file.read()).decode()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self):
        return {"url": f"https://127.0.0.1:{self.server.server_port}/", "caBundle": self.bundle}

    def ask(self, seed, rounds, lies):
        for turn in range(rounds):
            chance = api_requests.chance_of(seed, "webhooks", turn)
            for family in ("mutating", "validating"):
                for policy in ("Fail", "Ignore"):
                    self.admission(chance, family, policy, lies)
            self.conversion(chance, lies)

    def admission(self, chance, family, policy, lies):
        at, version = CONFIGURATIONS.format(family), chance.choice(["v1", "v1", "v1beta1"])
        hook = {"name": "liar.example.com", "clientConfig": self.client(), "sideEffects": "None",
                "failurePolicy": policy,
                "admissionReviewVersions": [version], "timeoutSeconds": 20, "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}]}
        self.all.both("POST", at, {"metadata": {"name": "liar"}, "webhooks": [hook]})
        Liar.lies["first"] = lambda review: with_document(well(review), review,
                                                          lambda document, _: put(document, "response.allowed", False))
        for server in self.all.kube, self.all.ours:
            for _ in range(100):
                if server.ask("POST", SPACE + "?dryRun=All", {"metadata": {"name": "first"}})[0] != 201:
                    break
                time.sleep(0.1)
        for _ in range(lies):
            self.made += 1
            name = f"lie{self.made}"
            Liar.lies[name], shown = admission_lie(chance)
            shown = f"{version} {policy} " + json.dumps({key: str(value) for key, value in shown.items()})
            thing = {"metadata": {"name": name, "labels": {"l": "m"}}, "data": {"a": "b"}}
            self.all.compare(f"{family} lie", lambda thing=thing: self.all.both("POST", SPACE + "?dryRun=All", thing),
                             shown)
            if chance.random() < 0.2:
                self.all.compare(f"{family} lie-deletion", lambda name=name: self.deleted(name), shown)
        self.all.both("DELETE", at + "/liar")
        for server in self.all.kube, self.all.ours:
            for _ in range(100):
                if server.ask("POST", SPACE + "?dryRun=All", {"metadata": {"name": "first"}})[0] == 201:
                    break
                time.sleep(0.1)

    def deleted(self, name):
        lie = Liar.lies.pop(name)
        self.all.both("POST", SPACE, {"metadata": {"name": name}})
        Liar.lies[name] = lie
        answers = self.all.both("DELETE", f"{SPACE}/{name}")
        Liar.lies.pop(name)
        self.all.both("DELETE", f"{SPACE}/{name}")
        Liar.lies[name] = lie
        return answers

    def conversion(self, chance, lies):
        schema = {"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer"},
                                                      "kept": {"type": "string", "default": "k"}}},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}
        versions = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in ("v1", "v2")]
        self.all.both("POST", api_rules.DEFINITIONS, {
            "metadata": {"name": "lies.lies.example.com"}, "spec": {
                "group": "lies.example.com", "scope": "Cluster", "names": {"plural": "lies", "kind": "Lie"},
                "versions": versions,
                "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"],
                                                                  "clientConfig": self.client()}}}})
        kind = {"apiVersion": "lies.example.com/v1", "kind": "Lie"}
        for server in self.all.kube, self.all.ours:
            for _ in range(300):
                if server.ask("POST", OBJECTS.format("v2") + "?dryRun=All", {
                        **kind, "apiVersion": "lies.example.com/v2", "metadata": {"name": "first"}})[0] == 201:
                    break
                time.sleep(0.1)
        for _ in range(lies):
            self.made += 1
            name = f"lie{self.made}"
            made = {**kind, "metadata": {"name": name, "labels": {"l": "m"}}, "spec": {"size": 1, "kept": "x"}}
            self.all.both("POST", OBJECTS.format("v1"), made)
            Liar.lies[name], shown = conversion_lie(chance)
            shown = json.dumps({key: str(value) for key, value in shown.items()})
            one = f"{OBJECTS.format('v2')}/{name}"
            self.all.compare("conversion get", lambda one=one: self.all.both("GET", one), shown)
            self.all.compare("conversion list", lambda name=name: self.all.both(
                "GET", f"{OBJECTS.format('v2')}?fieldSelector=metadata.name%3D{name}"), shown)
            self.all.compare("conversion patch", lambda one=one: self.all.both(
                "PATCH", one + "?dryRun=All", {"metadata": {"labels": {"z": "z"}}}, "application/merge-patch+json"),
                             shown)
            created = {**made, "apiVersion": "lies.example.com/v2", "metadata": {"name": name + "b"}}
            Liar.lies[name + "b"] = Liar.lies[name]
            self.all.compare("conversion create", lambda created=created: self.all.both(
                "POST", OBJECTS.format("v2") + "?dryRun=All", created), shown)
            del Liar.lies[name], Liar.lies[name + "b"]
            self.all.both("DELETE", f"{OBJECTS.format('v1')}/{name}")
        self.all.both("DELETE", f"{api_rules.DEFINITIONS}/lies.lies.example.com")
        for server in self.all.kube, self.all.ours:
            for _ in range(300):
                if server.ask("GET", f"{api_rules.DEFINITIONS}/lies.lies.example.com")[0] == 404:
                    break
                time.sleep(0.1)
