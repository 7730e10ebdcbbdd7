"""What is written below objects: statuses, scales, whatever discovery lists, and what takes POST."""
import copy
import json

import api_patches
import api_requests

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sub", "labels": {"a": "b"}},
       "spec": {"automountServiceAccountToken": False,
                "containers": [{"name": "c", "image": "i",
                                "resources": {"requests": {"cpu": "1", "memory": "1Gi"},
                                              "limits": {"cpu": "1", "memory": "1Gi"}}}]}}
POSTED = [
    ("pods/sub/binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "sub"},
                          "target": {"apiVersion": "v1", "kind": "Node", "name": "n1"}}),
    ("bindings", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "sub"},
                  "target": {"kind": "Node", "name": "n1"}}),
    ("pods/sub/eviction", {"apiVersion": "policy/v1", "kind": "Eviction",
                           "metadata": {"name": "sub", "namespace": api_requests.NAMESPACE},
                           "deleteOptions": {"gracePeriodSeconds": 0,
                                             "propagationPolicy": "Background"}}),
    ("serviceaccounts/default/token", {"apiVersion": "authentication.k8s.io/v1",
                                       "kind": "TokenRequest",
                                       "metadata": {"name": "default"},
                                       "spec": {"audiences": ["a"], "expirationSeconds": 600,
                                                "boundObjectRef": {"kind": "Pod",
                                                                   "apiVersion": "v1",
                                                                   "name": "sub"}}}),
]
REVIEWS = [
    ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "SelfSubjectAccessReview",
     {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods", "group": "",
                             "name": "x",
                             "fieldSelector": {"rawSelector": "a=b"}}}),
    ("/apis/authorization.k8s.io/v1/subjectaccessreviews", "SubjectAccessReview",
     {"user": "u", "groups": ["g"], "extra": {"k": ["v"]},
      "nonResourceAttributes": {"path": "/x", "verb": "get"}}),
    ("/apis/authorization.k8s.io/v1/subjectaccessreviews", "SubjectAccessReview",
     {"user": "u", "uid": "x", "resourceAttributes": {
         "verb": "list", "resource": "pods", "labelSelector": {"requirements": [
             {"key": "a", "operator": "In", "values": ["b"]}]}}}),
    (f"/apis/authorization.k8s.io/v1/namespaces/{api_requests.NAMESPACE}/localsubjectaccessreviews",
     "LocalSubjectAccessReview",
     {"user": "u", "resourceAttributes": {"namespace": api_requests.NAMESPACE, "verb": "get",
                                          "resource": "pods"}}),
    ("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "SelfSubjectRulesReview",
     {"namespace": "nowhere"}),
    ("/apis/authentication.k8s.io/v1/tokenreviews", "TokenReview", {"token": "x",
                                                                    "audiences": ["a"]}),
    ("/apis/authentication.k8s.io/v1/selfsubjectreviews", "SelfSubjectReview", {}),
]


