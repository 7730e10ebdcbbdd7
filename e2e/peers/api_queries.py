"""Reads with queries and headers, right and wrong, and deletions with their options."""
import concurrent.futures
import json
import re
import time

import api_requests

NAMESPACE = api_requests.NAMESPACE
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
LABELS = ["a=b", "a==b", "a!=b", "a", "!a", "a in (b,c)", "a notin (b)", "a in ()", "a in (b",
          "a in b", "a=b,c=d",
          "a=b,", ",a", "=b", "a=", "a>1", "a<1", "n>1", "n<9", "n>x", "a=b=c", "a b", "-a=b",
          "a=-b", "x/y/z=b",
          "UPPER=b", "a=" + "b" * 64, "a" * 64 + "=b", "a!b", "a in (b,,c)", "a in (b, )", "!a=b",
          "a exists", "é=b",
          "a = b", " a ", "a in(b)", "a notin(b,c),!d", "a=b&", "in in (in)", "notin", "in", "a in",
          "a notin",
          "example.com/a=b", "Example.com/a=b", "a=b;c=d", "a=\"b\"", "a in (b))", "(a)", "a,!a",
          "!", "!!a", "a,b,c"]
FIELDS = ["metadata.name=q1", "metadata.name==q1", "metadata.name!=q1",
          "metadata.namespace=" + NAMESPACE,
          "metadata.name", "metadata.name=q1,metadata.name=q2", "spec.x=1", "metadata.labels.a=b",
          "=x", "metadata.name=",
          "metadata.name=a\\,b", "metadata.name=a\\b", "metadata.name=a\\=b", "metadata.name=q1,",
          ",",
          "metadata.name!=", "metadata.namespace!=x", "a=b=c", "metadata.name>1",
          "metadata.name in (q1)", "!x",
          "spec.nodeName=", "spec.nodeName=n1", "status.phase=Pending", "status.phase!=Pending",
          "status.podIP=",
          "spec.restartPolicy=Always", "spec.schedulerName=default-scheduler",
          "spec.hostNetwork=false",
          "spec.serviceAccountName=default", "status.nominatedNodeName=", "type=Opaque",
          "involvedObject.kind=Pod",
          "spec.unschedulable=false", "status.successful=0", "spec.signerName=x",
          "spec.clusterIP=None",
          "spec.type=ClusterIP", "status.replicas=0", "reason=x", "source=x", "involvedObject.uid=",
          "metadata.name=q1,spec.x=1"]
COLLECTIONS = ["configmaps", "pods", "secrets", "services", "events", "replicationcontrollers",
               "nodes", "namespaces",
               "serviceaccounts", "/apis/apps/v1/replicasets", "/apis/apps/v1/deployments",
               "/apis/batch/v1/jobs",
               "/apis/events.k8s.io/v1/events",
               "/apis/certificates.k8s.io/v1/certificatesigningrequests",
               "/apis/resource.k8s.io/v1/resourceslices", "/apis/networking.k8s.io/v1/ingresses"]
LIMITS = ["1", "2", "0", "-1", "x", "", "1.5", "99999999999", "99999999999999999999"]
VERSIONS = ["", "0", "1", "00", "-1", "x", "1.5", "NOW", "99999999999999999999", "+1"]
MATCHES = ["", "Exact", "NotOlderThan", "exact", "x"]
CONTINUES = ["", "x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJ4In0", "!!!",
             "eyJ2IjoieCIsInJ2Ijo1LCJzdGFydCI6IngifQ",
             "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJ4In0",
             "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTUsInN0YXJ0IjoieCJ9", "NEXT", "e30",
             "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiIuLi94In0"]
WORDS = ["true", "false", "1", "0", "", "x", "TRUE", "yes"]
ACCEPTS = ["application/json", "*/*", "application/*", "", None, "text/html", "application/yaml",
           "application/xml",
           "application/json;as=Table;v=v1;g=meta.k8s.io",
           "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
           "application/json;as=Table;v=v2;g=meta.k8s.io", "application/json;as=Table;v=v1;g=x",
           "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
           "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
           "application/json;as=X;v=v1;g=x",
           "application/json;as=Table", "application/json;stream=watch",
           "text/plain,application/json;q=0.5", "a", "a/b/c",
           "application/json;q=0", "application/json;pretty=1", "application/json; charset=utf-8",
           "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json",
           "application/cbor",
           "application/json;export=1", "application/json;profile=nosuch"]
