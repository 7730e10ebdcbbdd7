"""Random policies, each for one name of an object: whether they are taken, and what they say or make of objects."""
import json
import time

import api_requests
import api_rules

POLICIES = "/apis/admissionregistration.k8s.io/{}/{}admissionpolic{}"
SPACE = f"/api/v1/namespaces/{api_requests.NAMESPACE}"
SETTLED_SECONDS_MAX = 60
# What policies have beside the object, by type.
MORE = {
    "bool": ["authorizer.group('').resource('pods').namespace('a').check('get').allowed()", "request.dryRun",
             "authorizer.path('/healthz').check('get').allowed()", "has(object.metadata.labels)", "oldObject == null",
             "authorizer.requestResource.check('create').allowed()", "has(request.options)", "has(object.spec)",
             "authorizer.serviceAccount('a', 'b').group('apps').resource('deployments').subresource('scale').name('n')"
             ".check('update').allowed()", "variables.truth", "has(variables.number)", "has(object.spec.nothing)"],
    "int": ["variables.number", "request.userInfo.groups.size()", "variables.both.size()"],
    "string": ["request.name", "request.operation", "request.userInfo.username", "request.kind.kind",
               "request.namespace", "request.resource.resource", "namespaceObject.metadata.name",
               "object.metadata.name", "variables.text", "request.requestKind.version", "params.data.one",
               "request.subResource", "object.kind", "object.apiVersion",
               "authorizer.group('').resource('pods').check('get').reason()",
               "params.metadata.name", "string(request.uid)"],
    "dyn": ["oldObject", "params.data", "request.userInfo", "request.userInfo.extra",
            "namespaceObject.metadata.labels", "request.options", "object.metadata", "object.status", "variables.both",
            "namespaceObject", "params", "request", "variables.nothing", "object.spec.free", "request.nothing"],
    "list(string)": ["request.userInfo.groups", "variables.texts"],
    "map(string, string)": ["params.data", "namespaceObject.metadata.labels", "object.metadata.labels"]}
# JSON patches' and configurations' parts, of a Pod.
PLACES = ["/spec/containers/0/image", "/spec/containers/-", "/spec/containers/1", "/metadata/labels",
          "/metadata/labels/a", "/metadata/labels/' + jsonpatch.escapeKey('x/y') + '", "/spec/priority",
          "/spec/nodeSelector", "/spec/nothing", "/metadata/annotations/k", "/spec/containers/0/env",
          "/spec/tolerations/-", "", "/spec", "/kind", "spec", "/spec/volumes",
          "/spec/containers/0/ports/0/containerPort", "/metadata/name",
          "/spec/restartPolicy", "/status", "/spec/containers/0", "/metadata/labels/a~1b", "/spec/containers/00",
          "/metadata", "/spec/activeDeadlineSeconds"]
VALUES = ["'x'", "1", "true", "null", "1.5", "[]", "{}", "['a']", "{'a': 'b'}", "{'a': 1}", "Object.metadata.labels{}",
          "[Object.spec.containers{name: 'n', image: 'i'}]", "Object.spec.containers{name: 'n', image: 'i'}",
          "Object.spec.tolerations{key: 'k', operator: 'Exists'}",
          "[Object.spec.containers.env{name: 'A', value: 'b'}]", "dyn(object.metadata.name)", "object.metadata",
          "object.spec", "variables.text", "params.data", "dyn(null)",
          "Object.spec{}", "Object{}", "duration('1s')", "b'a'", "1u", "optional.of('a')", "timestamp(0)",
          "object.metadata.labels", "Object.spec.wrong{}", "[1, 2].map(v, v + 1)", "quantity('1')",
          "request.operation", "0.0 / 0.0", "type(1)"]
