#!/usr/bin/env python3
"""What extending the API costs: `skiff apiserver` alone, CPU of its process.

    extension.py SKIFF [custom|policy|definitions|memory]...     all but memory when none is named

custom       creates 5,000 (COUNT) objects of a definition with 200 fields and 20 rules, and as many ConfigMaps of the
             same size, in turns; then merge patches and gets of them
policy       creates pods on two servers without and on one with a policy of four validations and its binding, in turns,
             and that with four (SERVERS) new ones each: two servers of one build differ by as much as a policy takes,
             so what the two without it differ by is said too
definitions  makes 10,000 (DEFINITIONS) definitions of a few hundred groups, and says what the server takes for it: memory
             before, between and after, discovery, both OpenAPIs (a second time after one more definition), a new start
memory       sends ten (SIDE) creates side by side of a ConfigMap with a text of 900 KB, under a policy that makes much
             of it: the highest memory of a new server for each expression, and what is answered

Rounds differ by a tenth on a busy machine; their medians are compared. THREADS clients (4).
"""
import contextlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

COUNT = int(os.environ.get("COUNT", "5000"))
DEFINITIONS = int(os.environ.get("DEFINITIONS", "10000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SERVERS = int(os.environ.get("SERVERS", "4"))
SIDE = int(os.environ.get("SIDE", "10"))
THREADS = int(os.environ.get("THREADS", "4"))
GROUP = "wide.skiff.example"


class Server:
    def __init__(self, skiff, directory):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        tokens = pathlib.Path(directory, "tokens.csv")
        tokens.write_text('admin-token,admin,u-admin,"system:masters"\n')
        self.command = [
            skiff, "apiserver", f"--data-dir={directory}/data", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            f"--token-auth-file={tokens}", "--authorization-mode=Node,RBAC"]
        self.context = ssl._create_unverified_context()
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 600
        while True:
            with contextlib.suppress(OSError):
                if self.ask(self.connect(), "GET", "/readyz")[0] == 200:
                    return
            if time.monotonic() > end:
                raise TimeoutError("the server is not ready")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=600)

    def ask(self, connection, verb, path, body=None, content="application/json", accept="application/json"):
        head = {"Authorization": "Bearer admin-token", "Content-Type": content, "Accept": accept}
        connection.request(verb, path, body=body, headers=head)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def must(self, verb, path, body=None):
        status, text = self.ask(self.connect(), verb, path, json.dumps(body) if body else None)
        if status >= 300:
            raise RuntimeError(f"{verb} {path}: {status} {text[:300]}")
        return json.loads(text)

    def cpu_ms(self):
        return time.clock_gettime(~self.process.pid << 3 | 2) * 1000  # As clock_getcpuclockid names it.

    def resident_mb(self, which="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(which + ":")[1].split()[0]) / 1024

    def await_established(self, name):
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + name
        end = time.monotonic() + 600
        while not any(each["type"] == "Established" and each["status"] == "True"
                      for each in self.must("GET", path).get("status", {}).get("conditions") or []):
            if time.monotonic() > end:
                raise TimeoutError(f"{name} is not established")
            time.sleep(0.05)

    def load(self, requests):
        """CPU in ms of each of the requests (verb, path, body), spread over THREADS connections."""
        failures = []

        def work(mine):
            connection = self.connect()
            for verb, path, body in mine:
                content = "application/merge-patch+json" if verb == "PATCH" else "application/json"
                status, text = self.ask(connection, verb, path, body, content)
                if status >= 300:
                    failures.append(f"{verb} {path}: {status} {text[:300]}")
                    return

        threads = [threading.Thread(target=work, args=(requests[i::THREADS],)) for i in range(THREADS)]
        before = self.cpu_ms()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RuntimeError(failures[0])
        return (self.cpu_ms() - before) / len(requests)


@contextlib.contextmanager
def server(skiff):
    with tempfile.TemporaryDirectory() as directory:
        running = Server(skiff, directory)
        try:
            yield running
        finally:
            running.stop()


def definition(plural, kind, spec, group=GROUP):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}}]}}


