"""More that controllers_difference.py plays: what the controllers of a cluster do beside workloads, to nodes, volumes,
owners, namespaces, certificates and roles. Objects in no namespace have names that begin with a dash here: the
scenario's name comes before it."""
import base64
import functools
import subprocess

from controllers_scenarios import (budget, claim, delete, gone, image, job, label_pod, make, patch, play, pod, scale,
                                   scenario, service, spec, template, together, told, until, wait, workload)
from controllers_world import MERGE, path_of

NOWHERE = "00000000-0000-4000-8000-000000000000"
VERSIONS = {"ConfigMap": ("v1", "configmaps"), "PersistentVolume": ("v1", "persistentvolumes"),
            "Deployment": ("apps/v1", "deployments"), "Namespace": ("v1", "namespaces")}


def owner(kind, name, blocks=None, **fields):
    return {"kind": kind, "name": name, "blocks": blocks, **fields}


def owned(name, *owners, kind="configmaps", finalizers=None):
    """An object of owners that are there, or of a uid that nobody has."""
    def act(world, space):
        references = []
        for each in owners:
            version, plural = VERSIONS[each["kind"]]
            called = space + each["name"] if each["name"][0] == "-" else each["name"]
            found = {} if each.get("absent") else world.server.get(path_of(plural, each.get("space", space), called))
            reference = {"apiVersion": version, "kind": each["kind"], "name": called,
                         "uid": found.get("metadata", {}).get("uid", NOWHERE)}
            if each["blocks"] is not None:
                reference["blockOwnerDeletion"] = each["blocks"]
            references.append(reference)
        metadata = {"name": name, "ownerReferences": references}
        if finalizers:
            metadata["finalizers"] = finalizers
        make(kind, {"metadata": metadata})(world, space)
    return act


def add(kind, name, **fields):
    return make(kind, {"metadata": {"name": name}, **fields})


def free(kind, name):
    return patch(kind, name, {"metadata": {"finalizers": None}})


def node(name, **labels):
    return lambda world, space: world.add_node(space + name, labels)


def ready(name, status):
    return lambda world, space: world.say_ready(space + name, status)


def taint(name, *taints):
    taints = [dict(zip(("key", "effect"), each.split(":"))) for each in taints]
    return patch("nodes", name, {"spec": {"taints": taints}})


def tainted(name, *taints):
    """Whether the node has these, and no other ones."""
    def happened(world, space):
        spec_of = world.server.get(path_of("nodes", space, name)).get("spec", {})
        return sorted(taints) == sorted(f"{each['key']}:{each['effect']}" for each in spec_of.get("taints") or [])
    return happened


def pod_on(name, node_name, tolerations=None, **fields):
    def act(world, space):
        make("pods", pod(name, {"app": name}, nodeName=space + node_name, tolerations=tolerations or [],
                         **fields))(world, space)
    return act


def evict(app, index=0):
    def act(world, space):
        pods = sorted(each["metadata"]["name"] for each in world.items("pods", space, f"?labelSelector=app%3D{app}"))
        world.ask("POST", path_of("pods", space, pods[index], "eviction"),
                  {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pods[index]}})
    return act


def volume(name, size="1Gi", **fields):
    spec_of = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
               "hostPath": {"path": "/x"}, **fields}
    return make("persistentvolumes", {"metadata": {"name": name, "labels": {"of": "it"}}, "spec": spec_of})


def want(name, size="1Mi", **fields):
    return make("persistentvolumeclaims", {"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": "",
        **fields}})


def storage_class(name, **fields):
    return make("storageclasses", {"metadata": {"name": name}, "provisioner": "example.com/x", **fields})


def claim_of_class(name, class_name):
    """A class's own name has the space before it."""
    return lambda world, space: want(name, storageClassName=space + class_name)(world, space)


@functools.cache
def request_for(subject):
    text = subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", subject],
                          capture_output=True, check=True).stdout
    return base64.b64encode(text).decode()


def signing_request(name, signer, subject, usages):
    return make("certificatesigningrequests", {"metadata": {"name": name}, "spec": {
        "request": request_for(subject), "signerName": signer, "usages": usages}})


