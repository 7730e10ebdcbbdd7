"""A cluster of an API server and controllers without nodes, whose pods are played: what a kubelet would say of them
depends on their label `end`."""
import json
import os
import threading
import time

from api_servers import Server

# All in one namespace that controllers may make or change.
KINDS = {
    "/api/v1": ["pods", "services", "endpoints", "persistentvolumeclaims", "resourcequotas", "replicationcontrollers",
                "serviceaccounts", "configmaps", "secrets"],
    "/apis/apps/v1": ["deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions"],
    "/apis/batch/v1": ["jobs", "cronjobs"],
    "/apis/policy/v1": ["poddisruptionbudgets"],
    "/apis/autoscaling/v2": ["horizontalpodautoscalers"],
    "/apis/discovery.k8s.io/v1": ["endpointslices"],
    "/apis/resource.k8s.io/v1": ["resourceclaims", "resourceclaimtemplates"],
}
# In no namespace: a scenario's own are those whose names begin with the name of its namespace and a dash.
CLUSTER_KINDS = {
    "/api/v1": ["namespaces", "nodes", "persistentvolumes"],
    "/apis/certificates.k8s.io/v1": ["certificatesigningrequests"],
    "/apis/networking.k8s.io/v1": ["ipaddresses", "servicecidrs"],
    "/apis/rbac.authorization.k8s.io/v1": ["clusterroles"],
    "/apis/scheduling.k8s.io/v1": ["priorityclasses"],
    "/apis/storage.k8s.io/v1": ["storageclasses", "volumeattachments"],
}
PREFIX = {kind: prefix for of in (KINDS, CLUSTER_KINDS) for prefix, kinds in of.items() for kind in kinds}
NAMESPACED = {kind for kinds in KINDS.values() for kind in kinds}
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
NODES = ["n1", "n2"]
# Seconds in which nothing changes, more of them on a busy machine; and for how long that is waited for.
QUIET, SETTLED_BY = float(os.environ.get("QUIET", "1.5")), 60.0
# Seconds in which whatever is waited for has happened: some of kube-controller-manager's loops run every 20 or 40 s.
HAPPENS_BY = 150.0


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def path_of(kind, space, name=None, subresource=None):
    """A name that begins with a dash is that of a scenario's object in no namespace."""
    within = ["namespaces", space] if kind in NAMESPACED else []
    if name and name[0] == "-":
        name = space + name
    parts = [PREFIX[kind], *within, kind, name, subresource]
    return "/".join(part for part in parts if part)


def conditions(ready):
    values = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": ready, "Ready": ready}
    return [{"type": name, "status": value, "lastTransitionTime": now()} for name, value in values.items()]


def status_of(pod, end):
    """What its kubelet would say of a pod that ends like that."""
    state, phase, extra = {"running": {"startedAt": now()}}, "Running", []
    if end == "bad":
        state, phase = {"waiting": {"reason": "ErrImagePull"}}, "Pending"
    elif end == "disrupted":
        extra = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                  "lastTransitionTime": now()}]
    if end in ("ok", "disrupted") or end.startswith("fail"):
        code = {"ok": 0, "disrupted": 137}.get(end) if end[:4] != "fail" else int(end[4:])
        phase = "Failed" if code else "Succeeded"
        state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": now(),
                                "finishedAt": now()}}
    ready = end == "run"
    return {"phase": phase, "hostIP": "192.168.0.1", "startTime": pod["status"].get("startTime") or now(),
            "conditions": conditions("True" if ready else "False") + extra,
            "containerStatuses": [{"name": container["name"], "image": container["image"], "imageID": "",
                                   "ready": ready, "restartCount": 0, "started": ready, "state": state}
                                  for container in pod["spec"]["containers"]]}


def end_of(pod):
    """Of an indexed pod the part of a list such as ok-fail1-ok that its index names."""
    if pod["spec"]["containers"][0]["image"] == "bad":
        return "bad"
    end = (pod["metadata"].get("labels") or {}).get("end", "run")
    index = (pod["metadata"].get("annotations") or {}).get("batch.kubernetes.io/job-completion-index")
    parts = end.split("-")
    return parts[int(index) % len(parts)] if index else parts[0]


def node_for(pod):
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms", []):
        for field in term.get("matchFields", []):
            return field["values"][0]
    return NODES[0]


def is_observed(kind, thing):
    """Whether its controller has seen what it is by now, however long that takes on a busy machine."""
    if thing["metadata"].get("deletionTimestamp"):
        return True
    status = thing.get("status") or {}
    if kind in ("deployments", "replicasets", "statefulsets", "daemonsets", "replicationcontrollers"):
        return status.get("observedGeneration") == thing["metadata"]["generation"]
    managed_by = thing.get("spec", {}).get("managedBy", "kubernetes.io/job-controller")
    return kind != "jobs" or bool(status) or managed_by != "kubernetes.io/job-controller"


