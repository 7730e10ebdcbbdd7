"""Runs the same pods on two nodes of one cluster, the kubelet of one being real and that of the other ours, and compares
what their containers saw, how their statuses ended, what events tell, and what each node says of itself. See
kubelet_difference.sh."""
import argparse
import collections
import http.client
import json
import os
import re
import ssl
import sys
import threading
import time

import kubelet_isolation_scenarios as isolation
import kubelet_more_scenarios as more
import kubelet_scenarios as scenarios
from differences import differences

KNOWN = os.path.join(os.path.dirname(__file__), "kubelet_difference.txt")
NODES = ("kube", "ours")
SHOWN_MAX = 600
QUIET = float(os.environ.get("QUIET", "3"))  # Seconds, more on a busy machine.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DATA = re.compile(r"\.\.\d{4}(_\d\d){5}\.\d+")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
IDS = re.compile(r"\b[0-9a-f]{64}\b")
ADDRESS = re.compile(r"\b10\.24[45]\.\d+\.\d+\b")
DURATION = re.compile(r"\b(\d+m)?\d+(\.\d+)?(ms|µs|s)\b")
EPOCH = re.compile(r"1970-01-01T00:00:00Z")
ROOTS = re.compile(r"/run/(theirs|skiff/data)/kubelet\b")
ACCESS = re.compile(r"kube-api-access-[a-z0-9]{5}")
OWN = {"uid", "resourceVersion", "creationTimestamp", "managedFields"}


class Server:
    def __init__(self, port, token):
        self.port, self.token = port, token
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=60)

    def ask(self, verb, path, body=None, form="application/json"):
        """(code, text). A connection each: many threads ask."""
        connection = self.connection()
        try:
            connection.request(verb, path, json.dumps(body) if body is not None else None,
                               {"Authorization": "Bearer " + self.token, "Content-Type": form})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def get(self, path):
        code, text = self.ask("GET", path)
        if code != 200:
            raise RuntimeError(f"{path}: {code} {text[:300]}")
        return json.loads(text)

    def make(self, path, body):
        code, text = self.ask("POST", path, body)
        if code not in (200, 201):
            raise RuntimeError(f"POST {path}: {code} {text[:500]}")