def say_of_request(name, condition):
    def act(world, space):
        path = path_of("certificatesigningrequests", space, name)
        request = world.server.get(path)
        if "spec" not in request:
            return
        request.setdefault("status", {})["conditions"] = [{"type": condition, "status": "True", "reason": "ByHand"}]
        world.ask("PUT", path + "/approval", request)
    return act


def role(name, rules=(), labels=None, **fields):
    return make("clusterroles", {"metadata": {"name": name, "labels": labels or {}}, "rules": list(rules), **fields})


def rule(resource):
    return {"apiGroups": [""], "resources": [resource], "verbs": ["get"]}


def delete_now(kind, name):
    return lambda world, space: world.ask("DELETE", path_of(kind, space, name), {"gracePeriodSeconds": 0})


scenario(
    "owners", create=together(*[add("configmaps", name) for name in "opqr"]),
    dependents=together(
        owned("blocking", owner("ConfigMap", "o", True), finalizers=["example.com/x"]),
        owned("free", owner("ConfigMap", "o", False), finalizers=["example.com/x"]),
        owned("of-two", owner("ConfigMap", "o", True), owner("ConfigMap", "p", True)),
        owned("orphan", owner("ConfigMap", "q")), owned("background", owner("ConfigMap", "r"))),
    foreground=delete("configmaps", "o", "Foreground"), freed=free("configmaps", "blocking"),
    orphan=delete("configmaps", "q", "Orphan"), background=delete("configmaps", "r", "Background"),
    rest=together(free("configmaps", "free"), delete("configmaps", "p")))
scenario(
    "owners-absent", create=together(add("configmaps", "o"), volume("-v"), add("namespaces", "-other")),
    absent=owned("absent", owner("ConfigMap", "gone", absent=True)),
    half=owned("half", owner("ConfigMap", "o"), owner("ConfigMap", "gone", absent=True)),
    of_cluster=owned("of-cluster", owner("PersistentVolume", "-v")),
    elsewhere=owned("elsewhere", owner("ConfigMap", "kube-root-ca.crt", space="default")),
    by_namespaced=owned("-w", owner("ConfigMap", "o"), kind="namespaces"),
    unknown=make("configmaps", {"metadata": {"name": "unknown", "ownerReferences": [
        {"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": NOWHERE}]}}),
    gone=together(delete("persistentvolumes", "-v"), delete("configmaps", "o")))
scenario(
    "owners-deep",
    create=together(make("deployments", workload("web", 2))),
    held=label_pod("web", None, held="yes"), foreground=delete("deployments", "web", "Foreground"))
scenario(
    "spaces", create=add("namespaces", "-x"),
    full=lambda world, space: world.ask("POST", f"/api/v1/namespaces/{space}-x/configmaps", {
        "metadata": {"name": "held", "finalizers": ["example.com/x"]}}),
    delete=together(delete("namespaces", "-x"), wait(9)),
    freed=together(lambda world, space: world.ask(
        "PATCH", f"/api/v1/namespaces/{space}-x/configmaps/held", {"metadata": {"finalizers": None}}, MERGE), wait(9)))
scenario(
    "root-ca", delete=together(delete("configmaps", "kube-root-ca.crt"), wait(1)),
    change=together(patch("configmaps", "kube-root-ca.crt", {"data": {"ca.crt": "x", "more": "y"}}), wait(1)),
    accounts=delete("serviceaccounts", "default"))
scenario(
    "quota-scopes", classes=together(
        *[make("resourcequotas", {"metadata": {"name": scope.lower()}, "spec": {
            "hard": {"pods": "2" if scope == "BestEffort" else "9"}, "scopes": [scope]}})
          for scope in ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort")],
        make("resourcequotas", {"metadata": {"name": "affine"}, "spec": {
            "hard": {"pods": "1"}, "scopes": ["CrossNamespacePodAffinity"]}}),
        make("resourcequotas", {"metadata": {"name": "priority"}, "spec": {"hard": {"pods": "1"}, "scopeSelector": {
            "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In",
                                  "values": ["system-node-critical"]}]}}})),
    pods=together(make("pods", pod("a")), make("pods", pod("b", activeDeadlineSeconds=1000)),
                  make("pods", pod("c", containers=[{"name": "c", "image": "x",
                                                     "resources": {"requests": {"cpu": "1m"}}}]))),
    refused=together(*[make("pods", pod(f"d{i}")) for i in range(3)]),
    affine=make("pods", pod("e", affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "x", "namespaces": ["other"], "labelSelector": {"matchLabels": {"a": "b"}}}]}})),
    critical=together(*[make("pods", pod(f"f{i}", priorityClassName="system-node-critical",
                                         activeDeadlineSeconds=1000)) for i in range(2)]))
