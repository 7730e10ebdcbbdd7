"""More that controllers_difference.py plays: who goes first when there are too many, what a claim of a StatefulSet's
outlives, tokens of accounts, finished Jobs, schedules in time zones, quotas of all that can be counted."""
import datetime

from controllers_cluster_scenarios import free, measured, autoscaler, of_cpu, node, pod_on, taint, want
from controllers_scenarios import (budget, claim, counts, delete, gone, image, job, label_pod, make, patch, play,
                                   pod, scale, scenario, service, spec, template, together, until, wait, workload)
from controllers_world import path_of


def annotate_pod(of, index, **annotations):
    """Of the pods of that app the one with that place in the order of their labels `n`."""
    def act(world, space):
        for each in world.items("pods", space, f"?labelSelector=app%3D{of},n%3D{index}"):
            patch("pods", each["metadata"]["name"], {"metadata": {"annotations": {
                key.replace("_", "-"): value for key, value in annotations.items()}}})(world, space)
    return act


def cost(of, index, value):
    return annotate_pod(of, index, **{"controller.kubernetes.io/pod_deletion_cost": value})


def number_pods(of):
    """Labels them from 0 on, in the order of their creation."""
    def act(world, space):
        pods = [each for each in world.items("pods", space, f"?labelSelector=app%3D{of}")
                if not each["metadata"].get("deletionTimestamp")]
        pods.sort(key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))
        for index, each in enumerate(pods):
            patch("pods", each["metadata"]["name"], {"metadata": {"labels": {"n": str(index)}}})(world, space)
    return act


def label_numbered(of, index, **labels):
    def act(world, space):
        for each in world.items("pods", space, f"?labelSelector=app%3D{of},n%3D{index}"):
            patch("pods", each["metadata"]["name"], {"metadata": {"labels": labels}})(world, space)
    return act


def delete_pods(selector, query=""):
    """One by one, so that what each of them brings about follows it."""
    def act(world, space):
        for each in world.items("pods", space, f"?labelSelector={selector}{query}"):
            delete("pods", each["metadata"]["name"])(world, space)
    return act


scenario(
    "deletion-cost",
    create=make("replicasets", workload("r", 6)), numbered=number_pods("r"),
    costs=together(cost("r", 0, "-5"), cost("r", 1, "10"), cost("r", 2, "x")),
    cheap=scale("replicasets", "r", 5),
    unready=together(label_numbered("r", 1, end="notready"), wait(2)), first=scale("replicasets", "r", 4),
    rest=together(cost("r", 3, "4"), cost("r", 4, "3"), cost("r", 5, "2"), scale("replicasets", "r", 2)))
