"""Commands in containers, logs, forwarded ports, copies and proxies, by stock kubectls and by skiff's
own verbs, against real containers: each client must print and return the same.

    streams.py SKIFF [KUBECTL...]     KUBECONFIG names the cluster; the pods are streams/pods.yaml's

What old clients (1.20) say on standard error differs from what new ones do and is not compared.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

SECONDS_MAX = 120  # Of one command, on a machine that does other things as well.
checks = 0
last_check = None
failures = []


class Result:
    """What a command came to."""

    def __init__(self, code, out, err=""):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"code {self.code}, out {self.out!r}, err {self.err!r}"


def run(args, stdin=b""):
    """Runs a command to its end."""
    try:
        done = subprocess.run(args, input=stdin, capture_output=True, timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired as late:
        return Result("late", (late.stdout or b"").decode(), (late.stderr or b"").decode())
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def set_size(descriptor, rows, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def on_terminal(args, dialogue, rows=24, columns=80):
    """Runs a command on a terminal. The dialogue: what is waited for, and what is typed then; a pair
    of numbers is a new size of the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(args[0], args)
    set_size(terminal, rows, columns)
    text, seen, at, until = "", 0, 0, time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        if select.select([terminal], [], [], 1)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break  # The other end is closed.
            if not piece:
                break
            text += piece.decode(errors="replace")
        while at < len(dialogue) and dialogue[at][0] in text[seen:]:
            seen = text.index(dialogue[at][0], seen) + len(dialogue[at][0])
            typed, at = dialogue[at][1], at + 1
            if isinstance(typed, tuple):
                set_size(terminal, *typed)  # The kernel tells the command.
            else:
                os.write(terminal, typed.encode())
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    return Result(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text)


class Background:
    """A command that is ended by a signal."""

    def __init__(self, args, ready):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.errors)
        self.out = ""
        self.wait(lambda text: ready in text)

    def wait(self, enough):
        """Reads until it is enough, the command ends, or it takes too long."""
        output, until = self.process.stdout.fileno(), time.monotonic() + SECONDS_MAX
        while not enough(self.out) and time.monotonic() < until:
            if not select.select([output], [], [], 1)[0]:
                continue
            piece = os.read(output, 65536)
            if not piece:
                break
            self.out += piece.decode()

    def end(self, with_signal=signal.SIGINT):
        if self.process.poll() is None and with_signal:
            self.process.send_signal(with_signal)
        try:
            self.out += self.process.communicate(timeout=SECONDS_MAX)[0].decode()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.out += self.process.communicate()[0].decode()
        self.errors.seek(0)
        return Result(self.process.returncode, self.out, self.errors.read().decode())


def check(client, name, result, code=0, out=None, err=None):
    """`out` and `err` are the whole text, or a pattern of all of it when compiled."""
    global checks, last_check
    checks += 1
    last_check = f"{name} ({os.path.basename(client)})"
    wrong = []

    def fits(what, actual, expected):
        if expected is None:
            return
        good = expected.fullmatch(actual) if isinstance(expected, re.Pattern) else expected == actual
        if not good:
            wrong.append(f"{what} should be {getattr(expected, 'pattern', expected)!r}")

    fits("code", result.code, code)
    fits("out", result.out, out)
    if "1.20" not in client:
        fits("err", result.err, err)
    if wrong:
        failures.append(f"{name} ({os.path.basename(client)})")
        print(f"FAILED: {os.path.basename(client)}: {name}: {'; '.join(wrong)}\n   but: {result}")


def pattern(text):
    return re.compile(text, re.DOTALL)


RECORDED = (
    "All commands and output from this session will be recorded in container logs, including "
    "credentials and sensitive information passed through the command prompt.\n"
    "If you don't see a command prompt, try pressing enter.\n"
)


