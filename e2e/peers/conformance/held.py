#!/usr/bin/env python3
"""Holds the verdicts that report.py wrote against the names of the tests that pass.

usage: held.py [--update] passing.txt by-name.txt

Exit 1 when a test that passing.txt names failed. --update writes the names anew; a test that was not run keeps its place.
"""
import sys


def main():
    update = "--update" in sys.argv
    path, verdicts_path = [a for a in sys.argv[1:] if not a.startswith("--")]
    names = set(open(path).read().splitlines())
    verdicts = [line.split(" ", 1) for line in open(verdicts_path).read().splitlines()]
    passed = {name for verdict, name in verdicts if verdict == "PASS"}
    failed = {name for verdict, name in verdicts if verdict == "FAIL"}
    if update:
        open(path, "w").write("".join(name + "\n" for name in sorted((names | passed) - failed)))
    for name in sorted(names & failed):
        print("failed, and passed before: " + name)
    for name in sorted(passed - names):
        print("passes, and did not before: " + name)
    print(f"{len(passed)} passed, {len(failed)} failed, {len(verdicts) - len(passed) - len(failed)} not run")
    sys.exit(bool(names & failed) and not update)


if __name__ == "__main__":
    main()
