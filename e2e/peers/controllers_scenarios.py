"""What controllers_difference.py plays: for each namespace the steps, each with a name and what is done in it. Pods end
as their label `end` says (controllers_world.py)."""
from controllers_world import MERGE, is_observed, path_of

SCENARIOS = {}


def scenario(name, **steps):
    SCENARIOS[name] = [(label.replace("_", "-"), act) for label, act in steps.items()]


# What a step may do: each takes a world and a namespace.
def make(kind, thing):
    return lambda world, space: world.ask("POST", path_of(kind, space), named(thing, space))


def patch(kind, name, change, subresource=None):
    return lambda world, space: world.ask("PATCH", path_of(kind, space, name, subresource), change, MERGE)


def delete(kind, name, policy=None):
    options = {"propagationPolicy": policy} if policy else None
    return lambda world, space: world.ask("DELETE", path_of(kind, space, name), options)


def scale(kind, name, replicas):
    return patch(kind, name, {"spec": {"replicas": replicas}}, "scale")


def image(kind, name, value):
    return patch(kind, name, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": value}]}}}})


def spec(kind, name, **fields):
    return patch(kind, name, {"spec": fields})


def together(*acts):
    def act(world, space):
        for each in acts:
            each(world, space)
    return act


def wait(seconds):
    return lambda world, space: world.sleep(seconds)


def play(seconds):
    return lambda world, space: world.play_for(seconds, space)


def until(happened):
    """Plays the pods until this, asked with a world and a namespace, is so in each of the two."""
    return lambda world, space: world.play_until(space, happened)


def gone(kind, name):
    return lambda world, space: name not in [each["metadata"]["name"] for each in world.items(kind, space)]


def counts(kind, name, **counted):
    """Whether the object's status says that many, of what it is by now."""
    def happened(world, space):
        thing = world.server.get(path_of(kind, space, name))
        status = thing.get("status") or {}
        return ("metadata" in thing and is_observed(kind, thing) and
                all(status.get(field) == count for field, count in counted.items()))
    return happened


def told(reason, name):
    """Of an object in no namespace."""
    return lambda world, space: any(event["reason"] == reason and event["involvedObject"]["name"] == space + name
                                    for event in world.events(space))


def named(thing, space):
    """A name that begins with a dash is that of the scenario's object in no namespace."""
    name = thing["metadata"].get("name", "")
    return {**thing, "metadata": {**thing["metadata"], "name": space + name}} if name[:1] == "-" else thing


def label_pod(of, index, **labels):
    """Of the pods of that app the one that came so far behind the first; None: all."""
    def act(world, space):
        pods = [pod for pod in world.items("pods", space, f"?labelSelector=app%3D{of}")
                if not pod["metadata"].get("deletionTimestamp")]
        pods.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        for pod in pods if index is None else pods[index:index + 1]:
            patch("pods", pod["metadata"]["name"], {"metadata": {"labels": labels}})(world, space)
    return act


# Objects.
def template(app, end="run", **fields):
    return {"metadata": {"labels": {"app": app, "end": end}},
            "spec": {"containers": [{"name": "c", "image": "x"}], **fields}}


def workload(name, replicas=None, **fields):
    sized = {} if replicas is None else {"replicas": replicas}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": name}},
                                                 "template": template(name), **sized, **fields}}


def job(name, end="ok", **fields):
    return {"metadata": {"name": name}, "spec": {"template": template(name, end, restartPolicy="Never"), **fields}}


def service(name, app, **fields):
    return {"metadata": {"name": name}, "spec": {"selector": {"app": app}, "clusterIP": "None", **fields,
                                                 "ports": [{"name": "p", "port": 80, "targetPort": 8080}]}}


def budget(name, app, **fields):
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": app}}, **fields}}


def claim(**fields):
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, **fields}


def pod(name, labels=None, **fields):
    return {"metadata": {"name": name, "labels": labels or {}},
            "spec": {"containers": [{"name": "c", "image": "x"}], **fields}}


scenario(
    "deployment", create=make("deployments", workload("web", 3)), image=image("deployments", "web", "y"),
    bad=image("deployments", "web", "bad"), undo=image("deployments", "web", "y"), up=scale("deployments", "web", 5),
    pause=spec("deployments", "web", paused=True), while_paused=image("deployments", "web", "z"),
    resume=spec("deployments", "web", paused=False), down=scale("deployments", "web", 1),
    none=scale("deployments", "web", 0), delete=delete("deployments", "web"))
scenario(
    "recreate", create=make("deployments", workload("web", 2, strategy={"type": "Recreate"}, revisionHistoryLimit=1)),
    image=image("deployments", "web", "y"), another=image("deployments", "web", "z"),
    third=image("deployments", "web", "w"), orphan=delete("deployments", "web", "Orphan"),
    adopt=make("deployments", workload("web", 2)))