def commands(k):
    def execute(*args, stdin=b""):
        return run([k, "exec", *args], stdin)

    def terminal(*command, dialogue=()):
        return on_terminal([k, "exec", "-it", "sh", "--", *command], list(dialogue))

    check(k, "exec", execute("sh", "--", "echo", "a b"), 0, "a b\n", "")
    both = execute("sh", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    check(k, "exec: outputs and exit code", both, 7, "out\n",
          "err\ncommand terminated with exit code 7\n")
    check(k, "exec: killed", execute("sh", "--", "sh", "-c", "kill -9 $$"), 137, "",
          "command terminated with exit code 137\n")
    check(k, "exec: no such program", execute("sh", "--", "/none"), 1, "",
          pattern("error: Internal error occurred: error executing command in container: .*"
                  'exec: "/none": stat /none: no such file or directory: unknown\n'))
    check(k, "exec -i: much input, to its end",
          execute("-i", "sh", "--", "sh", "-c", "md5sum; exit 3", stdin=b"abc" * 300_000), 3,
          "337469055f13c81216d911ae7b440ff2  -\n", "command terminated with exit code 3\n")
    check(k, "exec: much output",
          execute("sh", "--", "sh", "-c", "yes 0123456789 | head -n 100000"), 0,
          "0123456789\n" * 100_000, "")
    unread = ["bash", "-c", '"$0" exec sh -- yes | head -n 1; echo "${PIPESTATUS[0]}"', k]
    check(k, "exec: its reader leaves", run(unread), 0, "y\n141\n", "")
    check(k, "exec without -i: no input", execute("sh", "--", "cat", stdin=b"x"), 0, "", "")
    check(k, "exec: no such pod", execute("none", "--", "true"), 1, "",
          'Error from server (NotFound): pods "none" not found\n')
    check(k, "exec: no such container", execute("sh", "-c", "none", "--", "true"), 1, "",
          "Error from server (BadRequest): container none is not valid for pod sh\n")
    check(k, "exec: the first of two", execute("two", "--", "cat", "/proc/1/comm"), 0, "sleep\n",
          'Defaulted container "a" out of: a, b\n')
    check(k, "exec -c", execute("two", "-c", "b", "--", "cat", "/proc/1/comm"), 0, "tail\n", "")
    check(k, "exec: no command", execute("sh"), 1, "",
          "error: you must specify at least one command for the container\n")
    check(k, "exec -t without input", execute("-t", "sh", "--", "tty"), 1, "not a tty\n",
          "command terminated with exit code 1\n")
    check(k, "exec -it without a terminal", execute("-it", "sh", "--", "cat", stdin=b"in\n"), 0, "in\n",
          "Unable to use a TTY - input is not a terminal or the right kind of file\n")
    check(k, "exec -it: exit code", terminal("sh", dialogue=[("# ", "tty; exit 5\n")]), 5,
          pattern(".*/dev/pts/[0-9]+\r\ncommand terminated with exit code 5\r\n"))
    # The first size comes to the container on a way of its own, not before what is typed.
    sizes = [("# ", "until stty size | grep '24 80'; do :; done; echo first\n"), ("\nfirst", (50, 132)),
             ("# ", "until stty size | grep 50; do :; done; exit\n")]
    check(k, "exec -it: sizes", terminal("sh", dialogue=sizes), 0,
          pattern(".*\r\n24 80\r\nfirst\r\n.*\r\n50 132\r\n"))
    interrupt = "trap 'echo interrupted; exit 9' INT; echo ready; sleep 100 & wait"
    check(k, "exec -it: ^C", terminal("sh", "-c", interrupt, dialogue=[("ready", "\x03")]), 9,
          pattern("ready\r\n\\^Cinterrupted\r\ncommand terminated with exit code 9\r\n"))
    check(k, "exec -it: ^D", terminal("cat", dialogue=[("", "hi\n"), ("hi\r\nhi", "\x04")]), 0,
          pattern("hi\r\n(hi\r\n)+"))


def attached(k):
    name = re.sub("[^a-z0-9]", "-", os.path.basename(k))
    busybox = ["--image=busybox:1.35", "--image-pull-policy=IfNotPresent", "--restart=Never"]
    check(k, "attach: no such pod", run([k, "attach", "none"]), 1, "",
          'Error from server (NotFound): pods "none" not found\n')
    watch = Background([k, "attach", "talker"], "line")
    result = watch.end(signal.SIGKILL)
    check(k, "attach", Result(0, result.out, result.err), 0, pattern("line [0-9]+\n.*"), RECORDED)
    check(k, "attach -i", run([k, "attach", "-i", "echo", "-c", "c"], b"from " + name.encode() + b"\n"),
          0, None, RECORDED)
    heard = Background([k, "logs", "-f", "echo"], f"from {name}\n").end(signal.SIGKILL)
    check(k, "attach -i: it came", Result(0, heard.out), 0, pattern(f".*from {name}\n"))
    once = run([k, "run", "once-" + name, "--rm", "-i", *busybox, "--", "sh", "-c", "cat; exit 4"],
               b"input\n")
    gone = "deleted" if "1.20" in k else "deleted from default namespace"
    check(k, "run --rm -i", once, 4, f'input\npod "once-{name}" {gone}\n',
          RECORDED + f"pod default/once-{name} terminated (Error)\n")
    typed = on_terminal([k, "run", "typed-" + name, "--rm", "-it", *busybox, "--", "sh"],
                        [("# ", "echo typed; exit 5\n")])
    check(k, "run --rm -it", typed, 5,
          pattern(f'.*\r\ntyped\r\npod "typed-{name}" {gone}\r\n'
                  f"pod default/typed-{name} terminated \\(Error\\)\r\n"))
    check(k, "what ran once is gone", run([k, "get", "pods", "-l", "run", "-o", "name"]), 0, "", "")


def logs(k):
    def log(*args):
        return run([k, "logs", *args])

    check(k, "logs: no such container", log("two", "-c", "x"), 1, "",
          "error: container x is not valid for pod two\n")
    check(k, "logs --tail", log("count", "--tail=2"), 0, "4\n5\n", "")
    check(k, "logs --limit-bytes", log("count", "--limit-bytes=5"), 0, "1\n2\n3", "")
    check(k, "logs --since: long ago", log("count", "--since=1h"), 0, "1\n2\n3\n4\n5\n", "")
    check(k, "logs --since-time: later", log("count", "--since-time=2100-01-01T00:00:00Z"), 0, "", "")
    check(k, "logs --since and --since-time",
          log("count", "--since=1s", "--since-time=2020-01-01T00:00:00Z"), 1, "",
          "error: at most one of `sinceTime` or `sinceSeconds` may be specified\n")
    recent = log("talker", "--since=2s")
    check(k, "logs --since", recent, 0, pattern("(line [0-9]+\n){1,40}"), "")
    check(k, "logs --timestamps", log("count", "--timestamps"), 0,
          pattern(r"([0-9]{4}-[0-9-]{5}T[0-9:]{8}\.[0-9]{9}(Z|[+-][0-9:]{5}) [1-5]\n){5}"), "")
    check(k, "logs --previous", log("again", "--previous"), 0, "run\n", "")
    check(k, "logs --previous: there is none", log("sh", "--previous"), 1, "",
          'Error from server (BadRequest): previous terminated container "c" in pod "sh" not found\n')
    check(k, "logs: no image", log("missing"), 1, "",
          pattern(r'Error from server \(BadRequest\): container "c" in pod "missing" is waiting to '
                  r"start: (image can't be pulled|trying and failing to pull image)\n"))
    check(k, "logs --prefix", log("count", "--prefix", "--tail=1"), 0, "[pod/count/c] 5\n", "")
    followed = Background([k, "logs", "-f", "--tail=1", "talker"], "line")
    followed.wait(lambda text: text.count("\n") >= 4)
    lines = followed.end(signal.SIGKILL).out.splitlines()
    numbers = [int(line.split()[1]) for line in lines[:4]]
    check(k, "logs -f: every line once", Result(0, str(numbers)), 0,
          str(list(range(numbers[0], numbers[0] + 4))))
    check(k, "logs -f: ends with its container", log("-f", "count"), 0, "1\n2\n3\n4\n5\n", "")


def curl(*args):
    return run(["curl", "-sS", "-m", "20", *args])


def forwarded(k, port):
    page = '{\n  "image": "nautilus.jpg"\n}\n'
    forward = Background([k, "port-forward", "pod/web", f"{port}:80"], "[::1]")
    for _ in range(2):
        check(k, "port-forward: a page", curl(f"http://127.0.0.1:{port}/data.json"), 0, page)
    pictures = [subprocess.Popen(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "20",
                                  f"http://127.0.0.1:{port}/nautilus.jpg"], stdout=subprocess.PIPE)
                for _ in range(10)]
    answers = {each.communicate()[0] for each in pictures}
    check(k, "port-forward: many at once", Result(0, str(answers)), 0, "{b'200'}")
    check(k, "port-forward: interrupted", forward.end(), 0,
          f"Forwarding from 127.0.0.1:{port} -> 80\nForwarding from [::1]:{port} -> 80\n"
          + f"Handling connection for {port}\n" * 12, "")
    if "1.20" not in k:
        refused = Background([k, "port-forward", "sh", f"{port}:81"], "[::1]")
        curl(f"http://127.0.0.1:{port}/")
        check(k, "port-forward: nobody listens", refused.end(with_signal=None), 1, None,
              pattern(f".*an error occurred forwarding {port} -> 81: error forwarding port 81 to pod "
                      ".*connection refused.*\nerror: lost connection to pod\n"))
    check(k, "port-forward: no such port", run([k, "port-forward", "web", "x:y"]), 1, "",
          "error: Pod 'web' does not have a named port 'y'\n")
    check(k, "port-forward: no port", run([k, "port-forward", "web"]), 1, "",
          "error: TYPE/NAME and list of ports are required for port-forward\n"
          f"See '{'skiff' if os.path.basename(k) == 'skiff' else 'kubectl'} port-forward -h' for help "
          "and examples\n")
    proxy = Background([k, "proxy", f"--port={port}"], "Starting")
    check(k, "proxy: the API", curl(f"http://127.0.0.1:{port}/api/v1/namespaces/default/pods/none"), 0,
          pattern('.*"message": ?"pods \\\\"none\\\\" not found".*'))
    check(k, "proxy: a pod",
          curl(f"http://127.0.0.1:{port}/api/v1/namespaces/default/pods/web/proxy/data.json"), 0, page)
    check(k, "proxy: no commands",
          curl(f"http://127.0.0.1:{port}/api/v1/namespaces/default/pods/sh/exec?command=ls"), 0,
          "Forbidden\n")
    proxy.end()
    if "1.20" not in k:
        proxied_folder(k, port)


