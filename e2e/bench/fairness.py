"""The rounds and the table of e2e/bench/fairness.sh, which says what is measured."""

import argparse
import contextlib
import gc
import http.client
import json
import multiprocessing
import os
import pathlib
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

import compare

OBJECTS = 5000
TEXT = "x" * 800
PAUSE_S = 0.004
GENERATORS = 4
GROUPS = 100
ALL_PROCESSORS = os.sched_getaffinity(0)
USERS = {"admin": '"system:masters"', "quiet": "", "flooder": ""}
GRANT = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "tenants"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "User", "name": name} for name in ("quiet", "flooder")],
}


class Connection:
    """HTTP/1.1 over TLS, one request at a time, with as little of Python as there can be."""

    def __init__(self, port, user):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_socket(plain)
        self.room = bytearray(64 << 10)
        self.port = port
        self.user = user

    def ask(self, method, path, body=b"", form="application/json", until=None):
        """The status, when all of the answer is there, or that text of it."""
        head = f"{method} {path} HTTP/1.1\r\nHost: skiff\r\nAuthorization: Bearer {self.user}-token\r\n"
        if body:
            head += f"Content-Type: {form}\r\nContent-Length: {len(body)}\r\n"
        self.tls.sendall(head.encode() + b"\r\n" + body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.some()
        head, rest = got.split(b"\r\n\r\n", 1)
        while until and until not in rest:
            rest += self.some()
        if until:
            return int(head[9:12])
        length = None
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        # JSON has no line ends in its texts: the last chunk is found by its shape.
        tail, size = rest[-7:], len(rest)
        while size < length if length is not None else not tail.endswith(b"\r\n0\r\n\r\n"):
            count = self.tls.recv_into(self.room)
            if count == 0:
                raise OSError("the connection ended in an answer")
            size += count
            tail = (tail + bytes(self.room[max(0, count - 7):count]))[-7:]
        return int(head[9:12])

    def some(self):
        count = self.tls.recv_into(self.room)
        if count == 0:
            raise OSError("the connection ended")
        return bytes(self.room[:count])


def config_map(name):
    metadata = {"name": name, "namespace": "quiet"}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": TEXT}}
    return "/api/v1/namespaces/quiet/configmaps", json.dumps(document).encode()


def pod(namespace, name, group=""):
    container = {
        "image": "registry.example/team/application:1.2.3",
        "command": ["/bin/application", "--listen=:8080", "--log=json"],
        "env": [{"name": f"SETTING_{i}", "value": f"the value of setting {i}"} for i in range(8)],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
    }
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "application", "group": group}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [dict(container, name="main"), dict(container, name="side", ports=[])],
        },
    }
    return f"/api/v1/namespaces/{namespace}/pods", json.dumps(document).encode()


def lists(connection, _worker, _number):
    return connection.ask("GET", "/api/v1/namespaces/many/pods")


def creates(connection, worker, number):
    path, body = pod("flood", f"{worker}-{os.getpid()}-{number}")
    return connection.ask("POST", path, body)


def patches(connection, worker, number):
    body = b'{"metadata":{"annotations":{"count":"%d"}}}' % number
    return connection.ask("PATCH", f"/api/v1/namespaces/many/pods/pod-{worker}", body,
                          "application/strategic-merge-patch+json")


def labels(connection, _worker, number):
    """A hundredth of the pods."""
    return connection.ask("GET", f"/api/v1/namespaces/many/pods?labelSelector=group%3D{number % GROUPS}")


def watches(connection, worker, _number):
    """Opens one until it has told of its pod; its connection ends with it."""
    path = f"/api/v1/namespaces/many/pods?watch=1&fieldSelector=metadata.name%3Dpod-{worker}"
    opened = Connection(connection.port, connection.user)
    with contextlib.closing(opened.tls):
        return opened.ask("GET", path, until=b'"ADDED"')


FLOODS = {"lists": lists, "labels": labels, "watches": watches, "creates": creates, "patches": patches}
LOADS = ("idlers", "nobody", "hogs", *FLOODS)


def take_processors(of_server):
    """Where APART is set the server has the first processor, and everybody else the others."""
    if os.environ.get("APART"):
        first, *others = sorted(ALL_PROCESSORS)
        os.sched_setaffinity(0, {first} if of_server else others)


def step_back():
    """Whoever else wants the processor has it: a thread of nice 19 keeps it for a tick of the clock once it has it. On
    processors of its own it is in nobody's way, and others that use the machine would leave it none."""
    if os.environ.get("APART"):
        return
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def step_forward():
    """Waits for no processor, as a client on another machine would not."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def generate(port, load, workers, stop, results):
    """A process of the load generator: a connection and a thread for each of `workers`."""
    take_processors(of_server=False)
    step_back()
    counts = {}
    lock = threading.Lock()

    def work(worker):
        connection = Connection(port, "flooder")
        number = 0
        while not stop.is_set():
            status = FLOODS[load](connection, worker, number)
            number += 1
            with lock:
                counts[status] = counts.get(status, 0) + 1

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(counts)


def burn(steps_back, stop, results):
    """Takes as much of a processor as it can get, and talks to nobody."""
    take_processors(of_server=False)
    if steps_back:
        step_back()
    while not stop.is_set():
        sum(range(10000))
    results.put({})


def be_quiet(port, seconds, label, results):
    """One user's small requests, one at a time: milliseconds each."""
    take_processors(of_server=False)
    step_forward()
    gc.disable()
    connection = Connection(port, "quiet")
    times = {"get": [], "create": []}
    refused = 0
    end = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end:
        path, body = config_map(f"{label}-{number}")
        number += 1
        for what, request in (("get", ("GET", "/api/v1/namespaces/quiet")), ("create", ("POST", path, body))):
            time.sleep(PAUSE_S)
            began = time.perf_counter()
            status = connection.ask(*request)
            times[what].append((time.perf_counter() - began) * 1000)
            refused += status == 429
            if status not in (200, 201, 429):
                raise RuntimeError(f"{what}: {status}")
    results.put((times, refused))


