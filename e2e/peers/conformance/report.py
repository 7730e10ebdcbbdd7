#!/usr/bin/env python3
"""Joins what run.py wrote down and says by name what passed, failed and did not run.

    report.py [--names FILE] [--by-name OUT] DIR|results.jsonl...

--names has all names, a line each; else e2e.test in PATH is asked. Of several results of a test the
last one given counts; one that failed and passed is listed as a flake besides.
"""
import argparse
import collections
import json
import os
import sys

sys.dont_write_bytecode = True
import run  # noqa: E402


def load(paths):
    results = collections.OrderedDict()
    for path in paths:
        if os.path.isdir(path):
            path = os.path.join(path, "results.jsonl")
        for line in open(path):
            result = json.loads(line)
            results.setdefault(result["name"], []).append(result)
    return results


def again(result):
    """The message, read from the log once more."""
    try:
        message, place = run.first_failure(run.COLOR.sub("", open(result["log"], errors="replace").read()))
    except OSError:
        return
    if message:
        late = "limit: " if result["message"].startswith("limit:") else ""
        result["message"], result["place"] = late + message, place


def short(name):
    return name.removesuffix(" [Conformance]")


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--names")
    parser.add_argument("--by-name", help="also a file with a line for each test: PASS, HOLLOW, FAIL or NOTRUN, and its name")
    parser.add_argument("--passed", action="store_true", help="list those too")
    options = parser.parse_args()
    names = open(options.names).read().splitlines() if options.names else run.conformance_names()
    results = load(options.paths)
    passed, failed, missing, flakes = [], [], [], []
    for name in names:
        tries = results.get(name, [])
        verdicts = [one["verdict"] for one in tries]
        if "passed" in verdicts and "failed" in verdicts:
            flakes.append(name)
        # Neither what a test skipped itself nor what broke off before it began is a verdict on it.
        last = next((one for one in reversed(tries) if one["verdict"] in ("passed", "failed")), None)
        if last is None:
            missing.append((name, tries[-1]["verdict"] + ": " + tries[-1]["message"] if tries else "not run"))
        elif last["verdict"] == "passed":
            passed.append((name, last))
        else:
            again(last)
            failed.append((name, last))
    hollow = [name for name, one in passed if one["message"]]
    print(f"{len(names)} tests: {len(passed)} passed ({len(hollow)} of them hollow), {len(failed)} failed, "
          f"{len(missing)} not run")
    if hollow:
        print("\nPassed because they return at once where what they need cannot be made")
        for name in hollow:
            print("  " + short(name))
    if options.passed:
        print("\nPassed")
        for name, one in passed:
            print(f"  {one['seconds']:6.1f} s  {short(name)}")
    print("\nFailed")
    for name, one in failed:
        print(f"  {short(name)}\n      {one['seconds']:.0f} s  {one['message'][:240]}\n      {one['place']}")
    print("\nNot run")
    for name, why in missing:
        print(f"  {short(name)}\n      {why[:200]}")
    if flakes:
        print("\nFailed once and passed once")
        for name in flakes:
            print("  " + short(name))
    if options.by_name:
        verdict = {name: "HOLLOW" if one["message"] else "PASS" for name, one in passed} | {name: "FAIL" for name, _ in failed}
        with open(options.by_name, "w") as out:
            for name in names:
                out.write(f"{verdict.get(name, 'NOTRUN')} {name}\n")


if __name__ == "__main__":
    main()
