"""Whose tokens are: a real kube-apiserver and ours, told the same (see tokens_difference.sh)."""
import argparse
import json
import os
import subprocess
import sys
import time

from tokens_cases import configurations, file_of_issuers, tokens, webhook_pages, webhook_tokens
from tokens_issuer import Key, Place, token
from two_apiservers import Comparison, Program, both, write

KNOWN = os.path.join(os.path.dirname(__file__), "tokens_difference.txt")
MODES = ["--authorization-mode=RBAC"]


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

    both(args, [f"--authentication-config={path}"] + MODES, "file", ready, use)


def compare_flags(args, comparison, place, keys):
    url = place.url + "/basic"
    flags = [f"--oidc-issuer-url={url}", "--oidc-client-id=us", f"--oidc-ca-file={place.ca_path}",
             "--oidc-groups-claim=groups", "--oidc-groups-prefix=oidc:",
             "--oidc-required-claim=team=a=b"] + MODES
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
             f"--authentication-token-webhook-version={version}"] + MODES

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
        said = [Program(args, ours, flags + MODES, "refused").end_text() for ours in (False, True)]
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
    comparison = Comparison(args.only, KNOWN)
    compare_configurations(args, comparison, place)
    compare_file(args, comparison, place, keys)
    compare_flags(args, comparison, place, keys)
    for version in ("v1", "v1beta1"):
        compare_webhook(args, comparison, place, version)
    print(f"{comparison.count} compared, {comparison.unknown} differ in ways that are not known")
    sys.exit(1 if comparison.unknown else 0)


main()
