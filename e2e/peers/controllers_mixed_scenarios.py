"""More that controllers_difference.py plays: rules that act together, and pods that nobody lets in."""
from controllers_cluster_scenarios import (AT_ONCE, add, autoscaler, delete_now, measured, metrics, node, of_cpu,
                                           pod_on, taint)
from controllers_more_scenarios import cron, delete_pods
from controllers_scenarios import (claim, delete, image, job, label_pod, make, patch, play, pod, scale, scenario,
                                   service, spec, template, together, told, until, wait, workload)
from controllers_world import MERGE

INDEXED = {"completionMode": "Indexed"}


def pod_security(level):
    return lambda world, space: world.ask("PATCH", f"/api/v1/namespaces/{space}", {"metadata": {"labels": {
        "pod-security.kubernetes.io/enforce": level}}}, MERGE)


def hold(app, held=True):
    """Finalizers of pods: they stay, terminating."""
    def act(world, space):
        for each in world.items("pods", space, f"?labelSelector=app%3D{app}"):
            patch("pods", each["metadata"]["name"], {"metadata": {
                "finalizers": ["example.com/x"] if held else None}})(world, space)
    return act


scenario(
    "not-let-in",
    policy=pod_security("restricted"),
    deployment=make("deployments", workload("web", 2, progressDeadlineSeconds=600)),
    sets=together(make("statefulsets", workload("s", 2, serviceName="s")), make("daemonsets", workload("d")),
                  make("replicationcontrollers", {"metadata": {"name": "rc"}, "spec": {
                      "replicas": 1, "template": template("rc")}})),
    job=make("jobs", job("j")),
    # How soon another try is made depends on how many there were.
    none_left=together(*[delete(kind, name) for kind, name in (
        ("deployments", "web"), ("statefulsets", "s"), ("daemonsets", "d"), ("replicationcontrollers", "rc"),
        ("jobs", "j"))]),
    account=together(pod_security("privileged"), make("replicasets", workload(
        "r", 1, template=template("r", serviceAccountName="nobody")))),
    priority=make("replicasets", workload("p", 1, template=template("p", priorityClassName="none"))),
    limits=together(
        lambda world, space: world.ask("POST", f"/api/v1/namespaces/{space}/limitranges", {
            "metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", "max": {"cpu": "100m"}}]}}),
        make("replicasets", workload("big", 1, template=template("big", containers=[
            {"name": "c", "image": "x", "resources": {"limits": {"cpu": "2"}}}])))),
    gone=together(*[delete("replicasets", name) for name in ("r", "p", "big")]))
scenario(
    "job-mixed",
    success=make("jobs", job("a", "fail1-ok-ok-run", completions=4, parallelism=4, backoffLimitPerIndex=0,
                             maxFailedIndexes=2, successPolicy={"rules": [{"succeededIndexes": "1-2"}]}, **INDEXED)),
    failed_first=make("jobs", job("b", "fail1-fail1-run-run", completions=4, parallelism=4, backoffLimitPerIndex=0,
                                  maxFailedIndexes=1, successPolicy={"rules": [{"succeededIndexes": "3"}]},
                                  **INDEXED)),
    policy=make("jobs", job("c", "ok-fail9-run", completions=3, parallelism=3, backoffLimitPerIndex=1,
                            successPolicy={"rules": [{"succeededIndexes": "2"}]}, podFailurePolicy={"rules": [
                                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [9]}}]},
                            **INDEXED)),
    part=make("jobs", job("d", "ok-run-run", completions=3, parallelism=3, **INDEXED)),
    part_suspended=spec("jobs", "d", suspend=True), part_resumed=spec("jobs", "d", suspend=False),
    part_fewer=spec("jobs", "d", parallelism=0), part_more=spec("jobs", "d", parallelism=2),
    part_ends=label_pod("d", None, end="ok"),
    disrupted=make("jobs", job("e", "run", backoffLimit=0, podReplacementPolicy="Failed", podFailurePolicy={
        "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]})),
    disrupted_ends=label_pod("e", None, end="disrupted"),
    held=together(make("jobs", job("f", "run", parallelism=2, completions=2)), wait(1)),
    held_pods=together(hold("f"), delete_pods("app%3Df")),
    held_suspended=spec("jobs", "f", suspend=True), held_freed=hold("f", False),
    no_completions=make("jobs", job("g", "run", parallelism=2)), one_ends=label_pod("g", 0, end="ok"),
    other_fails=label_pod("g", 0, end="fail1"),
    unknown_code=make("jobs", job("h", "fail5", backoffLimit=0, podFailurePolicy={"rules": [
        {"action": "Count", "onExitCodes": {"containerName": "c", "operator": "NotIn", "values": [5]}},
        {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "False"}]}]})),
    background=delete("jobs", "a", "Background"), foreground=delete("jobs", "f", "Foreground"))
