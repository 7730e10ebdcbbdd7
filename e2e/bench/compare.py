"""The rounds and the table of e2e/bench/compare.sh."""

import argparse
import contextlib
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys

# What each is called, and the least that is promised: times the rate, times less server CPU an operation.
# An operation of `list-page500` is the whole walk; of `watchfan-*-flood` and `resume`, one event delivered.
PROMISED = {
    "create": (4, 6),
    "patch-strategic": (4, 6),
    "patch-merge": (4, 6),
    "update-status": (4, 6),
    "lease-renew": (6, 10),
    "delete": (6, 8),
    "deletecollection": (8, 15),
    "get": (8, 12),
    "list": (10, 10),
    "list-label": (10, 10),
    "list-page500": (10, 10),
    "watchfan-1000-flood": (8, 8),
    "resume": (20, 15),
    "mixed": (6, 8),
}
TOKEN = "admin-token"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(commands, log):
    """The programs, ended and waited for in the end; what they say goes to `log`."""
    with open(log, "ab") as output, contextlib.ExitStack() as stack:
        processes = []
        for command in commands:
            process = subprocess.Popen(command, stdout=output, stderr=output)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            processes.append(process)
        yield processes


def skiff_commands(options, directory, port):
    return [[options.skiff, "apiserver", f"--data-dir={directory}/data", *common_flags(options, port)]]


def kube_commands(options, directory, port):
    clients, peer = free_port(), free_port()
    etcd = [
        f"{options.peers}/etcd",
        f"--data-dir={directory}/etcd",
        f"--listen-client-urls=http://127.0.0.1:{clients}",
        f"--advertise-client-urls=http://127.0.0.1:{clients}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
    ]
    server = [
        f"{options.peers}/kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{clients}",
        f"--cert-dir={directory}",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--service-account-key-file={options.work}/sa.key",
        f"--service-account-signing-key-file={options.work}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        *common_flags(options, port),
    ]
    return [etcd, server]


def common_flags(options, port):
    return [
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--token-auth-file={options.work}/tokens.csv",
        "--authorization-mode=Node,RBAC",
    ]


def measure(options, make_commands, name):
    """One round: what the load generator says, by name of the load."""
    directory = pathlib.Path(options.work) / name
    directory.mkdir()
    port = free_port()
    client = [
        options.apibench,
        f"--server=https://127.0.0.1:{port}",
        f"--token={TOKEN}",
        "--insecure-skip-verify",
    ]
    log = pathlib.Path(options.work) / f"{name}.log"
    with running(make_commands(options, directory, port), log) as processes:
        subprocess.run([*client, "ready"], stdout=subprocess.DEVNULL, check=True, timeout=120)
        pids = ",".join(str(process.pid) for process in processes)
        done = subprocess.run(
            [*client, f"--n={options.pods}", f"--pids={pids}", "all"], capture_output=True, text=True
        )
    shutil.rmtree(directory)
    if done.returncode != 0:
        sys.exit(f"{name}: the load failed: {done.stderr[-2000:]}\n{log.read_text()[-2000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    print(f"{name}: {len(rows)} loads", file=sys.stderr, flush=True)
    return {row["name"]: row for row in rows}


def median_of(rounds, name, figure):
    values = [figure(rows[name]) for rows in rounds if name in rows]
    return statistics.median(values) if values else None


def cpu_ms(row):
    return 1000 * (row.get("server_cpu_s") or 0) / max(1, row["ops_per_s"] * row["secs"])


def rate(row):
    return row["ops_per_s"]


def busy(row):
    """Of two cores, what all but the servers took: the load generator and the machine."""
    return ((row.get("client_cpu_s") or 0) + (row.get("other_cpu_s") or 0)) / max(1e-9, 2 * row["secs"])


def memory_mb(rounds):
    return max(row.get("server_rss_mb") or 0 for rows in rounds for row in rows.values())


def table(ours, theirs):
    # The load generator shares the machine: `at most` is the rate that it could reach beside a server
    # that costs nothing, in times of the other's.
    yield (
        "| load | rate a second | times | at most | server CPU an operation, ms | times less | promised "
        "| load's own CPU |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name in sorted(ours[0], key=lambda name: list(PROMISED).index(name) if name in PROMISED else 99):
        if not any(name in rows for rows in theirs):
            continue
        rates = [median_of(rounds, name, rate) for rounds in (ours, theirs)]
        cpus = [median_of(rounds, name, cpu_ms) for rounds in (ours, theirs)]
        if not rates[1]:
            continue
        less = f"{cpus[1] / cpus[0]:.1f}" if cpus[0] and cpus[1] else "-"
        own = median_of(ours, name, busy)
        limit = f"{rates[0] / own / rates[1]:.0f}" if own else "-"
        promised = "{}, {}".format(*PROMISED[name]) if name in PROMISED else "-"
        yield (
            f"| {name} | {rates[0]:.4g} of {rates[1]:.4g} | {rates[0] / rates[1]:.1f} | {limit} "
            f"| {cpus[0]:.3g} of {cpus[1]:.3g} | {less} | {promised} "
            f"| {100 * own:.0f} % |"
        )
    mine, other = memory_mb(ours), memory_mb(theirs)
    yield f"| memory at most, MB | {mine:.0f} of {other:.0f} | | | | {other / max(1, mine):.1f} | 12 | |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("skiff", "peers", "apibench", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pods", type=int, default=5000)
    options = parser.parse_args()
    work = pathlib.Path(options.work)
    (work / "tokens.csv").write_text(f'{TOKEN},admin,u-admin,"system:masters"\n')
    subprocess.run(["openssl", "genrsa", "-out", str(work / "sa.key"), "2048"], capture_output=True, check=True)
    ours, theirs = [], []
    for number in range(options.rounds):
        ours.append(measure(options, skiff_commands, f"skiff-{number}"))
        theirs.append(measure(options, kube_commands, f"kube-{number}"))
    print(*table(ours, theirs), sep="\n")


if __name__ == "__main__":
    main()