class Subresources:
    def __init__(self, comparison, schemas):
        self.all, self.schemas = comparison, schemas
        self.written = {}

    def below(self, path):
        """{subresource: its kind} of those of a collection that can be updated."""
        parts = path.strip("/").split("/")
        root = "/" + "/".join(parts[: 2 if parts[0] == "api" else 3])
        if root not in self.written:
            found = {}
            for resource in self.all.kube.get(root).get("resources", []):
                name, _, sub = resource["name"].partition("/")
                if sub and "update" in resource["verbs"] and sub != "proxy":
                    found.setdefault(name, {})[sub] = resource["kind"]
            self.written[root] = found
        return self.written[root].get(parts[-1], {})

    def of(self, path, one, thing, chance, as_ours):
        """Dry runs below what both keep at `one`."""
        patches = api_patches.Patches(self.all, self.schemas)
        for sub in self.below(path):
            place = f"{one}/{sub}"
            kept = [server.get(place) for server in (self.all.kube, self.all.ours)]
            if kept[0].get("kind") == "Status" or kept[1].get("kind") == "Status":
                continue
            self.all.same(f"{thing['kind']}/{sub} get", "GET", place)
            for document in kept:
                document["metadata"].pop("managedFields", None)
            schema = self.schemas.of(path, kept[0]["kind"])
            rich = copy.deepcopy(kept)
            if "status" in schema.get("properties", {}):
                status = self.schemas.sample(schema["properties"]["status"], chance)
                for document in rich:
                    document["status"] = {**status, **(document.get("status") or {})}
            changes = [change for change in api_requests.changed(rich[0], self.schemas, schema,
                                                                 chance)
                       if not api_patches.own_place(change[0])]
            likely = [change for change in changes if change[0][:1] == (sub,)
                      or sub not in ("status", "scale")]
            count = min(len(likely), self.all.requests // 2)
            more = min(len(changes), count // 4)
            chosen = chance.sample(likely, count) + chance.sample(changes, more)
            for where, _, theirs in chosen:
                ours = as_ours(theirs, *kept)
                put = place + "?dryRun=All"
                self.all.compare(f"{kept[0]['kind']}/{sub} update {api_requests.field_of(where)}",
                                 lambda theirs=theirs, ours=ours: (
                                     self.all.kube.ask("PUT", put, theirs),
                                     self.all.ours.ask("PUT", put, ours)),
                                 f"PUT {put} {json.dumps(theirs)}")
            sent = {"apiVersion": kept[0]["apiVersion"], "kind": kept[0]["kind"],
                    "metadata": {"name": kept[0]["metadata"]["name"]},
                    **{key: rich[0][key] for key in ("spec", "status") if key in rich[0]}}
            patches.of(path, place, sent, kept[0], chance, 0.25, "/" + sub)

    def posted(self, chance):
        pods = f"/api/v1/namespaces/{api_requests.NAMESPACE}/pods"
        self.all.both("POST", pods, POD)
        for name, thing in POSTED:
            path = f"/api/v1/namespaces/{api_requests.NAMESPACE}/{name}"
            self.changed(path, thing, chance)
        one = f"{pods}/sub"
        kept = self.all.kube.get(one)
        for sub in ("ephemeralcontainers", "resize"):
            self.mend_pod(one, sub, kept, chance)
        self.all.both("DELETE", one + "?gracePeriodSeconds=0")

    def mend_pod(self, one, sub, kept, chance):
        """New debug containers, and resources that change."""
        schema = self.schemas.of("/api/v1/pods", "Pod")
        kept = copy.deepcopy(kept)
        for key in ("managedFields", "resourceVersion", "uid", "creationTimestamp"):
            kept["metadata"].pop(key, None)
        if sub == "ephemeralcontainers":
            kept["spec"]["ephemeralContainers"] = [{"name": "d", "image": "i",
                                                    "targetContainerName": "c",
                                                    "command": ["x"],
                                                    "env": [{"name": "A", "value": "b"}],
                                                    "volumeMounts": []}]
        else:
            kept["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2", "memory": "1Gi"},
                                                          "limits": {"cpu": "2", "memory": "1Gi"}}
            kept["spec"]["containers"][0]["resizePolicy"] = [
                {"resourceName": "cpu", "restartPolicy": "NotRequired"},
                {"resourceName": "memory", "restartPolicy": "NotRequired"}]
        fields = {"ephemeralcontainers": "ephemeralContainers", "resize": "containers"}
        changes = api_requests.changed(kept, self.schemas, schema, chance)
        likely = [change for change in changes if change[0][:2] == ("spec", fields[sub])]
        count = self.all.requests
        chosen = chance.sample(likely, min(len(likely), 2 * count))
        chosen += chance.sample(changes, count // 2)
        for where, _, other in chosen:
            self.all.same(f"Pod/{sub} update {api_requests.field_of(where)}", "PUT",
                          f"{one}/{sub}?dryRun=All", other)
            patch = {"spec": {fields[sub]: api_patches.at(other, ("spec", fields[sub]))}}
            if patch["spec"][fields[sub]] is not KeyError:
                self.all.same(f"Pod/{sub} strategic {api_requests.field_of(where)}", "PATCH",
                              f"{one}/{sub}?dryRun=All", patch, api_patches.STRATEGIC)

    def changed(self, path, thing, chance, dry="?dryRun=All"):
        kind = thing["kind"]
        schema = self.schemas.named(path, thing["apiVersion"], kind)
        self.all.same(f"{kind} post", "POST", path + dry, thing)
        changes = [change for change in api_requests.changed(thing, self.schemas, schema, chance)
                   if change[0]]
        for where, _, other in chance.sample(changes, min(len(changes), 2 * self.all.requests)):
            query = dry + chance.choice(["", "", "&fieldValidation=Strict"])
            self.all.same(f"{kind} post {api_requests.field_of(where)}", "POST", path + query,
                          other)

    def reviews(self, chance):
        for path, kind, spec in REVIEWS:
            thing = {"apiVersion": path.split("/")[2] + "/v1", "kind": kind,
                     "metadata": {}, "spec": spec}
            self.changed(path, thing, chance)
