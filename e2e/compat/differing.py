#!/usr/bin/env python3
"""Holds the outcomes of replay.py against the list of steps that are known to differ.

usage: differing.py [--update] differing.txt OUTCOMES

differing.txt has a name (scenario/step) a line, below a line that begins with # and says why. Exit 1 when a step differs
that is not listed, or a listed one agrees by now; "either scenario/step" may do both, and says why likewise. --update takes out what agrees and adds what differs under its own
heading, for somebody to say why. Only steps that were played count: a part of the scenarios may be played.
"""
import sys

UNEXPLAINED = "# Nobody has said why:"


def main():
    update = "--update" in sys.argv
    path, outcomes_path = [a for a in sys.argv[1:] if not a.startswith("--")]
    lines = open(path).read().splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    either = {line.split()[1] for line in listed if line.startswith("either ")}
    outcomes = dict(reversed(line.split(maxsplit=1)) for line in open(outcomes_path).read().splitlines())
    if not outcomes:
        sys.exit("no step was played")
    lost = [name for name, outcome in outcomes.items() if outcome == "differs" and name not in listed | either]
    gained = [name for name, outcome in outcomes.items() if outcome == "agrees" and name in listed]
    if update:
        kept = [line for line in lines if line not in gained]
        if lost and UNEXPLAINED not in kept:
            kept.append(UNEXPLAINED)
        open(path, "w").write("\n".join(kept + lost) + "\n")
        print(f"{len(gained)} lines taken out, {len(lost)} added")
        return
    for name in lost:
        print(f"differs, and did not before: {name}")
    for name in gained:
        print(f"agrees by now, take it out of {path}: {name}")
    agreeing = sum(outcome == "agrees" for outcome in outcomes.values())
    print(f"{agreeing} of {len(outcomes)} steps agree; {len(outcomes) - agreeing - len(lost)} are known to differ")
    sys.exit(bool(lost or gained))


if __name__ == "__main__":
    main()