class Life:
    """One pod on one node, from its start to its end."""

    def __init__(self, server, node, name, spec, until):
        self.server, self.node, self.name, self.until = server, node, name, until
        self.space = f"on-{node}"
        self.path = f"/api/v1/namespaces/{self.space}/pods"
        self.spec = {**spec, "nodeName": node}
        self.seen, self.logs, self.events, self.last, self.problem = None, {}, collections.Counter(), None, None

    def run(self, seconds):
        try:
            self.server.make(self.path, {"metadata": {"name": self.name, "labels": {"app": self.name[:60], "b": "2"},
                                                      "annotations": {"note": "a \"b\"\nc"}}, "spec": self.spec})
            self.wait(seconds)
            for subresource, patch, until in more.ACTIONS.get(self.name, []) if not self.problem else []:
                code, text = self.server.ask("PATCH", f"{self.path}/{self.name}/{subresource}", patch, "application/strategic-merge-patch+json")
                if code != 200:
                    raise RuntimeError(f"PATCH {subresource}: {code} {text[:500]}")
                self.until = until
                self.wait(seconds)
            self.logs = self.all_logs()
            self.end()
            self.events = self.all_events()
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            self.problem = str(error)

    def pod(self):
        return self.server.get(f"{self.path}/{self.name}")

    def wait(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pod = self.pod()
            pod["events"] = [event for event in self.own_events() if event["type"] == "Warning"]
            if self.until(pod):
                self.seen = self.settled(pod)
                return
            time.sleep(0.25)
        self.problem = f"not in {seconds} s; now: {json.dumps(self.pod()['status'])[:900]}"
        self.seen = self.pod()

    def settled(self, pod):
        """What follows at once belongs to it: once nothing has changed for a while, or the last that `until` holds for."""
        events, since = pod.pop("events"), time.monotonic()
        while time.monotonic() < since + QUIET:
            time.sleep(0.3)
            again = self.pod()
            if not self.until({**again, "events": events}):
                break
            if again["metadata"]["resourceVersion"] != pod["metadata"]["resourceVersion"]:
                pod, since = again, time.monotonic()
        return pod

    def all_logs(self):
        logs = {}
        spec = self.pod()["spec"]
        for field in ("initContainers", "containers", "ephemeralContainers"):
            for container in spec.get(field) or []:
                for query in ("", "&previous=true", "&tailLines=1&timestamps=true"):
                    code, text = self.server.ask("GET", f"{self.path}/{self.name}/log?container={container['name']}{query}")
                    logs[container["name"] + query] = f"{code}\n{text}"
        return logs

    def own_events(self):
        path = f"/api/v1/namespaces/{self.space}/events?fieldSelector=involvedObject.name={self.name[:253]}"
        return self.server.get(path)["items"]

    def all_events(self):
        return collections.Counter(
            "|".join([event["type"], event["reason"], event["involvedObject"].get("fieldPath", ""),
                      event.get("reportingComponent") or event["source"].get("component", ""),
                      self.text(event.get("message", ""))]) for event in self.own_events())

    def end(self):
        """Deletes it, and keeps what was last said of it."""
        query = f"?watch=true&fieldSelector=metadata.name={self.name}&resourceVersion={self.pod()['metadata']['resourceVersion']}"
        connection = self.server.connection()
        connection.timeout = 90
        connection.request("GET", self.path + query, headers={"Authorization": "Bearer " + self.server.token})
        answer = connection.getresponse()
        code, text = self.server.ask("DELETE", f"{self.path}/{self.name}")
        if code not in (200, 202):
            raise RuntimeError(f"DELETE: {code} {text[:300]}")
        for line in iter(answer.readline, b""):
            event = json.loads(line)
            self.last = event["object"]
            if event["type"] == "DELETED":
                break
        else:
            self.problem = "the watch ends before the pod goes"
        connection.close()

    def text(self, text):
        for pattern, called in ((EPOCH, "EPOCH"), (ROOTS, "ROOT"), (TIME, "TIME"), (DATA, "..DATA"), (UUID, "UUID"), (IDS, "ID"), (ADDRESS, "ADDRESS"), (ACCESS, "kube-api-access-#"),
                                (DURATION, "Ns")):
            text = pattern.sub(called, text)
        return re.sub(r"(?<![A-Za-z0-9-])(on-)?%s(?![A-Za-z0-9-])" % self.node, r"\1NODE", text)

    def clean(self, thing):
        if isinstance(thing, dict):
            return {key: self.clean(value) for key, value in thing.items() if key not in OWN}
        if isinstance(thing, list):
            return [self.clean(value) for value in thing]
        return self.text(thing) if isinstance(thing, str) else thing


class Comparison:
    def __init__(self):
        self.compared, self.known, self.unknown = 0, 0, set()
        names = []
        if os.path.exists(KNOWN):
            with open(KNOWN, encoding="utf-8") as file:
                names = [re.escape(line.rstrip()).replace(r"\*", ".*") for line in file if line.strip() and line[0] != "#"]
        self.known_names = re.compile("|".join(names) or "$.")

    def tell(self, name, theirs, ours):
        if self.known_names.fullmatch(name.rstrip()):
            self.known += 1
            keep_line("known", f"{name}\n    kube: {json.dumps(theirs)}\n    ours: {json.dumps(ours)}\n")
            return
        self.unknown.add(name)
        print(f"{name}\n    kube: {json.dumps(theirs)[:SHOWN_MAX]}\n    ours: {json.dumps(ours)[:SHOWN_MAX]}", flush=True)

    def pods(self, name, theirs, ours):
        self.compared += 1
        for life in (theirs, ours):
            if life.problem:
                self.tell(f"{name} problem {life.node}", life.problem, None)
        if theirs.problem and ours.problem is None or ours.problem and theirs.problem is None:
            return  # All else would tell the same.
        for part in ("seen", "last"):
            one, other = (self.told(life, getattr(life, part)) for life in (theirs, ours))
            for path, first, second in differences(one, other):
                self.tell(f"{name} {part} {path}", first, second)
        one, other = ({key: life.text(text) for key, text in life.logs.items()} for life in (theirs, ours))
        for path, first, second in differences(one, other):
            self.tell(f"{name} log {path}", first, second)
        for event in sorted({*theirs.events, *ours.events}):
            if (event in theirs.events) != (event in ours.events):
                self.tell(f"{name} event {event}", int(event in theirs.events), int(event in ours.events))

    @staticmethod
    def told(life, pod):
        if pod is None:
            return None
        status = life.clean(pod["status"])
        for one in status.get("conditions") or []:
            one.pop("lastTransitionTime", None)
        status["conditions"] = {one.pop("type"): one for one in status.get("conditions") or []}
        return {"status": status, "metadata": {key: value for key, value in life.clean(pod["metadata"]).items() if key != "namespace"}}


def play(server, comparison, only, together):
    # Those that take long begin first: a name keeps the place where it first stands.
    wanted = [(name, spec, lambda it: it["status"]["phase"] in ("Succeeded", "Failed"))
              for name, spec in {**more.LONG, **scenarios.RUNS, **scenarios.ENDS, **more.RUNS, **more.ENDS,
                                **isolation.RUNS, **isolation.ENDS}.items()]
    wanted += [(name, spec, until) for name, (spec, until) in {**scenarios.STATES, **more.STATES, **isolation.STATES}.items()]
    wanted = [each for each in wanted if re.search(only, each[0])]
    gate = threading.Semaphore(together)

    def both(name, lives):
        threads = [threading.Thread(target=life.run, args=(more.LONG.get(name, 40),)) for life in lives]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gate.release()
        with telling:
            comparison.pods(name, *lives)

    telling, threads = threading.Lock(), []
    for name, spec, until in wanted:
        gate.acquire()
        lives = [Life(server, node, name, spec, until) for node in NODES]
        threads.append(threading.Thread(target=both, args=(name, lives)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def of_node(server, node):
    life = Life(server, node, "", {}, None)
    thing = life.clean(server.get(f"/api/v1/nodes/{node}"))
    for one in thing["status"]["conditions"]:
        one.pop("lastTransitionTime"), one.pop("lastHeartbeatTime")
    thing["status"]["conditions"] = {one.pop("type"): one for one in thing["status"]["conditions"]}
    thing["status"].pop("images", None)
    return thing


def shape(thing):
    """What fields there are, without values."""
    if isinstance(thing, dict):
        return {key: shape(value) for key, value in thing.items()}
    if isinstance(thing, list):
        merged = {}
        for value in thing:
            each = shape(value)
            if isinstance(each, dict):
                merged.update(each)
        return [merged] if merged else "list"
    return type(thing).__name__.replace("float", "int")


def names_of(text):
    """Of metrics: name, labels, type."""
    found = set()
    for line in text.split("\n"):
        if line.startswith("# TYPE"):
            found.add(line)
        elif line and line[0] != "#":
            name, _, labels = line.partition("{")
            found.add(name.split(" ")[0] + " " + ",".join(sorted(re.findall(r'(\w+)="', labels))))
    return found


# What a node's server is asked, by whom: a service account that may do one thing to nodes, or nothing; nobody.
PATHS = ("", "healthz", "healthz/ping", "healthz/syncloop", "healthz/log", "healthz/none", "pods", "pods/", "runningpods", "runningpods/",
         "configz", "metrics", "metrics/", "metrics/slis", "metrics/resource", "metrics/cadvisor", "metrics/probes", "metrics/none",
         "stats", "stats/", "stats/summary", "stats/summary/", "stats/none", "spec/", "logs", "logs/", "logs/none", "logs/theirs/",
         "flagz", "statusz", "none", "containerLogs/a/b/c", "containerLogs/a/b", "exec/a/b/c", "exec/a/b/c?command=x", "exec/a/b/c?command=x&output=1",
         "run/a/b/c", "run/a/b/c?cmd=x", "run/a/b/u/c?cmd=x",
         "attach/a/b/c", "attach/a/b/c?output=1", "portForward/a/b", "portForward/a/b?port=1", "portForward/a/b?port=x", "checkpoint/a/b/c", "checkpoint/",
         "debug/flags/v", "debug/pprof/", "debug/pprof/cmdline", "debug/pprof/symbol", "debug/none", "livez", "readyz", "version", "api", "cri/exec/x")
USERS = ("proxy", "metrics", "stats", "log", "pods", "healthz", "configz", "checkpoint", "nothing")


class Direct(Server):
    """A node's own server."""

    def __init__(self, port, token):
        super().__init__(port, token)
        self.host = "192.0.2.1"

    def connection(self):
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=60)


def told(node, answer):
    code, text = answer
    return code, Life(None, node, "", {}, None).text(text)[:200]


def doors(server, comparison, ports):
    """Who may ask a node's server for what, and how it refuses."""
    for user in USERS:
        server.make("/api/v1/namespaces/kube-system/serviceaccounts", {"metadata": {"name": f"may-{user}"}})
        rules = [{"apiGroups": [""], "resources": ["nodes/" + user], "verbs": ["*"]}]
        server.make("/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": f"may-{user}"}, "rules": rules})
        server.make("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
            "metadata": {"name": f"may-{user}"}, "subjects": [{"kind": "ServiceAccount", "name": f"may-{user}", "namespace": "kube-system"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"may-{user}"}})
    tokens = {"wrong": "not.a.token"}
    for user in USERS:
        code, text = server.ask("POST", f"/api/v1/namespaces/kube-system/serviceaccounts/may-{user}/token", {"spec": {}})
        assert code == 201, text
        tokens[user] = json.loads(text)["status"]["token"]
    for user, token in tokens.items():
        direct = {node: Direct(ports[node], token) for node in NODES}
        for path in ("metrics", "metrics/resource", "metrics/cadvisor", "metrics/probes", "stats/summary", "pods", "runningpods/", "healthz", "configz",
                     "logs/", "flagz", "statusz", "checkpoint/a/b/c", "exec/a/b/c", "none"):
            one, other = (told(node, direct[node].ask("GET", "/" + path)) for node in NODES)
            if one[0] != other[0] or one[0] in (401, 403) and one != other:
                comparison.tell(f"node as {user} GET /{path}", one, other)
    for path in PATHS:
        for verb in ("GET", "POST", "PUT", "DELETE", "HEAD"):
            one, other = (told(node, Direct(ports[node], tokens["proxy"] if "stats" not in path else tokens["stats"]).ask(verb, "/" + path))
                          for node in NODES)
            if one[0] != other[0] or one[0] >= 300 and one != other:
                comparison.tell(f"node {verb} /{path}", one, other)