def wide_spec():
    """200 fields: numbers, texts with a pattern, lists, objects; 20 rules over them, of the kinds that are in use."""
    fields, rules = {}, []
    for i in range(50):
        fields[f"number{i}"] = {"type": "integer", "minimum": 0, "maximum": 1000000}
        fields[f"text{i}"] = {"type": "string", "maxLength": 64, "pattern": "^[a-z0-9-]+$"}
        fields[f"list{i}"] = {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 32}}
        fields[f"object{i}"] = {"type": "object", "required": ["on"],
                                "properties": {"on": {"type": "boolean"}, "mode": {"type": "string", "default": "plain"}}}
    for i in range(5):
        rules += [{"rule": f"self.number{i} <= self.number{i + 10}", "message": "not in order"},
                  {"rule": f"!has(self.text{i}) || self.text{i}.startsWith('text')"},
                  {"rule": f"self.list{i}.all(item, item.size() < 20)"},
                  {"rule": f"self.object{i}.on == oldSelf.object{i}.on || self.object{i}.mode != 'fixed'"}]
    return {"type": "object", "properties": fields, "x-kubernetes-validations": rules}


def wide(name):
    spec = {}
    for i in range(50):
        spec[f"number{i}"] = i
        spec[f"text{i}"] = f"text-{i}"
        spec[f"list{i}"] = ["one", "two", "three"]
        spec[f"object{i}"] = {"on": True, "mode": "plain"}
    return json.dumps({"apiVersion": f"{GROUP}/v1", "kind": "Wide", "metadata": {"name": name}, "spec": spec})


def config_map(name, size):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {}}
    for i in range(200):
        body["data"][f"key-{i}"] = ""
    each = (size - len(json.dumps(body))) // 200
    for i in range(200):
        body["data"][f"key-{i}"] = "v" * each
    return json.dumps(body)


def show(what, first, second, names, target=None, middle=statistics.median):
    ratio = middle(second) / middle(first)
    said = "" if target is None else f", target {target}: {'ok' if ratio <= target else 'MISSED'}"
    print(f"{what}: {names[0]} {middle(first):.3f} ms, {names[1]} {middle(second):.3f} ms, ratio {ratio:.3f}{said}", flush=True)


def custom(skiff):
    objects = f"/apis/{GROUP}/v1/namespaces/default/wides"
    maps = "/api/v1/namespaces/default/configmaps"
    with server(skiff) as api:
        api.must("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                 definition("wides", "Wide", wide_spec()))
        api.await_established(f"wides.{GROUP}")
        size = len(wide("name-00000"))
        print(f"{COUNT} objects of {size} bytes")
        each = COUNT // ROUNDS
        kinds = (maps, lambda name: config_map(name, size), {"data": {"key-0": "changed"}}), \
                (objects, wide, {"spec": {"number49": 50}})
        for verb in ("POST", "PATCH", "GET"):
            values = [], []
            for turn in range(ROUNDS):
                names = [f"name-{turn}-{i:05}" for i in range(each)]
                for (path, make, patch), measured in zip(kinds, values):
                    measured.append(api.load([
                        (verb, path, make(name)) if verb == "POST" else
                        (verb, f"{path}/{name}", json.dumps(patch) if verb == "PATCH" else None) for name in names]))
            show(verb, *values, ("a ConfigMap", "a custom resource"), 1.5 if verb == "POST" else None)


POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "typical"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                                                "resources": ["pods"]}]},
        "variables": [{"name": "containers", "expression": "object.spec.containers + object.spec.?initContainers.orValue([])"}],
        "validations": [
            {"expression": "variables.containers.all(c, !c.image.endsWith(':latest'))", "message": "an image needs a tag"},
            {"expression": "variables.containers.all(c, has(c.resources) && has(c.resources.limits))"},
            {"expression": "!has(object.spec.hostNetwork) || !object.spec.hostNetwork"},
            {"expression": "has(object.metadata.labels) && 'app' in object.metadata.labels"}]}}