class World:
    def __init__(self, name, port):
        self.name, self.server = name, Server(port)
        self.told, self.addresses = {}, 0
        self.refusals = []  # What steps were refused since somebody asked.
        self.missed = False  # What a step waited for has not happened.
        self.beating = {}  # Nodes whose kubelets are well, and by what connection that is said.
        for node in NODES:
            self.add_node(node)
        threading.Thread(target=self.beat, args=(Server(port),), daemon=True).start()

    def add_node(self, node, labels=None):
        self.ask("POST", "/api/v1/nodes", {"metadata": {
            "name": node, "labels": {"kubernetes.io/hostname": node, **(labels or {})}}})
        size = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        self.ask("PATCH", f"/api/v1/nodes/{node}/status", {"status": {
            "capacity": size, "allocatable": size,
            "addresses": [{"type": "InternalIP", "address": f"192.168.0.{len(self.beating) + 1}"}]}}, STRATEGIC)
        self.say_ready(node, "True")

    def say_ready(self, node, status):
        """What its kubelet says; "": nothing any more."""
        self.beating[node] = bool(status)
        if not status:
            return
        reason = "KubeletReady" if status == "True" else "KubeletNotReady"
        self.ask("PATCH", f"/api/v1/nodes/{node}/status", {"status": {"conditions": [
            {"type": "Ready", "status": status, "reason": reason, "lastHeartbeatTime": now(),
             "lastTransitionTime": now()}]}}, STRATEGIC)

    def beat(self, server):
        """Leases, so that nobody takes nodes for dead whose kubelets are played."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        while True:
            for node in [node for node, beats in list(self.beating.items()) if beats]:
                lease = {"metadata": {"name": node}, "spec": {
                    "holderIdentity": node, "leaseDurationSeconds": 40,
                    "renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())}}
                code, _, _ = server.ask("PATCH", f"{path}/{node}", {"spec": lease["spec"]}, MERGE)
                if code == 404:
                    server.ask("POST", path, lease)
            time.sleep(3)

    def ask(self, verb, path, body=None, content="application/json"):
        """The answer's document; an error is told, and is no end."""
        code, document, _ = self.server.ask(verb, path, body, content)
        if code >= 400:
            self.refusals.append((verb, path.split("?")[0], code, document.get("message", "")))
        return document

    def play_ask(self, verb, path, body, content="application/json"):
        """As a kubelet or a scheduler would: what they may be too late for is nothing to compare."""
        return self.server.ask(verb, path, body, content)

    def items(self, kind, space, query=""):
        return self.server.get(path_of(kind, space) + query).get("items") or []

    def objects(self, space):
        """Of each kind."""
        return {kind: [each for each in self.items(kind, space)
                       if kind in NAMESPACED or each["metadata"]["name"].startswith(space + "-")] for kind in PREFIX}

    def events(self, space):
        """Those about objects in no namespace are in `default`."""
        events = self.server.get(f"/api/v1/namespaces/{space}/events").get("items") or []
        others = self.server.get("/api/v1/namespaces/default/events").get("items") or []
        # What a server tells of its allocators is about an object without a name.
        return events + [each for each in others if each["involvedObject"].get("name", "").startswith(space + "-")]

    def play_pods(self, space):
        """Whether there was anything to do."""
        acted = False
        for pod in sorted(self.items("pods", space), key=lambda pod: pod["metadata"]["name"]):
            acted = self.play(space, pod) or acted
        return acted

    def play(self, space, pod):
        metadata, name = pod["metadata"], pod["metadata"]["name"]
        if metadata.get("deletionTimestamp"):
            if metadata.get("deletionGracePeriodSeconds") == 0:  # Finalizers hold it.
                return False
            self.play_ask("DELETE", path_of("pods", space, name), {"gracePeriodSeconds": 0})
            return True
        if pod["spec"].get("schedulingGates"):
            return False
        if not pod["spec"].get("nodeName"):
            self.play_ask("POST", path_of("pods", space, name, "binding"),
                          {"metadata": {"name": name}, "target": {"kind": "Node", "name": node_for(pod)}})
            return True
        end = end_of(pod)
        if self.told.get(metadata["uid"]) == end or pod["status"].get("phase") in ("Succeeded", "Failed"):
            return False
        self.told[metadata["uid"]] = end
        status = status_of(pod, end)
        if not pod["status"].get("podIP"):
            self.addresses += 1
            status["podIP"] = f"10.244.{self.addresses // 250}.{self.addresses % 250 + 1}"
            status["podIPs"] = [{"ip": status["podIP"]}]
        self.play_ask("PATCH", path_of("pods", space, name, "status"), {"status": status}, STRATEGIC)
        return True

    @staticmethod
    def sleep(seconds):
        """For what only time brings: deadlines, and controllers that look at the clock."""
        time.sleep(seconds)

    def play_for(self, seconds, space):
        """The same, while pods come and go."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.play_pods(space)
            time.sleep(0.2)

    def play_until(self, space, happened):
        """The same, until it has happened; where it does not in one world alone, the comparison tells."""
        end = time.monotonic() + HAPPENS_BY
        while not happened(self, space):
            if time.monotonic() > end:
                self.missed = True
                return
            self.play_pods(space)
            time.sleep(0.2)

    def settle(self, space):
        """Plays the pods until all is observed and nothing has changed for a while."""
        begin = since = time.monotonic()
        last = None
        while time.monotonic() - begin < SETTLED_BY:
            acted = self.play_pods(space)
            objects = [(kind, each) for kind, things in self.objects(space).items() for each in things]
            seen = sorted((kind, each["metadata"]["name"], each["metadata"]["resourceVersion"])
                          for kind, each in objects)
            if acted or seen != last:
                last, since = seen, time.monotonic()
            elif time.monotonic() - since > QUIET and all(is_observed(kind, each) for kind, each in objects):
                return
            time.sleep(0.2)
