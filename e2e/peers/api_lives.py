"""What becomes of objects of each kind, kept and not in dry runs: what a new one may bring along, which writes move its
generation, who may write its status, how it goes while finalizers hold it."""
import copy
import json

import api_patches
import api_requests

MERGE, STRATEGIC, APPLY = api_patches.MERGE, api_patches.STRATEGIC, api_patches.APPLY
BROUGHT = {"generation": 7, "creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00Z",
           "deletionGracePeriodSeconds": 9, "selfLink": "/x", "uid": "11111111-2222-3333-4444-555555555555",
           "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u"}]}


class Lives:
    def __init__(self, comparison, schemas, as_ours):
        self.all, self.schemas, self.as_ours = comparison, schemas, as_ours

    def ask(self, path, things, chance):
        self.all.any_order = True
        for thing in things:
            self.life(path, copy.deepcopy(thing), chance)
        self.all.any_order = False

    def kept(self):
        return [server.get(self.one) for server in (self.all.kube, self.all.ours)]

    def same(self, what, verb, path, thing=None, content="application/json"):
        self.all.compare(f"{self.kind} life: {what}", Once(lambda: self.all.both(verb, path, thing, content)),
                         f"{verb} {path} {json.dumps(thing)}")

    def put(self, what, change, below="", query=""):
        kept = self.kept()
        if any("uid" not in each.get("metadata", {}) for each in kept):
            return
        theirs = copy.deepcopy(kept[0])
        theirs["metadata"].pop("managedFields", None)
        change(theirs)
        ours = self.as_ours(theirs, *kept)
        path = self.one + below + query
        self.all.compare(f"{self.kind} life: {what}", Once(lambda: (
            self.all.kube.ask("PUT", path, theirs), self.all.ours.ask("PUT", path, ours))),
            f"PUT {path} {json.dumps(theirs)}")

    def life(self, path, thing, chance):
        self.kind, self.one = thing["kind"], f"{path}/{thing['metadata']['name']}"
        schema = self.schemas.of(path, self.kind)
        properties = schema.get("properties", {})
        status = self.schemas.sample(properties["status"], chance) if "status" in properties else None
        new = copy.deepcopy(thing)
        new["metadata"].update(BROUGHT)
        if status is not None:
            new["status"] = status
        self.same("created with what the server gives", "POST", path, new)
        if "uid" not in self.all.kube.get(self.one).get("metadata", {}):
            self.same("created", "POST", path, thing)
        if "uid" not in self.all.kube.get(self.one).get("metadata", {}):
            return
        self.same("got", "GET", self.one)
        self.same("created twice", "POST", path, thing)
        self.put("put as it is", lambda it: None)
        self.put("labelled", lambda it: it["metadata"].setdefault("labels", {}).update(x="y"))
        self.put("annotated", lambda it: it["metadata"].setdefault("annotations", {}).update(x="y"))
        self.put("put with what the server gives", lambda it: it["metadata"].update(
            {key: BROUGHT[key] for key in BROUGHT if key not in ("uid", "ownerReferences")}))
        self.put("put with another uid", lambda it: it["metadata"].update(uid=BROUGHT["uid"]))
        self.put("put without a version", lambda it: it["metadata"].pop("resourceVersion"))
        self.put("put with version 0", lambda it: it["metadata"].update(resourceVersion="0"))
        self.put("put with an old version", lambda it: it["metadata"].update(resourceVersion="1"))
        self.put("put with a version that is none", lambda it: it["metadata"].update(resourceVersion="x"))
        self.put("put without metadata of its own", lambda it: [it["metadata"].pop(key, None) for key in (
            "uid", "creationTimestamp", "generation", "labels", "annotations", "ownerReferences")])
        self.put("put in another namespace", lambda it: it["metadata"].update(namespace="other"))
        self.put("put by another name", lambda it: it["metadata"].update(name="other"))
        self.put("put as another kind", lambda it: it.update(kind="Other"))
        self.put("put without a kind", lambda it: (it.pop("kind"), it.pop("apiVersion")))
        if status is not None:
            self.put("status put with the object", lambda it: it.update(status=status))
            self.put("status gone with the object", lambda it: it.pop("status", None))
            self.put("status put", lambda it: it.update(status=status), "/status")
            self.put("all put as its status", lambda it: (
                it["metadata"].update(labels={"s": "t"}, annotations={"s": "t"}, finalizers=["a.b/c"], generation=5),
                it.pop("spec", None)), "/status")
            self.same("status merged", "PATCH", self.one + "/status",
                      {"metadata": {"labels": {"m": "n"}}, "spec": None}, MERGE)
            self.same("status gone", "PATCH", self.one + "/status", {"status": None}, MERGE)
        fields = [key for key in self.all.kube.get(self.one)
                  if key not in ("apiVersion", "kind", "metadata", "status")]
        for field in fields:
            self.same(f"{field} gone", "PATCH", self.one, {field: None}, MERGE)
        below = self.all.kube.get(self.one).get("spec")
        for field in list(below if isinstance(below, dict) else ()):
            self.same(f"spec.{field} gone", "PATCH", self.one, {"spec": {field: None}}, MERGE)
            other = self.schemas.sample(self.schemas.below(self.schemas.below(schema, "spec"), field), chance)
            self.same(f"spec.{field} other", "PATCH", self.one, {"spec": {field: other}}, MERGE)
        self.same("applied", "PATCH", self.one + "?fieldManager=m&force=true",
                  {**thing, "metadata": {"name": thing["metadata"]["name"], "labels": {"ap": "plied"}}}, APPLY)
        self.same("got again", "GET", self.one)
        self.end(path, thing)

    def end(self, path, thing):
        holds = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}
        self.same("held", "PATCH", self.one, holds, MERGE)
        self.same("held by no name", "PATCH", self.one, {"metadata": {"finalizers": ["a"]}}, MERGE)
        self.same("deleted with another uid", "DELETE", self.one, {"preconditions": {"uid": "x"}})
        self.same("deleted in a dry run", "DELETE", self.one + "?dryRun=All")
        self.same("deleted", "DELETE", self.one)
        self.same("deleted twice", "DELETE", self.one)
        self.same("got while it goes", "GET", self.one)
        self.put("labelled while it goes", lambda it: it["metadata"].setdefault("labels", {}).update(go="es"))
        self.put("its time gone while it goes", lambda it: it["metadata"].pop("deletionTimestamp", None))
        self.same("held once more", "PATCH", self.one, {"metadata": {"finalizers": [
            "example.com/a", "example.com/b", "example.com/c"]}}, MERGE)
        self.same("created while it goes", "POST", path, thing)
        self.same("deleted for its dependents", "DELETE", self.one, {"propagationPolicy": "Foreground"})
        self.same("deleted without its dependents", "DELETE", self.one, {"propagationPolicy": "Orphan"})
        self.same("let go by one", "PATCH", self.one, {"metadata": {"finalizers": ["example.com/a"]}}, MERGE)
        self.same("let go in a dry run", "PATCH", self.one + "?dryRun=All", {"metadata": {"finalizers": None}}, MERGE)
        self.put("let go", lambda it: it["metadata"].pop("finalizers", None))
        self.same("gone", "GET", self.one)
        self.all.both("DELETE", self.one + "?gracePeriodSeconds=0", None)
        self.same("put where there is none", "PUT", self.one, thing)
        self.all.both("DELETE", self.one + "?gracePeriodSeconds=0", None)
        self.same("merged where there is none", "PATCH", self.one, {"metadata": {"labels": {"a": "b"}}}, MERGE)
        self.same("applied where there is none", "PATCH", self.one + "?fieldManager=m", thing, APPLY)
        self.same("deleted at last", "DELETE", self.one + "?propagationPolicy=Orphan&gracePeriodSeconds=0")
        self.all.both("PATCH", self.one, {"metadata": {"finalizers": None}}, MERGE)
        self.all.both("DELETE", self.one + "?gracePeriodSeconds=0", None)
        named = {**thing, "metadata": {**thing["metadata"], "resourceVersion": "5"}}
        self.same("created with a version", "POST", path, named)
        named = {**thing, "metadata": {"generateName": "gen-"}}
        self.same("created without a name", "POST", path, {**thing, "metadata": {}})
        self.same("created in a dry run with a generated name", "POST", path + "?dryRun=All",
                  {**named, "metadata": {"generateName": "Bad_"}})


class Once:
    """What is written for good is not asked again where the answers differ."""

    def __init__(self, ask):
        self.ask, self.answers = ask, None

    def __call__(self):
        self.answers = self.answers or self.ask()
        return self.answers