DELETES = [{}, {"gracePeriodSeconds": 0}, {"gracePeriodSeconds": -1}, {"gracePeriodSeconds": "x"},
           {"propagationPolicy": "Orphan"}, {"propagationPolicy": "Background"},
           {"propagationPolicy": "Foreground"},
           {"propagationPolicy": "foreground"}, {"propagationPolicy": ""},
           {"propagationPolicy": "x"},
           {"orphanDependents": True}, {"orphanDependents": True, "propagationPolicy": "Orphan"},
           {"preconditions": {"uid": "x"}}, {"preconditions": {"resourceVersion": "1"}},
           {"preconditions": {}},
           {"preconditions": {"uid": ""}}, {"dryRun": ["All"]}, {"dryRun": ["x"]},
           {"dryRun": ["All", "All"]},
           {"dryRun": []}, {"dryRun": "All"}, {"kind": "DeleteOptions", "apiVersion": "v1"},
           {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}, {"kind": "DeleteOptions",
                                                                       "apiVersion": "apps/v1"},
           {"kind": "DeleteOptions", "apiVersion": "x/v1"}, {"kind": "Pod", "apiVersion": "v1"},
           {"kind": "DeleteOptions"},
           {"apiVersion": "v1"}, {"bogus": 1},
           {"ignoreStoreReadErrorWithClusterBreakingPotential": True}, [], "x", None,
           {"ignoreStoreReadErrorWithClusterBreakingPotential": False},
           {"gracePeriodSeconds": None}]
DELETE_QUERIES = ["", "&gracePeriodSeconds=0", "&gracePeriodSeconds=x", "&gracePeriodSeconds=-1",
                  "&propagationPolicy=Orphan", "&propagationPolicy=x", "&propagationPolicy=",
                  "&orphanDependents=true",
                  "&orphanDependents=x", "&dryRun=x", "&dryRun=",
                  "&orphanDependents=true&propagationPolicy=Orphan",
                  "&fieldValidation=Strict", "&fieldValidation=x",
                  "&ignoreStoreReadErrorWithClusterBreakingPotential=true"]
# The old way, to what can be watched: for ever.
WATCHED = [f"/api/v1/watch/namespaces/{NAMESPACE}/configmaps", "/api/v1/watch/namespaces",
           f"/api/v1/watch/namespaces/{NAMESPACE}/configmaps/q1", "/api/v1/watch/pods",
           "/api/v1/watch/nodes/n"]


def quoted(text):
    return "".join(chr(c) if re.match(r"[A-Za-z0-9]", chr(c)) else f"%{c:02X}"
                   for c in text.encode())