PERCENTILES = (50, 95, 99)


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def cpu_seconds(processes):
    ticks = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def beside(options, server, port, load, label):
    """What the quiet user met beside `load`."""
    stop, results, answers = multiprocessing.Event(), multiprocessing.Queue(), multiprocessing.Queue()
    crowd = []
    for i in range(GENERATORS if load != "nobody" else 0):
        if load in FLOODS:
            workers = range(i, options.at_a_time, GENERATORS)
            task = (generate, (port, load, workers, stop, results))
        else:
            task = (burn, (load == "idlers", stop, results))
        crowd.append(multiprocessing.Process(target=task[0], args=task[1]))
    for process in crowd:
        process.start()
    time.sleep(0.7)
    before, began = cpu_seconds(server), time.monotonic()
    quiet = multiprocessing.Process(target=be_quiet,
                                    args=(port, options.seconds, label, answers))
    quiet.start()
    times, refused = answers.get(timeout=options.seconds + 120)
    quiet.join()
    took = time.monotonic() - began
    cpu = cpu_seconds(server) - before
    stop.set()
    counts = {}
    for _ in crowd:
        for status, count in results.get(timeout=120).items():
            counts[status] = counts.get(status, 0) + count
    for process in crowd:
        process.join()
    row = {f"{what} p{percent}": percentile(times[what], percent) for what in times for percent in PERCENTILES}
    return row | {
        "quiet refused": refused,
        "flood a second": sum(n for status, n in counts.items() if status < 300) / took,
        "flood refused": counts.get(429, 0),
        "server CPU": cpu / took,
    }


def admin(port, method, path, document):
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    headers = {"Authorization": "Bearer admin-token", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(document) if document else None, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 300 and answer.status != 409:
        raise RuntimeError(f"{method} {path}: {answer.status}")


def prepare(port):
    for namespace in ("quiet", "flood", "many"):
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        admin(port, "POST", "/api/v1/namespaces", document)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        admin(port, "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    admin(port, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", GRANT)

    def fill(first):
        connection = Connection(port, "admin")
        for number in range(first, OBJECTS, 8):
            path, body = pod("many", f"pod-{number}", str(number % GROUPS))
            if connection.ask("POST", path, body) != 201:
                raise RuntimeError("fill")

    threads = [threading.Thread(target=fill, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def await_ready(port):
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            if Connection(port, "admin").ask("GET", "/readyz") == 200:
                return
        if time.monotonic() > end:
            raise TimeoutError("the server does not become ready")
        time.sleep(0.05)


def commands_of(program, work, directory, port):
    """What is started: kube-apiserver with the etcd that lies beside it, or skiff."""
    options = argparse.Namespace(skiff=program, peers=pathlib.Path(program).parent, work=work)
    if pathlib.Path(program).name == "kube-apiserver":
        return compare.kube_commands(options, directory, port)
    return compare.skiff_commands(options, directory, port)


@contextlib.contextmanager
def server_of(program, work):
    """A filled server of that program; its processes and port."""
    directory = work / "data"
    directory.mkdir()
    port = compare.free_port()
    take_processors(of_server=True)
    try:
        with compare.running(commands_of(program, work, directory, port), work / "log") as processes:
            take_processors(of_server=False)
            await_ready(port)
            prepare(port)
            yield processes, port
    finally:
        os.sched_setaffinity(0, ALL_PROCESSORS)
        shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--at-a-time", type=int, default=32)
    parser.add_argument("--beside", default="idlers,hogs,lists,creates,patches")
    options = parser.parse_args()
    loads = options.beside.split(",")
    for load in loads:
        if load not in LOADS:
            parser.error(f"there is no load {load!r}; --beside takes some of {', '.join(LOADS)}, with commas between")
    (options.work / "tokens.csv").write_text(
        "".join(f"{name}-token,{name},u-{name}{',' + groups if groups else ''}\n" for name, groups in USERS.items()))
    subprocess.run(["openssl", "genrsa", "-out", str(options.work / "sa.key"), "2048"], capture_output=True, check=True)
    rounds = {(program, load): [] for program in options.programs for load in loads}
    for number in range(options.rounds):
        for program in options.programs:
            with server_of(program, options.work) as (processes, port):
                for load in loads:
                    row = beside(options, processes, port, load, f"{number}-{load}")
                    rounds[program, load].append(row)
                    shown = "  ".join(f"{name} {value:.2f}" for name, value in row.items())
                    print(f"{number} {program} beside {load}: {shown}", file=sys.stderr, flush=True)
    head = [f"{what} {percent} | times" for what in ("get", "create") for percent in ("p50", "p95", "p99")]
    print(f"| program | beside | {' | '.join(head)} | flood a second | server's processors | refused |")
    print("|" + "---|" * (2 * len(head) + 5))
    for program in options.programs:
        def median(load, figure):
            return statistics.median(row[figure] for row in rounds[program, load])

        for load in loads:
            cells = [program, load]
            for what in ("get", "create"):
                for percent in PERCENTILES:
                    alone = median(loads[0], f"{what} p{percent}")
                    now = median(load, f"{what} p{percent}")
                    cells += [f"{now:.2f}", f"{now / alone:.1f}"]
            refused = sum(row["quiet refused"] + row["flood refused"] for row in rounds[program, load])
            cells += [f"{median(load, 'flood a second'):.0f}", f"{median(load, 'server CPU'):.2f}", str(refused)]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
