"""Worlds for schedulers, made from a seed: nodes, what runs there, volumes, and pods that look for a node.

Objects are what the API takes. Nodes are small and pods ask for few distinct things, so that every rule refuses some
nodes and lets others pass. The label asked=blocked is for pods that may be bound nowhere: Blocker() stands in their way
by the rule that is asked last, so that the nodes it refuses are those that all others let pass.
"""
NAMESPACES = {"default": {}, "blue": {"team": "sea"},
              "green": {"team": "land", "open": "yes", "resource.kubernetes.io/admin-access": "true"}}
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
DRIVER = "csi.example.com"


class World:
    def __init__(self, rng, nodes):
        self.rng = rng
        self.node_names = [f"n{i:02}" for i in range(nodes)]

    def maybe(self, likely):
        return self.rng.random() < likely

    def some(self, *choices):
        return self.rng.choice(choices)

    # --- what does not move ---

    def nodes(self):
        return [self.node(name) for name in self.node_names]

    def node(self, name):
        labels = {HOST: name, "everywhere": "one"}
        if self.maybe(0.9):
            labels[ZONE] = self.some("a", "b", "c")
        for key, values in {"disk": ("ssd", "hdd", ""), "generation": ("1", "5", "9", "012", "old"),
                            "rack": ("r1", "r2", "r3", "r4")}.items():
            if self.maybe(0.7):
                labels[key] = self.some(*values)
        room = {"cpu": self.some("500m", "1", "2", "4"), "memory": self.some("512Mi", "1Gi", "4G"),
                "ephemeral-storage": self.some("1Gi", "5Gi"), "pods": self.some("2", "4", "10")}
        if self.maybe(0.4):
            room["example.com/gpu"] = self.some("0", "1", "2")
        if self.maybe(0.2):
            room["hugepages-2Mi"] = self.some("4Mi", "8Mi")
        spec = {"unschedulable": True} if self.maybe(0.1) else {}
        taints = {(self.some("dedicated", "gpu"), self.some("NoSchedule", "PreferNoSchedule", "NoExecute")):
                  self.some("", "x", "5") for _ in range(self.some(0, 0, 1, 2))}
        spec["taints"] = [{"key": k, "effect": e, "value": v} for (k, e), v in taints.items()]
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": spec,
                "status": {"capacity": room, "allocatable": room}}

    def csi_nodes(self):
        return [{"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": name}, "spec": {"drivers": [
            {"name": DRIVER, "nodeID": name, "topologyKeys": [ZONE],
             **({"allocatable": {"count": self.some(1, 2, 3)}} if self.maybe(0.7) else {})}]}}
            for name in self.node_names if self.maybe(0.8)]

    def classes(self):
        def storage(name, mode, provisioner, **more):
            return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
                    "provisioner": provisioner, "volumeBindingMode": mode, **more}
        return [
            storage("now", "Immediate", "kubernetes.io/no-provisioner"),
            storage("later", "WaitForFirstConsumer", "kubernetes.io/no-provisioner"),
            storage("made", "WaitForFirstConsumer", "made.example.com"),
            storage("made-in-a", "WaitForFirstConsumer", "made.example.com",
                    allowedTopologies=[{"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}])]

    def volumes(self):
        """Volumes and claims: bound ones with a place, unbound ones to be had, and claims without one."""
        volumes, claims = [], []

        def volume(name, storage_class, size, mode, claim=None):
            spec = {"capacity": {"storage": size}, "accessModes": [mode], "storageClassName": storage_class,
                    "csi": {"driver": DRIVER, "volumeHandle": name}}
            if self.maybe(0.5):
                spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                    {"key": self.some(ZONE, "rack"), "operator": "In", "values": [self.some("a", "b", "r1")]}]}]}}
            labels = {ZONE: self.some("a", "b", "b__c")} if self.maybe(0.3) else {}
            if claim:
                spec["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": claim["metadata"]["namespace"],
                                    "name": claim["metadata"]["name"]}
            volumes.append({"apiVersion": "v1", "kind": "PersistentVolume",
                            "metadata": {"name": name, "labels": labels}, "spec": spec})

        for space in NAMESPACES:
            def claim(name, storage_class, size="1Gi", mode="ReadWriteOnce", to=None):
                made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                        "metadata": {"namespace": space, "name": name},
                        "spec": {"accessModes": [mode], "storageClassName": storage_class,
                                 "resources": {"requests": {"storage": size}}}}
                if to:
                    made["metadata"]["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
                    made["spec"]["volumeName"] = to
                claims.append(made)
                return made
            for i in range(6):
                mode = self.some("ReadWriteOnce", "ReadWriteOncePod")
                volume(f"{space}-{i}", "later", "1Gi", mode, claim(f"bound{i}", "later", mode=mode, to=f"{space}-{i}"))
            claim("lost", "later", to="nowhere")
            claim("unbound-now", "now")
            for name in "later", "made", "made-in-a":
                claim(f"unbound-{name}", name, size=self.some("1Gi", "3Gi", "20Gi"))
        for i in range(4):
            volume(f"free{i}", "later", self.some("1Gi", "5Gi"), "ReadWriteOnce")
        return volumes, claims

    def blocker(self):
        pod = self.frame("blocker", "default")
        pod["spec"]["nodeName"] = self.node_names[0]
        pod["spec"]["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "everywhere", "labelSelector": {"matchLabels": {"asked": "blocked"}},
             "namespaceSelector": {}}]}}
        return pod

    def running(self, count):
        """Pods that are bound already; they may well not fit."""
        pods = []
        for i in range(count):
            pod = self.frame(f"run{i}", self.some(*NAMESPACES))
            spec = pod["spec"]
            spec["nodeName"] = self.some(*self.node_names)
            self.requests(spec)
            if self.maybe(0.4):
                self.ports(spec)
            if self.maybe(0.2):
                spec["affinity"] = {"podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [self.pod_term()]}}
            if self.maybe(0.4):
                spec["volumes"] = [self.claimed(f"bound{self.some(0, 1, 2, 3, 4, 5)}")]
            if self.maybe(0.3):
                spec.setdefault("volumes", []).append(self.disk())
            pods.append(pod)
        return pods

    # --- what looks for a node ---

    def frame(self, name, space):
        labels = {"app": self.some("a", "b", "c")}
        if self.maybe(0.5):
            labels["tier"] = self.some("front", "back")
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": space, "name": name, "labels": labels},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "i"}]}}

    def light(self, name):
        """Most nodes would do."""
        pod = self.frame(name, self.some(*NAMESPACES))
        pod["metadata"]["labels"] = {}
        pod["spec"]["tolerations"] = [{"operator": "Exists"}]
        return pod

    def preferring(self, name):
        """The same, but some nodes would do better."""
        pod = self.light(name)
        pod["metadata"]["labels"] = self.frame(name, "default")["metadata"]["labels"]
        spec, affinity = pod["spec"], {}
        if self.maybe(0.3):
            spec["tolerations"] = [{"operator": "Exists", "effect": effect} for effect in ("NoSchedule", "NoExecute")]
        if self.maybe(0.5):
            self.requests(spec)
        preferred = "preferredDuringSchedulingIgnoredDuringExecution"
        if self.maybe(0.5):
            affinity["nodeAffinity"] = {preferred: [{"weight": self.some(1, 30, 100), "preference": self.node_term()}
                                                    for _ in range(self.some(1, 2, 3))]}
        for kind in "podAffinity", "podAntiAffinity":
            if self.maybe(0.4):
                affinity[kind] = {preferred: [{"weight": self.some(1, 30, 100), "podAffinityTerm": self.pod_term()}
                                              for _ in range(self.some(1, 2))]}
        if affinity:
            spec["affinity"] = affinity
        if self.maybe(0.4):
            wanted = {self.some(ZONE, HOST, "rack") for _ in range(self.some(1, 1, 2))}
            spec["topologySpreadConstraints"] = [self.spread(key, "ScheduleAnyway") for key in sorted(wanted)]
        return pod

    def asked(self, name, blocked):
        pod = self.frame(name, self.some(*NAMESPACES))
        spec = pod["spec"]
        if blocked:
            pod["metadata"]["labels"]["asked"] = "blocked"
        if self.maybe(0.6):
            self.requests(spec)
        if self.maybe(0.2):
            spec["nodeSelector"] = {self.some("disk", ZONE): self.some("ssd", "a", "")}
        if self.maybe(0.3):
            spec.setdefault("affinity", {})["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [self.node_term() for _ in range(self.some(1, 1, 2))]}}
        if self.maybe(0.5):
            spec["tolerations"] = [self.toleration() for _ in range(self.some(1, 2, 3))]
        if self.maybe(0.2):
            self.ports(spec)
        for kind in "podAffinity", "podAntiAffinity":
            if self.maybe(0.2):
                spec.setdefault("affinity", {})[kind] = {"requiredDuringSchedulingIgnoredDuringExecution": [
                    self.pod_term() for _ in range(self.some(1, 1, 2))]}
        if self.maybe(0.3):
            wanted = {(self.some(ZONE, HOST, "rack"), self.some("DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"))
                      for _ in range(self.some(1, 1, 2))}
            spec["topologySpreadConstraints"] = [self.spread(*one) for one in sorted(wanted)]
        if "nodeSelector" not in spec and self.maybe(0.1):  # It has one that must not clash.
            spec["runtimeClassName"] = "heavy"
        if self.maybe(0.25):
            names = ["bound0", "bound1", "bound2", "bound3", "bound4", "bound5"]
            if blocked:  # Who is bound would have these bound too.
                names += ["unbound-later", "unbound-made", "unbound-made-in-a", "unbound-now", "lost", "none"]
            spec["volumes"] = [self.claimed(c) for c in self.rng.sample(names, self.some(1, 1, 2))]
        if self.maybe(0.15):
            spec.setdefault("volumes", []).append(self.disk())
        if self.maybe(0.02):
            spec["schedulingGates"] = [{"name": "example.com/wait"}]
        return pod

    def claimed(self, name):
        return {"name": name, "persistentVolumeClaim": {"claimName": name}}

    def disk(self):
        """One that is written by one pod, or read by many."""
        return {"name": "disk", **self.some(
            {"gcePersistentDisk": {"pdName": self.some("one", "two"), "readOnly": self.maybe(0.5)}},
            {"awsElasticBlockStore": {"volumeID": self.some("one", "two"), "readOnly": self.maybe(0.5)}},
            {"iscsi": {"targetPortal": "10.9.9.9:3260",
                       "iqn": self.some("iqn.2001-04.com.example:a", "iqn.2001-04.com.example:b"),
                       "lun": self.some(0, 1), "readOnly": self.maybe(0.5)}},
            {"rbd": {"monitors": self.rng.sample(["m1", "m2", "m3"], 2), "image": self.some("one", "two"),
                     "readOnly": self.maybe(0.5)}})}

    def amounts(self):
        asked = {}
        for name, likely, values in (("cpu", 0.8, ("100m", "300m", "700m", "1", "3")),
                                     ("memory", 0.6, ("64Mi", "500M", "2Gi")),
                                     ("ephemeral-storage", 0.2, ("500Mi", "2Gi"))):
            if self.maybe(likely):
                asked[name] = self.some(*values)
        return asked

    def requests(self, spec):
        def container(name, **more):
            return {"name": name, "image": "i", "resources": {"requests": self.amounts()}, **more}
        spec["containers"] = [container(f"c{i}") for i in range(self.some(1, 1, 2))]
        for name, count in ("example.com/gpu", self.some("1", "2")), ("hugepages-2Mi", self.some("2Mi", "8Mi")):
            if self.maybe(0.1):
                resources = spec["containers"][0]["resources"]
                resources["requests"].setdefault("cpu", "100m")
                resources["requests"][name] = count
                resources.setdefault("limits", {})[name] = count
        inits = [container(f"i{i}", **({"restartPolicy": "Always"} if self.maybe(0.5) else {}))
                 for i in range(self.some(0, 0, 1, 2, 3))]
        if inits:
            spec["initContainers"] = inits
        elif self.maybe(0.15):
            for one in spec["containers"]:
                one["resources"] = {"requests": {"cpu": "100m"}}
            spec["resources"] = {"requests": {"cpu": self.some("400m", "1", "3"), "memory": self.some("64Mi", "2Gi")}}

    def ports(self, spec):
        port = {"containerPort": 80, "hostPort": self.some(80, 443), "protocol": self.some("TCP", "UDP", "SCTP")}
        if self.maybe(0.5):
            port["hostIP"] = self.some("0.0.0.0", "127.0.0.1", "10.0.0.1")
        container = spec["containers"][0]
        if spec.get("initContainers") and self.maybe(0.3):
            container = spec["initContainers"][0]
        container["ports"] = [port]

    def toleration(self):
        operator = self.some("Equal", "Exists", "")
        made = {"operator": operator, "effect": self.some("", "NoSchedule", "NoExecute", "PreferNoSchedule")}
        if operator != "Exists" or self.maybe(0.8):
            made["key"] = self.some("dedicated", "gpu", "node.kubernetes.io/unschedulable")
        if operator != "Exists":
            made["value"] = self.some("", "x", "5")
        return {key: value for key, value in made.items() if value}

    def node_term(self):
        term = {}
        if self.maybe(0.15):
            term["matchFields"] = [{"key": "metadata.name", "operator": self.some("In", "NotIn"),
                                    "values": [self.some(*self.node_names)]}]
        if not term or self.maybe(0.5):
            term["matchExpressions"] = [self.node_expression() for _ in range(self.some(1, 1, 2))]
        if self.maybe(0.03):
            term = {}
        return term

    def node_expression(self):
        operator = self.some("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
        if operator in ("Gt", "Lt"):
            return {"key": self.some("generation", "disk"), "operator": operator,
                    "values": [self.some("0", "5", "011")]}
        made = {"key": self.some("disk", "rack", ZONE, "generation"), "operator": operator}
        if operator in ("In", "NotIn"):
            made["values"] = self.rng.sample(["ssd", "hdd", "", "r1", "r2", "a", "b", "5"], self.some(1, 2, 3))
        return made

    def selector(self):
        made = {}
        if self.maybe(0.6):
            made["matchLabels"] = {"app": self.some("a", "b", "c")}
        if not made or self.maybe(0.3):
            operator = self.some("In", "NotIn", "Exists", "DoesNotExist")
            one = {"key": self.some("tier", "app"), "operator": operator}
            if operator in ("In", "NotIn"):
                one["values"] = self.rng.sample(["front", "back", "a", "b"], 2)
            made["matchExpressions"] = [one]
        return made if self.maybe(0.95) else {}

    def pod_term(self):
        term = {"topologyKey": self.some(ZONE, HOST, "rack")}
        if self.maybe(0.95):
            term["labelSelector"] = self.selector()
            keys = {e["key"] for e in term["labelSelector"].get("matchExpressions", [])}
            keys |= set(term["labelSelector"].get("matchLabels", {}))
            free = [key for key in ("app", "tier") if key not in keys]
            if free and self.maybe(0.2):
                term[self.some("matchLabelKeys", "mismatchLabelKeys")] = free[:1]
        if self.maybe(0.2):
            term["namespaces"] = self.rng.sample(sorted(NAMESPACES), self.some(1, 2))
        if self.maybe(0.3):
            # None that takes a namespace without labels: of the pod that is asked, v1.35 has such a one take all
            # namespaces, as what it looks up goes into a copy.
            term["namespaceSelector"] = self.some(
                {}, {"matchLabels": {"team": "sea"}}, {"matchExpressions": [{"key": "open", "operator": "Exists"}]})
        return term

    def spread(self, key, unsatisfied):
        made = {"topologyKey": key, "maxSkew": self.some(1, 1, 2, 3), "whenUnsatisfiable": unsatisfied}
        if self.maybe(0.9):
            made["labelSelector"] = self.selector()
            keys = {e["key"] for e in made["labelSelector"].get("matchExpressions", [])}
            keys |= set(made["labelSelector"].get("matchLabels", {}))
            if "tier" not in keys and self.maybe(0.2):
                made["matchLabelKeys"] = ["tier"]
        if unsatisfied == "DoNotSchedule" and self.maybe(0.3):
            made["minDomains"] = self.some(1, 3, 5)
        for policy in "nodeAffinityPolicy", "nodeTaintsPolicy":
            if self.maybe(0.4):
                made[policy] = self.some("Honor", "Ignore")
        return made
