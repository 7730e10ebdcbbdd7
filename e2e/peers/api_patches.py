"""Patches of every kind for an object: of what its fields may become, and what patches say beside."""
import copy
import json

import api_requests

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
OPERATIONS, APPLY = "application/json-patch+json", "application/apply-patch+yaml"


def pointer(path):
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def at(thing, path):
    for key in path:
        try:
            thing = thing[key]
        except (KeyError, IndexError, TypeError):
            return KeyError
    return thing


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


def merge_patch(path, _, other):
    """Lists as a whole; what is gone is null."""
    fields = path[:next((i for i, key in enumerate(path) if isinstance(key, int)), len(path))]
    value = at(other, fields)
    return nested(fields, None if value is KeyError else value)


def strategic_patch(path, other, chance):
    """A list with the changed item alone, or with a word of what is to be done with it."""
    value = at(other, path)
    value = None if value is KeyError else value
    chosen = chance.random()
    if chosen < 0.1:
        value = {"$patch": chance.choice(["replace", "delete", "merge", "bogus", 5])}
    elif chosen < 0.2 and isinstance(value, dict):
        value = {**value, "$patch": chance.choice(["replace", "delete", "merge"])}
    elif chosen < 0.3 and isinstance(value, dict):
        value = {**value, "$retainKeys": chance.choice([list(value), [], ["x"], "x", [5]])}
    for index in range(len(path) - 1, -1, -1):
        key = path[index]
        if isinstance(key, int):
            whole = at(other, path[:index + 1])
            if isinstance(value, dict) and isinstance(whole, dict) and chance.random() < 0.8:
                value = {**{name: one for name, one in whole.items() if not isinstance(one,
                                                                                       (dict,
                                                                                        list))},
                         **value}
            value = [value]
            if chance.random() < 0.1:
                value.append({"$patch": chance.choice(["replace", "delete", "bogus"])})
        else:
            chosen = chance.random()
            value = {key: value}
            if isinstance(value[key], list) and chosen < 0.2:
                order = [one if not isinstance(one, dict) else dict(list(one.items())[:1])
                         for one in value[key]]
                value[f"$setElementOrder/{key}"] = chance.choice([order, order[::-1], [], "x", [5]])
            elif isinstance(value[key], list) and chosen < 0.3:
                value = {f"$deleteFromPrimitiveList/{key}": value[key]}
    return value


def operations(path, before, other, chance):
    value = at(other, path)
    if value is KeyError:
        made = [{"op": "remove", "path": pointer(path)}]
    else:
        made = [{"op": "replace" if at(before, path) is not KeyError else "add",
                 "path": pointer(path),
                 "value": value}]
    old = at(before, path)
    more = {"op": chance.choice(["add", "test", "remove", "move", "copy", "replace", "bogus"]),
            "path": pointer(chance.choice([path, path[:-1], path + ("x",), path[:-1] + ("-",),
                                           path[:-1] + (chance.choice([0, 1, 7, -1]),)]))}
    if chance.random() < 0.8:
        more["value"] = chance.choice([copy.deepcopy(None if old is KeyError else old), "x", {}, [],
                                       5])
    if more["op"] in ("move", "copy") and chance.random() < 0.9:
        more["from"] = pointer(chance.choice([path, path[:-1], path + ("x",), ("metadata",
                                                                               "name")]))
    chosen = chance.random()
    return made if chosen < 0.4 else [more] if chosen < 0.8 else chance.sample([*made, more], 2)


def applied(thing, path, other, chance):
    """The whole of what was sent, changed; or the changed field alone, with what it is in."""
    if chance.random() < 0.5:
        made = copy.deepcopy(other)
    else:
        fields = path[:next((i for i, key in enumerate(path) if isinstance(key, int)), len(path))]
        value = at(other, fields)
        made = {} if value is KeyError else copy.deepcopy(nested(fields, value))
        if isinstance(made.get("metadata", {}), dict):
            made.setdefault("metadata", {})["name"] = thing["metadata"]["name"]
    return {**made, "apiVersion": thing["apiVersion"], "kind": thing["kind"]}


def own_place(path):
    return path[:2] in (("metadata", "uid"), ("metadata", "resourceVersion"), ("metadata",
                                                                               "selfLink"),
                        ("metadata", "creationTimestamp"))


def with_own(text, theirs, ours):
    """What is sent to kube-apiserver, with what our server gave the object: its id, and addresses of a Service."""
    text = text.replace(theirs["metadata"]["uid"], ours["metadata"]["uid"])
    specs = [kept["spec"] if isinstance(kept.get("spec"), dict) else {} for kept in (theirs, ours)]
    for address, own in zip(*(spec.get("clusterIPs") or [] for spec in specs)):
        if address != "None":
            text = text.replace(json.dumps(address), json.dumps(own))
    for name in ("healthCheckNodePort", "nodePort"):
        given = [[spec.get(name)] + [port.get(name) for port in spec.get("ports") or []] for spec in specs]
        for port, own in zip(*given):
            if port and own:
                text = text.replace(f'"{name}": {port}', f'"{name}": {own}')
    return text


class Patches:
    def __init__(self, comparison, schemas):
        self.all, self.schemas = comparison, schemas
        self.kept = None  # The object, by kube-apiserver and by ours.

    def patch(self, name, one, patch, content, query):
        path, theirs = one + "?dryRun=All" + query, json.dumps(patch)
        ours = with_own(theirs, *self.kept)  # Labels of a Job name its id, say.
        self.all.compare(name, lambda: (self.all.kube.ask("PATCH", path, theirs, content),
                                        self.all.ours.ask("PATCH", path, ours, content)),
                         f"PATCH {path} {theirs}")

    def of(self, path, one, thing, kept, chance, share=1.0, below=""):
        """Dry runs upon what both keep at `one`; `thing` was sent, `kept` is what kube-apiserver has."""
        kind = thing["kind"] + below
        self.kept = (kept, self.all.ours.get(one))
        # What each server gave its own object is nobody's patch.
        kept = {**kept, "metadata": {key: value for key, value in kept["metadata"].items()
                                     if key not in ("uid", "resourceVersion", "creationTimestamp")}}
        schema = self.schemas.of(path, thing["kind"])
        changes = [change for change in api_requests.changed(kept, self.schemas, schema, chance)
                   if not own_place(change[0])]
        count = int(self.all.requests * share)
        for place, _, other in chance.sample(changes, min(len(changes), count)):
            field = api_requests.field_of(place)
            if not place:
                continue
            query = chance.choice(["", "", "", "&fieldValidation=Strict", "&fieldValidation=Ignore",
                                   "&fieldManager=m3"])
            self.patch(f"{kind} merge {field}", one, merge_patch(place, None, other), MERGE, query)
            self.patch(f"{kind} strategic {field}", one, strategic_patch(place, other, chance),
                       STRATEGIC,
                       query)
            self.patch(f"{kind} operations {field}", one, operations(place, kept, other, chance),
                       OPERATIONS,
                       query)
        sent = {**thing, "metadata": {"name": thing["metadata"]["name"], **thing["metadata"]}}
        changes = [change for change in api_requests.changed(sent, self.schemas, schema, chance)
                   if change[0] and not own_place(change[0])]
        for place, _, other in chance.sample(changes, min(len(changes), count)):
            query = "&fieldManager=" + chance.choice(["m1", "m2", "difference"]) + chance.choice(
                ["", "&force=true", "&force=true", "&force=false"]) + chance.choice(
                    ["", "", "&fieldValidation=Ignore"])
            self.patch(f"{kind} apply {api_requests.field_of(place)}", one,
                       applied(sent, place, other, chance), APPLY, query)