def proxied_folder(k, port):
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/sub")
        for name in ("a b&c.txt", "sub/index.html"):
            with open(f"{folder}/{name}", "w") as file:
                file.write("in it\n")
        proxy = Background([k, "proxy", f"--port={port}", f"--www={folder}"], "Starting")
        root = f"http://127.0.0.1:{port}"
        check(k, "proxy: a folder", curl(f"{root}/static/"), 0,
              '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n'
              '<a href="a%20b&c.txt">a b&amp;c.txt</a>\n<a href="sub/">sub/</a>\n</pre>\n')
        check(k, "proxy: a folder's own page", curl(f"{root}/static/sub/"), 0, "in it\n")
        # Go's own HTTP server says it: 301 up to Go 1.25, which the released kubectl is built with, 307 since.
        check(k, "proxy: a path with more slashes",
              curl("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}\n", f"{root}//api/v1?limit=1"),
              0, pattern(f"30[17] {re.escape(root)}/api/v1\\?limit=1\n"))
        check(k, "proxy: a folder without its slash",
              curl("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}\n", f"{root}/static/sub"),
              0, f"301 {root}/static/sub/\n")
        proxy.end()


def copied(k):
    def copy(*args):
        return run([k, "cp", *args])

    folder = tempfile.mkdtemp()
    inside = "/tmp/of-" + os.path.basename(k)
    os.makedirs(folder + "/source/below")
    with open(folder + "/source/large", "w", encoding="utf-8") as file:
        file.write("0123456789" * 100_000)
    with open(folder + "/source/below/small", "w", encoding="utf-8") as file:
        file.write("small")
    check(k, "cp: a directory there", copy(folder + "/source", "sh:" + inside), 0, "", "")
    check(k, "cp: it is there",
          run([k, "exec", "sh", "--", "sh", "-c", f"cd {inside}; find . | sort; md5sum large"]), 0,
          pattern(r"\.\n\./below\n\./below/small\n\./large\n[0-9a-f]{32}  large\n"), "")
    check(k, "cp: and back", copy("sh:" + inside, folder + "/back"), 0,
          "tar: removing leading '/' from member names\n", "")
    same = run(["diff", "-r", folder + "/source", folder + "/back"])
    check(k, "cp: the same came back", same, 0, "")
    check(k, "cp: nothing here", copy(folder + "/none", "sh:/tmp"), 1, "",
          f"error: {folder}/none doesn't exist in local filesystem\n")
    check(k, "cp: no tar there", copy("web:/x", folder + "/x"), 1, "",
          pattern('error: Internal error occurred: .*exec: "tar": executable file not found in '
                  r"\$PATH: unknown\n"))
    check(k, "cp: no pod", copy("x", "y"), 1, "",
          "error: one of src or dest must be a remote file specification\n")
    shutil.rmtree(folder)


def too_late(*_):
    print(f"too late after {checks} checks, the last of them: {last_check}; failed: {'; '.join(failures)}", flush=True)
    os._exit(1)


def main():
    clients = sys.argv[1:]
    # Whatever hangs. On a machine that does much else a client may need five minutes.
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(500 * len(clients))
    for number, client in enumerate(clients):
        started = time.monotonic()
        commands(client)
        attached(client)
        logs(client)
        # Below those that the kernel gives to whoever connects: nobody can listen on one of these then.
        forwarded(client, 21900 + number)
        copied(client)
        print(f"   {os.path.basename(client)}: {time.monotonic() - started:.1f} s")
    print(f"{checks} checks, {len(failures)} failed{': ' if failures else ''}{'; '.join(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
