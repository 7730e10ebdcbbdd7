#!/usr/bin/env python3
"""Says whether what clients saw of some registers could have happened one after the other.

    linearizable.py [--at-least=N] HISTORY...

A history is what e2e/registers.py writes: a line of JSON an operation, of as many clients and files as there are,
with times of one clock:

    {"client": "a", "key": "x", "kind": "write", "value": "a-1", "begin": 10, "end": 20, "outcome": "ok"}

Kinds: read (of `value`), write (of `value`), swap (of `old` for `value`, and only if it was `old`). Outcomes: ok; failed
(it has certainly not happened); unknown (the answer was lost: it happened at some time after its begin, or never). A
write has a line without end and outcome as it begins; when its client is killed, that is all there is of it. Every
register begins with the value "0".

It is linearizable (Herlihy and Wing) if each operation can be given a moment between its begin and its end so that, one
after the other, each read reads what was last written. Each register is looked at by itself: that a history of all is
linearizable if and only if that of each is, is what makes the word useful. The search is Wing's and Gong's, with Lowe's
memory of where it was before. It gives up after STATES_MAX places: the exit code is then 2, and 1 where it is refuted.
"""
import collections
import json
import sys

INITIAL = "0"
STATES_MAX = 2_000_000
FOREVER = float("inf")

Verdict = collections.namedtuple("Verdict", "is_linearizable explanation")  # None: it was given up.


class Operation:
    def __init__(self, entry):
        self.client, self.kind, self.value = entry["client"], entry["kind"], entry["value"]
        self.old = entry.get("old")
        self.begin = entry["begin"]
        self.end = entry["end"] if entry["outcome"] == "ok" else FOREVER

    def after(self, value):
        """What the register holds after it, or None where it cannot happen on that value."""
        if self.kind == "read":
            return value if value == self.value else None
        if self.kind == "swap" and value != self.old:
            return None
        return self.value

    def text(self):
        what = f"{self.kind} {self.value}" if self.old is None else f"swap {self.old} for {self.value}"
        end = "with an unknown end" if self.end == FOREVER else f"to {self.end}"
        return f"{self.client}: {what}, from {self.begin} {end}"


def operations_of(entries):
    """What there is to be ordered: nothing that failed, no read without an answer, and of the writes whose answer was
    lost those whose value somebody found. The others are as if they had never been."""
    found = {entry["value"] for entry in entries if entry["kind"] == "read" and entry["outcome"] == "ok"}
    found |= {entry["old"] for entry in entries if entry["kind"] == "swap" and entry["outcome"] != "failed"}
    kept = [Operation(entry) for entry in entries
            if entry["outcome"] == "ok" or
            entry["outcome"] == "unknown" and entry["kind"] != "read" and entry["value"] in found]
    return sorted(kept, key=lambda operation: (operation.begin, operation.end))


def candidates(operations, done, first):
    """Those not done yet that may be next: none that begins after another one has ended."""
    soonest_end = FOREVER
    for index in range(first, len(operations)):
        operation = operations[index]
        if operation.begin > soonest_end:
            return
        if done >> index & 1:
            continue
        soonest_end = min(soonest_end, operation.end)
        yield index


def check_register(entries, states_max=STATES_MAX):
    """Whether the history of one register is linearizable."""
    operations = operations_of(entries)
    needed = sum(1 << index for index, operation in enumerate(operations) if operation.end != FOREVER)
    seen = set()
    deepest, stuck = -1, []
    stack = [(0, 0, INITIAL)]  # Which are done; the first that is not; what the register holds.
    while stack:
        done, first, value = stack.pop()
        if done & needed == needed:
            return Verdict(True, "")
        if (done, value) in seen:
            continue
        if len(seen) >= states_max:
            return Verdict(None, f"given up after {states_max} places")
        seen.add((done, value))
        while first < len(operations) and done >> first & 1:
            first += 1
        nexts = []
        for index in candidates(operations, done, first):
            after = operations[index].after(value)
            if after is None:
                continue
            nexts.append((done | 1 << index, first, after))
            if operations[index].kind == "read":
                # What follows another order follows this one, too: a read leaves all as it is.
                nexts = nexts[-1:]
                break
        depth = bin(done).count("1")
        if depth > deepest:
            deepest, stuck = depth, [value] + [operations[i].text() for i in candidates(operations, done, first)]
        # The one that began first is tried first.
        stack.extend(reversed(nexts))
    return Verdict(False, f"{deepest} of {len(operations)} operations can be ordered; then it holds {stuck[0]}, and none "
                          "of these can be next:\n    " + "\n    ".join(stuck[1:]))


def check(entries, states_max=STATES_MAX):
    """Of all registers; the explanations of those that are not linearizable, by key."""
    by_key = collections.defaultdict(list)
    for entry in entries:
        by_key[entry["key"]].append(entry)
    return {key: check_register(of_key, states_max) for key, of_key in sorted(by_key.items())}


def counted(entries):
    outcomes = collections.Counter((entry["kind"] == "read", entry["outcome"]) for entry in entries)
    reads, writes = outcomes[True, "ok"], outcomes[False, "ok"]
    lost = outcomes[False, "unknown"]
    refused = outcomes[True, "failed"] + outcomes[True, "unknown"] + outcomes[False, "failed"]
    clients = len({entry["client"] for entry in entries})
    return (f"{clients} clients read {reads} times and wrote {writes} times; {refused} were refused, and of {lost} writes "
            "nobody knows"), reads + writes


def joined(entries):
    """One of each operation: the last that was written down; what has no outcome is unknown."""
    last = {(entry["client"], entry["begin"]): entry for entry in entries}
    return [{"end": entry["begin"], "outcome": "unknown", **entry} for entry in last.values()]


def main(arguments):
    at_least = 1
    entries = []
    for argument in arguments:
        if argument.startswith("--at-least="):
            at_least = int(argument.partition("=")[2])
            continue
        with open(argument, encoding="utf-8") as file:
            entries += [json.loads(line) for line in file if line.endswith("\n")]  # A last one was cut short.
    entries = joined(entries)
    text, succeeded = counted(entries)
    verdicts = check(entries)
    code = 0
    for key, verdict in verdicts.items():
        if verdict.is_linearizable is None:
            code = max(code, 2)
            print(f"{key}: not decided: {verdict.explanation}")
        elif not verdict.is_linearizable:
            code = 1
            print(f"{key}: NOT linearizable: {verdict.explanation}")
    if succeeded < at_least:
        print(f"too little was seen: {text}; wanted {at_least}")
        return 1
    if code == 0:
        print(f"{len(verdicts)} registers, linearizable: {text}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