class Queries:
    def __init__(self, comparison):
        self.all, self.at_once = comparison, concurrent.futures.ThreadPoolExecutor(2)

    def make(self):
        for number in range(1, 6):
            labels = {"a": "b" if number % 2 else "c", "n": str(number)}
            self.all.both("POST", MAPS, {"metadata": {"name": f"q{number}", "labels": labels}})
        self.all.both("POST", PODS, {"metadata": {"name": "q1", "labels": {"a": "b"}},
                                     "spec": {"containers": [{"name": "c", "image": "i"}]}})
        time.sleep(1)

    def unmake(self):
        for number in range(1, 6):
            self.all.both("DELETE", f"{MAPS}/q{number}")
        self.all.both("DELETE", f"{PODS}/q1?gracePeriodSeconds=0")

    def placed(self, path, chance):
        """Both paths, with each server's own words for NOW and NEXT."""
        found = []
        for server in self.all.kube, self.all.ours:
            own = path
            if "NOW" in path:
                own = own.replace("NOW", server.get(MAPS)["metadata"]["resourceVersion"])
            if "NEXT" in path:
                token = server.get(MAPS + "?limit=1")["metadata"].get("continue", "")
                own = own.replace("NEXT", quoted(token))
            found.append(own)
        return found

    def read(self, name, path, accept="application/json"):
        def ask():
            # At once: a watch lasts as long as it says.
            answers = list(self.at_once.map(lambda server, own: server.ask("GET", own, accept=accept),
                                            (self.all.kube, self.all.ours), self.placed(path, None)))
            for _, document, _ in answers:
                if isinstance(document, dict) and (document.get("metadata") or {}).get("continue"):
                    document["metadata"]["continue"] = "some"
                if "yaml" in str(accept) or "/version" in path:
                    document.clear()
                if "message" in document:
                    document["message"] = re.sub(r"\(?\b\d{2,}\b\)?", "N", str(document["message"]))
            return answers
        self.all.compare(name, ask, f"GET {path} {accept}")

    def selectors(self):
        for text in LABELS:
            self.read(f"list labelSelector={text}", f"{MAPS}?labelSelector={quoted(text)}")
        for name in COLLECTIONS:
            path = name if name[0] == "/" else "/api/v1/" + name
            for text in FIELDS:
                self.read(f"list {path.split('/')[-1]} fieldSelector={text}",
                          f"{path}?limit=1&labelSelector=none&fieldSelector={quoted(text)}")
        for text in ("metadata.name=q1", "metadata.name=q2", "metadata.name=q1,metadata.name=q2"):
            self.read(f"watch fieldSelector={text}",
                      f"{MAPS}/q1?watch=1&timeoutSeconds=1&fieldSelector={quoted(text)}")

    def combinations(self, chance, count):
        for _ in range(count):
            words = []
            for word, choices in (("limit", LIMITS), ("resourceVersion", VERSIONS),
                                  ("resourceVersionMatch", MATCHES),
                                  ("continue", CONTINUES), ("pretty2", ["1",
                                                                               ""]),
                                  ("sendInitialEvents", WORDS), ("allowWatchBookmarks", WORDS),
                                  ("pretty", WORDS),
                                  ("labelSelector", LABELS), ("fieldSelector", FIELDS[:12]),
                                  ("bogus", ["1"]),
                                  ("shardSelector", ["x"])):
                chosen = chance.choice(choices)
                if chance.random() < 0.35:
                    words.append((word, chosen if chosen in ("NOW", "NEXT") else quoted(chosen)))
            query = "&".join("=".join(word) for word in words)
            # What a server keeps of old versions is its own.
            name = "list " + " ".join(sorted(f"{key}={value[:20]}" for key, value in words
                                             if key not in ("pretty", "bogus", "labelSelector",
                                                            "fieldSelector")))
            self.read(name, f"{MAPS}?{query}")
            if chance.random() < 0.3:
                self.read(name.replace("list", "watch", 1),
                          f"{MAPS}?{query}&watch=1&timeoutSeconds=1")
            if chance.random() < 0.2:
                self.read(name.replace("list", "get", 1), f"{MAPS}/q1?{query}")

    def accepts(self):
        for accept in ACCEPTS:
            for path in (MAPS, MAPS + "/q1", MAPS + "/none", "/api/v1", "/apis", "/readyz",
                         PODS,
                         "/nothing", "/apis/x.example.com/v1", MAPS + "?labelSelector=!!",
                         "/openapi/v2x"):
                for more in ("", "includeObject=Metadata", "includeObject=None",
                             "includeObject=Object",
                             "includeObject=x", "watch=1&timeoutSeconds=1"):
                    if more and path not in (MAPS, MAPS + "/q1"):
                        continue
                    if "watch" in more and path == MAPS:
                        continue
                    self.read(f"accept {accept} {path.split('/')[-1]} {more}", f"{path}?{more}",
                              accept)

    def deletions(self, chance):
        for path in (MAPS + "/q1", MAPS, PODS + "/q1", MAPS + "/none"):
            for options in DELETES:
                self.all.same(f"delete {path.split('/')[-1]} {json.dumps(options)}", "DELETE",
                              path + "?dryRun=All", options)
            for query in DELETE_QUERIES:
                self.all.same(f"delete {path.split('/')[-1]} {query}", "DELETE",
                              path + "?dryRun=All" + query)
                options = chance.choice(DELETES[:18])
                self.all.same(f"delete {path.split('/')[-1]} {query} {json.dumps(options)}",
                              "DELETE",
                              path + "?dryRun=All" + query, options)
        for content in ("text/plain", "application/yaml", "application/xml", "", None,
                        "application/json;charset=x"):
            self.all.same(f"delete content {content}", "DELETE", MAPS + "/q1?dryRun=All",
                          '{"propagationPolicy":"Orphan"}', content)

    def methods(self):
        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO"):
            for path in (MAPS, MAPS + "/q1", MAPS + "/q1/status", PODS + "/q1/status",
                         PODS + "/q1/binding",
                         PODS + "/q1/eviction", PODS + "/q1/nothing", "/api/v1/configmaps",
                         "/api/v1/bindings",
                         "/apis/authorization.k8s.io/v1/subjectaccessreviews", "/api/v1/nothing",
                         "/apis/apps/v2/x",
                         "/api/v1", "/apis", "/version", "/api/v1/componentstatuses",
                         "/api/v1/componentstatuses/x",
                         "/api/v1/namespaces/x/finalize",
                         "/apis/apps/v1/namespaces/x/deployments/y/scale",
                         *WATCHED, f"/api/v1/watch/namespaces/{NAMESPACE}/pods/q1/status",
                         "/api/v1/watch/nodes/n/status", "/api/v1/watch/namespaces/x/finalize",
                         "/apis/apps/v1/watch/namespaces/x/deployments/y/scale",
                         "/apis/apps/v1/watch/nothing", "/api/v1/watch", "/apis/apps/v1/watch",
                         "/api/v1/watch/bindings", "/api/v1/proxy/namespaces/x/pods/y",
                         "/api/v1/namespaces/x/pods/y/z/w"):
                if verb == "GET" and path in WATCHED:
                    continue
                body = {} if verb in ("POST", "PUT", "PATCH") else None
                self.all.same(f"method {verb} {path}", verb, path + "?dryRun=All", body,
                              "application/merge-patch+json" if verb == "PATCH"
                              else "application/json")