scenario(
    "quota-storage", create=make("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {
        "requests.storage": "5Gi", "persistentvolumeclaims": "3",
        "x.storageclass.storage.k8s.io/requests.storage": "1Gi",
        "x.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "count/secrets": "1", "configmaps": "5",
        "limits.memory": "1Gi", "requests.ephemeral-storage": "1Gi"}}}),
    claims=together(want("a", "1Gi"), want("b", "1Gi", storageClassName="x"), want("c", "1Gi", storageClassName="x"),
                    want("d", "5Gi")),
    secrets=together(*[make("secrets", {"metadata": {"name": f"s{i}"}}) for i in range(2)]),
    pods=together(make("pods", pod("none")), make("pods", pod("some", containers=[
        {"name": "c", "image": "x", "resources": {"limits": {"memory": "600Mi", "ephemeral-storage": "1Mi"}}}]))),
    ended=together(patch("pods", "some", {"metadata": {"labels": {"end": "ok"}}}),
                   delete("persistentvolumeclaims", "a")))
scenario(
    "volumes",
    small_and_large=together(volume("-large", "5Gi"), volume("-small", "1Gi"), wait(1), want("c", "1Gi")),
    other=want("large", "2Gi"), none=want("none", "50Gi"),
    named=together(volume("-n", "1Gi", storageClassName="some"), wait(1), lambda world, space: want(
        "named", storageClassName="some", volumeName=space + "-n")(world, space), wait(16)),  # It may lose a race.
    missing=lambda world, space: want("missing", volumeName=space + "-missing")(world, space),
    wrong=lambda world, space: want("wrong", storageClassName="x", volumeName=space + "-large")(world, space),
    selected=together(volume("-labelled", "9Gi"), wait(1),
                      want("selected", "8Gi", selector={"matchLabels": {"of": "it"}}),
                      want("not-selected", "1Mi", selector={"matchLabels": {"of": "others"}})),
    modes=together(want("many", accessModes=["ReadWriteMany"]), want("block", volumeMode="Block")),
    released=delete("persistentvolumeclaims", "c"), protected=delete("persistentvolumes", "-large"),
    lost=together(free("persistentvolumes", "-large"), wait(1)),
    reserved=together(lambda world, space: volume("-reserved", claimRef={"namespace": space, "name": "reserved"})(
        world, space), wait(1), want("reserved")),
    delete_policy=together(volume("-deleted", storageClassName="d", persistentVolumeReclaimPolicy="Delete"),
                           wait(1), want("d", storageClassName="d")),
    deleted=delete("persistentvolumeclaims", "d"),
    recycled=together(volume("-old", storageClassName="r", persistentVolumeReclaimPolicy="Retain"),
                      wait(1), want("r", storageClassName="r")),
    retained=delete("persistentvolumeclaims", "r"),
    reset=patch("persistentvolumes", "-old", {"spec": {"claimRef": None}}))
