"""More pods for kubelet_difference.py: what is done to pods while they run (resizes, containers added for a look), what
they use up, how they stop, and what their environment comes from."""
from kubelet_scenarios import BUSYBOX, WEB, both, condition, container, files, pod, probe, ready, restarted, running, sees, waiting

SHARED = {"volumeMounts": [{"name": "e", "mountPath": "/e"}]}
EMPTY = {"volumes": [{"name": "e", "emptyDir": {}}]}
LOOP = "trap 'exit 0' TERM; while true; do sleep 0.1; done"


def reason(text):
    return lambda it: it["status"].get("reason") == text


def env_file(key="A", optional=False):
    return [{"name": "OF_FILE", "valueFrom": {"fileKeyRef": {"volumeName": "e", "path": "env", "key": key, "optional": optional}}}]


def resources(cpu=None, memory=None):
    amounts = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    return {"requests": amounts, "limits": amounts}


RUNS = {
    "sees-env-file": pod(container("echo \"$OF_FILE\"", env=env_file()),
                         initContainers=[container("printf \"A='b c'\\nB='2'\\n\" > /e/env", "one", **SHARED)], **EMPTY),
    "sees-env-file-optional": pod(container("echo \"<$OF_FILE>\"", env=env_file("NONE", True)),
                                  initContainers=[container("echo \"A='1'\" > /e/env", "one", **SHARED)], **EMPTY),
    "sees-root-read-only": pod(container("touch /x; touch /dev/shm/x; touch /etc/hosts; touch /dev/termination-log; echo $?", securityContext={"readOnlyRootFilesystem": True})),
    "sees-memory-full": pod(container("head -c 9000000 /dev/zero > /e/x; echo $?; wc -c < /e/x", **SHARED),
                            volumes=[{"name": "e", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}}]),
    "sees-unconfined": pod(sees(securityContext={"seccompProfile": {"type": "Unconfined"}, "runAsUser": 7, "runAsGroup": 0})),
    "sees-container-user": pod(sees(securityContext={"runAsUser": 0, "capabilities": {"add": ["ALL"]}}),
                               securityContext={"runAsUser": 9, "fsGroup": 5, "fsGroupChangePolicy": "OnRootMismatch"}),
    "sees-token-mode": pod(container("stat -L -c '%a %u %g' /t/token", volumeMounts=[{"name": "t", "mountPath": "/t"}]), securityContext={"runAsUser": 1000, "fsGroup": 2000},
                           volumes=[{"name": "t", "projected": {"defaultMode": 0o400, "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}]}}]),
    "sees-more-fields": pod(container("env | grep ^F_ | sort", env=[
        {"name": "F_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "F_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "F_IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}},
        {"name": "F_CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "F_MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Ki"}}},
        {"name": "F_DISK", "valueFrom": {"resourceFieldRef": {"resource": "limits.ephemeral-storage", "divisor": "1Mi"}}}],
        resources={"limits": {"ephemeral-storage": "50Mi"}})),
    "sees-immutable": pod(container(files("/c"), volumeMounts=[{"name": "c", "mountPath": "/c"}]), volumes=[{"name": "c", "configMap": {"name": "still"}}]),
    "sees-nested-mounts": pod(container("ls -R /e /e/in; cat /e/in/a", volumeMounts=[{"name": "e", "mountPath": "/e"}, {"name": "c", "mountPath": "/e/in"}]),
                              volumes=[{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "config", "items": [{"key": "a", "path": "a"}]}}]),
    "sees-same-volume-twice": pod(container("exec 2>&1; echo x > /e/a; cat /f/a; touch /f/b", volumeMounts=[{"name": "e", "mountPath": "/e"}, {"name": "e", "mountPath": "/f", "readOnly": True}]), **EMPTY),
    "log-no-newline": pod(container("printf 'a'; printf 'b\\nc'")),
    "log-none": pod(container("true")),
    "log-both": pod(container("echo out; echo err >&2; echo out")),
    "log-long": pod(container("head -c 40000 /dev/zero | tr '\\0' y; echo; echo end")),
}

ENDS = {
    "exit-137": pod(container("exit 137")),
    "exit-255": pod(container("exit 255")),
    "exit-message-folder": pod(container("exit 1", terminationMessagePath="/tmp/no/such/file")),
    "exit-message-late": pod(container("echo early > /dev/termination-log; echo late >> /dev/termination-log; exit 1", terminationMessagePolicy="FallbackToLogsOnError")),
    "once-more": pod(container("[ -e /e/x ] || { touch /e/x; exit 1; }; echo ok", **SHARED), restartPolicy="OnFailure", **EMPTY),
    "init-once-more": pod(container("echo main"), initContainers=[container("[ -e /e/x ] || { touch /e/x; exit 1; }", "one", **SHARED)], restartPolicy="OnFailure", **EMPTY),
    "rules-once-more": pod(container("[ -e /e/x ] || { touch /e/x; exit 43; }; echo ok", restartPolicy="Never",
                                     restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [43]}}], **SHARED), **EMPTY),
    "deadline-init": pod(container("echo main"), initContainers=[container(LOOP.replace("exit 0", "exit 3"), "one")], activeDeadlineSeconds=3),
    "memory-init": pod(container("echo main"), initContainers=[container("exec tail /dev/zero", "one", resources={"limits": {"memory": "16Mi"}})]),
    "sidecar-ends-in-order": pod(container("sleep 2; echo main"), initContainers=[
        container("trap 'sleep 0.5; cat /e/said; echo first; exit 0' TERM; while true; do sleep 0.1; done", "first", restartPolicy="Always", **SHARED),
        container("trap 'echo second > /e/said; exit 0' TERM; while true; do sleep 0.1; done", "second", restartPolicy="Always", **SHARED)], **EMPTY),
    "sidecar-main-fails": pod(container("sleep 1; exit 3"), initContainers=[container(LOOP, "side", restartPolicy="Always")]),
    "groups-strict": pod(container(), securityContext={"supplementalGroupsPolicy": "Strict", "supplementalGroups": [5]}),
    "app-armor": pod(container(), securityContext={"appArmorProfile": {"type": "Localhost", "localhostProfile": "none"}}),
    "huge-pages-none": pod(container(resources={"requests": {"hugepages-2Mi": "4Gi", "memory": "1Mi"}, "limits": {"hugepages-2Mi": "4Gi", "memory": "1Mi"}})),
    "evict-empty-dir": pod(container("head -c 3000000 /dev/zero > /e/x; sleep 3600", **SHARED), volumes=[{"name": "e", "emptyDir": {"sizeLimit": "1Mi"}}]),
    "evict-disk": pod(container("head -c 3000000 /dev/zero > /x; sleep 3600", resources={"limits": {"ephemeral-storage": "1Mi"}})),
}

STATES = {
    "env-file-key-absent": (pod(container(env=env_file("NONE")), initContainers=[container("echo \"A='1'\" > /e/env", "one", **SHARED)], **EMPTY), waiting("CreateContainerConfigError")),
    "memory-again": (pod(container("exec tail /dev/zero", resources={"limits": {"memory": "16Mi"}}), restartPolicy="Always"), both(restarted(1), waiting("CrashLoopBackOff"))),
    "image-nowhere": (pod({"name": "main", "image": "127.0.0.1:1/none:1"}), waiting("ImagePullBackOff")),
    "image-nowhere-always": (pod({"name": "main", "image": "127.0.0.1:1/none", "imagePullPolicy": "Always"}), waiting("ImagePullBackOff")),
    "image-secret-absent": (pod({"name": "main", "image": "127.0.0.1:1/none:2"}, imagePullSecrets=[{"name": "none"}]), waiting("ImagePullBackOff")),
    "image-upper": (pod({"name": "main", "image": "library/Nginx"}), waiting("InvalidImageName")),
    "volume-secret-absent": (pod(container(volumeMounts=[{"name": "s", "mountPath": "/s"}]), volumes=[{"name": "s", "secret": {"secretName": "none"}}]), lambda it: it["events"]),
    "volume-huge-pages": (pod(container(resources={"limits": {"memory": "1Mi"}}, volumeMounts=[{"name": "h", "mountPath": "/h"}]), volumes=[{"name": "h", "emptyDir": {"medium": "HugePages"}}]), lambda it: it["events"]),
    "alive-tcp-not": (pod({**WEB, "livenessProbe": {"tcpSocket": {"port": 84}, "periodSeconds": 1, "failureThreshold": 1}}, restartPolicy="Always"), restarted(1)),
    "alive-own-grace": (pod(container("trap '' TERM; while true; do sleep 0.1; done", livenessProbe=probe("exit 1", failureThreshold=1, terminationGracePeriodSeconds=1)),
                            restartPolicy="Always", terminationGracePeriodSeconds=60), restarted(1)),
    "sidecar-not-ready": (pod(initContainers=[container(LOOP, "side", restartPolicy="Always", readinessProbe=probe("exit 1"))]), both(running(), running("side"))),
    "sidecar-starts-never": (pod(initContainers=[container(LOOP, "side", restartPolicy="Always", startupProbe=probe("exit 1", failureThreshold=60))]), running("side")),
    "stop-sleeps": (pod(container(LOOP, lifecycle={"preStop": {"sleep": {"seconds": 2}}}), terminationGracePeriodSeconds=10), ready),
    "stop-http": (pod({**WEB, "lifecycle": {"preStop": {"httpGet": {"path": "/healthz", "port": 80}}}}, terminationGracePeriodSeconds=5), ready),
    "stop-hook-fails": (pod(container(LOOP, lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "exit 4"]}}}), terminationGracePeriodSeconds=5), ready),
    "stop-at-once": (pod(container("trap '' TERM; while true; do sleep 0.1; done"), terminationGracePeriodSeconds=0), ready),
    "stop-late": (pod(container("trap '' TERM; while true; do sleep 0.1; done"), terminationGracePeriodSeconds=2), ready),
    "stop-exit-code": (pod(container("trap 'echo bye > /dev/termination-log; exit 12' TERM; while true; do sleep 0.1; done"), terminationGracePeriodSeconds=5, restartPolicy="Always"), ready),
    "resize-cpu": (pod(container(resources=resources("100m", "20Mi"))), ready),
    "resize-memory-up": (pod(container(resources=resources("100m", "20Mi"))), ready),
    "resize-memory-down": (pod(container(resources=resources("100m", "40Mi"))), ready),
    "resize-restarts": (pod(container(LOOP, resources=resources("100m", "20Mi"), resizePolicy=[{"resourceName": "memory", "restartPolicy": "RestartContainer"}]),
                            restartPolicy="Always"), ready),
    "resize-too-much": (pod(container(resources=resources("100m", "20Mi"))), ready),
    "looked-at": (pod(container("exec sleep 3600")), ready),
    "looked-at-twice": (pod(container("exec sleep 3600"), shareProcessNamespace=True), ready),
}


