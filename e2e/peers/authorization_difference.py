"""Who may do what: a real kube-apiserver and ours, told the same (see authorization_difference.sh)."""
import argparse
import json
import os
import re
import subprocess
import sys
import time

from tokens_issuer import Place
from two_apiservers import Comparison, Program, both, write

KNOWN = os.path.join(os.path.dirname(__file__), "authorization_difference.txt")
HEAD = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
USERS = """token,admin,admin,system:masters
ann,ann,u1,"dev,ops"
bob,bob,u2,dev
node,system:node:n1,u3,system:nodes
"""


def which(ours):
    return "ours" if ours else "kube"


def kubeconfig(args, place, page):
    return write(args, page.strip("/") + ".kubeconfig", {
        "apiVersion": "v1", "kind": "Config", "current-context": "w",
        "clusters": [{"name": "w", "cluster": {"server": place.url + page,
                                               "certificate-authority": place.ca_path}}],
        "users": [{"name": "w", "user": {"token": "shown-to-the-webhook"}}],
        "contexts": [{"name": "w", "context": {"cluster": "w", "user": "w"}}]})


def judge(seen):
    """A webhook that decides by the name of the object."""
    def page(body, headers):
        review = json.loads(body)
        seen.append(review)
        spec = review["spec"]
        name = (spec.get("resourceAttributes") or {}).get("name", "")
        path = (spec.get("nonResourceAttributes") or {}).get("path", "")
        if name == "fails":
            return 403, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
                     "message": "not now"}
        if name == "garbage":
            return 200, b"garbage"
        if name == "otherkind":
            return 200, {"kind": "TokenReview", "apiVersion": review["apiVersion"], "status": {}}
        if name == "maynokind":
            return 200, {"status": {"allowed": True}}
        status = {"allowed": name.startswith("may") or path == "/may"}
        if name in ("denied", "maydenied"):
            status["denied"] = True
        if name != "silent":
            status["reason"] = f"said of {name}"
        return 200, {"kind": "SubjectAccessReview", "apiVersion": review["apiVersion"],
                     "status": status}
    return page


PODS = "/api/v1/namespaces/default/pods"
# Each by name: path, token, and more.
REQUESTS = {
    "allowed": (f"{PODS}/may", "ann"),
    "allowed again": (f"{PODS}/may", "ann"),
    "of somebody else": (f"{PODS}/may", "bob"),
    "of a master": (f"{PODS}/denied", "token"),
    "no opinion": (f"{PODS}/other", "ann"),
    "no opinion and no reason": (f"{PODS}/silent", "ann"),
    "denied": (f"{PODS}/denied", "ann"),
    "denied and allowed": (f"{PODS}/maydenied", "ann"),
    "it fails": (f"{PODS}/fails", "ann"),
    "garbage": (f"{PODS}/garbage", "ann"),
    "another kind": (f"{PODS}/otherkind", "ann"),
    "no kind": (f"{PODS}/maynokind", "ann"),
    "of a node": (f"{PODS}/other", "node"),
    "a list": (PODS, "ann"),
    "a list by labels": (f"{PODS}?labelSelector=a%3Db,c+in+(d,e),!f,g,h!%3Di", "ann"),
    "a list by fields": (f"{PODS}?fieldSelector=spec.nodeName%3Dx,status.phase!%3DRunning", "ann"),
    "a list by a name": (f"{PODS}?fieldSelector=metadata.name%3Dmay", "ann"),
    "a list by nonsense": (f"{PODS}?labelSelector=%3D%3D", "ann"),
    "a path": ("/may", "ann"),
    "a path that may not be": ("/other", "ann"),
    "a subresource": (f"{PODS}/may/log", "bob"),
    "excluded by conditions": ("/api/v1/namespaces/excluded/pods/may", "ann"),
    "a condition that cannot be told": ("/api/v1/namespaces/untold/pods/may", "ann"),
}


def told(answer):
    """Of failures what they say, of all else the code."""
    code, text = answer
    if isinstance(text, dict) and text.get("kind") == "Status":
        return code, text.get("message")
    if code == 500 and isinstance(text, str):
        # What is said of the webhook's answer is each one's own.
        return code, re.sub(r'(Server Error: "[^"]*": ).*', r"\1...", text.strip())
    return (code,)


