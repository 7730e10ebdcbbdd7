#!/usr/bin/env python3
"""Types words and a Tab in an interactive shell, and looks at what comes of it: completion.py SHELL PROGRAM DIRECTORY.

PROGRAM's cluster has a pod shop-window and a budget odd$(id), and DIRECTORY a file manifest.yaml. Ends with an error, and what the shell
showed, where it does not complete what it should."""

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

SECONDS = 60
READY = "shell-is-ready"
# How each begins, with nothing of its user's, and takes what `completion` prints: at once, or from a file where
# packages put it.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(skiff completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(skiff completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "skiff completion fish | source"),
    "zsh-file": (["zsh", "-f", "-i"], "skiff completion zsh >DIRECTORY/bin/_skiff; fpath=(DIRECTORY/bin $fpath); "
                 "autoload -Uz compinit; compinit -u -D"),
    "fish-file": (["fish", "--no-config", "-i"], "skiff completion fish >DIRECTORY/bin/skiff.fish; "
                  "set fish_complete_path DIRECTORY/bin $fish_complete_path"),
}
# What is typed before the Tab, and what the line is then to be.
CASES = [
    ("skiff rollo", "skiff rollout"),
    ("skiff rollout undo deploym", "skiff rollout undo deployment"),
    ("skiff describe configm", "skiff describe configmaps"),
    ("skiff get pod shop-w", "skiff get pod shop-window"),
    ("skiff get pods -n kube-sys", "skiff get pods -n kube-system"),
    ("skiff get pods --show-lab", "skiff get pods --show-labels"),
    ("skiff get pods --output=ya", "skiff get pods --output=yaml"),
    ("skiff get pods -o ya", "skiff get pods -o yaml"),
    ("skiff logs shop-window -c si", "skiff logs shop-window -c side"),
    ("skiff apply -f DIRECTORY/ma", "skiff apply -f DIRECTORY/manifest.yaml"),
    ("skiff completion fi", "skiff completion fish"),
    # Somebody named an object so that a shell might run it.
    ("skiff describe pdb odd", r"skiff describe pdb odd\$\(id\)"),
]


class Terminal:
    def __init__(self, shell):
        self.text = ""
        command, self.setup = SHELLS[shell]
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "300", "LINES": "50",
                                             "INPUTRC": "/dev/null", "PS1": "> "})

    def type(self, text):
        os.write(self.file, text.encode())

    def read(self, seconds):
        """Takes in what is shown until nothing has come for so long."""
        while select.select([self.file], [], [], seconds)[0]:
            try:
                data = os.read(self.file, 1 << 16)
            except OSError:
                return
            self.text += data.decode(errors="replace")

    def until(self, text):
        deadline = time.monotonic() + SECONDS
        while text not in plain(self.text):
            if time.monotonic() > deadline:
                raise SystemExit(f"not in {SECONDS} s: {text!r}; the shell shows:\n{plain(self.text)[-3000:]}")
            self.read(0.2)

    def becomes(self, typed, wanted):
        """Some shells redraw the line, others add to it."""
        deadline = time.monotonic() + SECONDS
        while True:
            self.read(0.2)
            shown = plain(self.text)
            if wanted in shown or wanted[len(typed):] in shown.replace(typed, "", 1):
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{typed}<Tab> does not become {wanted}; the shell shows:\n{shown}")

    def end(self):
        self.type("\x03exit\r")
        os.close(self.file)
        os.waitpid(self.pid, 0)


def plain(text):
    """Without what moves and colours."""
    return re.sub(r"\x1b\[[0-9;?>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[=>()][B0]?|\r|[\x00-\x06\x0e-\x1a]", "", text)


def main():
    shell, program, directory = sys.argv[1:]
    os.environ["PATH"] = f"{directory}/bin:{os.environ['PATH']}"
    Path(directory, "bin").mkdir(exist_ok=True)
    link = Path(directory, "bin", "skiff")
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    terminal = Terminal(shell)
    terminal.type(f"{terminal.setup.replace('DIRECTORY', directory)}\recho shell-is-''ready\r")
    terminal.until(READY)
    for typed, wanted in CASES:
        typed = typed.replace("DIRECTORY", directory)
        terminal.read(0.3)
        terminal.text = ""
        terminal.type(typed)
        terminal.read(0.3)
        terminal.type("\t")
        terminal.becomes(typed, wanted.replace("DIRECTORY", directory))
        terminal.type("\x03")
        print(f"   {shell}: {typed}<Tab>", flush=True)
    terminal.end()


if __name__ == "__main__":
    main()
