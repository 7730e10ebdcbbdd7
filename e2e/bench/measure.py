"""The numbers of e2e/bench/numbers.sh: measure.py SKIFF [PART...]"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

PORT = 17443
KUBELET_PORT = 17250
MISSED = []

POD = """
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, "3600"]}
"""
FLEET = """
apiVersion: v1
kind: ReplicationController
metadata: {name: many}
spec:
  replicas: 0
  selector: {app: many}
  template:
    metadata: {labels: {app: many}}
    spec:
      containers: [{name: main, image: "busybox:1.35"}]
"""


def report(what, values, unit, target, judged):
    """Prints the values; `judged` is the one of them that has to keep the target."""
    shown = " ".join(f"{value:.4g}" for value in values)
    good = judged <= target
    print(f"{what}: {shown} {unit}; {judged:.4g}, target {target:g}: {'ok' if good else 'MISSED'}",
          flush=True)
    if not good:
        MISSED.append(what)


def until(ready, timeout_s=120, pause_s=0.002):
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError("it takes more than %d s" % timeout_s)
        time.sleep(pause_s)


def answers_ready(context):
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=5) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(plain) as tls:
                tls.sendall(b"GET /readyz HTTP/1.1\r\nHost: skiff\r\n\r\n")
                return b" 200 " in tls.recv(100)
    except OSError:
        return False


def forget_files():
    """What is not in memory has to be read from the disk again, as after a boot."""
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    # What measures is not measured: it is there again before the clock starts.
    subprocess.run(["true"], check=True)


def readyz(skiff):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def start(before):
        with tempfile.TemporaryDirectory() as directory:
            answers_ready(context)
            before()
            began = time.monotonic()
            server = subprocess.Popen(
                [skiff, "apiserver", f"--data-dir={directory}/data", f"--secure-port={PORT}",
                 "--bind-address=127.0.0.1"], stderr=subprocess.DEVNULL)
            try:
                until(lambda: answers_ready(context), timeout_s=10, pause_s=0.001)
                return (time.monotonic() - began) * 1000
            finally:
                server.terminate()
                server.wait()

    warm = [start(lambda: None) for _ in range(15)]
    report("apiserver on an empty directory to /readyz", warm, "ms, median", 100,
           statistics.median(warm))
    paused = [start(lambda: time.sleep(5)) for _ in range(5)]
    report("the same, each after 5 s of nothing", paused, "ms, longest", 100, max(paused))
    cold = [start(forget_files) for _ in range(9)]
    report("the same, the program not in memory", cold, "ms, median", 100, statistics.median(cold))


@contextlib.contextmanager
def cluster(skiff, *flags):
    """A cluster of `skiff up` while the block runs; yields its data directory and a kubectl."""
    data = pathlib.Path(tempfile.mkdtemp()) / "data"
    ports = [f"--secure-port={PORT}"]
    if not any(flag.startswith("--nodes") for flag in flags):
        ports.append(f"--kubelet-port={KUBELET_PORT}")
    began = time.monotonic()
    try:
        subprocess.run([skiff, "up", f"--data-dir={data}", *ports, *flags], check=True,
                       stdout=subprocess.DEVNULL)
        took = time.monotonic() - began

        def kubectl(*words, text=None):
            return subprocess.run([skiff, *words, f"--kubeconfig={data}/admin.kubeconfig"],
                                  check=True, input=text, capture_output=True, text=True).stdout

        yield data, kubectl, took
    finally:
        subprocess.run([skiff, "down", f"--data-dir={data}"], stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(data.parent)


def fleet(skiff):
    with cluster(skiff, "--nodes=100") as (_, kubectl, took):
        print(f"up with 100 simulated nodes: {took:.2f} s")
        kubectl("apply", "-f", "-", text=FLEET)
        times = []
        for _ in range(3):
            time.sleep(5)  # What is still to be done for those before.
            began = time.monotonic()
            kubectl("scale", "rc", "many", "--replicas=1000")
            until(lambda: kubectl("get", "rc", "many",
                                  "-o=jsonpath={.status.readyReplicas}") == "1000", pause_s=0.2)
            times.append(time.monotonic() - began)
            pods = json.loads(kubectl("get", "pods", "-o=json"))["items"]
            bound = [pod for pod in pods
                     if pod["spec"].get("nodeName") and pod["status"]["phase"] == "Running"]
            assert len(bound) == 1000, f"{len(bound)} of {len(pods)} are bound and Running"
            kubectl("scale", "rc", "many", "--replicas=0")
            until(lambda: not kubectl("get", "pods", "-o=name"), pause_s=0.05)
        report("0 to 1,000 replicas on 100 simulated nodes", times, "s, longest", 5, max(times))


def cpu_s(stat):
    """Seconds of CPU so far, of a process or a thread."""
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def used(pid):
    """Seconds of CPU so far, and resident megabytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return cpu_s(pathlib.Path(f"/proc/{pid}/stat")), int(resident.split()[1]) / 1024


def used_by(pid, names):
    """Seconds of CPU so far, of the threads of these names."""
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(cpu_s(thread / "stat") for thread in threads
               if (thread / "comm").read_text().strip() in names)


def node(skiff):
    images = pathlib.Path(skiff).parent / "images"
    with cluster(skiff, f"--load-image={images}/busybox.tar") as (data, kubectl, took):
        print(f"up with a node that runs containers: {took:.2f} s")
        times = []
        for i in range(5):
            began = time.monotonic()
            kubectl("apply", "-f", "-", text=POD.replace("NAME", f"bench-{i}"))
            kubectl("wait", "--for=jsonpath={.status.phase}=Running", f"pod/bench-{i}",
                    "--timeout=60s")
            times.append(time.monotonic() - began)
        report("apply of a pod to Running", times, "s, longest", 1, max(times))
        kubectl("delete", "pods", "--all")
        pid = int((data / "skiff.pid").read_text().split()[0])
        time.sleep(30)
        cpu, _ = used(pid)
        began = time.monotonic()
        time.sleep(60)
        after, resident = used(pid)
        report("idle node, resident", [resident], "MB", 80, resident)
        share = 100 * (after - cpu) / (time.monotonic() - began)
        report("idle node, of a core", [share], "%", 1, share)


def main():
    skiff = sys.argv[1]
    parts = {"readyz": readyz, "fleet": fleet, "node": node}
    for part in sys.argv[2:] or parts:
        parts[part](skiff)
    if MISSED:
        sys.exit("missed: " + "; ".join(MISSED))


if __name__ == "__main__":
    main()