BINDING = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
           "metadata": {"name": "typical"}, "spec": {"policyName": "typical", "validationActions": ["Deny"]}}


def pod(name):
    container = {"image": "registry.example/web:1.2.3", "ports": [{"containerPort": 8080}],
                 "env": [{"name": f"NAME_{i}", "value": f"value-{i}"} for i in range(10)],
                 "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
                 "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
                 "volumeMounts": [{"name": "settings", "mountPath": "/etc/settings"}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
                       "spec": {"containers": [container | {"name": "web"}, container | {"name": "side", "ports": []}],
                                "volumes": [{"name": "settings", "configMap": {"name": "settings"}}]}})


def policy_turns(skiff):
    """Means of the milliseconds a create takes three new servers: without the policy, again without it, with it."""
    pods = "/api/v1/namespaces/default/pods"
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    # A server for each: to make and remove the binding before each round would be in what is measured.
    with server(skiff) as plain, server(skiff) as again, server(skiff) as judged:
        servers = plain, again, judged
        for api in servers:
            api.must("POST", "/api/v1/namespaces/default/serviceaccounts",
                     {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
        judged.must("POST", policies, POLICY)
        judged.must("POST", policies[:-3] + "ybindings", BINDING)
        refused = pod("refused").replace(":1.2.3", ":latest")
        end = time.monotonic() + 10
        while judged.ask(judged.connect(), "POST", pods + "?dryRun=All", refused)[0] != 422:
            if time.monotonic() > end:
                raise TimeoutError("the binding does nothing")
        values = [[], [], []]
        for turn in range(-2, 2 * ROUNDS):  # Two to warm up.
            for i in sorted(range(3), key=lambda i: (i + turn) % 3):
                took = servers[i].load([("POST", pods, pod(f"pod-{turn + 2}-{n}")) for n in range(COUNT // 20)])
                if turn >= 0:
                    values[i].append(took)
        return [statistics.mean(each) for each in values]


def policy(skiff):
    plain, again, judged = zip(*(policy_turns(skiff) for _ in range(SERVERS)))
    both = [(a + b) / 2 for a, b in zip(plain, again)]
    print("two servers without the policy: ratios", *(f"{b / a:.3f}" for a, b in zip(plain, again)))
    print("one with it beside both: ratios", *(f"{c / a:.3f}" for a, c in zip(both, judged)))
    show("create of a pod", both, judged, ("without the policy", "with it"), 1.05, statistics.mean)


def definitions(skiff):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    spec = {"type": "object", "properties": {f"field{i}": {"type": "string"} for i in range(10)}}
    with server(skiff) as api:
        print(f"without definitions: {api.resident_mb():.0f} MB")
        shown = max(1, DEFINITIONS // 4)
        for begin in range(0, DEFINITIONS, shown):
            bodies = [json.dumps(definition(f"kind{i}s", f"Kind{i}", spec, f"group{i // 40}.example"))
                      for i in range(begin, min(DEFINITIONS, begin + shown))]
            began = time.monotonic()
            cpu = api.load([("POST", path, body) for body in bodies])
            print(f"{begin + len(bodies)} definitions: {api.resident_mb():.0f} MB, the last {len(bodies)} in "
                  f"{time.monotonic() - began:.1f} s, {cpu:.2f} ms of CPU each", flush=True)
        last = DEFINITIONS - 1
        group = f"group{last // 40}.example"
        before, began = api.cpu_ms(), time.monotonic()
        api.await_established(f"kind{last}s.{group}")
        print(f"the last one is established {time.monotonic() - began:.2f} s later, with {api.cpu_ms() - before:.0f} ms of CPU")

        def take(what, verb, path, body=None, accept="application/json"):
            before, began = api.cpu_ms(), time.monotonic()
            status, text = api.ask(api.connect(), verb, path, json.dumps(body) if body else None, accept=accept)
            if status >= 300:
                raise RuntimeError(f"{verb} {path}: {status} {text[:300]}")
            print(f"{what}: {(time.monotonic() - began) * 1000:.0f} ms, {api.cpu_ms() - before:.0f} ms of CPU, "
                  f"{len(text) / 1e6:.2f} MB; resident {api.resident_mb():.0f} MB", flush=True)

        def tell():
            for what in ("/apis", f"/apis/{group}/v1", "/openapi/v3", f"/openapi/v3/apis/{group}/v1", "/openapi/v2"):
                take("GET " + what, "GET", what)
            take("GET /apis, aggregated", "GET", "/apis",
                 accept="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")

        take("an object of it", "POST", f"/apis/{group}/v1/namespaces/default/kind{last}s",
             {"apiVersion": f"{group}/v1", "kind": f"Kind{last}", "metadata": {"name": "a"}, "spec": {"field1": "x"}})
        tell()
        take("one more definition", "POST", path, definition("mores", "More", spec, group))
        api.await_established(f"mores.{group}")
        tell()
        before = api.cpu_ms()
        time.sleep(10)
        print(f"idle: {(api.cpu_ms() - before) / 100:.1f} % of a core, {api.resident_mb():.0f} MB")
        api.stop()
        began = time.monotonic()
        api.start()
        print(f"a new start: ready after {time.monotonic() - began:.2f} s, {api.cpu_ms():.0f} ms of CPU, "
              f"{api.resident_mb():.0f} MB", flush=True)
        tell()


def memory(skiff):
    text = "object.data.text"
    for expression in ("true", f"{text}.split('').size() > 0", f"{text}.findAll('a').size() >= 0",
                       f"{text}.split('').join().size() > 0", f"{text}.split('').reverse().size() > 0",
                       f"[{text}.split(''), {text}.split(''), {text}.split('')].size() > 0",
                       f"({text}.split('') + {text}.split('')).size() > 0", f"{text}.replace('a', 'bb').size() > 0",
                       f"lists.range(9).map(i, {text}.substring(i)).size() > 0",
                       "[lists.range(400000), lists.range(400000)].size() > 0",
                       "lists.range(20000).map(i, [i]).size() > 0", "lists.range(20000).map(i, object.?data).size() > 0",
                       "lists.range(20000).transformMapEntry(i, v, {string(i): v}).size() > 0"):
        memory_of(skiff, expression)


def memory_of(skiff, expression):
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    maps = "/api/v1/namespaces/default/configmaps?dryRun=All"
    rules = [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]
    with server(skiff) as api:
        spec = {"matchConstraints": {"resourceRules": rules},
                "validations": [{"expression": "!has(object.data.bad)"}, {"expression": expression}]}
        api.must("POST", policies, {"metadata": {"name": "large"}, "spec": spec})
        api.must("POST", policies[:-3] + "ybindings", {
            "metadata": {"name": "large"}, "spec": {"policyName": "large", "validationActions": ["Deny"]}})
        end = time.monotonic() + 10
        bad = json.dumps({"metadata": {"name": "bad"}, "data": {"bad": "", "text": "a"}})
        while api.ask(api.connect(), "POST", maps, bad)[0] != 422:
            if time.monotonic() > end:
                raise TimeoutError("the binding does nothing")
        before, codes = api.resident_mb(), []

        def create(name):
            body = json.dumps({"metadata": {"name": name}, "data": {"text": "a" * 900000}})
            codes.append(api.ask(api.connect(), "POST", maps, body)[0])

        threads = [threading.Thread(target=create, args=(f"map-{i}",)) for i in range(SIDE)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{expression}: {before:.0f} MB, at most {api.resident_mb('VmHWM'):.0f} MB, {time.monotonic() - began:.1f} s, "
              f"answers {sorted(set(codes))}", flush=True)


def main():
    skiff = os.path.realpath(sys.argv[1])
    for part in sys.argv[2:] or ("custom", "policy", "definitions"):
        {"custom": custom, "policy": policy, "definitions": definitions, "memory": memory}[part](skiff)


if __name__ == "__main__":
    main()
