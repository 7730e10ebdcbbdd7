"""What is said of command lines that cannot be: by a real kube-apiserver and by ours (see flags_difference.sh)."""
import argparse
import os
import re
import subprocess
import sys

KNOWN = os.path.join(os.path.dirname(__file__), "flags_difference.txt")
LOG = ["--audit-log-path=-", "--audit-policy-file={policy}"]

# Each is known by its flags, without those that turn the audit log on.
LINES = [
    ["--service-account-max-token-expiration=59m"],
    ["--service-account-max-token-expiration=1193047h"],
    ["--service-account-issuer="],
    ["--service-account-issuer=https://kubernetes.default.svc"],
    ["--service-account-issuer=:a"],
    ["--service-account-issuer=1a:b"],
    ["--service-account-jwks-uri=http://a/keys"],
    ["--service-account-jwks-uri=:a"],
    ["--requestheader-uid-headers=X-Login-Uid"],
    ["--requestheader-username-headers= "],
    ["--requestheader-client-ca-file={certificate}", "--client-ca-file={certificate}"],
    ["--authorization-mode="],
    ["--authorization-mode=RBAC,Nonsense"],
    ["--authorization-mode=ABAC"],
    ["--authorization-mode=Webhook"],
    ["--authorization-mode=RBAC,RBAC"],
    ["--authorization-mode=RBAC", "--authorization-policy-file=/x"],
    ["--authorization-mode=RBAC", "--authorization-webhook-config-file=/x"],
    ["--authorization-config=/x", "--authorization-mode=RBAC"],
    ["--authorization-config=/x", "--authorization-webhook-cache-authorized-ttl=1m"],
    ["--authorization-config=/nowhere"],
    ["--runtime-config=api/ga=false"],
    ["--runtime-config=flowcontrol.apiserver.k8s.io/v1=false,api/all=true"],
    ["--runtime-config=api/all=false"],
    ["--runtime-config=api/all=perhaps"],
    ["--runtime-config=apps"],
    ["--runtime-config=example.com/v1=true"],
    ["--runtime-config=apps/v9=true"],
    ["--runtime-config=apps/v1=perhaps"],
    ["--runtime-config=apps/v1/Deployments=true"],
    ["--service-cluster-ip-range=nonsense"],
    ["--service-cluster-ip-range=10.0.0.0/30"],
    ["--service-cluster-ip-range=10.0.0.0/24,nonsense"],
    ["--service-cluster-ip-range=10.0.0.0/24,10.1.0.0/24"],
    ["--service-cluster-ip-range=10.0.0.0/24,fd00::/108,10.2.0.0/24"],
    ["--advertise-address=2001:db8::1"],
    ["--advertise-address=nonsense"],
    ["--service-node-port-range=x"],
    ["--service-node-port-range=32767-30000"],
    ["--service-node-port-range=30000+99999"],
    ["--service-node-port-range=1-2+3"],
    ["--kubernetes-service-node-port=70000"],
    ["--enable-admission-plugins=Nonsense"],
    ["--disable-admission-plugins=Nonsense"],
    ["--enable-admission-plugins=LimitRanger,AlwaysPullImages",
     "--disable-admission-plugins=AlwaysPullImages,LimitRanger"],
    ["--livez-grace-period=-1s"],
    ["--shutdown-watch-termination-grace-period=-1s"],
    ["--shutdown-delay-duration=-1s"],
    ["--storage-initialization-timeout=-1s"],
    ["--request-timeout=-1s"],
    ["--min-request-timeout=-1"],
    ["--max-requests-inflight=-1"],
    ["--max-mutating-requests-inflight=-1"],
    ["--goaway-chance=0.5"],
    ["--secure-port=0"],
    ["--storage-backend=etcd2"],
    ["--storage-media-type=text/plain"],
    ["--watch-cache-sizes=pods#10,nodes"],
    ["--watch-cache-sizes=pods#ten"],
    ["--watch-cache-sizes=pods#-1"],
    ["--encryption-provider-config-automatic-reload"],
    ["--emulation-forward-compatible"],
    ["--runtime-config-emulation-forward-compatible"],
    ["--peer-ca-file=/x"],
    ["--peer-advertise-ip=192.0.2.1"],
    ["--coordinated-leadership-lease-duration=10s"],
    ["--coordinated-leadership-retry-period=10s"],
    ["--show-hidden-metrics-for-version=1.20"],
    ["--allow-metric-labels=one=x"],
    ["--cors-allowed-origins=example.com"],
    ["--strict-transport-security-directives=max-age"],
    ["--tls-min-version=1.2"],
    ["--tls-cipher-suites=NULL"],
    ["--tls-sni-cert-key=one.crt"],
    ["--feature-gates=Nonsense=true"],
    ["--oidc-issuer-url=https://issuer.example"],
    ["--logging-format=xml"],
    ["--nonsense=1"],
    LOG + ["--audit-log-version=audit.k8s.io/v1beta1"],
    LOG + ["--audit-log-mode=often"],
    LOG + ["--audit-log-format=xml"],
    LOG + ["--audit-log-maxage=-1"],
    LOG + ["--audit-log-mode=batch", "--audit-log-batch-buffer-size=0"],
    LOG + ["--audit-log-mode=batch", "--audit-log-batch-max-size=-1"],
    LOG + ["--audit-log-mode=batch", "--audit-log-batch-throttle-enable=true"],
    LOG + ["--audit-log-truncate-max-event-size=0"],
    LOG + ["--audit-log-truncate-max-batch-size=5"],
]


