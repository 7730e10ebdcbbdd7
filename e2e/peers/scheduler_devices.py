"""Devices for the worlds of scheduler_worlds.py, and claims that pods ask for them with.

Every node has a few, of two drivers; some pools are old, not yet whole or wrong in themselves, some devices are held.
Which of several devices is taken is nobody's business, so that only answers are compared: on how many nodes a claim can
be met. For that a pod that may be bound nowhere has besides its other claims one of the name `tied`, which is allocated
where there is no node: what refuses a node is then that all other claims can be met there, or that they cannot.
"""
import json

API = "resource.k8s.io/v1"
GPU, NIC = "gpu.example.com", "nic.example.com"
CLAIMS, HELD = 14, 3  # Of a namespace: to be allocated, and allocated already.
ADMIN_SPACE = "green"
SOMEBODY = [{"resource": "pods", "name": "somebody", "uid": "6f1c0000-0000-4000-8000-000000000000"}]


def made(kind, name, spec, **metadata):
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def states_of(slices):
    """What is said of the pools that are not as they should be."""
    pools, states = {}, {}
    for spec in (each["spec"] for each in slices):
        pools.setdefault(spec["driver"] + "/" + spec["pool"]["name"], []).append(spec)
    for name, specs in pools.items():
        newest = max(spec["pool"]["generation"] for spec in specs)
        specs = [spec for spec in specs if spec["pool"]["generation"] == newest]
        devices = [device["name"] for spec in specs for device in spec["devices"]]
        if len(specs) != specs[0]["pool"]["resourceSliceCount"]:
            states[name] = "being updated"
        elif len(set(devices)) != len(devices):
            states[name] = "invalid"
    return states


