#!/usr/bin/env python3
"""Says what to change of a chart by its values.yaml on stdin, as helm's --set wants it.

An annotation of pods, as far up as there is one; else one replica more; else a value that nothing reads.
"""
import re
import sys

KEY = re.compile(r"^( *)([A-Za-z0-9_-]+):(.*)$")
# Labels of pods are in the selectors of some charts, annotations of all objects in their templates of claims, and those
# cannot change.
POD_MAPS = ("podAnnotations", "pod_annotations")
COUNTS = ("replicaCount", "replicas")


def keys(lines):
    """The path of each key of block mappings, outermost first, and what stands behind it."""
    path = []
    for line in lines:
        found = KEY.match(line)
        if not found:
            continue
        indent = len(found.group(1))
        path = [step for step in path if step[0] < indent] + [(indent, found.group(2))]
        yield [name for _, name in path], found.group(3).split(" #")[0].strip()


def main():
    found = sorted(keys(sys.stdin), key=lambda each: len(each[0]))
    for path, value in found:
        if path[-1] in POD_MAPS and value in ("", "{}"):
            return print(".".join(path + ["changed"]) + "=yes")
    for path, value in found:
        if path[-1] in COUNTS and value.isdigit():
            return print(".".join(path) + "=" + str(int(value) + 1))
    return print("global.changed=yes")


if __name__ == "__main__":
    main()