def allocated(**amounts):
    """The main container has been given that, and nothing of it is under way."""
    def holds(it):
        status = (it["status"].get("containerStatuses") or [{}])[0]
        given = (status.get("resources") or {}).get("limits") or {}
        return all(given.get(key) == value for key, value in amounts.items()) and bool(status.get("state", {}).get("running")) and not any(
            one["type"].startswith("PodResize") for one in it["status"].get("conditions") or [])
    return holds


def ended(name):
    return lambda it: any(one["name"] == name and one["state"].get("terminated") for one in it["status"].get("ephemeralContainerStatuses") or [])


def resize(cpu=None, memory=None):
    return "resize", {"spec": {"containers": [{"name": "main", "resources": resources(cpu, memory)}]}}


def look(name, script, target=None):
    return "ephemeralcontainers", {"spec": {"ephemeralContainers": [
        {"name": name, "image": BUSYBOX, "command": ["sh", "-c", script], **({"targetContainerName": target} if target else {})}]}}


# What is done to a pod of STATES once it is as told, and what holds then: patches of a subresource.
ACTIONS = {
    "resize-cpu": [(*resize("150m", "20Mi"), allocated(cpu="150m"))],
    "resize-memory-up": [(*resize("100m", "30Mi"), allocated(memory="30Mi"))],
    "resize-memory-down": [(*resize("100m", "30Mi"), allocated(memory="30Mi"))],
    "resize-restarts": [(*resize("100m", "30Mi"), both(allocated(memory="30Mi"), restarted(1)))],
    "resize-too-much": [(*resize("1000", "20Mi"), condition("PodResizePending", "True"))],
    "looked-at": [(*look("eye", "ps -o comm; echo seen", "main"), ended("eye"))],
    "looked-at-twice": [(*look("one", "exit 3"), ended("one")), (*look("two", "echo two"), ended("two"))],
}

# Seconds for what takes longer than others: volumes are measured once a minute.
LONG = {"evict-empty-dir": 160, "evict-disk": 160}