class Devices:
    def __init__(self, rng, world):
        self.rng, self.maybe, self.some = rng, world.maybe, world.some
        self.node_names = world.node_names

    def classes(self):
        def selected(*expressions):
            return {"selectors": [{"cel": {"expression": e}} for e in expressions]}
        return [made("DeviceClass", "any", {}),
                made("DeviceClass", "gpu", selected(f"device.driver == '{GPU}'")),
                made("DeviceClass", "nic", selected(f"device.driver == '{NIC}'", "device.attributes.size() <= 2")),
                made("DeviceClass", "fast", selected(f"device.attributes['{GPU}'].?speed.orValue(0) > 5"))]

    def device(self, name, driver):
        attributes = {"numa": {"int": self.some(0, 1)}, f"common.example.com/rail": {"string": self.some("a", "b")}}
        for attribute, value in (("speed", {"int": self.some(1, 5, 9)}), ("model", {"string": self.some("x1", "x2")}),
                                 ("firmware", {"version": self.some("1.9.0", "1.10.0", "2.0.0-rc.1")}),
                                 ("virtual", {"bool": self.some(True, False)})):
            if self.maybe(0.7):
                attributes[attribute] = value
        if self.maybe(0.1):
            del attributes["numa"]
        capacity = {"memory": {"value": self.some("4Gi", "8Gi", "16000M")}} if driver == GPU else {}
        return {"name": name, "attributes": attributes, "capacity": capacity}

    def pool(self, driver, pool, where, sizes):
        """Slices of one pool; seldom what they should be."""
        generation, slices, first = self.some(1, 1, 3), [], 0
        for i, size in enumerate(sizes):
            devices = [self.device(f"d{first + k}", driver) for k in range(size)]
            first += 0 if self.maybe(0.02) else size  # Else the next ones have the same names.
            slices.append(made("ResourceSlice", f"{pool}-{driver[:3]}-{i}", {
                "driver": driver, "pool": {"name": pool, "generation": generation, "resourceSliceCount": len(sizes)},
                "devices": devices, **where}))
        if self.maybe(0.1):  # One of the pool as it was before.
            old = json.loads(json.dumps(slices[0]))
            old["metadata"]["name"] += "-old"
            old["spec"]["pool"]["generation"] -= 1
            slices.append(old)
        if self.maybe(0.03):  # One is late.
            slices.pop(0)
        return slices

    def slices(self):
        slices = []
        for node in self.node_names:
            if self.maybe(0.85):
                sizes = [self.some(1, 2, 3, 5) for _ in range(self.some(1, 1, 2))]
                slices += self.pool(GPU, node, {"nodeName": node}, sizes)
            if self.maybe(0.4):
                slices += self.pool(NIC, node, {"nodeName": node}, [self.some(1, 2)])
        zone = {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a", "b"]}]}]}
        slices += self.pool(NIC, "of-zones", {"nodeSelector": zone}, [2])
        slices += self.pool(NIC, "of-all", {"allNodes": True}, [1])
        self.states = states_of(slices)
        self.free = [(s["spec"]["driver"], s["spec"]["pool"]["name"], d["name"])
                     for s in slices for d in s["spec"]["devices"]]
        return slices

    # --- claims ---

    def expression(self):
        own = f"device.attributes['{GPU}']"
        return self.some(
            f"'{GPU}' in device.attributes && {own}.?numa.orValue(7) == {self.some(0, 1)}",
            f"has({own}.model) && {own}.model == '{self.some('x1', 'x2')}'",
            f"{own}.?speed.orValue(0) >= {self.some(1, 5, 9)}",
            f"has({own}.firmware) && {own}.firmware.isGreaterThan(semver('1.9.5'))",
            f"{own}.?virtual.orValue(false)",
            f"'memory' in device.capacity['{GPU}'] && "
            f"device.capacity['{GPU}'].memory.compareTo(quantity('8Gi')) >= 0",
            f"cel.bind(it, {own}, has(it.speed) && has(it.model) && it.speed > 1)",
            "device.attributes['common.example.com'].rail == 'a'",
            f"device.driver == '{self.some(GPU, NIC)}'",
            "device.attributes['none.example.com'].size() == 0")

    def wanted(self, name):
        wanted = {"name": name, "deviceClassName": self.some("any", "gpu", "gpu", "nic", "fast")}
        if self.maybe(0.5):
            wanted["selectors"] = [{"cel": {"expression": self.expression()}} for _ in range(self.some(1, 1, 2))]
        if self.maybe(0.1):
            wanted["allocationMode"] = "All"
        else:
            wanted["count"] = self.some(1, 1, 1, 2, 3)  # With more, where there are none, v1.35 runs out of time.
        return wanted

    def request(self, name, space):
        if self.maybe(0.3):
            ways = [self.wanted(f"way{i}") for i in range(self.some(1, 2, 3))]
            for way in ways[1:]:  # v1.35 mixes them up with the first where they want all (docs/compat.md).
                if way.pop("allocationMode", None):
                    way["count"] = 1
            return {"name": name, "firstAvailable": ways}
        exactly = self.wanted(name)
        del exactly["name"]
        if space == ADMIN_SPACE and self.maybe(0.2):
            exactly["adminAccess"] = True
        return {"name": name, "exactly": exactly}

    def claim_spec(self, space):
        requests = [self.request(f"r{i}", space) for i in range(self.some(1, 1, 2, 3))]
        devices = {"requests": requests}
        if self.maybe(0.3) and not any("All" in json.dumps(r) for r in requests):
            devices["constraints"] = [{"matchAttribute": self.some(f"{GPU}/numa", f"{GPU}/model",
                                                                   "common.example.com/rail")}]
            if self.maybe(0.4):
                devices["constraints"][0]["requests"] = [self.some(*requests)["name"]]
        return {"devices": devices}

    def claims(self, space):
        """Claims with the status that they are given."""
        claims = [(made("ResourceClaim", f"c{i}", self.claim_spec(space), namespace=space), None)
                  for i in range(CLAIMS)]
        one = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "any"}}]}}

        def wrong(name, **exactly):
            spec = json.loads(json.dumps(one))
            spec["devices"]["requests"][0]["exactly"].update(exactly)
            claims.append((made("ResourceClaim", name, spec, namespace=space), None))
        wrong("no-class", deviceClassName="none")
        wrong("no-key", selectors=[{"cel": {"expression": f"device.attributes['{GPU}'].never == 1"}}])
        wrong("no-bool", selectors=[{"cel": {"expression": "device.attributes['common.example.com'].rail"}}])
        wrong("too-many", count=33)
        term = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In",
                                      "values": [self.some("a", "b", "c")]}]}
        nowhere = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["nowhere"]}]}
        for name, where in [(f"held{i}", term) for i in range(HELD)] + [("tied", nowhere)]:
            driver, pool, device = self.free.pop(self.rng.randrange(len(self.free)))
            claims.append((made("ResourceClaim", name, one, namespace=space), {
                "allocation": {"devices": {"results": [{"request": "r", "driver": driver, "pool": pool,
                                                        "device": device}]},
                               "nodeSelector": {"nodeSelectorTerms": [where]}},
                "reservedFor": SOMEBODY}))
        return claims

    def add_to(self, pod):
        """Claims that others share, and that stay as they are: the pod is bound nowhere."""
        names = self.rng.sample([f"c{i}" for i in range(CLAIMS)], self.some(1, 1, 1, 2))
        if self.maybe(0.2):
            names.append(f"held{self.rng.randrange(HELD)}")
        if self.maybe(0.12):
            names.append(self.some("no-class", "no-key", "no-bool", "too-many"))
        self.name_in(pod, ["tied"] + names)

    @staticmethod
    def name_in(pod, names):
        pod["spec"]["resourceClaims"] = [{"name": f"of-{name}", "resourceClaimName": name} for name in names]
