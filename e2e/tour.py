#!/usr/bin/env python3
"""Plays the commands of a page as a presenter would, in one shell, and looks whether one sees what it shows.

    tour.py PAGE [MARK...]

The page's indented blocks are what stands on a terminal: lines that begin with "$ " are typed, the lines
below are what one then sees, in this order, with others left out between them. "..." stands for anything
within a line, and blanks for any number of blanks. A command must succeed; one that ends with "# refused"
must fail. What only looks is typed again until one sees it, for a minute: clusters take their time.

A chapter ("## ...") may be marked, "<!-- tour: docker -->": it is played only where that MARK is named, and only such
chapters are then. $CHAPTERS picks by number instead: "0 3 12".
"""
import os
import re
import selectors
import subprocess
import sys
import time

PATIENCE = float(os.environ.get("TOUR_PATIENCE", "120"))  # Seconds that one looks again.
COMMAND_SECONDS = 300  # What takes longer hangs.
# What may be typed again, because it changes nothing.
LOOKS = re.compile(
    r"^(kubectl|skiff|curl|ip|iptables-save|nft list|cat|for \w+ in|docker exec)\b")
CHANGES = re.compile(
    r"^(kubectl|skiff) (.* )?(apply|create|delete|run|scale|set|label|taint|annotate|patch|rollout (undo|restart|pause|"
    r"resume)|cordon|uncordon|drain|edit|replace|expose|up|down|image load|chaos (netem|partition|kill|pause|disk|clock|stop)|"
    r"snapshot|join)\b|>|&$")


class Step:
    def __init__(self, command, line):
        self.line = line
        self.is_refused = re.search(r"\s# refused$", command) is not None
        self.typed = command
        self.command = re.sub(r"\s+# refused$", "", command)
        self.seen = []

    def looks_only(self):
        return bool(LOOKS.search(self.command)) and not CHANGES.search(self.command)


class Chapter:
    def __init__(self, title, line):
        self.title, self.line = title, line
        self.marks, self.steps = set(), []
        number = re.match(r"(\d+)\.", title)
        self.number = number.group(1) if number else ""


def chapters_of(text):
    """What is to be typed, chapter by chapter."""
    chapters = [Chapter("", 0)]
    step = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            chapters.append(Chapter(line[3:].strip(), number))
            step = None
            continue
        marked = re.match(r"<!-- tour: ([\w ]+) -->", line)
        if marked:
            chapters[-1].marks.update(marked.group(1).split())
        if not line.startswith("    "):
            step = None if line.strip() else step
            continue
        shown = line[4:]
        if shown.startswith("$ "):
            step = Step(shown[2:].rstrip(), number)
            chapters[-1].steps.append(step)
        elif step is not None and shown.startswith("> "):
            # A long command goes on, as a shell shows it.
            step.command += "\n" + shown[2:]
            step.typed += "\n> " + shown[2:]
        elif step is not None and shown.strip():
            step.seen.append(shown.strip())
    return [chapter for chapter in chapters if chapter.steps]


def pattern_of(shown):
    """A line of the page as what a line of a terminal has to match."""
    if shown == "...":
        return None
    return re.compile(r"\s*" + ".*".join(part_of(part) for part in shown.split("...")) + r"\s*")


def part_of(text):
    """What stands between "...": "... Ready" is no end of another word, where "...Ready" may be."""
    words = r"\s+".join(re.escape(word) for word in text.split())
    if not words:
        return ""
    return (r"(?:^|(?<=\s))" if text[0].isspace() else "") + words + (r"(?=\s|$)" if text[-1].isspace() else "")


def missing(seen, printed):
    """The first line of the page that the terminal did not show, in order; None: all are there."""
    lines = iter(printed.splitlines())
    for shown in seen:
        pattern = pattern_of(shown)
        if pattern and not any(pattern.fullmatch(line) for line in lines):
            return shown
    return None


class Shell:
    """One bash for the whole page: what is set, exported or begun stays."""

    def __init__(self):
        self.done_read, done_write = os.pipe()
        self.process = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, pass_fds=[done_write])
        self.done = done_write
        self.output = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"tour-{os.getpid()}")

    def run(self, command):
        """The exit code and what was printed."""
        with open(self.output + ".sh", "w", encoding="utf-8") as script:
            script.write(command + "\n")
        line = f". {self.output}.sh >{self.output}.out 2>&1 </dev/null; echo $? >&{self.done}\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        selector = selectors.DefaultSelector()
        selector.register(self.done_read, selectors.EVENT_READ)
        if not selector.select(COMMAND_SECONDS):
            raise TimeoutError(f"took longer than {COMMAND_SECONDS} s")
        code = int(os.read(self.done_read, 16))
        with open(self.output + ".out", encoding="utf-8", errors="replace") as out:
            return code, out.read()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for suffix in (".sh", ".out"):
            if os.path.exists(self.output + suffix):
                os.remove(self.output + suffix)


def play(shell, step, page):
    """Types it, and looks. Raises AssertionError with what is wrong."""
    print(f"\n$ {step.typed}", flush=True)
    until = time.monotonic() + PATIENCE
    while True:
        code, printed = shell.run(step.command)
        lacking = missing(step.seen, printed)
        is_right = (code != 0) == step.is_refused
        if is_right and lacking is None:
            print(printed, end="", flush=True)
            return
        if not step.looks_only() or time.monotonic() > until:
            print(printed, end="", flush=True)
            wrong = f"one does not see: {lacking}" if lacking is not None else (
                "it should have been refused" if step.is_refused else f"exit code {code}")
            raise AssertionError(f"{page}:{step.line}: {step.command}\n  {wrong}")
        time.sleep(0.2)  # A person types no faster.


def is_wanted(chapter, marks):
    only = os.environ.get("CHAPTERS")
    if only:
        return chapter.number in only.split()
    return bool(chapter.marks & marks) if marks else not chapter.marks


def main():
    page, marks = sys.argv[1], set(sys.argv[2:])
    with open(page, encoding="utf-8") as file:
        chapters = chapters_of(file.read())
    shell = Shell()
    typed = looked = 0
    try:
        for chapter in chapters:
            if not is_wanted(chapter, marks):
                continue
            print(f"\n\033[1m== {chapter.title}\033[0m", flush=True)
            began = time.monotonic()
            for step in chapter.steps:
                play(shell, step, page)
                typed += 1
                looked += sum(line != "..." for line in step.seen)
            print(f"\n   ({time.monotonic() - began:.0f} s)", flush=True)
    except (AssertionError, TimeoutError) as failed:
        print(f"FAILED: {failed}", file=sys.stderr)
        return 1
    finally:
        shell.close()
    print(f"\n{typed} commands were typed, and {looked} lines seen that {page} shows.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
