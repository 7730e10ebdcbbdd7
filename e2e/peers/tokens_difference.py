"""Whose tokens are: a real kube-apiserver and ours, told the same (see tokens_difference.sh)."""
import argparse
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

from tokens_cases import configurations, file_of_issuers, tokens, webhook_pages, webhook_tokens
from tokens_issuer import Key, Place, token

KNOWN = os.path.join(os.path.dirname(__file__), "tokens_difference.txt")
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Program:
    """One of the two, with flags more than those that both always have."""

    def __init__(self, args, ours, flags, name):
        self.work = os.path.join(args.work, name + ("-ours" if ours else "-kube"))
        os.makedirs(self.work, exist_ok=True)
        self.port = free_port()
        self.log = os.path.join(self.work, "log")
        common = ["--bind-address=127.0.0.1", "--service-cluster-ip-range=10.96.0.0/16",
                  "--authorization-mode=RBAC", f"--token-auth-file={args.tokens}",
                  "--service-account-issuer=https://kubernetes.default.svc",
                  f"--service-account-key-file={args.key}",
                  f"--service-account-signing-key-file={args.key}", f"--secure-port={self.port}"]
        own = ([args.ours, "apiserver", "--durability=memory", f"--data-dir={self.work}/data"]
               if ours else [args.kube, f"--cert-dir={self.work}",
                             f"--etcd-servers=http://127.0.0.1:{args.etcd}",
                             f"--etcd-prefix=/{name}"])
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(own + common + flags, stdout=log, stderr=log)

    def ask(self, path, bearer=None, body=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        headers = {"Content-Type": "application/json"}
        if bearer is not None:
            headers["Authorization"] = "Bearer " + bearer
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text.startswith(b"{") else None
        except urllib.error.HTTPError as failure:
            return failure.code, None
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
    def __init__(self, only):
        self.only, self.count, self.unknown = re.compile(only), 0, 0
        with open(KNOWN) as file:
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
    programs = [Program(args, ours, flags, name) for ours in (False, True)]
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


def compare_file(args, comparison, place, keys):
    config = file_of_issuers(place, keys)
    path = write(args, "issuers.yaml", config)
    cases = tokens(place, keys)
    ready = [cases[name] for name in cases if name.startswith("good ")]

    def use(kube, ours):
        # Whose token the groups are in kube-apiserver finds out beside, and refuses the first.
        kube.who(cases["distributed: groups"])
        time.sleep(3)
        for name, bearer in cases.items():
            if comparison.wants(name):
                comparison.compare(name, kube.who(bearer), ours.who(bearer))
        for name in ("good basic", "basic: expired", "basic: other audience", "cel: no name"):
            if comparison.wants("review of " + name):
                comparison.compare("review of " + name, kube.review(cases[name]),
                                   ours.review(cases[name]))
        # A key that is new, and one that is gone, without a new start.
        new = Key(args.work, "rotated", "2048")
        place.issuer("basic", [keys["rsa"], new])
        bearer = token(new, "RS256", {"iss": place.url + "/basic", "aud": "us", "sub": "new",
                                      "exp": int(time.time()) + 3600})
        time.sleep(2.5)
        comparison.compare("rotation: a new key", kube.who(bearer), ours.who(bearer))

    both(args, [f"--authentication-config={path}"], "file", ready, use)


def compare_flags(args, comparison, place, keys):
    url = place.url + "/basic"
    flags = [f"--oidc-issuer-url={url}", "--oidc-client-id=us", f"--oidc-ca-file={place.ca_path}",
             "--oidc-groups-claim=groups", "--oidc-groups-prefix=oidc:",
             "--oidc-required-claim=team=a=b"]
    claims = {"iss": url, "aud": "us", "sub": "me", "exp": int(time.time()) + 3600, "team": "a=b",
              "groups": ["x", "y"]}
    cases = {"flags: good": token(keys["rsa"], "RS256", claims),
             "flags: other algorithm": token(keys["p256"], "ES256", claims),
             "flags: claim differs": token(keys["rsa"], "RS256", {**claims, "team": "a"}),
             "flags: claim missing": token(keys["rsa"], "RS256",
                                           {k: v for k, v in claims.items() if k != "team"})}

    def use(kube, ours):
        for name, bearer in cases.items():
            comparison.compare(name, kube.who(bearer), ours.who(bearer))

    both(args, flags, "flags", [cases["flags: good"]], use)


def compare_webhook(args, comparison, place, version):
    webhook_pages(place, version)
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "w",
              "clusters": [{"name": "w", "cluster": {"server": f"{place.url}/review-{version}",
                                                     "certificate-authority": place.ca_path}}],
              "users": [{"name": "w", "user": {"token": "shown-to-the-webhook"}}],
              "contexts": [{"name": "w", "context": {"cluster": "w", "user": "w"}}]}
    path = write(args, f"webhook-{version}.yaml", config)
    flags = [f"--authentication-token-webhook-config-file={path}",
             f"--authentication-token-webhook-version={version}"]

    def use(kube, ours):
        for name, bearer in webhook_tokens().items():
            if comparison.wants(name):
                comparison.compare(f"webhook {version}: {name}", kube.who(bearer),
                                   ours.who(bearer))
        for audiences in (["elsewhere"], ["https://kubernetes.default.svc", "elsewhere"]):
            comparison.compare(f"webhook {version}: review for {audiences}",
                               kube.review("known", audiences), ours.review("known", audiences))

    both(args, flags, "webhook" + version, [], use)


def compare_configurations(args, comparison, place):
    for name, flags in configurations(place, lambda file, text: write(args, file, text)).items():
        if not comparison.wants(name):
            continue
        said = [Program(args, ours, flags, "refused").end_text() for ours in (False, True)]
        comparison.compare(name, *said)


def main():
    parser = argparse.ArgumentParser()
    for name in ("kube", "ours", "etcd", "work", "only"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    args.tokens = write(args, "tokens.csv", "token,admin,admin,system:masters\n")
    args.key = os.path.join(args.work, "sa.key")
    subprocess.run(["openssl", "genrsa", "-out", args.key, "2048"], check=True, capture_output=True)
    place = Place(args.work)
    keys = {"rsa": Key(args.work, "rsa", "2048"), "other": Key(args.work, "other", "2048"),
            "p256": Key(args.work, "p256", "P-256"), "p384": Key(args.work, "p384", "P-384"),
            "p521": Key(args.work, "p521", "P-521"), "small": Key(args.work, "small", "1024")}
    comparison = Comparison(args.only)
    compare_configurations(args, comparison, place)
    compare_file(args, comparison, place, keys)
    compare_flags(args, comparison, place, keys)
    for version in ("v1", "v1beta1"):
        compare_webhook(args, comparison, place, version)
    print(f"{comparison.count} compared, {comparison.unknown} differ in ways that are not known")
    sys.exit(1 if comparison.unknown else 0)


main()