def compare_requests(comparison, prefix, kube, ours, seen):
    for name, (path, bearer) in REQUESTS.items():
        for each in seen:
            each.clear()
        answers = [told(program.ask(path, bearer)) for program in (kube, ours)]
        comparison.compare(f"{prefix}: {name}", *answers)
        comparison.compare(f"{prefix}: {name}: asked", *[list(each) for each in seen])
    for each in seen:
        each.clear()
    for name in ("maybob", "bob", "fails"):
        answers = [told(program.ask(f"{PODS}/may", "ann", headers={"Impersonate-User": name}))
                   for program in (kube, ours)]
        comparison.compare(f"{prefix}: as {name}", *answers)
    for name, spec in {
            "labels": {"labelSelector": {"requirements": [
                {"key": "a", "operator": "In", "values": ["b", "c"]},
                {"key": "d", "operator": "Exists"}]}},
            "raw labels": {"labelSelector": {"rawSelector": "a=b"}},
            "fields": {"fieldSelector": {"requirements": [
                {"key": "a", "operator": "In", "values": ["b"]}]}},
            "version": {"version": "v7"}, "fails": {"name": "fails"}, "may": {"name": "may"},
            "denied": {"name": "denied"}}.items():
        for each in seen:
            each.clear()
        body = {"spec": {"user": "ann", "resourceAttributes": {"verb": "list", "resource": "x",
                                                               **spec}}}
        answers = [program.ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", "token", body)
                   for program in (kube, ours)]
        status = [answer[1].get("status") if isinstance(answer[1], dict) else answer
                  for answer in answers]
        for each in status:
            if isinstance(each, dict) and "evaluationError" in each:
                each["evaluationError"] = "..."
        comparison.compare(f"{prefix}: review of {name}", *status)
        comparison.compare(f"{prefix}: review of {name}: asked", *[list(each) for each in seen])


def compare_rules(comparison, prefix, kube, ours, bearers):
    for bearer in bearers:
        said = [program.ask("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", bearer,
                            {"spec": {"namespace": "default"}}) for program in (kube, ours)]
        status = [answer[1]["status"] if answer[0] == 201 else answer for answer in said]
        for each in status:
            if isinstance(each, dict):
                for rules in ("resourceRules", "nonResourceRules"):
                    # What only ours can be asked.
                    each[rules] = sorted(json.dumps(rule, sort_keys=True) for rule in each[rules]
                                         if rule.get("nonResourceURLs") != ["/skiff/revisions"])
        comparison.compare(f"{prefix}: rules of {bearer}", *status)


def counted(program):
    """Counters of webhooks, by labels; times are each one's own."""
    text = program.ask("/metrics", "token")[1]
    wanted = (r"^(apiserver_authorization_(?:webhook_evaluations\w*|match_condition_exclusions_total|"
              r"match_condition_evaluation_errors_total|config_controller_automatic_reloads_total)"
              r"\{[^}]*\}) (\d+)")
    return sorted((name.split("{")[0], sorted(label for label in re.findall(r'\w+="[^"]*"', name)
                                              if "id_hash" not in label), count)
                  for name, count in re.findall(wanted, text, re.M))


def authorizers(webhook, *types):
    return {**HEAD, "authorizers": ([{"type": "Webhook", "name": "hook", "webhook": webhook}]
                                    if webhook else []) +
            [{"type": each, "name": each.lower()} for each in types]}