scenario(
    "deadline",
    create=make("deployments", workload("web", 2, progressDeadlineSeconds=3, template=template("web", "bad"))),
    late=wait(5),
    well=patch("deployments", "web", {"spec": {"template": {"metadata": {"labels": {"end": "run"}}}}}),
    surge=spec("deployments", "web", replicas=4, strategy={"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}),
    bad=image("deployments", "web", "bad"), up=scale("deployments", "web", 8))
scenario(
    "replicaset", create=make("replicasets", workload("r", 3)), unready=label_pod("r", 0, end="notready"),
    fail=label_pod("r", 1, end="fail1"), release=label_pod("r", 2, app="other"), down=scale("replicasets", "r", 1),
    slow=spec("replicasets", "r", minReadySeconds=2), orphan=delete("replicasets", "r", "Orphan"))
scenario(
    "replicationcontroller",
    create=make("replicationcontrollers", {"metadata": {"name": "rc"}, "spec": {"replicas": 2,
                                                                               "template": template("rc")}}),
    up=scale("replicationcontrollers", "rc", 4), down=scale("replicationcontrollers", "rc", 1),
    delete=delete("replicationcontrollers", "rc", "Background"))
scenario(
    "statefulset", create=make("statefulsets", workload("s", 3, serviceName="s")),
    image=image("statefulsets", "s", "y"),
    partition=spec("statefulsets", "s", updateStrategy={"rollingUpdate": {"partition": 2}}),
    some=image("statefulsets", "s", "z"), down=scale("statefulsets", "s", 1), up=scale("statefulsets", "s", 4),
    # In one write: of two the first may be looked at by itself, or not.
    bad=spec("statefulsets", "s", updateStrategy={"rollingUpdate": {"partition": 0}},
             template={"spec": {"containers": [{"name": "c", "image": "bad"}]}}),
    undo=image("statefulsets", "s", "z"), delete=delete("statefulsets", "s"))
scenario(
    "statefulset-claims",
    create=make("statefulsets", workload(
        "s", 2, serviceName="s", podManagementPolicy="Parallel",
        volumeClaimTemplates=[{"metadata": {"name": "d"}, "spec": claim()}],
        persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Delete"})),
    down=scale("statefulsets", "s", 1), ordinals=spec("statefulsets", "s", ordinals={"start": 5}),
    on_delete=spec("statefulsets", "s", updateStrategy={"type": "OnDelete", "rollingUpdate": None}),
    image=image("statefulsets", "s", "y"), fail=label_pod("s", 0, end="fail1"),
    retain=spec("statefulsets", "s", persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain"}),
    delete=delete("statefulsets", "s"))
scenario(
    "daemonset", create=make("daemonsets", workload("d")), image=image("daemonsets", "d", "y"),
    surge=spec("daemonsets", "d", updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
    another=image("daemonsets", "d", "z"), bad=image("daemonsets", "d", "bad"),
    # In one write, too.
    one_node=patch("daemonsets", "d", {"spec": {"template": {"spec": {
        "containers": [{"name": "c", "image": "y"}], "nodeSelector": {"kubernetes.io/hostname": "n1"}}}}}),
    fail=label_pod("d", None, end="fail1"), delete=delete("daemonsets", "d"))
scenario(
    "job", ok=make("jobs", job("a", completions=3, parallelism=2)),
    fail=make("jobs", job("b", "fail1", backoffLimit=0)),
    indexed=make("jobs", job("c", "ok-fail1-ok", completions=3, parallelism=3, completionMode="Indexed",
                             backoffLimitPerIndex=0, maxFailedIndexes=1)),
    suspended=make("jobs", job("d", "run", suspend=True, parallelism=2)), resume=spec("jobs", "d", suspend=False),
    again=spec("jobs", "d", suspend=True), delete=delete("jobs", "a", "Background"))
scenario(
    "job-policy",
    fail_job=make("jobs", job("a", "fail42", backoffLimit=3, podFailurePolicy={"rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]})),
    count=make("jobs", job("b", "disrupted", backoffLimit=0, podFailurePolicy={"rules": [
        {"action": "Count", "onPodConditions": [{"type": "DisruptionTarget"}]}]})),
    fail_index=make("jobs", job("c", "ok-fail7-ok", completions=3, parallelism=3, completionMode="Indexed",
                                backoffLimitPerIndex=2, podFailurePolicy={"rules": [
                                    {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [7]}}]})),
    success=make("jobs", job("d", "ok-run-run", completions=3, parallelism=3, completionMode="Indexed",
                             successPolicy={"rules": [{"succeededIndexes": "0"}]})))
scenario(
    "job-time", deadline=make("jobs", job("e", "run", activeDeadlineSeconds=2)), late=wait(3),
    ttl=make("jobs", job("f", "ok", ttlSecondsAfterFinished=1)), gone=wait(3),
    elastic=make("jobs", job("g", "run", completions=2, parallelism=2, completionMode="Indexed")),
    wider=spec("jobs", "g", completions=4, parallelism=4), narrower=spec("jobs", "g", completions=1, parallelism=1),
    managed=make("jobs", job("h", "run", managedBy="acme.com/x")),
    none=make("jobs", job("i", "ok", completions=6, parallelism=0)), some=spec("jobs", "i", parallelism=3))
scenario(
    "cronjob",
    suspended=make("cronjobs", {"metadata": {"name": "c"}, "spec": {
        "schedule": "* * * * *", "suspend": True, "jobTemplate": {"spec": job("x")["spec"]}}}),
    zone=make("cronjobs", {"metadata": {"name": "z"}, "spec": {
        "schedule": "0 0 1 1 *", "timeZone": "Europe/Berlin", "jobTemplate": {"spec": job("x")["spec"]}}}))
scenario(
    "budget", alone=make("poddisruptionbudgets", budget("p", "web", minAvailable=2)),
    pods=make("deployments", workload("web", 3)), unready=label_pod("web", 0, end="notready"),
    bare=together(make("pods", pod("b", {"app": "bare"})),
                  make("poddisruptionbudgets", budget("b", "bare", maxUnavailable=1))),
    second=make("poddisruptionbudgets", budget("q", "web", maxUnavailable="34%")),
    scaled=scale("deployments", "web", 5))
scenario(
    "service", create=together(make("deployments", workload("web", 3)), make("services", service("web", "web"))),
    ports=spec("services", "web", ports=[{"name": "p", "port": 80, "targetPort": 8080},
                                         {"name": "q", "port": 81, "protocol": "UDP", "targetPort": "named"}]),
    publish=spec("services", "web", publishNotReadyAddresses=True), unready=label_pod("web", 0, end="notready"),
    strict=spec("services", "web", publishNotReadyAddresses=False),
    labels=patch("services", "web", {"metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}}}),
    close=spec("services", "web", trafficDistribution="PreferClose"),
    by_hand=together(
        make("services", {"metadata": {"name": "m"}, "spec": {"ports": [{"port": 80}], "clusterIP": "None"}}),
        make("endpoints", {"metadata": {"name": "m", "labels": {"k": "v"}}, "subsets": [
            {"addresses": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.5", "hostname": "h"}],
             "notReadyAddresses": [{"ip": "1.2.3.6"}], "ports": [{"port": 80}]}]})),
    named=make("pods", {"metadata": {"name": "h", "labels": {"app": "web"}}, "spec": {
        "hostname": "hh", "subdomain": "web", "containers": [{"name": "c", "image": "x", "ports": [
            {"name": "named", "containerPort": 99, "protocol": "UDP"}]}]}}),
    gone=delete("services", "web"))
scenario(
    "quota",
    create=make("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {
        "pods": "3", "count/deployments.apps": "2", "requests.cpu": "1", "services": "1"}}}),
    refused=make("deployments", workload("web", 4)),
    some=make("deployments", workload("ok", 4, template=template("ok", containers=[
        {"name": "c", "image": "x", "resources": {"requests": {"cpu": "300m"}}}]))),
    scoped=make("resourcequotas", {"metadata": {"name": "s"}, "spec": {"hard": {"pods": "1"},
                                                                      "scopes": ["BestEffort"]}}),
    service=make("services", service("web", "web")))
scenario(
    "claims", alone=make("persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": claim(storageClassName="x")}),
    used=make("pods", pod("p", volumes=[
        {"name": "v", "persistentVolumeClaim": {"claimName": "c"}},
        {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": claim(storageClassName="x")}}}])),
    deleted=delete("persistentvolumeclaims", "c"), unused=delete("pods", "p"))
scenario(
    "devices",
    create=together(
        make("resourceclaimtemplates", {"metadata": {"name": "t"}, "spec": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "x"}}]}}}}),
        make("pods", pod("p", resourceClaims=[{"name": "r", "resourceClaimTemplateName": "t"}]))),
    gone=delete("pods", "p"))
scenario(
    "autoscaler",
    create=together(make("deployments", workload("web", 1)), *[
        make("horizontalpodautoscalers", {"metadata": {"name": name}, "spec": {
            "minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                                                                   "name": target},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
                "type": "Utilization", "averageUtilization": 50}}}]}})
        for name, target in (("h", "web"), ("n", "none"))], wait(5)))