scenario(
    "cronjob-mixed",
    create=together(
        make("cronjobs", cron("deadline", "* * * * *", "run", concurrencyPolicy="Forbid",
                              startingDeadlineSeconds=20)),
        make("cronjobs", cron("replace", "* * * * *", "run", concurrencyPolicy="Replace", startingDeadlineSeconds=100,
                              failedJobsHistoryLimit=0, successfulJobsHistoryLimit=0)),
        make("cronjobs", cron("none-kept", "* * * * *", "ok", successfulJobsHistoryLimit=0)),
        make("cronjobs", cron("fails", "* * * * *", "fail1", concurrencyPolicy="Forbid", failedJobsHistoryLimit=1)),
        make("cronjobs", cron("never", "0 0 31 2 *")), make("cronjobs", cron("range", "0-59/1 * * * 0-7")), play(125)),
    zone=together(spec("cronjobs", "never", schedule="* * * * *", timeZone="Asia/Tokyo", suspend=True), play(2)),
    ended=label_pod("deadline", None, end="ok"), orphan=delete("cronjobs", "replace", "Orphan"),
    background=delete("cronjobs", "deadline", "Background"))
scenario(
    "usage-mixed",
    create=together(measured("web", "90", 2), play(4), autoscaler("h", "web", of_cpu(50), maxReplicas=10, behavior={
        "scaleUp": {"selectPolicy": "Min", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60},
                                                        {"type": "Percent", "value": 100, "periodSeconds": 60}]}}),
                    play(8)),
    kept=together(label_pod("web", None, use="10"), patch("horizontalpodautoscalers", "h", {"spec": {"behavior": {
        "scaleDown": {"selectPolicy": "Disabled"}}}}), play(8)),
    let_down=together(patch("horizontalpodautoscalers", "h", {"spec": {"behavior": {
        "scaleDown": {"selectPolicy": "Max", "stabilizationWindowSeconds": 0, "policies": [
            {"type": "Pods", "value": 1, "periodSeconds": 100}]}}}}), play(8)),
    no_requests=together(make("deployments", workload("none", 2)), play(3),
                         autoscaler("none", "none", of_cpu(50)), play(6)),
    no_container=together(autoscaler("other", "web", of_cpu(50, "other")), play(6)),
    both=together(delete("horizontalpodautoscalers", "other"), play(6)),
    memory=together(patch("horizontalpodautoscalers", "h", {"spec": {"metrics": [
        {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization",
                                                                       "averageUtilization": 50}}}]}}), play(6)),
    default=together(patch("horizontalpodautoscalers", "h", {"spec": {"metrics": None}}), play(6)),
    target=together(autoscaler("set", "s", of_cpu(50), scaleTargetRef={"apiVersion": "apps/v1", "kind": "DaemonSet",
                                                                       "name": "s"}),
                    autoscaler("group", "s", of_cpu(50), scaleTargetRef={"apiVersion": "example.com/v1",
                                                                         "kind": "Thing", "name": "s"}),
                    autoscaler("old", "web", of_cpu(50), scaleTargetRef={"apiVersion": "extensions/v1beta1",
                                                                         "kind": "Deployment", "name": "web"}),
                    play(6)),
    failed=together(delete("horizontalpodautoscalers", "old"), label_pod("web", 0, end="fail1", use=None), play(8)))
scenario(
    "metrics-mixed",
    create=together(add("configmaps", "metrics", data={"queue": "30"}), make("services", service("svc", "web")),
                    make("deployments", workload("web", 1)), play(3),
                    autoscaler("e", "web", {"type": "External", "external": {
                        "metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}},
                        "target": {"type": "AverageValue", "averageValue": "10"}}}, behavior=AT_ONCE), play(8)),
    zero=together(metrics(queue="0"), play(8)),
    object=together(delete("horizontalpodautoscalers", "e"), metrics(rate="40"), autoscaler("o", "web", {
        "type": "Object", "object": {
            "metric": {"name": "rate"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "svc"},
            "target": {"type": "AverageValue", "averageValue": "10"}}}, behavior=AT_ONCE), play(8)),
    no_object=together(patch("horizontalpodautoscalers", "o", {"spec": {"metrics": [{"type": "Object", "object": {
        "metric": {"name": "none"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "svc"},
        "target": {"type": "Value", "value": "10"}}}]}}), play(6)))