scenario(
    "statefulset-retention",
    create=together(*[make("statefulsets", workload(
        name, 2, serviceName=name, volumeClaimTemplates=[{"metadata": {"name": "d"}, "spec": claim()}],
        persistentVolumeClaimRetentionPolicy={"whenScaled": scaled, "whenDeleted": deleted}))
        for name, scaled, deleted in (("kept", "Retain", "Retain"), ("scaled", "Delete", "Retain"),
                                      ("deleted", "Retain", "Delete"))]),
    down=together(*[scale("statefulsets", name, 1) for name in ("kept", "scaled", "deleted")]),
    up=together(*[scale("statefulsets", name, 2) for name in ("kept", "scaled", "deleted")]),
    pods=delete_pods("app"),
    policy=spec("statefulsets", "kept", persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"}),
    delete=together(delete("statefulsets", "deleted", "Background"), delete("statefulsets", "scaled", "Background"),
                    delete("statefulsets", "kept", "Foreground")))
scenario(
    "statefulset-slow",
    create=together(make("statefulsets", workload("s", 2, serviceName="s", minReadySeconds=3)),
                    until(counts("statefulsets", "s", availableReplicas=2))),
    image=together(image("statefulsets", "s", "y"),
                   until(counts("statefulsets", "s", updatedReplicas=2, availableReplicas=2))),
    parallel=make("statefulsets", workload("p", 3, serviceName="p", podManagementPolicy="Parallel",
                                           revisionHistoryLimit=1, ordinals={"start": 2})),
    second=image("statefulsets", "p", "y"), third=image("statefulsets", "p", "z"),
    fourth=image("statefulsets", "p", "w"), bad=image("statefulsets", "p", "bad"), none=scale("statefulsets", "p", 0),
    orphan=delete("statefulsets", "s", "Orphan"), adopt=make("statefulsets", workload("s", 3, serviceName="s")))
scenario(
    "accounts",
    create=make("serviceaccounts", {"metadata": {"name": "a"}}),
    token=make("secrets", {"metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "a"}},
                           "type": "kubernetes.io/service-account-token"}),
    emptied=patch("secrets", "t", {"data": {"token": None, "namespace": "eA=="}}),
    nobody=make("secrets", {"metadata": {"name": "n", "annotations": {"kubernetes.io/service-account.name": "n"}},
                            "type": "kubernetes.io/service-account-token"}),
    other_uid=make("secrets", {"metadata": {"name": "u", "annotations": {
        "kubernetes.io/service-account.name": "a",
        "kubernetes.io/service-account.uid": "00000000-0000-4000-8000-000000000000"}},
        "type": "kubernetes.io/service-account-token"}),
    listed=patch("serviceaccounts", "a", {"secrets": [{"name": "t"}]}),
    secret_gone=delete("secrets", "t"),
    again=make("secrets", {"metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "a"}},
                           "type": "kubernetes.io/service-account-token"}),
    gone=together(delete("serviceaccounts", "a"), wait(2)), default=delete("serviceaccounts", "default"))
scenario(
    "ttl", zero=make("jobs", job("zero", "ok", ttlSecondsAfterFinished=0)),
    failed=together(make("jobs", job("failed", "fail1", backoffLimit=0, ttlSecondsAfterFinished=2)), wait(3)),
    longer=make("jobs", job("longer", "ok", ttlSecondsAfterFinished=1000)),
    shorter=together(spec("jobs", "longer", ttlSecondsAfterFinished=1), wait(3)),
    later=together(make("jobs", job("later", "ok")), wait(1), spec("jobs", "later", ttlSecondsAfterFinished=1),
                   wait(3)),
    held=together(make("jobs", {"metadata": {"name": "held", "finalizers": ["example.com/x"]},
                                "spec": job("held", "ok", ttlSecondsAfterFinished=0)["spec"]}), wait(2)),
    freed=free("jobs", "held"))
scenario(
    "job-pods",
    create=make("jobs", job("a", "run", parallelism=2, completions=2)), gone=delete_pods("app%3Da"),
    indexed=make("jobs", job("b", "run", parallelism=2, completions=2, completionMode="Indexed")),
    index_gone=delete_pods("batch.kubernetes.io/job-completion-index%3D1,app%3Db"),
    few=make("jobs", job("c", "ok", parallelism=5, completions=2)),
    three=make("jobs", job("d", "run", parallelism=3)), narrower=spec("jobs", "d", parallelism=1),
    wide=spec("jobs", "d", parallelism=2),
    ended=label_pod("d", None, end="ok"),
    never_ready=make("jobs", job("e", "bad", parallelism=1)),
    suspended=spec("jobs", "e", suspend=True),
    template=patch("jobs", "e", {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}),
    deadline=together(make("jobs", job("f", "run", suspend=True, activeDeadlineSeconds=2)), wait(4)),
    resumed=together(spec("jobs", "f", suspend=False), play(5)),
    foreground=delete("jobs", "d", "Foreground"), background=delete("jobs", "a", "Background"))
scenario(
    "job-policies",
    ignore=make("jobs", job("a", "fail3-fail4-ok", parallelism=3, completions=3, completionMode="Indexed",
                            backoffLimit=6, podFailurePolicy={"rules": [
                                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [4]}},
                                {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}}]})),
    named=make("jobs", job("b", "fail3", backoffLimit=0, podFailurePolicy={"rules": [
        {"action": "FailJob", "onExitCodes": {"containerName": "other", "operator": "In", "values": [3]}}]})),
    too_many=make("jobs", job("c", "fail1-run-run", parallelism=3, completions=3, completionMode="Indexed",
                              backoffLimitPerIndex=0, maxFailedIndexes=0)),
    all_failed=make("jobs", job("d", "fail1-ok", parallelism=2, completions=2, completionMode="Indexed",
                                backoffLimitPerIndex=0)),
    succeeded=make("jobs", job("e", "ok-run-run", parallelism=3, completions=3, completionMode="Indexed",
                               backoffLimitPerIndex=0, successPolicy={"rules": [
                                   {"succeededIndexes": "1"}, {"succeededIndexes": "0,2", "succeededCount": 1}]})),
    unmanaged=make("jobs", job("f", "ok", managedBy="kubernetes.io/job-controller")))
