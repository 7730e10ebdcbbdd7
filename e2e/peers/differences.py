"""What two JSON values that are meant to be the same differ in: (path, theirs, ours) for each place."""


def differences(theirs, ours, path=""):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            yield from differences(theirs.get(key, "nothing"), ours.get(key, "nothing"), f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours)):
            yield from differences(one, other, f"{path}[{index}]")
    elif isinstance(theirs, str) and isinstance(ours, str) and "\n" in theirs + ours:
        yield from lines_that_differ(theirs, ours, path)
    elif theirs != ours:
        yield path, theirs, ours


def lines_that_differ(theirs, ours, path):
    one, other = theirs.split("\n"), ours.split("\n")
    for line in sorted({*one} ^ {*other}):
        yield f"{path} line", line if line in one else "nothing", line if line in other else "nothing"
    if {*one} == {*other} and one != other:
        yield path, theirs, ours
