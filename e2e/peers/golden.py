#!/usr/bin/env python3
"""Has `skiff convert` turn Kubernetes' own golden objects from each encoding into the others, byte for byte where the
encoding has one form. Ends with 77 where there is no Go, or the module that holds them cannot be had.

    golden.py SKIFF
"""
import json
import pathlib
import re
import subprocess
import sys

MODULE = "k8s.io/api@v0.35.6"
# Options and events of the wire: no objects that anybody keeps in a file.
NO_OBJECTS = re.compile(r"core\.v1\.(\w+Options|APIGroup|APIVersions|Status|WatchEvent)$")
STABLE = re.compile(r"\.v\d+\.\w+$")


def golden_folder():
    try:
        asked = subprocess.run(["go", "mod", "download", "-json", MODULE], capture_output=True, text=True)
        return pathlib.Path(json.loads(asked.stdout)["Dir"]) / "testdata/HEAD"
    except (OSError, ValueError, KeyError):
        print(f"skipped: no Go, or no {MODULE}")
        sys.exit(77)


def convert(skiff, path, encoding):
    done = subprocess.run([skiff, "convert", "-f", path, "-o", encoding], capture_output=True)
    return done.stdout, done.stderr.decode().strip()


def differences(skiff, stem):
    text = {end: stem.with_name(stem.name + "." + end).read_bytes() for end in ("json", "yaml", "pb")}
    for source in text:
        path = stem.with_name(f"{stem.name}.{source}")
        for encoding, end in (("protobuf", "pb"), ("yaml", "yaml"), ("json", "json")):
            got, error = convert(skiff, path, encoding)
            wanted = text[end]
            if encoding == "json" and not error:  # Golden ones are indented; members keep their order.
                got, wanted = (json.dumps(json.loads(each)) for each in (got, wanted))
            if error or got != wanted:
                yield f"{stem.name}: {source} to {encoding}: {error or 'differs'}"


def main():
    skiff = sys.argv[1]
    stems = [path.with_suffix("") for path in sorted(golden_folder().glob("*.json"))]
    stems = [stem for stem in stems if STABLE.search(stem.name) and not NO_OBJECTS.search(stem.name)]
    wrong = [each for stem in stems for each in differences(skiff, stem)]
    print("\n".join(wrong + [f"{len(stems)} objects of {MODULE}, {len(wrong)} conversions differ"]))
    sys.exit(bool(wrong) or not stems)


if __name__ == "__main__":
    main()