def compare_file(args, comparison, place, policy):
    seen = {False: [], True: []}

    def webhook(ours, **more):
        return {"timeout": "5s", "subjectAccessReviewVersion": "v1", "failurePolicy": policy,
                "matchConditionSubjectAccessReviewVersion": "v1",
                "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": kubeconfig(
                    args, place, f"/{which(ours)}-{policy}")},
                "matchConditions": [
                    {"expression": "!has(request.resourceAttributes) || "
                                   "request.resourceAttributes.namespace != 'excluded'"},
                    {"expression": "!has(request.resourceAttributes) || "
                                   "request.resourceAttributes.namespace != 'untold' || "
                                   "request.groups[9] == 'x'"},
                    {"expression": "'dev' in request.groups || request.uid == 'u3' || "
                                   "request.user == 'maybob'"}], **more}

    def flags(ours):
        place.pages[f"/{which(ours)}-{policy}"] = judge(seen[ours])
        file = write(args, f"{which(ours)}-{policy}.yaml",
                     authorizers(webhook(ours), "Node", "RBAC"))
        return [f"--authorization-config={file}"]

    def use(kube, ours):
        compare_requests(comparison, policy, kube, ours, [seen[False], seen[True]])
        compare_rules(comparison, policy, kube, ours, ["ann", "node"])
        comparison.compare(f"{policy}: counted", counted(kube), counted(ours))
        # Another file counts without a new start; one that cannot be does not.
        for text in ("nonsense", None):
            for is_ours in (False, True):
                changed = webhook(is_ours, matchConditions=[{"expression": "false"}])
                # At once: neither is to see the half of it.
                os.replace(write(args, "next", text or authorizers(changed, "Node", "RBAC")),
                           os.path.join(args.work, f"{which(is_ours)}-{policy}.yaml"))
            time.sleep(3)
            comparison.compare(f"{policy}: reloaded {text}", *[
                told(each.ask(f"{PODS}/may", "bob")) for each in (kube, ours)])
        comparison.compare(f"{policy}: counted after that", counted(kube), counted(ours))

    both(args, flags, "file" + policy.lower(), [], use)


def compare_flags(args, comparison, place, version):
    seen = {False: [], True: []}

    def flags(ours):
        page = f"/{which(ours)}-flags-{version}"
        place.pages[page] = judge(seen[ours])
        policies = write(args, "policies", "\n".join(
            json.dumps(each) for each in [
                {"user": "bob", "readonly": True, "namespace": "default", "resource": "pods"},
                {"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy",
                 "spec": {"group": "ops", "nonResourcePath": "/other*"}},
                {"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy",
                 "spec": {"user": "ann", "namespace": "*", "apiGroup": "*", "resource": "secrets"}},
            ]) + "\n# the end\n")
        return ["--authorization-mode=ABAC,Webhook,RBAC", f"--authorization-policy-file={policies}",
                f"--authorization-webhook-config-file={kubeconfig(args, place, page)}",
                f"--authorization-webhook-version={version}"]

    def use(kube, ours):
        compare_requests(comparison, "flags " + version, kube, ours, [seen[False], seen[True]])
        compare_rules(comparison, "flags " + version, kube, ours, ["ann", "bob"])
        comparison.compare(f"flags {version}: counted", counted(kube), counted(ours))

    both(args, flags, "flags" + version, [], use)