FIELDS = {
    "Object": ["metadata", "spec", "?spec", "kind", "status", "nothing"],
    "Object.metadata": ["labels", "annotations", "name", "?labels",
                                                                                 "finalizers", "ownerReferences"],
    "Object.spec": ["containers", "tolerations", "priority", "nodeSelector", "securityContext", "volumes",
                    "hostNetwork", "initContainers", "activeDeadlineSeconds", "topologySpreadConstraints", "dnsConfig",
                    "?nodeName", "nothing"],
    "Object.spec.containers": ["name", "image", "env", "ports", "args", "resources", "securityContext", "volumeMounts"],
    "Object.spec.containers.env": ["name", "value", "valueFrom"],
    "Object.spec.containers.ports": ["containerPort", "name", "protocol"],
    "Object.spec.containers.resources": ["limits", "requests"],
    "Object.spec.securityContext": ["runAsUser", "runAsNonRoot", "supplementalGroups"],
    "Object.spec.containers.securityContext": ["privileged", "capabilities"],
    "Object.spec.volumes": ["name", "emptyDir", "hostPath"], "Object.spec.volumes.hostPath": ["path"],
    "Object.spec.tolerations": ["key", "operator", "effect"], "Object.spec.dnsConfig": ["nameservers", "options"],
    "Object.metadata.ownerReferences": ["name", "uid", "kind", "apiVersion"]}
LISTS = ("Object.spec.containers", "Object.spec.containers.env", "Object.spec.containers.ports", "Object.spec.volumes",
         "Object.spec.tolerations", "Object.spec.initContainers", "Object.metadata.ownerReferences")
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b", "a/b": "c"}, "annotations": {"k": "v"}},
       "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "A", "value": "a"}],
                                "ports": [{"containerPort": 80}]}, {"name": "d", "image": "j"}],
                "tolerations": [{"key": "k", "operator": "Exists"}], "nodeSelector": {"a": "b"}}}


