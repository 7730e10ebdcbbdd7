#!/usr/bin/env python3
"""Names what is left of a release, of Lists on stdin: KIND/NAME, a line each.

In the namespace that is everything but what the namespace brings, what Helm keeps (hooks, resource-policy) with what
belongs to it, and the claims of StatefulSets, which Kubernetes keeps. Elsewhere it is what Helm says it made.
"""
import json
import sys

HOOK, POLICY = "helm.sh/hook", "helm.sh/resource-policy"
NAMESPACE, RELEASE = "meta.helm.sh/release-namespace", "meta.helm.sh/release-name"
BROUGHT = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}


def lists(text):
    """The objects of the JSON documents that stand one after the other in `text`."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        document, end = decoder.raw_decode(text, at)
        yield from document.get("items", [])
        at = end
        while at < len(text) and text[at].isspace():
            at += 1


def is_kept(item, kept):
    meta = item["metadata"]
    annotations = meta.get("annotations", {})
    if HOOK in annotations or annotations.get(POLICY) == "keep":
        return True
    if item["kind"] == "PersistentVolumeClaim" and RELEASE not in annotations:
        return True
    return any(owner["uid"] in kept for owner in meta.get("ownerReferences", []))


def main():
    namespace, release = sys.argv[1:]
    items = {item["metadata"]["uid"]: item for item in lists(sys.stdin.read().strip())
             if item["metadata"].get("uid")}
    kept, before = set(), None
    while before != len(kept):
        before = len(kept)
        kept.update(uid for uid, item in items.items() if is_kept(item, kept))
    for uid, item in items.items():
        meta = item["metadata"]
        annotations = meta.get("annotations", {})
        if uid in kept or (item["kind"], meta["name"]) in BROUGHT:
            continue
        made_by_release = (annotations.get(NAMESPACE), annotations.get(RELEASE)) == (namespace, release)
        if meta.get("namespace") == namespace or made_by_release:
            print(item["kind"] + "/" + meta["name"])


if __name__ == "__main__":
    main()
