"""A cluster of an API server and controllers without nodes, whose pods are played: what a kubelet would say of them
depends on their label `end`."""
import json
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
PREFIX = {kind: prefix for prefix, kinds in KINDS.items() for kind in kinds}
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
NODES = ["n1", "n2"]
QUIET, SETTLED_BY = 1.5, 60.0  # Seconds in which nothing changes; and for how long that is waited for.


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def path_of(kind, space, name=None, subresource=None):
    parts = [PREFIX[kind], "namespaces", space, kind, name, subresource]
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


class World:
    def __init__(self, name, port):
        self.name, self.server = name, Server(port)
        self.told, self.addresses = {}, 0
        for index, node in enumerate(NODES):
            self.ask("POST", "/api/v1/nodes", {"metadata": {"name": node, "labels": {"kubernetes.io/hostname": node}}})
            size = {"cpu": "4", "memory": "8Gi", "pods": "110"}
            ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now(),
                     "lastTransitionTime": now()}
            self.ask("PATCH", f"/api/v1/nodes/{node}/status", {"status": {
                "capacity": size, "allocatable": size, "conditions": [ready],
                "addresses": [{"type": "InternalIP", "address": f"192.168.0.{index + 1}"}]}}, STRATEGIC)

    def ask(self, verb, path, body=None, content="application/json"):
        """The answer's document; an error is told, and is no end."""
        code, document, _ = self.server.ask(verb, path, body, content)
        if code >= 400:
            print(f"  {self.name}: {verb} {path}: {code} {document.get('message')}", flush=True)
        return document

    def items(self, kind, space, query=""):
        return self.server.get(path_of(kind, space) + query).get("items") or []

    def objects(self, space):
        """Of each kind; without what a namespace has by itself."""
        return {kind: [each for each in self.items(kind, space) if each["metadata"]["name"] != "kube-root-ca.crt"]
                for kind in PREFIX}

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
            self.ask("DELETE", path_of("pods", space, name), {"gracePeriodSeconds": 0})
            return True
        if pod["spec"].get("schedulingGates"):
            return False
        if not pod["spec"].get("nodeName"):
            self.ask("POST", path_of("pods", space, name, "binding"),
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
        self.ask("PATCH", path_of("pods", space, name, "status"), {"status": status}, STRATEGIC)
        return True

    @staticmethod
    def sleep(seconds):
        """For what only time brings: deadlines, and controllers that look at the clock."""
        time.sleep(seconds)

    def settle(self, space):
        """Plays the pods until nothing has changed for a while."""
        begin = since = time.monotonic()
        last = None
        while time.monotonic() - begin < SETTLED_BY:
            acted = self.play_pods(space)
            seen = json.dumps({kind: sorted((each["metadata"]["name"], each["metadata"]["resourceVersion"])
                                            for each in objects) for kind, objects in self.objects(space).items()})
            if acted or seen != last:
                last, since = seen, time.monotonic()
            elif time.monotonic() - since > QUIET:
                return
            time.sleep(0.2)