class Policies:
    def __init__(self, comparison):
        self.all, self.made = comparison, 0

    def ask(self, seed, rounds, policies):
        self.all.both("POST", SPACE + "/configmaps", {"metadata": {"name": "param", "labels": {"p": "q"}},
                                                      "data": {"one": "1", "a": "b"}})
        kinds = api_rules.Rules(self.all)
        kinds.made = 1_000_000
        definition = kinds.definition([])
        path = kinds.served(definition)
        for turn in range(rounds):
            chance = api_requests.chance_of(seed, "policies", turn)
            custom = lambda name, chance=chance: {
                "apiVersion": "rules.example.com/v1", "kind": definition["spec"]["names"]["kind"],
                "metadata": {"name": name}, "spec": api_rules.sample(chance)}
            self.round("validating", policies, lambda: validating(chance), path, custom)
            self.costs(chance, policies // 4, path, custom)
            self.round("mutating", policies, lambda: mutating(chance), SPACE + "/pods", lambda name, _=None: {
                **POD, "metadata": {**POD["metadata"], "name": name}})
        self.all.both("DELETE", f"{api_rules.DEFINITIONS}/{definition['metadata']['name']}")
        self.all.both("DELETE", SPACE + "/configmaps/param")

    def round(self, family, count, policy, path, thing):
        version = "v1" if family == "validating" else "v1beta1"
        at, bindings = POLICIES.format(version, family, "ies"), POLICIES.format(version, family, "ybindings")
        if any(answer[0] != 200 for answer in self.all.both("GET", at)):
            print(f"{family} policies are not served", flush=True)
            return
        resource = path.rpartition("/")[2]
        names = []
        for _ in range(count):
            self.made += 1
            spec, binding, name = *policy(), f"p{self.made}"
            spec["matchConstraints"] = matching(resource, name)
            self.all.same(f"{family} policy", "POST", at, {"metadata": {"name": name}, "spec": spec})
            if [server.ask("GET", f"{at}/{name}")[0] for server in (self.all.kube, self.all.ours)] == [200, 200]:
                self.all.both("POST", bindings, {"metadata": {"name": name}, "spec": {**binding, "policyName": name}})
                names.append((name, spec, binding))
        self.settled(version, family, at, bindings, path, resource, thing)
        for name, spec, binding in names:
            given = thing(name)
            self.all.compare(f"{family} judged", lambda given=given: self.all.both("POST", path + "?dryRun=All", given),
                             json.dumps([spec, binding, given.get("spec") if family == "validating" else None]))
        for name, _, _ in names:
            self.all.both("DELETE", f"{bindings}/{name}")
            self.all.both("DELETE", f"{at}/{name}")

    def costs(self, chance, count, path, thing):
        """How often each of some expressions can be evaluated before its budget is spent."""
        at, bindings = POLICIES.format("v1", "validating", "ies"), POLICIES.format("v1", "validating", "ybindings")
        resource = path.rpartition("/")[2]
        names = []
        for _ in range(count):
            self.made += 1
            name, kind = f"p{self.made}", chance.choice(api_rules.SHOWN)
            value = api_rules.Expressions(chance, 0, "object.spec.",
                                          without_variables()).of(kind, chance.choice([1, 2, 2, 3]))
            rule = f"lists.range(object.spec.count).all(turn, dyn({value}) == dyn('~') || true)"
            answers = self.all.both("POST", at, {"metadata": {"name": name}, "spec": {
                "matchConstraints": matching(resource, name), "validations": [{"expression": rule}]}})
            if [answer[0] for answer in answers] == [201, 201]:
                self.all.both("POST", bindings, {"metadata": {"name": name}, "spec": {
                    "policyName": name, "validationActions": ["Deny"]}})
                names.append((name, rule))
        self.settled("v1", "validating", at, bindings, path, resource, thing)
        for name, rule in names:
            given = thing(name)
            fits, many = 0, 400_000
            while many - fits > 1:
                middle = (fits + many) // 2
                given["spec"]["count"] = middle
                taken = self.all.kube.ask("POST", path + "?dryRun=All", given)[0] == 201
                fits, many = (middle, many) if taken else (fits, middle)
            for turns in (fits, many):
                given["spec"]["count"] = turns
                self.all.compare("cost of", lambda given=given: self.all.both("POST", path + "?dryRun=All", given),
                                 f"{turns} of {rule} {json.dumps(given['spec'])}")
        for name, _ in names:
            self.all.both("DELETE", f"{bindings}/{name}")
            self.all.both("DELETE", f"{at}/{name}")

    def settled(self, version, family, at, bindings, path, resource, thing):
        """Until a last policy acts: kube-apiserver reads them a moment later. Some random objects are refused for
        what they are; how many are tried depends on the machine, so that they are not of the seed's."""
        spec = {"matchConstraints": matching(resource, "last")}
        if family == "validating":
            spec["validations"] = [{"expression": "false", "message": "it acts"}]
        else:
            spec["reinvocationPolicy"] = "Never"
            spec["mutations"] = [{"patchType": "JSONPatch", "jsonPatch": {
                "expression": "[JSONPatch{op: 'nothing', path: '/'}]"}}]
        self.all.both("POST", at, {"metadata": {"name": "last"}, "spec": spec})
        self.all.both("POST", bindings, {"metadata": {"name": "last"}, "spec": {
            "policyName": "last", **({"validationActions": ["Deny"]} if family == "validating" else {})}})
        others = api_requests.chance_of("settled")
        for server in self.all.kube, self.all.ours:
            until = time.monotonic() + SETTLED_SECONDS_MAX
            while "policy 'last'" not in self.refusal(server, path, thing("last", others)):
                if time.monotonic() > until:
                    raise TimeoutError(f"{family} policies do not act after {SETTLED_SECONDS_MAX} s")
                time.sleep(0.1)
        self.all.both("DELETE", f"{bindings}/last")
        self.all.both("DELETE", f"{at}/last")

    @staticmethod
    def refusal(server, path, thing):
        return (server.ask("POST", path + "?dryRun=All", thing)[1].get("message") or "").lower()


def matching(resource, name):
    return {"resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource],
                               "operations": ["CREATE", "UPDATE"], "resourceNames": [name]}]}


def without_variables():
    return {kind: [one for one in some if not one.startswith("variables")] for kind, some in MORE.items()}


