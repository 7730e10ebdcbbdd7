#!/usr/bin/env python3
"""Holds the verdicts of play.sh against what is known to fail.

usage: held.py CLIENT by-name.txt known.txt NAME...

Exit 1 when a test fails that known.txt does not name, passes though it does, or was not run.
"""
import os
import sys


def main():
    client, verdicts, known, *names = sys.argv[1:]
    if not os.path.exists(verdicts):
        sys.exit(f"{client}: nothing was run")
    said = dict(reversed(line.split()) for line in open(verdicts))
    reasons = set()
    for line in open(known):
        if line.strip() and not line.startswith("#"):
            who, name, _ = line.split(maxsplit=2)
            if who in (client, "both"):
                reasons.add(name)
    wrong = [f"{name} was not run" for name in names if name not in said]
    wrong += [f"{name} fails" for name in names if said.get(name) == "fail" and name not in reasons]
    wrong += [f"{name} passes, and is known to fail" for name in names
              if said.get(name) == "pass" and name in reasons]
    for each in wrong:
        print(f"{client}: {each}")
    passed = sum(said.get(name) == "pass" for name in names)
    print(f"{client}: {passed} of {len(names)} pass, {len(wrong)} not as known")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