def nodes(server, comparison, only):
    if not re.search(only, "node"):
        return
    comparison.compared += 1
    one, other = (of_node(server, node) for node in NODES)
    for path, first, second in differences(one, other):
        comparison.tell(f"node {path}", first, second)
    for path in ("configz", "stats/summary", "pods", "runningpods/"):
        one, other = (server.ask("GET", f"/api/v1/nodes/{node}/proxy/{path}") for node in NODES)
        keep(path, one, other)
        if one[0] != other[0]:
            comparison.tell(f"node /{path} code", one[0], other[0])
        elif one[0] == 200:
            first, second = (json.loads(text) for _, text in (one, other))
            for where, left, right in differences(*(thing if path == "configz" else shape(thing) for thing in (first, second))):
                comparison.tell(f"node /{path} {where}", left, right)
    for path in ("metrics", "metrics/slis", "metrics/resource", "metrics/cadvisor", "metrics/probes"):
        answers = [server.ask("GET", f"/api/v1/nodes/{node}/proxy/{path}") for node in NODES]
        keep(path, *answers)
        one, other = (names_of(text) for _, text in answers)
        for name in sorted(one ^ other):
            comparison.tell(f"node /{path} {name}", int(name in one), int(name in other))


def keep(path, *answers):
    """For who wants to read them: KEEP names a folder."""
    folder = os.environ.get("KEEP")
    for node, (_, text) in zip(NODES, answers):
        if folder:
            with open(os.path.join(folder, f"{path.strip('/').replace('/', '-')}.{node}"), "w", encoding="utf-8") as file:
                file.write(text)


