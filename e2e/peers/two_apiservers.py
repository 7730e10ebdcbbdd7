"""A real kube-apiserver and ours, told the same: for tokens_difference.py and authorization_difference.py."""
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def document(text):
    return json.loads(text) if text.startswith(b"{") else text.decode()


class Program:
    """One of the two, with flags more than those that both always have."""

    def __init__(self, args, ours, flags, name):
        self.work = os.path.join(args.work, name + ("-ours" if ours else "-kube"))
        os.makedirs(self.work, exist_ok=True)
        self.port = free_port()
        self.log = os.path.join(self.work, "log")
        common = ["--bind-address=127.0.0.1", "--service-cluster-ip-range=10.96.0.0/16",
                  f"--token-auth-file={args.tokens}",
                  "--service-account-issuer=https://kubernetes.default.svc",
                  f"--service-account-key-file={args.key}",
                  f"--service-account-signing-key-file={args.key}", f"--secure-port={self.port}"]
        own = ([args.ours, "apiserver", "--durability=memory", f"--data-dir={self.work}/data"]
               if ours else [args.kube, f"--cert-dir={self.work}",
                             f"--etcd-servers=http://127.0.0.1:{args.etcd}",
                             f"--etcd-prefix=/{name}"])
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(own + common + flags, stdout=log, stderr=log)

    def ask(self, path, bearer=None, body=None, method=None, headers=None):
        """The code, and a document or a text."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        headers = {"Content-Type": "application/json", **(headers or {})}
        if bearer is not None:
            headers["Authorization"] = "Bearer " + bearer
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", headers=headers,
                                         method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                return answer.status, document(answer.read())
        except urllib.error.HTTPError as failure:
            return failure.code, document(failure.read())
        except (OSError, ValueError) as failure:
            return str(failure), None

    def who(self, bearer):
        """The user, or the code."""
        code, answer = self.ask(REVIEWS, bearer, {})
        if code != 201:
            return code
        user = answer["status"]["userInfo"]
        return {**user, "groups": sorted(user.get("groups", []))}

    def review(self, bearer, audiences=None):
        spec = {"token": bearer, **({"audiences": audiences} if audiences else {})}
        code, answer = self.ask("/apis/authentication.k8s.io/v1/tokenreviews", "token",
                                {"spec": spec})
        return code if code != 201 else answer["status"]

    def await_ready(self, bearers):
        until = time.time() + 240
        while time.time() < until and self.process.poll() is None:
            # Not before there are the roles by which anybody may ask who he is.
            if self.ask("/readyz/poststarthook/rbac/bootstrap-roles", "token")[0] == 200 and all(
                    isinstance(self.who(each), dict) for each in ["token"] + bearers):
                return
            time.sleep(0.5)
        with open(self.log) as log:
            sys.exit(f"{self.log}: not ready:\n{log.read()[-3000:]}")

    def end_text(self):
        """What it says before it ends by itself; "" where it goes on."""
        until = time.time() + 60
        while self.process.poll() is None and time.time() < until:
            if self.ask("/livez", "token")[0] in (200, 500):
                break
            time.sleep(0.1)
        ended = self.process.poll() is not None
        self.stop()
        if not ended:
            return ""
        with open(self.log) as log:
            text = log.read()
        kube = re.findall(r'"command failed" err="(.*)"$', text, re.M)
        if kube:
            return json.loads('"' + kube[-1] + '"')
        lines = re.findall(r'"command failed" err=<\n(.*?)\n >', text, re.S)
        if lines:
            return re.sub(r"^\t", "", lines[-1], flags=re.M).strip()
        errors = re.findall(r"^(?:Error|error): (.*)", text, re.M | re.S)
        return errors[-1].strip() if errors else text.strip()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Comparison:
    def __init__(self, only, known):
        self.only, self.count, self.unknown = re.compile(only), 0, 0
        with open(known) as file:
            self.known = {line.rsplit(": ", 1)[0] for line in file
                          if line.strip() and line[0] != "#"}

    def wants(self, name):
        return self.only.search(name) is not None

    def compare(self, name, kube, ours):
        self.count += 1
        if kube == ours:
            return
        known = name in self.known
        self.unknown += not known
        print(f"{name}{' (known)' if known else ''}:\n  kube: {kube}\n  ours: {ours}", flush=True)


def both(args, flags, name, bearers, use):
    """`flags`: of both, or a function of which of them it is."""
    programs = [Program(args, ours, flags(ours) if callable(flags) else flags, name)
                for ours in (False, True)]
    try:
        for program in programs:
            program.await_ready(bearers)
        use(*programs)
    finally:
        for program in programs:
            program.stop()


def write(args, name, text):
    path = os.path.join(args.work, name)
    with open(path, "w") as file:
        file.write(text if isinstance(text, str) else json.dumps(text))
    return path