scenario(
    "tolerations",
    create=together(node("-a"), *[pod_on(name, "-a", tolerations) for name, tolerations in (
        ("never", []), ("ever", [{"key": "k", "operator": "Exists"}]),
        ("short", [{"key": "k", "effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 3}]),
        ("value", [{"key": "k", "effect": "NoExecute", "value": "v", "tolerationSeconds": 30}]),
        ("negative", [{"key": "k", "effect": "NoExecute", "operator": "Exists", "tolerationSeconds": -1}]),
        ("least", [{"key": "k", "effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 60},
                   {"effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 2}]))], wait(2)),
    tainted=together(taint("-a", "k:NoExecute"), until(gone("pods", "short"))),
    cancelled=together(taint("-a"), wait(4)),
    again=together(taint("-a", "k:NoExecute"), play(6)), gone=delete("nodes", "-a"))


def at_this_minute(zone_minutes):
    """The schedule of the next minutes in a zone so many minutes ahead."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=zone_minutes)
    return f"{','.join(str((now.minute + more) % 60) for more in range(1, 4))} {now.hour},{(now.hour + 1) % 24} * * *"


def cron(name, schedule, end="ok", **fields):
    return {"metadata": {"name": name}, "spec": {
        "schedule": schedule, "jobTemplate": {"spec": job(name, end)["spec"]}, **fields}}


def zoned(name, zone, minutes, **fields):
    return lambda world, space: make("cronjobs", cron(name, at_this_minute(minutes), timeZone=zone, **fields))(
        world, space)


scenario(
    "cronjob-zones",
    create=together(zoned("kathmandu", "Asia/Kathmandu", 345), zoned("utc", "Etc/UTC", 0),
                    zoned("elsewhere", "Asia/Tokyo", 0),
                    make("cronjobs", cron("every", "@every 1m")), make("cronjobs", cron("hourly", "@hourly")),
                    make("cronjobs", cron("within", "TZ=UTC * * * * *")),
                    make("cronjobs", cron("nowhere", "* * * * *", timeZone="Nowhere/Such")),
                    make("cronjobs", cron("held", "* * * * *", "run", concurrencyPolicy="Forbid",
                                          successfulJobsHistoryLimit=0)),
                    make("cronjobs", cron("paused", "* * * * *", suspend=True)), play(125)),
    resumed=together(spec("cronjobs", "paused", suspend=False), play(3)),
    other=together(spec("cronjobs", "utc", schedule="0 0 31 2 *"), play(3)),
    by_hand=together(delete("jobs", "none"), delete("cronjobs", "held", "Foreground")))
scenario(
    "quota-kinds",
    create=make("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {
        "services": "3", "services.nodeports": "1", "services.loadbalancers": "1", "secrets": "2",
        "count/jobs.batch": "1", "count/poddisruptionbudgets.policy": "1", "replicationcontrollers": "1",
        "resourcequotas": "3", "count/leases.coordination.k8s.io": "0", "requests.example.com/x": "2",
        "requests.hugepages-2Mi": "4Mi", "limits.cpu": "2", "memory": "1Gi", "count/pods": "4"}}}),
    others=together(
        make("resourcequotas", {"metadata": {"name": "empty"}, "spec": {}}),
        make("resourcequotas", {"metadata": {"name": "unknown"}, "spec": {"hard": {
            "count/things.example.com": "1", "requests.example.com/y": "1"}}})),
    services=together(make("services", {"metadata": {"name": "a"}, "spec": {"type": "NodePort", "ports": [
        {"port": 80}]}}), make("services", {"metadata": {"name": "b"}, "spec": {"type": "LoadBalancer", "ports": [
            {"port": 80}]}})),
    plain=patch("services", "a", {"spec": {"type": "ClusterIP"}}),
    jobs=together(make("jobs", job("a", "run", template=template("a", "run", restartPolicy="Never", containers=[
        {"name": "c", "image": "x", "resources": {"limits": {"cpu": "1", "memory": "100Mi"}}}]))),
        make("jobs", job("b"))),
    extended=together(*[make("pods", pod(f"x{i}", containers=[{"name": "c", "image": "x", "resources": {
        "limits": {"cpu": "100m", "memory": "1Mi", "example.com/x": "1", "hugepages-2Mi": "2Mi"}}}]))
        for i in range(3)]),
    ended=label_pod("a", None, end="ok"), freed=delete("pods", "x0"),
    more=together(make("pods", pod("x3", containers=[{"name": "c", "image": "x", "resources": {
        "limits": {"cpu": "100m", "memory": "1Mi", "example.com/x": "1"}}}])),
        spec("resourcequotas", "q", hard={"services": "1", "count/pods": None})),
    none=delete("resourcequotas", "q"))
scenario(
    "daemonset-more",
    create=make("daemonsets", workload("d", minReadySeconds=2, revisionHistoryLimit=1, updateStrategy={
        "rollingUpdate": {"maxUnavailable": "100%"}})), ready=wait(4),
    image=together(image("daemonsets", "d", "y"), play(4)), third=together(image("daemonsets", "d", "z"), play(4)),
    on_delete=spec("daemonsets", "d", updateStrategy={"type": "OnDelete", "rollingUpdate": None}),
    not_yet=image("daemonsets", "d", "w"), by_hand=together(delete_pods("app%3Dd"), play(4)),
    nobody=together(patch("daemonsets", "d", {"spec": {"template": {"spec": {"nodeSelector": {"no": "where"}}}}}),
                    play(3)),
    orphan=delete("daemonsets", "d", "Orphan"))
scenario(
    "deployment-more",
    create=make("deployments", workload("web", 4, minReadySeconds=2, revisionHistoryLimit=0, strategy={
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}})), ready=wait(4),
    image=image("deployments", "web", "y"), later=wait(5),
    annotations=patch("deployments", "web", {"metadata": {"annotations": {"a": "b"}, "labels": {"c": "d"}}}),
    scaled_while_bad=together(image("deployments", "web", "bad"), play(3), scale("deployments", "web", 6)),
    back=image("deployments", "web", "y"),
    selector=make("replicasets", workload("web-other", 1)),
    crossed=make("deployments", {**workload("other", 1), "spec": {
        **workload("other", 1)["spec"], "selector": {"matchLabels": {"app": "web"}},
        "template": template("web")}}))
scenario(
    "budget-policies",
    create=together(make("deployments", workload("web", 3)), make("poddisruptionbudgets", budget("p", "web",
                                                                                              maxUnavailable=1))),
    bad=image("deployments", "web", "bad"), none=spec("poddisruptionbudgets", "p", maxUnavailable=0),
    all=make("poddisruptionbudgets", {"metadata": {"name": "all"}, "spec": {"selector": {}, "minAvailable": "50%"}}),
    nobody=make("poddisruptionbudgets", {"metadata": {"name": "nobody"}, "spec": {"minAvailable": 1}}),
    # Of two that select a pod only one, whichever, is told of what becomes of it.
    one_each=delete("poddisruptionbudgets", "all"),
    sets=together(make("statefulsets", workload("s", 2, serviceName="s")),
                  make("poddisruptionbudgets", budget("s", "s", maxUnavailable="50%"))),
    controllers=together(make("replicationcontrollers", {"metadata": {"name": "rc"}, "spec": {
        "replicas": 2, "template": template("rc")}}),
        make("poddisruptionbudgets", budget("rc", "rc", maxUnavailable=1))))
scenario(
    "slices",
    create=together(make("services", service("dual", "dual", ipFamilyPolicy="PreferDualStack")),
                    make("deployments", workload("dual", 2))),
    external=make("services", {"metadata": {"name": "e"}, "spec": {"type": "ExternalName", "externalName": "x.y"}}),
    internal=spec("services", "e", type="ClusterIP", externalName=None, selector={"app": "dual"},
                  ports=[{"port": 80, "targetPort": 8080}]),
    ended=label_pod("dual", 0, end="ok"), by_hand=together(
        lambda world, space: world.ask("DELETE", path_of("endpointslices", space) +
                                       "?labelSelector=kubernetes.io/service-name%3Ddual"), wait(2)),
    other=patch("services", "dual", {"spec": {"selector": {"app": "nobody"}}}),
    none=patch("services", "dual", {"spec": {"selector": None}}),
    endpoints=delete("endpoints", "e"))
scenario(
    "usage-more",
    create=together(measured("web", "90", 1), play(4), autoscaler("h", "web", of_cpu(50), minReplicas=2, behavior={
        "scaleUp": {"tolerance": "1", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        "scaleDown": {"stabilizationWindowSeconds": 0}}), play(8)),
    fixed=together(scale("deployments", "web", 0), play(6)), back=together(scale("deployments", "web", 1), play(8)),
    least=together(patch("horizontalpodautoscalers", "h", {"spec": {"minReplicas": 4, "maxReplicas": 4}}), play(8)),
    nowhere=together(autoscaler("n", "nowhere", of_cpu(50)), play(5)),
    gone=together(delete("deployments", "web"), play(6)))
scenario(
    "claims-more",
    create=together(want("a"), make("pods", pod("p", {"end": "ok"}, volumes=[
        {"name": "v", "persistentVolumeClaim": {"claimName": "a"}}]))),
    ended=delete("persistentvolumeclaims", "a"),
    pending=together(want("b"), make("pods", pod("q", schedulingGates=[{"name": "x"}], volumes=[
        {"name": "v", "persistentVolumeClaim": {"claimName": "b"}}])), delete("persistentvolumeclaims", "b")),
    unused=delete("pods", "q"))