scenario(
    "classes",
    waits=together(storage_class("-w", volumeBindingMode="WaitForFirstConsumer"), claim_of_class("c", "-w")),
    used=make("pods", pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])),
    selected=patch("persistentvolumeclaims", "c", {"metadata": {"annotations": {
        "volume.kubernetes.io/selected-node": "n1"}}}),
    immediate=together(storage_class("-i"), claim_of_class("i", "-i")),
    provisioned=lambda world, space: volume("-made", "1Gi", storageClassName=space + "-i", claimRef={
        "namespace": space, "name": "i", "uid": world.server.get(path_of("persistentvolumeclaims", space, "i"))[
            "metadata"]["uid"]})(world, space),
    grow=patch("persistentvolumeclaims", "i", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}),
    growing=together(
        lambda world, space: world.ask("PATCH", path_of("storageclasses", space, "-i"),
                                       {"allowVolumeExpansion": True}, MERGE),
        patch("persistentvolumeclaims", "i", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})),
    no_provisioner=together(
        make("storageclasses", {"metadata": {"name": "-n"}, "provisioner": "kubernetes.io/no-provisioner",
                                "volumeBindingMode": "WaitForFirstConsumer"}), claim_of_class("n", "-n")),
    intree=together(
        make("storageclasses", {"metadata": {"name": "-g"}, "provisioner": "kubernetes.io/glusterfs"}),
        claim_of_class("g", "-g")),
    default=together(
        make("storageclasses", {"metadata": {"name": "-d", "annotations": {
            "storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "example.com/y"}),
        make("persistentvolumeclaims", {"metadata": {"name": "d"}, "spec": claim()})),
    no_class=together(delete("storageclasses", "-d"), claim_of_class("nowhere", "-nowhere")))
scenario(
    "ephemeral",
    create=make("pods", pod("p", {"app": "x"}, volumes=[{"name": "e", "ephemeral": {"volumeClaimTemplate": {
        "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": claim(storageClassName="x")}}}])),
    taken=together(want("q-e"), make("pods", pod("q", volumes=[{"name": "e", "ephemeral": {"volumeClaimTemplate": {
        "spec": claim(storageClassName="x")}}}]))),
    deleted=delete("persistentvolumeclaims", "p-e"), gone=delete("pods", "p"))
scenario(
    "life", create=together(
        *[node(name, **{"topology.kubernetes.io/zone": "z"}) for name in ("-a", "-b")],
        pod_on("stays", "-a", [{"operator": "Exists"}]), pod_on("soon", "-a"),
        pod_on("later", "-a", [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "operator": "Exists",
                                "tolerationSeconds": 6}]), wait(6)),
    pressed=lambda world, space: world.ask("PATCH", path_of("nodes", space, "-a", "status"), {"status": {"conditions": [
        {"type": "MemoryPressure", "status": "True"}, {"type": "DiskPressure", "status": "True"},
        {"type": "PIDPressure", "status": "True"}, {"type": "NetworkUnavailable", "status": "True"}]}},
        "application/strategic-merge-patch+json"),
    cordoned=patch("nodes", "-a", {"spec": {"unschedulable": True}}),
    uncordoned=patch("nodes", "-a", {"spec": {"unschedulable": False}}),
    not_ready=together(ready("-a", "False"), wait(14)),
    ready=together(ready("-a", "True"), wait(6)),
    silent=together(ready("-b", ""), play(34)),
    again=together(ready("-b", "True"), wait(6)),
    gone=together(delete("nodes", "-a"), play(75)))
scenario(
    "tainted", create=together(
        node("-a"), pod_on("plain", "-a"), pod_on("tolerates", "-a", [{"key": "k", "operator": "Exists"}]),
        pod_on("a-while", "-a", [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 4}]),
        until(told("RegisteredNode", "-a"))),
    no_schedule=taint("-a", "k:NoSchedule"),
    no_execute=together(taint("-a", "k:NoExecute"), until(gone("pods", "a-while"))),
    another=together(taint("-a", "k:NoExecute", "l:NoExecute"), until(gone("pods", "tolerates"))),
    gone=together(delete("nodes", "-a"), until(told("RemovingNode", "-a"))))
NOT_READY, OUT_OF_SERVICE = "node.kubernetes.io/not-ready", "node.kubernetes.io/out-of-service"
scenario(
    "out-of-service", create=together(
        node("-a"), pod_on("p", "-a"), make("statefulsets", workload("s", 1)), until(told("RegisteredNode", "-a"))),
    leaving=together(ready("-a", "False"),
                     until(tainted("-a", NOT_READY + ":NoSchedule", NOT_READY + ":NoExecute"))),
    marked=together(taint("-a", OUT_OF_SERVICE + ":NoExecute", NOT_READY + ":NoExecute"), until(gone("pods", "p")),
                    until(tainted("-a", OUT_OF_SERVICE + ":NoExecute", NOT_READY + ":NoExecute",
                                  NOT_READY + ":NoSchedule"))),
    gone=together(delete("nodes", "-a"), until(told("RemovingNode", "-a"))))
scenario(
    "pod-gc", nowhere=together(pod_on("p", "-missing"), until(gone("pods", "p"))),
    many=together(*[make("pods", pod(f"e{i:02}", {"end": "ok" if i % 2 else "fail1"})) for i in range(33)],
                  until(lambda world, space: len(world.items("pods", space)) == 30)))
scenario(
    "roles", create=role("-all", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to": "all"}},
                                                                        {"matchLabels": {"also": "all"}}]}),
    some=together(role("-b", [rule("pods")], {"to": "all"}),
                  role("-a", [rule("secrets"), rule("pods")], {"also": "all"}), role("-c", [rule("nodes")])),
    more=patch("clusterroles", "-c", {"metadata": {"labels": {"to": "all"}}}),
    fewer=delete("clusterroles", "-a"), by_hand=patch("clusterroles", "-all", {"rules": []}))
