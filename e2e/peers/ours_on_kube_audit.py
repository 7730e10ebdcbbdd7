#!/usr/bin/env python3
"""Reads the audit log of ours_on_kube.sh: nobody was forbidden anything, and each controller wrote as its own account.

  ours_on_kube_audit.py AUDIT.json

Prints who wrote what how often, and what is wrong with it; ends with 1 where anything is.
"""
import collections
import json
import sys

ACCOUNT = "system:serviceaccount:kube-system:"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
# What the program does itself: it leads, makes the accounts and their tokens, asks who may see its metrics, and tells
# of kinds that nothing here acts upon.
OF_THE_PROGRAM = {"leases", "serviceaccounts", "serviceaccounts/token", "tokenreviews", "subjectaccessreviews", "events"}
# Those that have had something to do.
EXPECTED = {
    "clusterrole-aggregation-controller", "cronjob-controller", "daemon-set-controller", "deployment-controller",
    "disruption-controller", "endpoint-controller", "endpointslice-controller", "endpointslicemirroring-controller",
    "ephemeral-volume-controller", "generic-garbage-collector", "horizontal-pod-autoscaler", "job-controller",
    "namespace-controller", "node-controller", "persistent-volume-binder", "pod-garbage-collector", "pv-protection-controller", "pvc-protection-controller",
    "replicaset-controller", "resource-claim-controller", "resourcequota-controller", "root-ca-cert-publisher",
    "service-account-controller", "statefulset-controller", "ttl-after-finished-controller", "ttl-controller",
    "validatingadmissionpolicy-status-controller"}


def what(event):
    reference = event.get("objectRef", {})
    return "/".join(filter(None, (reference.get("resource", event["requestURI"]), reference.get("subresource"))))


def main():
    wrong, writes = [], collections.defaultdict(collections.Counter)
    with open(sys.argv[1], encoding="utf-8") as log:
        events = [json.loads(line) for line in log]
    for event in events:
        user, code = event["user"].get("username", ""), event.get("responseStatus", {}).get("code", 0)
        is_ours = event.get("userAgent", "").startswith(("kube-controller-manager", "kube-scheduler"))
        # Who has not heard yet that a namespace is going is forbidden to put anything into it, as Kubernetes' own are.
        is_late = "because it is being terminated" in event.get("responseStatus", {}).get("message", "")
        if code in (401, 403) and is_ours and not is_late:
            wrong.append(f"{user}: {event['verb']} {what(event)}: {code}")
        if event["verb"] not in WRITES or not event.get("userAgent", "").startswith("kube-controller-manager"):
            continue
        writes[user][f"{event['verb']} {what(event)}"] += 1
        if not user.startswith(ACCOUNT) and what(event) not in OF_THE_PROGRAM:
            wrong.append(f"{user}: {event['verb']} {what(event)}")
    for user in sorted(writes):
        print(user.removeprefix(ACCOUNT) + ":", ", ".join(f"{n} {what}" for what, n in sorted(writes[user].items())))
    for name in sorted(EXPECTED - {user.removeprefix(ACCOUNT) for user in writes}):
        wrong.append(f"{name} has written nothing")
    for line, times in collections.Counter(wrong).items():
        print(f"wrong ({times} times): {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
