"""Plays the kubelets of nodes that are objects alone, on any API server: what is bound runs at once, what belongs to a
Job succeeds, and what is deleted goes.   node_player.py ADDRESS TOKEN NODE..."""
import http.client
import json
import ssl
import sys
import time

STEP_SECONDS = 0.2
RENEWALS = 25  # Steps from one heartbeat to the next.


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Api:
    def __init__(self, address, token):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.http, self.token = http.client.HTTPSConnection(address, context=context), token

    # Somebody else may have been there first; then the next step sees what is left to do.
    def call(self, verb, path, body=None):
        kind = "application/merge-patch+json" if verb == "PATCH" else "application/json"
        self.http.request(verb, path, json.dumps(body) if body else None,
                          {"Content-Type": kind, "Authorization": "Bearer " + self.token})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status not in (200, 201, 404, 409):
            sys.exit(f"{verb} {path}: {answer.status} {text.decode()[:500]}")
        return json.loads(text)


def register(api, name):
    room = {"cpu": "8", "memory": "8Gi", "pods": "110"}
    api.call("POST", "/api/v1/nodes", {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "status": {"capacity": room, "allocatable": room, "nodeInfo": {"kubeletVersion": "v1.35.6"}}})
    api.call("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", {
        "metadata": {"name": name}, "spec": {"holderIdentity": name, "leaseDurationSeconds": 40}})


def renew(api, name):
    api.call("PATCH", f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}", {
        "spec": {"renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())}})
    api.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": {"conditions": [
        {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "plays",
         "lastHeartbeatTime": now(), "lastTransitionTime": now()}]}})


def status_of(pod, number):
    """What its kubelet would say of the pod by now."""
    ends = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))
    ready = "False" if ends else "True"
    state = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now(), "finishedAt": now()}} if ends \
        else {"running": {"startedAt": now()}}
    address = f"10.244.{number // 250}.{number % 250 + 1}"
    return {"phase": "Succeeded" if ends else "Running", "startTime": now(), "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": kind, "status": ready, "lastTransitionTime": now()}
                           for kind in ("Ready", "ContainersReady")] +
            [{"type": kind, "status": "True", "lastTransitionTime": now()} for kind in ("Initialized", "PodScheduled")],
            "containerStatuses": [{"name": c["name"], "image": c["image"], "imageID": c["image"], "ready": not ends,
                                   "started": not ends, "restartCount": 0, "state": state}
                                  for c in pod["spec"]["containers"]]}


def play(api, number):
    for pod in api.call("GET", "/api/v1/pods")["items"]:
        if not pod["spec"].get("nodeName"):
            continue
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        if "deletionTimestamp" in pod["metadata"]:
            api.call("DELETE", path + "?gracePeriodSeconds=0")
        elif pod["status"]["phase"] == "Pending":
            number += 1
            api.call("PATCH", path + "/status", {"status": status_of(pod, number)})
    return number


def main():
    api, nodes = Api(*sys.argv[1:3]), sys.argv[3:]
    for name in nodes:
        register(api, name)
    number, step = 0, 0
    while True:
        if step % RENEWALS == 0:
            for name in nodes:
                renew(api, name)
        number, step = play(api, number), step + 1
        time.sleep(STEP_SECONDS)


main()