scenario(
    "certificates",
    client=signing_request("-client", "kubernetes.io/kube-apiserver-client", "/CN=x/O=y", ["client auth"]),
    approved=say_of_request("-client", "Approved"),
    usages=together(signing_request("-usages", "kubernetes.io/kube-apiserver-client", "/CN=x", ["server auth"]),
                    say_of_request("-usages", "Approved")),
    kubelet=together(signing_request("-kubelet", "kubernetes.io/kube-apiserver-client-kubelet",
                                     "/O=system:nodes/CN=system:node:x", ["client auth", "digital signature"])),
    not_kubelet=together(signing_request("-not", "kubernetes.io/kube-apiserver-client-kubelet", "/CN=x",
                                         ["client auth"]),
                         say_of_request("-not", "Approved")),
    serving=together(signing_request("-serving", "kubernetes.io/kubelet-serving", "/O=system:nodes/CN=system:node:x",
                                     ["server auth", "digital signature"]), say_of_request("-serving", "Approved")),
    legacy=together(signing_request("-legacy", "kubernetes.io/legacy-unknown", "/CN=x", ["any"]),
                    say_of_request("-legacy", "Approved")),
    denied=together(signing_request("-denied", "kubernetes.io/kube-apiserver-client", "/CN=x", ["client auth"]),
                    say_of_request("-denied", "Denied")),
    others=together(signing_request("-others", "example.com/x", "/CN=x", ["any"]),
                    say_of_request("-others", "Approved")))
scenario(
    "cidrs", create=make("servicecidrs", {"metadata": {"name": "-a"}, "spec": {"cidrs": ["10.100.0.0/24"]}}),
    used=make("services", {"metadata": {"name": "s"}, "spec": {"clusterIP": "10.100.0.7", "ports": [{"port": 80}]}}),
    leaving=together(delete("servicecidrs", "-a"), wait(2)), freed=together(delete("services", "s"), wait(12)))
