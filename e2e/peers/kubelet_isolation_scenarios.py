"""Pods for kubelet_difference.py that wish for isolation, or for less of it: what each gets, or why it does not run."""
from kubelet_scenarios import BUSYBOX, container, files, pod, ready, sees, waiting

# Of the cluster, made once.
CLASSES = [{"metadata": {"name": "known"}, "handler": "runc", "overhead": {"podFixed": {"cpu": "20m", "memory": "8Mi"}}},
           {"metadata": {"name": "unknown"}, "handler": "no-such-handler"}]
# Lies on each node under seccomp/ of its kubelet's directory.
PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
LOCAL = {"seccompProfile": {"type": "Localhost", "localhostProfile": "no-mkdir.json"}}


def events(it):
    return it["events"]


def on(*containers, **security):
    """A pod with such a securityContext."""
    return pod(*containers, securityContext=security)


RUNS = {
    "sees-local-profile": on(sees(), container("mkdir /x; echo $?", "other"), **LOCAL),
    "sees-local-profile-of-one": pod(container("mkdir /x; echo $?", securityContext=LOCAL), container("mkdir /x; echo $?", "other")),
    "sees-selinux-options": on(sees(), seLinuxOptions={"level": "s0:c123,c456"}),
    "sees-windows-options": on(sees(), windowsOptions={"runAsUserName": "ContainerUser"}),
    "sees-group-always": pod(container("exec 2>&1; id; touch /e/x; " + files("/e"), volumeMounts=[{"name": "e", "mountPath": "/e"}]),
                             securityContext={"runAsUser": 12, "runAsGroup": 34, "fsGroup": 56, "fsGroupChangePolicy": "Always"},
                             volumes=[{"name": "e", "emptyDir": {}}]),
    "sees-non-root": pod(sees(securityContext={"runAsNonRoot": True, "runAsUser": 12})),
    "sees-non-root-not": on(sees(securityContext={"runAsNonRoot": False}), runAsNonRoot=True),
    "sees-capabilities-drop": pod(sees(securityContext={"capabilities": {"drop": ["NET_RAW", "CHOWN"]}})),
    "sees-capabilities-user": pod(sees(securityContext={"runAsUser": 12, "capabilities": {"add": ["NET_ADMIN"]}})),
    "sees-escalation-not": pod(sees(securityContext={"allowPrivilegeEscalation": False, "runAsUser": 12})),
    "sees-privileged-user": pod(container("exec 2>&1; id; grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status", securityContext={"privileged": True, "runAsUser": 12})),
    "sees-privileged-profile": on(container("grep Seccomp /proc/self/status", securityContext={"privileged": True}), seccompProfile={"type": "RuntimeDefault"}),
    "sees-host-all": pod(container("hostname; [ $(ls /proc | grep -c '^[0-9]') -gt 20 ]; echo $?"), hostNetwork=True, hostPID=True, hostIPC=True),
    "sees-app-armor-off": on(sees(), appArmorProfile={"type": "Unconfined"}),
    "sees-class": {**pod(sees(resources={"limits": {"cpu": "50m", "memory": "20Mi"}})), "runtimeClassName": "known"},
    "sees-read-only-init": pod(container("exec 2>&1; touch /y; echo $?"), initContainers=[
        container("exec 2>&1; touch /x; echo $?", "one", securityContext={"readOnlyRootFilesystem": True})]),
}

ENDS = {
    "app-armor-default": on(container(), appArmorProfile={"type": "RuntimeDefault"}),
    "unsafe-sysctl-name": on(container(), sysctls=[{"name": "kernel/shm_rmid_forced", "value": "1"}, {"name": "net.core.somaxconn", "value": "1"}]),
}

STATES = {
    # A group without a user is not for this runtime.
    "group-alone": (on(container(), runAsGroup=34), events),
    "capability-unknown": (pod(container(securityContext={"capabilities": {"add": ["NO_SUCH_THING"]}})), ready),
    "class-unknown": ({**pod(container()), "runtimeClassName": "unknown"}, events),
    "host-users-not": (pod(container(), hostUsers=False), events),
    "processes-shared": (pod(container("exec sleep 3600"), {"name": "other", "image": BUSYBOX, "command": ["sleep", "3600"], "securityContext": {
        "capabilities": {"add": ["SYS_PTRACE"]}}}, shareProcessNamespace=True), ready),
    "non-root-by-pod": (on(container(), runAsNonRoot=True), waiting("CreateContainerConfigError")),
}