def common(chance, expressions):
    """The parts that both families have."""
    spec = {"failurePolicy": chance.choice(["Fail", "Fail", "Fail", "Ignore"]), "variables": [
        {"name": "number", "expression": expressions("int", 2)},
        {"name": "text", "expression": expressions("string", 2)},
        {"name": "truth", "expression": "variables.number > 1"},
        {"name": "texts", "expression": expressions("list(string)", 1)},
        {"name": "both", "expression": "[string(variables.number), variables.text]"}]}
    if chance.random() < 0.4:
        spec["paramKind"] = {"apiVersion": "v1", "kind": "ConfigMap"}
    if chance.random() < 0.3:
        spec["matchConditions"] = [{"name": f"c{i}", "expression": expressions("bool", 2)}
                                   for i in range(chance.choice([1, 1, 2]))]
    binding = {}
    if chance.random() < 0.9 and "paramKind" in spec:
        named = {"name": chance.choice(["param", "param", "missing"])}
        selected = {"selector": {"matchLabels": {"p": chance.choice(["q", "q", "r"])}}}
        binding["paramRef"] = {**chance.choice([named, selected]), "namespace": api_requests.NAMESPACE,
                               "parameterNotFoundAction": chance.choice(["Allow", "Deny"])}
    return spec, binding


def validating(chance):
    made = api_rules.Expressions(chance, chance.choice([0, 0, 0.05]), "object.spec.", MORE)
    early = api_rules.Expressions(chance, made.odd, made.root, without_variables())
    spec, binding = common(chance, early.of)
    spec["validations"] = []
    for _ in range(chance.choice([1, 1, 2])):
        kind = chance.choice(api_rules.SHOWN)
        if chance.random() < 0.4:
            validation = {"expression": made.of("bool", 3)}
        else:
            value = made.of(kind, chance.choice([1, 2, 3]))
            validation = {"expression": f"dyn({value}) == dyn('~')", "messageExpression": f"'%s'.format([{value}])"}
        if chance.random() < 0.3:
            validation["message"] = "it is not so"
        if chance.random() < 0.3:
            validation["reason"] = chance.choice(["Forbidden", "Invalid", "Unauthorized", "RequestEntityTooLarge"])
        if chance.random() < 0.1:
            validation["messageExpression"] = made.of("string", 2)
        spec["validations"].append(validation)
    if chance.random() < 0.2:
        spec["auditAnnotations"] = [{"key": "k", "valueExpression": made.of(chance.choice(["string", "string", "dyn"]),
                                                                            2)}]
    binding["validationActions"] = chance.choice([["Deny"], ["Deny"], ["Warn"], ["Deny", "Audit"], ["Warn", "Audit"]])
    return spec, binding


def mutating(chance):
    made = api_rules.Expressions(chance, 0, "object.spec.", without_variables())
    spec, binding = common(chance, lambda kind, depth: made.of(kind, 0))
    spec["reinvocationPolicy"] = chance.choice(["Never", "IfNeeded"])
    spec["mutations"] = []
    for _ in range(chance.choice([1, 1, 2])):
        if chance.random() < 0.5:
            spec["mutations"].append({"patchType": "JSONPatch", "jsonPatch": {"expression": "[" + ", ".join(
                operation(chance) for _ in range(chance.choice([1, 1, 2]))) + "]"}})
        else:
            spec["mutations"].append({"patchType": "ApplyConfiguration", "applyConfiguration": {
                "expression": configuration(chance, "Object", 0)}})
    return spec, binding


def operation(chance):
    op = chance.choice(["add", "add", "replace", "remove", "test", "move", "copy", "nothing"])
    parts = [f"op: '{op}'", f"path: '{chance.choice(PLACES)}'"]
    if op in ("move", "copy") or chance.random() < 0.05:
        parts.append(f"from: '{chance.choice(PLACES)}'")
    if op in ("add", "replace", "test") and chance.random() < 0.95 or chance.random() < 0.05:
        parts.append(f"value: {chance.choice(VALUES)}")
    return "JSONPatch{" + ", ".join(parts) + "}"


def configuration(chance, name, depth):
    if name not in FIELDS or chance.random() < 0.08 * depth:
        return chance.choice(VALUES)
    members = []
    for field in chance.sample(FIELDS[name], min(len(FIELDS[name]), chance.choice([1, 1, 2, 3]))):
        inner = name + "." + field.lstrip("?")
        value = configuration(chance, inner, depth + 1)
        if inner in LISTS and chance.random() < 0.95:
            value = f"[{value}]"
        members.append(f"{field}: " + (f"optional.of({value})" if field[0] == "?" else value))
    return name + "{" + ", ".join(members) + "}"