scenario(
    "evictions",
    create=together(make("deployments", workload("web", 3)),
                    make("poddisruptionbudgets", budget("p", "web", minAvailable=2))),
    first=evict("web"), unready=label_pod("web", 0, end="notready"), refused=together(evict("web", 0), evict("web", 1)),
    always=patch("poddisruptionbudgets", "p", {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
    none=patch("poddisruptionbudgets", "p", {"spec": {"minAvailable": 3}}),
    all=together(*[evict("web", i) for i in range(3)]))
scenario(
    "daemon-failures",
    create=make("daemonsets", workload("d", template=template("d", "fail1"))), later=wait(6),
    well=together(patch("daemonsets", "d", {"spec": {"template": {"metadata": {"labels": {"end": "run"}}}}}), wait(9)))
scenario(
    "daemon-nodes", create=make("daemonsets", workload("d")),
    node=together(node("-x"), until(told("RegisteredNode", "-x"))),
    cordoned=patch("nodes", "-x", {"spec": {"unschedulable": True}}),
    tainted=together(taint("-x", "k:NoSchedule"), wait(1)), kicked=together(taint("-x", "k:NoExecute"), wait(2)),
    # In one write: of two the first may be looked at by itself, or not.
    surge=spec("daemonsets", "d", updateStrategy={"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
               template={"spec": {"containers": [{"name": "c", "image": "y"}]}}),
    gone=together(delete("nodes", "-x"), until(told("RemovingNode", "-x"))))
scenario(
    "job-more",
    replaced=make("jobs", job("a", "run", podReplacementPolicy="Failed", parallelism=2, completions=2)),
    leaving=lambda world, space: world.ask("DELETE", path_of("pods", space) + "?labelSelector=app%3Da&limit=1"),
    success_count=make("jobs", job("b", "ok-ok-run", completions=3, parallelism=3, completionMode="Indexed",
                                   successPolicy={"rules": [{"succeededCount": 2}]})),
    success_both=make("jobs", job("c", "ok-run-ok", completions=3, parallelism=3, completionMode="Indexed",
                                  successPolicy={"rules": [{"succeededIndexes": "1-2", "succeededCount": 1}]})),
    per_index=make("jobs", job("d", "ok-fail1", completions=2, parallelism=2, completionMode="Indexed",
                               backoffLimitPerIndex=1)), per_index_later=wait(14),
    ignored=make("jobs", job("e", "disrupted", backoffLimit=0, completions=1, podFailurePolicy={"rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]})),
    ignored_ends=spec("jobs", "e", suspend=True),
    exits=make("jobs", job("f", "fail3", backoffLimit=1, podFailurePolicy={"rules": [
        {"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [1, 2]}}]})), exits_later=wait(12),
    managed=make("jobs", job("g", "run", managedBy="acme.com/x", suspend=True)),
    by_hand=make("jobs", {"metadata": {"name": "h"}, "spec": {"manualSelector": True, "selector": {"matchLabels": {
        "app": "h"}}, "template": job("h", "ok")["spec"]["template"]}}),
    orphans=delete("jobs", "h", "Orphan"), foreground=delete("jobs", "b", "Foreground"))
scenario(
    "cronjob-minutes", create=together(*[
        make("cronjobs", {"metadata": {"name": policy.lower()}, "spec": {
            "schedule": "* * * * *", "concurrencyPolicy": policy, "successfulJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": {"of": policy}}, "spec": job(policy.lower(), "run")["spec"]}}})
        for policy in ("Allow", "Forbid", "Replace")],
        make("cronjobs", {"metadata": {"name": "late"}, "spec": {
            "schedule": "* * * * *", "startingDeadlineSeconds": 5, "failedJobsHistoryLimit": 0,
            "jobTemplate": {"spec": job("late", "fail1", backoffLimit=0)["spec"]}}}), play(125)),
    suspended=spec("cronjobs", "forbid", suspend=True), delete=delete("cronjobs", "replace", "Background"))
scenario(
    "zones", create=together(
        *[node(name, **{"topology.kubernetes.io/zone": name[1:]}) for name in ("-a", "-b")],
        *[pod_on(name, where) for name, where in (("one", "-a"), ("two", "-b"))],
        *[make("services", service(name, name)) for name in ("one", "two")]),
    close=together(*[spec("services", name, trafficDistribution="PreferSameNode") for name in ("one", "two")]),
    same_zone=spec("services", "one", trafficDistribution="PreferSameZone"),
    auto=patch("services", "one", {"metadata": {"annotations": {"service.kubernetes.io/topology-mode": "Auto"}}}),
    all_zones=together(*[patch("nodes", name, {"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}})
                         for name, zone in (("n1", "a"), ("n2", "b"))], wait(1)),
    enough=together(patch("pods", "two", {"metadata": {"labels": {"app": "one"}}}), wait(2)),
    off=patch("services", "one", {"metadata": {"annotations": {"service.kubernetes.io/topology-mode": None}}}),
    after=together(*[patch("nodes", name, {"metadata": {"labels": {"topology.kubernetes.io/zone": None}}})
                     for name in ("n1", "n2")], *[delete("nodes", name) for name in ("-a", "-b")], wait(6)))
scenario(
    "mirrors", create=together(
        make("services", {"metadata": {"name": "m"}, "spec": {"ports": [{"port": 80}], "clusterIP": "None"}}),
        make("endpoints", {"metadata": {"name": "m", "labels": {"k": "v"}, "annotations": {"x": "y"}}, "subsets": [
            {"addresses": [{"ip": "1.2.3.4"}, {"ip": "fd00::1"}], "ports": [{"port": 80}, {"name": "q", "port": 81}]},
            {"notReadyAddresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 82, "protocol": "UDP"}]}]})),
    change=patch("endpoints", "m", {"subsets": [{"addresses": [{"ip": "1.2.3.5", "nodeName": "n1"}],
                                                 "ports": [{"port": 80}]}]}),
    skip=patch("endpoints", "m", {"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}}),
    back=patch("endpoints", "m", {"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": None}}}),
    selector=spec("services", "m", selector={"a": "b"}), none=spec("services", "m", selector=None),
    empty=patch("endpoints", "m", {"subsets": None}), gone=delete("endpoints", "m"))


def autoscaler(name, target, *metrics, **fields):
    return make("horizontalpodautoscalers", {"metadata": {"name": name}, "spec": {
        "minReplicas": 1, "maxReplicas": 5, "metrics": list(metrics),
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, **fields}})


def of_cpu(percent, container=None):
    target = {"type": "Utilization", "averageUtilization": percent}
    if container:
        return {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": container,
                                                                   "target": target}}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def measured(name, use, replicas, requests="100m"):
    return make("deployments", workload(name, replicas, template={
        "metadata": {"labels": {"app": name, "end": "run", "use": use}},
        "spec": {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": requests}}}]}}))


def metrics(**values):
    return lambda world, space: world.ask("PATCH", path_of("configmaps", space, "metrics"), {"data": values}, MERGE)


AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}
scenario(
    "usage",
    create=together(measured("web", "90", 2), play(4), autoscaler("h", "web", of_cpu(50), behavior=AT_ONCE), play(10)),
    enough=together(label_pod("web", None, use="52"), play(8)),
    less=together(label_pod("web", None, use="10"), play(10)),
    some=together(measured("some", "40", 3), play(4), label_pod("some", 0, use=None),
                  autoscaler("s", "some", of_cpu(50, "c"), behavior=AT_ONCE), play(10)),
    unready=together(label_pod("some", 1, end="notready"), play(8)),
    limits=together(measured("slow", "200", 2), play(4),
                    autoscaler("l", "slow", of_cpu(50), maxReplicas=9, behavior={
                        "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}), play(10)),
    none=together(patch("horizontalpodautoscalers", "l", {"spec": {"behavior": {"scaleUp": {
        "selectPolicy": "Disabled"}}}}), play(7)),
    average=together(measured("average", "30", 1), play(4), autoscaler("a", "average", {
        "type": "Resource", "resource": {
            "name": "memory", "target": {"type": "AverageValue", "averageValue": "10Mi"}}}), play(10)),
    zero=together(measured("zero", "30", 0), play(2), autoscaler("z", "zero", of_cpu(50)), play(7)),
    no_requests=together(make("deployments", workload("bare", 1, template=template("bare"))), play(4),
                         label_pod("bare", None, use="5"), autoscaler("b", "bare", of_cpu(50)), play(8)),
    ambiguous=together(autoscaler("h2", "web", of_cpu(50)), play(7)))
scenario(
    "metrics", create=together(
        make("configmaps", {"metadata": {"name": "metrics"}, "data": {"queue": "30", "rate": "4", "hits": "10"}}),
        *[measured(name, "5", 1) for name in ("queue", "rate", "hits", "two")], play(4),
        make("services", service("hits", "hits")),
        autoscaler("queue", "queue", {"type": "External", "external": {
            "metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}}),
        autoscaler("rate", "rate", {"type": "Pods", "pods": {
            "metric": {"name": "rate"}, "target": {"type": "AverageValue", "averageValue": "2"}}}),
        autoscaler("hits", "hits", {"type": "Object", "object": {
            "describedObject": {"kind": "Service", "name": "hits", "apiVersion": "v1"},
            "metric": {"name": "hits"}, "target": {"type": "Value", "value": "5"}}}),
        autoscaler("two", "two", of_cpu(50), {"type": "External", "external": {
            "metric": {"name": "unknown"}, "target": {"type": "Value", "value": "10"}}}), play(10)),
    lower=together(metrics(queue="1,2", rate="1500m", hits="5"), play(12)),
    gone=together(metrics(queue=None, rate=None, hits=None), play(7)))


# Kinds of one group of which the second is in no version that the group prefers.
GROUP_VERSIONS = {"gates": ("v1", "Gate"), "grants": ("v1beta1", "Grant")}


def define_versions(world, space):
    group = space + ".example.com"
    for plural, (version, kind) in GROUP_VERSIONS.items():
        world.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
                     "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                         "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}})


def path_in_version(space, plural, name=""):
    return f"/apis/{space}.example.com/{GROUP_VERSIONS[plural][0]}/namespaces/{space}-x/{plural}{name}"


def versions_served(world, space):
    return all("items" in world.server.get(path_in_version(space, plural)) for plural in GROUP_VERSIONS)


def fill_versions(world, space):
    group = space + ".example.com"
    for plural, (version, kind) in GROUP_VERSIONS.items():
        world.ask("POST", path_in_version(space, plural), {
            "apiVersion": f"{group}/{version}", "kind": kind,
            "metadata": {"name": "a", "finalizers": ["example.com/x"] if plural == "grants" else []}})


scenario(
    "spaces-versions",
    create=together(add("namespaces", "-x"), define_versions, until(versions_served), fill_versions),
    delete=together(delete("namespaces", "-x"), wait(9)),
    freed=together(lambda world, space: world.ask(
        "PATCH", path_in_version(space, "grants", "/a"), {"metadata": {"finalizers": None}}, MERGE), wait(9)),
    undefined=lambda world, space: [world.ask(
        "DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{space}.example.com")
        for plural in GROUP_VERSIONS])
scenario(
    "paused-deadline",
    create=make("deployments", workload("web", 2, paused=True, progressDeadlineSeconds=3)), late=wait(5),
    resume=spec("deployments", "web", paused=False),
    bad=spec("deployments", "web", paused=True, template={"metadata": {"labels": {"end": "bad"}}}), still=wait(5),
    begin=together(spec("deployments", "web", paused=False), wait(1)),
    pause=together(spec("deployments", "web", paused=True), wait(5)),
    scaled=scale("deployments", "web", 3),
    over=together(spec("deployments", "web", paused=False), wait(6)),
    undo=spec("deployments", "web", template={"metadata": {"labels": {"end": "run"}}}))
scenario(
    "adoption",
    bare=together(*[make("pods", pod(name, {"app": "r", "end": "run"})) for name in ("a", "b")]),
    few=make("replicasets", workload("r", 3)), released=label_pod("r", None, app="else"),
    orphan=delete("replicasets", "r", "Orphan"),
    others=make("replicationcontrollers", {"metadata": {"name": "rc"}, "spec": {
        "replicas": 5, "selector": {"app": "r"}, "template": template("r")}}),
    none=scale("replicationcontrollers", "rc", 0))
scenario(
    "statefulset-manual",
    create=make("statefulsets", workload(
        "s", 3, serviceName="s", updateStrategy={"type": "OnDelete"},
        volumeClaimTemplates=[{"metadata": {"name": "d"}, "spec": claim()}],
        persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Retain"})),
    image=image("statefulsets", "s", "y"), one=delete("pods", "s-1"),
    partition=spec("statefulsets", "s", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
    beyond=spec("statefulsets", "s", updateStrategy={"rollingUpdate": {"partition": 9}}, template={
        "spec": {"containers": [{"name": "c", "image": "z"}]}}),
    down=scale("statefulsets", "s", 2), up=scale("statefulsets", "s", 3),
    all_of_it=spec("statefulsets", "s", updateStrategy={"rollingUpdate": {"partition": 0}}),
    delete=delete("statefulsets", "s", "Foreground"))