scenario(
    "daemonset-mixed",
    create=make("daemonsets", workload("d", minReadySeconds=2, updateStrategy={
        "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}})), ready=wait(4),
    node=together(node("-x"), until(told("RegisteredNode", "-x")), play(5)),
    # A taint alone wakes no DaemonSet there.
    tainted=together(taint("-x", "k:NoSchedule"), image("daemonsets", "d", "y"), play(12)),
    tolerates=together(patch("daemonsets", "d", {"spec": {"template": {"spec": {"tolerations": [
        {"key": "k", "operator": "Exists"}]}}}}), play(14)),
    bad=together(image("daemonsets", "d", "bad"), play(3)),
    undo=together(image("daemonsets", "d", "y"), play(12)),
    unavailable=together(spec("daemonsets", "d", updateStrategy={"rollingUpdate": {
        "maxSurge": 0, "maxUnavailable": 2}}), image("daemonsets", "d", "z"), play(12)),
    by_hand=together(pod_on("bare", "-x"), delete_pods("app%3Dd"), play(5)),
    selected=together(patch("nodes", "-x", {"metadata": {"labels": {"on": "it"}}}),
                      patch("daemonsets", "d", {"spec": {"template": {"spec": {"affinity": {"nodeAffinity": {
                          "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                              {"matchExpressions": [{"key": "on", "operator": "In", "values": ["it"]}]}]}}}}}}}),
                      play(8)),
    left=together(patch("nodes", "-x", {"metadata": {"labels": {"on": None}}}), play(4)),
    gone=together(delete("daemonsets", "d", "Foreground"), delete("nodes", "-x"), until(told("RemovingNode", "-x"))))
scenario(
    "statefulset-mixed",
    create=make("statefulsets", workload(
        "s", 3, serviceName="s", ordinals={"start": 3}, revisionHistoryLimit=0,
        volumeClaimTemplates=[{"metadata": {"name": "d", "labels": {"a": "b"}}, "spec": claim()}],
        persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Delete"})),
    partition=spec("statefulsets", "s", updateStrategy={"rollingUpdate": {"partition": 4}},
                   template={"spec": {"containers": [{"name": "c", "image": "y"}]}}),
    start=spec("statefulsets", "s", ordinals={"start": 1}), back=spec("statefulsets", "s", ordinals=None),
    failed=label_pod("s", 0, end="fail1"), ended=label_pod("s", 1, end="ok"),
    unready=label_pod("s", 0, end="notready"), down=scale("statefulsets", "s", 1),
    ready=label_pod("s", None, end="run"), none=scale("statefulsets", "s", 0),
    all=spec("statefulsets", "s", replicas=2, updateStrategy={"rollingUpdate": {"partition": 0}}),
    claim_gone=together(delete("persistentvolumeclaims", "d-s-1"), delete("pods", "s-1")),
    held=together(hold("s"), delete_pods("app%3Ds")), freed=hold("s", False),
    label=patch("statefulsets", "s", {"spec": {"template": {"metadata": {"annotations": {"k": "v"}}}}}),
    delete=delete("statefulsets", "s", "Background"))
scenario(
    "statefulset-parallel",
    create=make("statefulsets", workload("s", 4, serviceName="s", podManagementPolicy="Parallel",
                                         template=template("s", "notready"))),
    ready=label_pod("s", None, end="run"),
    bad=image("statefulsets", "s", "bad"), undo=image("statefulsets", "s", "x"),
    slow=spec("statefulsets", "s", minReadySeconds=3), image=together(image("statefulsets", "s", "y"), play(20)),
    both=spec("statefulsets", "s", replicas=2, template={"spec": {"containers": [{"name": "c", "image": "z"}]}}),
    ended=together(play(8), label_pod("s", None, end="fail1")), orphan=delete("statefulsets", "s", "Orphan"))
scenario(
    "quota-mixed",
    create=together(*[make("resourcequotas", {"metadata": {"name": name}, "spec": {
        "hard": hard, "scopeSelector": {"matchExpressions": expressions}}}) for name, hard, expressions in (
            ("not-in", {"pods": "9"}, [{"scopeName": "PriorityClass", "operator": "NotIn",
                                        "values": ["system-node-critical"]}]),
            ("exists", {"pods": "1"}, [{"scopeName": "PriorityClass", "operator": "Exists"}]),
            ("none", {"pods": "9"}, [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}]),
            ("ends", {"pods": "1", "limits.cpu": "1"}, [{"scopeName": "Terminating", "operator": "Exists"},
                                                        {"scopeName": "NotBestEffort", "operator": "Exists"}]))]),
    pods=together(make("pods", pod("a")), make("pods", pod("b", priorityClassName="system-node-critical")),
                  make("pods", pod("c", activeDeadlineSeconds=100, containers=[
                      {"name": "c", "image": "x", "resources": {"limits": {"cpu": "500m"}}}]))),
    more=together(*[make("pods", pod(f"d{i}")) for i in range(2)],
                  make("pods", pod("e", priorityClassName="system-cluster-critical"))),
    ends=patch("pods", "a", {"spec": {"activeDeadlineSeconds": 500}}),
    # By itself: whether a pod that is made at the same moment counts is a race there.
    size=make("resourcequotas", {"metadata": {"name": "size"}, "spec": {"hard": {"requests.cpu": "2", "limits.cpu": "3"}}}),
    init=make("pods", pod("i", initContainers=[
        {"name": "i", "image": "x", "resources": {"limits": {"cpu": "800m"}, "requests": {"cpu": "700m"}}},
        {"name": "s", "image": "x", "restartPolicy": "Always", "resources": {"limits": {"cpu": "100m"}}}],
        containers=[{"name": "c", "image": "x", "resources": {"limits": {"cpu": "200m"}}}])),
    whole=make("pods", pod("w", resources={"limits": {"cpu": "400m"}}, containers=[
        {"name": "c", "image": "x", "resources": {"limits": {"cpu": "100m"}}}, {"name": "d", "image": "x"}])),
    ended=patch("pods", "i", {"metadata": {"labels": {"end": "ok"}}}),
    at_once=delete_now("pods", "w"),
    lower=spec("resourcequotas", "size", hard={"requests.cpu": "10m"}))