def keep_line(name, text):
    folder = os.environ.get("KEEP")
    if folder:
        with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
            file.write(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--together", type=int, default=6)
    options = parser.parse_args()
    server = Server(options.port, options.token)
    for thing in isolation.CLASSES:
        server.make("/apis/node.k8s.io/v1/runtimeclasses", thing)
    for node in NODES:
        space = f"on-{node}"
        server.make("/api/v1/namespaces", {"metadata": {"name": space}})
        for plural, things in scenarios.OBJECTS.items():
            for thing in things:
                server.make(f"/api/v1/namespaces/{space}/{plural}", thing)
        # What pods are given by themselves is there first.
        while server.ask("GET", f"/api/v1/namespaces/{space}/serviceaccounts/default")[0] != 200 or \
                server.ask("GET", f"/api/v1/namespaces/{space}/configmaps/kube-root-ca.crt")[0] != 200:
            time.sleep(0.2)
    comparison = Comparison()
    play(server, comparison, options.only, options.together)
    nodes(server, comparison, options.only)
    if re.search(options.only, "doors"):
        doors(server, comparison, {"kube": 10350, "ours": 10250})
    print(f"{comparison.compared} compared, {comparison.known} known differences, {len(comparison.unknown)} others")
    return 1 if comparison.unknown else 0


if __name__ == "__main__":
    sys.exit(main())