# Whoever takes a command line waits for a store where nobody is.
SECONDS_MAX = 10


def said(command):
    """The error that it ends with, or None where it does not end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        text, _ = process.communicate(timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode == 0:
        return "ended with 0"
    # Klog's header, and what a program says of its flags on the way.
    errors = re.findall(r'(?:^|\s)(?:Error: |E\d{4}.*"command failed" err=)(.*)', text)
    return errors[-1].strip() if errors else text.strip().split("\n")[-1]


def unquoted(text):
    """As klog writes an error: in quotes, with escapes."""
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text


def same(theirs, ours):
    """Several errors of one line stand in brackets there; here the first one ends it."""
    if not theirs or not ours or not theirs.startswith("["):
        return theirs == ours
    return ours in (theirs, theirs[1:-1]) or theirs[1:].startswith(ours + ", ")


def main():
    parser = argparse.ArgumentParser()
    for name in ["kube", "ours", "work", "certificate", "key", "policy", "only"]:
        parser.add_argument("--" + name, default="")
    args = parser.parse_args()
    common = ["--bind-address=127.0.0.1", "--service-account-issuer=https://kubernetes.default.svc",
              f"--service-account-key-file={args.key}",
              f"--service-account-signing-key-file={args.key}", "--etcd-servers=http://127.0.0.1:1"]
    with open(KNOWN) as file:
        known = dict(line.rstrip("\n").split(": ", 1) for line in file if not line.startswith("#"))
    differ, met = 0, set()
    count = 0
    for line in LINES:
        flags = [flag.format(certificate=args.certificate, policy=args.policy) for flag in line]
        name = " ".join(line[2:] if line[:2] == LOG else line)
        if not re.search(args.only, name):
            continue
        count += 1
        theirs = said([args.kube, f"--cert-dir={args.work}/kube"] + common + flags)
        ours = said([args.ours, "apiserver", f"--data-dir={args.work}/ours"] + common + flags)
        one, other = theirs and unquoted(theirs), ours and unquoted(ours)
        if same(one, other):
            continue
        met.add(name)
        if name in known:
            continue
        differ += 1
        print(f"DIFFERS {name}\n  kube-apiserver: {one or 'takes it'}\n  skiff:          {other or 'takes it'}")
    for name in sorted(set(known) - met):
        if re.search(args.only, name):
            differ += 1
            print(f"NO DIFFERENCE ANY MORE {name}")
    print(f"{count} command lines, {differ} differ, {len(met & set(known))} known")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