def configurations(args, place):
    """Flags by name, that cannot be."""
    good = {"timeout": "3s", "subjectAccessReviewVersion": "v1", "failurePolicy": "Deny",
            "connectionInfo": {"type": "KubeConfigFile",
                               "kubeConfigFile": kubeconfig(args, place, "/any")}}
    cases = {}

    def file(name, document):
        path = write(args, "wrong.yaml" if isinstance(document, str) else
                     re.sub(r"\W", "-", name) + ".yaml", document)
        cases[name] = [f"--authorization-config={path}"]

    def hook(name, **more):
        changed = {key: value for key, value in {**good, **more}.items() if value is not None}
        file(name, authorizers(changed, "RBAC"))

    file("none", {**HEAD, "authorizers": []})
    file("empty", "")
    file("no kind", {"authorizers": []})
    file("another kind", {**HEAD, "kind": "AuthenticationConfiguration"})
    file("unknown fields", {**HEAD, "foo": 1, "authorizers": [{"type": "RBAC", "bar": 1}]})
    file("no type", {**HEAD, "authorizers": [{"name": "a"}]})
    file("unknown type", {**HEAD, "authorizers": [{"type": "Foo", "name": "a"}]})
    file("twice", authorizers(None, "RBAC", "RBAC"))
    file("no name", {**HEAD, "authorizers": [{"type": "RBAC"}]})
    file("wrong name", {**HEAD, "authorizers": [{"type": "RBAC", "name": "a"}]})
    file("name twice", {**HEAD, "authorizers": [{"type": "RBAC", "name": "a"},
                                                {"type": "Node", "name": "a"}]})
    file("bad name", {**HEAD, "authorizers": [{"type": "RBAC", "name": "A_"}]})
    file("no webhook", {**HEAD, "authorizers": [{"type": "Webhook", "name": "a"}]})
    file("webhook of another type", {**HEAD, "authorizers": [
        {"type": "RBAC", "name": "rbac", "webhook": {}}]})
    file("empty webhook", authorizers({}))
    file("wrong type", {**HEAD, "authorizers": [{"type": 1}]})
    hook("timeout too long", timeout="31s")
    hook("timeout below 0", timeout="-1s")
    hook("timeout a number", timeout=3)
    hook("timeout nonsense", timeout="soon")
    hook("ttl below 0", authorizedTTL="-1m", unauthorizedTTL="-90s")
    hook("version", subjectAccessReviewVersion="v2")
    hook("version of conditions", matchConditionSubjectAccessReviewVersion="v1beta1")
    hook("policy", failurePolicy="Allow")
    hook("no connection", connectionInfo=None)
    hook("connection", connectionInfo={"type": "Foo"})
    hook("connection without a file", connectionInfo={"type": "KubeConfigFile"})
    for name, path in {"relative": "a", "missing": "/nowhere/x", "directory": "/etc"}.items():
        hook("connection " + name,
             connectionInfo={"type": "KubeConfigFile", "kubeConfigFile": path})
    hook("in cluster with a file",
         connectionInfo={"type": "InClusterConfig", "kubeConfigFile": "/etc/passwd"})
    hook("conditions without a version", matchConditions=[{"expression": "true"}])
    for name, expressions in {
            "empty": [" "], "twice": ["true", "true"], "of a string": ["request.user"],
            "of an int": ["1"], "of a list": ["request.groups"], "unknown field": ["request.foo"],
            "unknown variable": ["object.x"], "syntax": ["request.("], "dyn": ["dyn(true)"],
            "many": [f"{i} == 0" for i in range(65)],
            "selectors": ["request.resourceAttributes.fieldSelector.requirements[0].foo == 'x'"],
    }.items():
        hook("condition " + name, matchConditionSubjectAccessReviewVersion="v1",
             matchConditions=[{"expression": each} for each in expressions])
    cases["no file"] = ["--authorization-config=/nowhere"]
    cases["with modes"] = cases["none"] + ["--authorization-mode=RBAC"]
    cases["webhook version"] = ["--authorization-mode=Webhook",
                                "--authorization-webhook-version=v2",
                                f"--authorization-webhook-config-file={kubeconfig(args, place, '/any')}"]
    cases["no webhook file"] = ["--authorization-mode=Webhook",
                                "--authorization-webhook-config-file=/nowhere"]
    cases["no policy file"] = ["--authorization-mode=ABAC", "--authorization-policy-file=/nowhere"]
    for name, text in {"type": '{"user": 1}', "json": "{", "kind": '{"apiVersion":"v1","kind":"Pod"}',
                       "long": "#" * 70000}.items():
        path = write(args, "policies-" + name, "# first\n" + text + "\n")
        cases["policies: " + name] = ["--authorization-mode=ABAC",
                                      f"--authorization-policy-file={path}"]
    return cases


def compare_configurations(args, comparison, place):
    for name, flags in configurations(args, place).items():
        if comparison.wants(name):
            said = [Program(args, ours, flags, "refused").end_text() for ours in (False, True)]
            comparison.compare(name, *said)


def main():
    parser = argparse.ArgumentParser()
    for name in ("kube", "ours", "etcd", "work", "only"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    args.tokens = write(args, "tokens.csv", USERS)
    args.key = os.path.join(args.work, "sa.key")
    subprocess.run(["openssl", "genrsa", "-out", args.key, "2048"], check=True, capture_output=True)
    place = Place(args.work)
    comparison = Comparison(args.only, KNOWN)
    compare_configurations(args, comparison, place)
    for policy in ("NoOpinion", "Deny"):
        if comparison.wants(policy):
            compare_file(args, comparison, place, policy)
    for version in ("v1", "v1beta1"):
        if comparison.wants("flags " + version):
            compare_flags(args, comparison, place, version)
    print(f"{comparison.count} compared, {comparison.unknown} differ in ways that are not known")
    sys.exit(1 if comparison.unknown else 0)


main()
