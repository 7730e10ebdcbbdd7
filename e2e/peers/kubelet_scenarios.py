"""Pods whose lives are compared by kubelet_difference.py: what each container sees, what becomes of the pod, and what
its events say."""

BUSYBOX = "docker.io/library/busybox:1.35"
# What a container can tell of where it is, but for what each has of its own.
SEEN = r"""
env | grep -v -e '^HOSTNAME=' -e _SERVICE_ -e _PORT | sort
echo "-- id"; id
echo "-- status"; grep -E '^(NoNewPrivs|Cap|Seccomp|Groups|Umask)' /proc/self/status
echo "-- oom"; cat /proc/1/oom_score_adj
own=$(hostname -i 2>/dev/null | cut -d' ' -f1)
echo "-- hosts"; sed "s/${own:-none of its own}/ADDRESS/" /etc/hosts
echo "-- resolv"; cat /etc/resolv.conf
echo "-- hostname"; hostname; cat /etc/hostname
echo "-- mounts"; awk '{ split($4, o, ","); print $2, $3, o[1] }' /proc/self/mounts | grep -v -e '^/proc' -e '^/sys' -e '^/dev' | sort
echo "-- masked"; awk '$2 ~ /^.(proc|sys)/ { split($4, o, ","); print $2, $3, o[1] }' /proc/self/mounts | grep -v cgroup | sort
echo "-- cgroup"
for file in memory/memory.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us pids/pids.max; do
  [ -e /sys/fs/cgroup/$file ] && echo $file $(cat /sys/fs/cgroup/$file)
done
for file in memory.max memory.min memory.high cpu.weight cpu.max pids.max; do
  [ -e /sys/fs/cgroup/$file ] && echo $file $(cat /sys/fs/cgroup/$file)
done
echo "-- pwd"; pwd
echo "-- ulimit"; ulimit -a
echo "-- terminal"; tty
true
"""


def container(script="sleep 3600", name="main", **fields):
    return {"name": name, "image": BUSYBOX, "command": ["sh", "-c", script], **fields}


def pod(*containers, **spec):
    return {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": list(containers) or [container()], **spec}


def sees(**fields):
    return container(SEEN, **fields)


def files(*paths):
    """Prints these files and folders as they are there, without times."""
    return " ; ".join(f"echo '== {path}'; find {path} -print | sort | while read f; do "
                      "stat -c '%A %u %g %N' \"$f\" | sed 's/\\.\\.[0-9_.]\\{8,\\}/..TIME/g'; [ -f \"$f\" ] && head -c 300 \"$f\"; echo; done"
                      for path in paths)


def probe(command=None, **fields):
    return {**({"exec": {"command": ["sh", "-c", command]}} if command else {}), "periodSeconds": 1, **fields}


# Objects that pods refer to, in each namespace.
OBJECTS = {
    "configmaps": [{"metadata": {"name": "config"}, "data": {"a": "1", "b.txt": "two\n", "bad-name": "x", "C_D": "4"},
                    "binaryData": {"bin": "AAEC"}},
                   {"metadata": {"name": "still"}, "immutable": True, "data": {"k": "v"}}],
    "secrets": [{"metadata": {"name": "secret"}, "stringData": {"user": "admin", "password": "p w"}},
                {"metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
                 "stringData": {".dockerconfigjson": '{"auths":{"registry.invalid":{"username":"u","password":"p"}}}'}}],
    "services": [{"metadata": {"name": "before"}, "spec": {"selector": {"app": "none"}, "clusterIP": "None", "ports": [{"port": 80}]}}],
}

RUNS = {
    "sees": pod(sees()),
    "sees-resources": pod(sees(resources={"requests": {"cpu": "150m", "memory": "20Mi"}, "limits": {"cpu": "250m", "memory": "40Mi"}})),
    "sees-guaranteed": pod(sees(resources={"limits": {"cpu": "200m", "memory": "30Mi"}})),
    "sees-requests": pod(sees(resources={"requests": {"cpu": "1m", "memory": "1Mi"}})),
    "sees-level": {**pod(sees(), sees(name="other", resources={"limits": {"cpu": "50m", "memory": "20Mi"}})),
                   "resources": {"requests": {"cpu": "200m", "memory": "60Mi"}, "limits": {"cpu": "300m", "memory": "80Mi"}}},
    "sees-user": pod(sees(), securityContext={"runAsUser": 1234, "runAsGroup": 2345, "fsGroup": 3456, "supplementalGroups": [4567, 5678]}),
    "sees-group-strict": pod(sees(), securityContext={"runAsUser": 65534, "supplementalGroups": [77], "supplementalGroupsPolicy": "Merge"}),
    "sees-capabilities": pod(sees(securityContext={"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]},
                                                   "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True})),
    "sees-seccomp": pod(sees(), securityContext={"seccompProfile": {"type": "RuntimeDefault"}}),
    "sees-host-network": pod(sees(), hostNetwork=True),
    "sees-host-network-dns": pod(sees(), hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet"),
    "sees-host-pid": pod(container("ls /proc | grep -c '^[0-9]*$' | awk '{ print ($1 > 20) }'"), hostPID=True),
    "sees-host-ipc": pod(sees(), hostIPC=True),
    "sees-shared-processes": pod(container("sleep 3; ps -o comm | grep -c -e '^pause$' -e '^sleep$'"),
                                 container("sleep 6", name="other"), shareProcessNamespace=True),
    "sees-hosts": pod(sees(), hostAliases=[{"ip": "192.0.2.7", "hostnames": ["a.example", "b.example"]}, {"ip": "192.0.2.8", "hostnames": ["c"]}]),
    "sees-hostname": pod(sees(), hostname="somebody", subdomain="before"),
    "sees-fqdn": pod(sees(), hostname="somebody", subdomain="before", setHostnameAsFQDN=True),
    "sees-override": pod(sees(), hostnameOverride="over.ridden.example"),
    "sees-long-name-" + "x" * 60: pod(sees()),
    "sees-dns-none": pod(sees(), dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"], "searches": ["x.example"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}),
    "sees-dns-default": pod(sees(), dnsPolicy="Default", dnsConfig={"options": [{"name": "ndots", "value": "3"}], "searches": ["more.example"]}),
    "sees-dns-more": pod(sees(), dnsConfig={"nameservers": ["192.0.2.53", "10.96.0.10"], "options": [{"name": "ndots", "value": "7"}, {"name": "timeout", "value": "1"}]}),
    "sees-sysctl": pod(container("cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/ipv4/tcp_syncookies"),
                       securityContext={"sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "2000 3000"}, {"name": "net.ipv4.tcp_syncookies", "value": "0"}]}),
    "sees-privileged": pod(container("ls /dev | wc -l | awk '{ print ($1 > 25) }'; grep CapEff /proc/self/status; awk '$2 == \"/sys\" { split($4, o, \",\"); print o[1] }' /proc/mounts",
                                     securityContext={"privileged": True})),
    "sees-terminal": pod(sees(tty=True, stdin=True, stdinOnce=True)),
    "sees-no-links": pod(container("env | sort | grep -v HOSTNAME"), enableServiceLinks=False),
    "sees-folder": pod(sees(workingDir="/somewhere/else")),
    "sees-args": pod({"name": "main", "image": BUSYBOX, "args": ["echo", "$(A) $$(A) $(NONE) $(B)"], "env": [
        {"name": "A", "value": "x"}, {"name": "B", "value": "[$(A)]$(C)"}, {"name": "C", "value": "later"}]}),
    "sees-env": pod(container("env | sort | grep -v -e HOSTNAME -e _SERVICE -e _PORT", env=[
        {"name": "PLAIN", "value": "a\nb"}, {"name": "EMPTY"},
        {"name": "FIELD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "FIELD_SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "FIELD_LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "FIELD_NOTE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['note']"}}},
        {"name": "FIELD_NOTHING", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['nothing']"}}},
        {"name": "FIELD_NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "FIELD_ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
        {"name": "FIELD_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "FIELD_HOSTS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIPs"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
        {"name": "CPU_WHOLE", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "MEMORY_OTHER", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "containerName": "main"}}},
        {"name": "FROM_CONFIG", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "a"}}},
        {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "password"}}},
        {"name": "FROM_NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "password", "optional": True}}},
    ], envFrom=[{"configMapRef": {"name": "config"}, "prefix": "P_"}, {"secretRef": {"name": "secret"}}, {"configMapRef": {"name": "none", "optional": True}}],
        resources={"requests": {"cpu": "150m"}, "limits": {"memory": "32Mi"}})),
    "sees-env-bad-names": pod(container("env | sort | grep -v -e HOSTNAME -e _SERVICE -e _PORT", envFrom=[{"configMapRef": {"name": "config"}}])),
    "sees-empty-dir": pod(container("df -k /m | tail -1 | awk '{print $2}'; echo x > /e/x; " + files("/e", "/m") + "; grep -e ' /m ' /proc/mounts | cut -d' ' -f2,3",
                                    volumeMounts=[{"name": "e", "mountPath": "/e"}, {"name": "m", "mountPath": "/m"}],
                                    resources={"limits": {"memory": "64Mi"}}),
                          volumes=[{"name": "e", "emptyDir": {}}, {"name": "m", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}]),
    "sees-empty-dir-group": pod(container(files("/e"), volumeMounts=[{"name": "e", "mountPath": "/e"}]), volumes=[{"name": "e", "emptyDir": {}}],
                                securityContext={"fsGroup": 4000, "runAsUser": 1000, "runAsNonRoot": True}),
    "sees-config": pod(container(files("/c"), volumeMounts=[{"name": "c", "mountPath": "/c"}]), volumes=[{"name": "c", "configMap": {"name": "config"}}]),
    "sees-config-items": pod(container(files("/c"), volumeMounts=[{"name": "c", "mountPath": "/c"}]), volumes=[{"name": "c", "configMap": {
        "name": "config", "defaultMode": 0o440, "items": [{"key": "a", "path": "deep/er/a"}, {"key": "b.txt", "path": "b", "mode": 0o600}]}}], securityContext={"fsGroup": 99}),
    "sees-secret": pod(container(files("/s"), volumeMounts=[{"name": "s", "mountPath": "/s", "readOnly": True}]), volumes=[{"name": "s", "secret": {"secretName": "secret", "defaultMode": 0o400}}],
                       securityContext={"runAsUser": 1000, "fsGroup": 3000}),
    "sees-optional": pod(container(files("/s", "/c"), volumeMounts=[{"name": "s", "mountPath": "/s"}, {"name": "c", "mountPath": "/c"}]), volumes=[
        {"name": "s", "secret": {"secretName": "none", "optional": True}}, {"name": "c", "configMap": {"name": "config", "optional": True, "items": [{"key": "absent", "path": "x"}]}}]),
    "sees-downward": pod(container(files("/d"), volumeMounts=[{"name": "d", "mountPath": "/d"}], resources={"limits": {"cpu": "300m"}}), volumes=[{"name": "d", "downwardAPI": {"items": [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}, {"path": "notes", "fieldRef": {"fieldPath": "metadata.annotations"}},
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o400},
        {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"}}]}}]),
    "sees-projected": pod(container(files("/p") + " | sed 's/ey[A-Za-z0-9_.-]*/TOKEN/'", volumeMounts=[{"name": "p", "mountPath": "/p"}]), volumes=[{"name": "p", "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"path": "token", "audience": "somebody"}}, {"configMap": {"name": "config", "items": [{"key": "a", "path": "conf/a"}]}},
        {"secret": {"name": "secret", "items": [{"key": "user", "path": "sec/user", "mode": 0o400}]}}, {"downwardAPI": {"items": [{"path": "me", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}],
                          securityContext={"runAsUser": 1000}),
    "sees-account": pod(container(files("/var/run/secrets/kubernetes.io/serviceaccount") + " | sed -e 's/ey[A-Za-z0-9_.-]*/TOKEN/' -e '/CERTIFICATE/,$d'")),
    "sees-no-account": pod(container("ls /var/run/secrets 2>&1"), automountServiceAccountToken=False),
    "sees-sub-path": pod(container(files("/one", "/dir", "/expr"), volumeMounts=[
        {"name": "c", "mountPath": "/one", "subPath": "b.txt"}, {"name": "e", "mountPath": "/dir", "subPath": "made/here"},
        {"name": "e", "mountPath": "/expr", "subPathExpr": "$(WHO)/x"}], env=[{"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        volumes=[{"name": "c", "configMap": {"name": "config"}}, {"name": "e", "emptyDir": {}}]),
    "sees-image-volume": pod(container("ls /i | sort", volumeMounts=[{"name": "i", "mountPath": "/i"}]), volumes=[{"name": "i", "image": {"reference": "skiff.local/kitten:1.0", "pullPolicy": "IfNotPresent"}}]),
    "sees-host-path": pod(container(files("/h") + "; cat /f", volumeMounts=[{"name": "h", "mountPath": "/h"}, {"name": "f", "mountPath": "/f"}]), volumes=[
        {"name": "h", "hostPath": {"path": "/run/kubelet-difference/made", "type": "DirectoryOrCreate"}}, {"name": "f", "hostPath": {"path": "/run/kubelet-difference/file", "type": "FileOrCreate"}}]),
    "sees-propagation": pod(container("grep ' /e ' /proc/self/mountinfo | grep -c shared; true", volumeMounts=[{"name": "e", "mountPath": "/e", "mountPropagation": "Bidirectional"}],
                                      securityContext={"privileged": True}), volumes=[{"name": "e", "emptyDir": {}}]),
    "sees-read-only": pod(container("touch /e/x; touch /tmp/y", volumeMounts=[{"name": "e", "mountPath": "/e", "readOnly": True, "recursiveReadOnly": "IfPossible"}]), volumes=[{"name": "e", "emptyDir": {}}]),
}

ENDS = {
    "exit-0": pod(container("echo done")),
    "exit-3": pod(container("echo failing >&2; exit 3")),
    "exit-signal": pod(container("kill -KILL $$")),
    "exit-term": pod(container("kill -TERM $$")),
    "exit-message": pod(container("echo -n 'last words' > /dev/termination-log; exit 2")),
    "exit-message-path": pod(container("echo elsewhere > /tmp/said; exit 2", terminationMessagePath="/tmp/said")),
    "exit-message-log": pod(container("echo one; echo two; exit 1", terminationMessagePolicy="FallbackToLogsOnError")),
    "exit-message-log-0": pod(container("echo one; exit 0", terminationMessagePolicy="FallbackToLogsOnError")),
    "exit-message-long": pod(container("head -c 9000 /dev/zero | tr '\\0' x > /dev/termination-log; exit 1")),
    "exit-two": pod(container("exit 0"), container("sleep 1; exit 4", name="other")),
    "exit-no-command": pod({"name": "main", "image": BUSYBOX, "command": ["/no/such/thing"]}),
    "exit-no-folder-right": pod({"name": "main", "image": BUSYBOX, "command": ["/etc/passwd"]}),
    "exit-memory": pod(container("exec tail /dev/zero", resources={"limits": {"memory": "16Mi"}})),
    "exit-deadline": pod(container("trap 'exit 0' TERM; sleep 3600 & wait"), activeDeadlineSeconds=3),
    "exit-rules": pod(container("exit 42", restartPolicy="Never", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [43]}}])),
    "init-ok": pod(container("echo main"), initContainers=[container("echo one", "one"), container("echo two", "two")]),
    "init-fails": pod(container("echo main"), initContainers=[container("exit 7", "one"), container("echo two", "two")]),
    "sidecar": pod(container("sleep 2; echo main"), initContainers=[container("trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done", "side", restartPolicy="Always"), container("echo two", "two")]),
    "sidecar-fails-late": pod(container("sleep 2"), initContainers=[container("trap 'exit 9' TERM; while true; do sleep 0.1; done", "side", restartPolicy="Always")]),
    "sidecar-two": pod(container("sleep 2"), initContainers=[
        container("trap 'exit 0' TERM; while true; do sleep 0.1; done", "first", restartPolicy="Always", startupProbe=probe("sleep 0.1")),
        container("trap 'exit 0' TERM; while true; do sleep 0.1; done", "second", restartPolicy="Always", readinessProbe=probe("true"))]),
}

# Pods that are looked at once something holds, and what that is: a function of the pod.


def waiting(reason, name="main"):
    return lambda it: any(one["name"] == name and (one["state"].get("waiting") or {}).get("reason") == reason
                          for field in ("initContainerStatuses", "containerStatuses") for one in it["status"].get(field) or [])


def restarted(count, name="main"):
    return lambda it: any(one["name"] == name and one["restartCount"] >= count
                          for field in ("initContainerStatuses", "containerStatuses") for one in it["status"].get(field) or [])


def condition(kind, value):
    return lambda it: any(one["type"] == kind and one["status"] == value for one in it["status"].get("conditions") or [])


def both(*all_of):
    return lambda it: all(one(it) for one in all_of)


def running(name="main"):
    return lambda it: any(one["name"] == name and one["state"].get("running")
                          for field in ("initContainerStatuses", "containerStatuses") for one in it["status"].get(field) or [])


ready = condition("Ready", "True")
WEB = {"name": "main", "image": "skiff.local/kitten:1.0", "ports": [{"name": "web", "containerPort": 80}]}

STATES = {
    "ready": (pod(), ready),
    "ready-two": (pod(container(), container(name="other")), ready),
    "ready-exec": (pod(container(readinessProbe=probe("true"))), ready),
    "ready-exec-not": (pod(container(readinessProbe=probe("echo sick; exit 1"))), running()),
    "ready-http": (pod({**WEB, "readinessProbe": {"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 1}}), ready),
    "ready-http-not": (pod({**WEB, "readinessProbe": {"httpGet": {"path": "/none", "port": 80}, "periodSeconds": 1}}), running()),
    "ready-http-closed": (pod({**WEB, "readinessProbe": {"httpGet": {"path": "/", "port": 81}, "periodSeconds": 1}}), running()),
    "ready-tcp": (pod({**WEB, "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1}}), ready),
    "ready-tcp-not": (pod({**WEB, "readinessProbe": {"tcpSocket": {"port": 82}, "periodSeconds": 1}}), running()),
    "ready-grpc-not": (pod({**WEB, "readinessProbe": {"grpc": {"port": 83}, "periodSeconds": 1}}), running()),
    "ready-slow": (pod(container(readinessProbe=probe("sleep 5", timeoutSeconds=1))), running()),
    "ready-gate": (pod(readinessGates=[{"conditionType": "example.com/gate"}]), condition("ContainersReady", "True")),
    "started-late": (pod(container("sleep 2; touch /tmp/up; sleep 3600", startupProbe=probe("test -e /tmp/up", failureThreshold=30), readinessProbe=probe("true"))), ready),
    "started-never": (pod(container(startupProbe=probe("exit 1", failureThreshold=2)), restartPolicy="Always"), restarted(1)),
    "alive-not": (pod(container("sleep 3600", livenessProbe=probe("echo dead; exit 1", failureThreshold=2)), restartPolicy="Always"), restarted(1)),
    "alive-not-never": (pod(container("trap 'exit 5' TERM; while true; do sleep 0.1; done", livenessProbe=probe("exit 1", failureThreshold=1))), lambda it: it["status"]["phase"] == "Failed"),
    "alive-http-not": (pod({**WEB, "livenessProbe": {"httpGet": {"path": "/none", "port": 80}, "periodSeconds": 1, "failureThreshold": 1}}, restartPolicy="Always"), restarted(1)),
    "crash": (pod(container("echo again; exit 1"), restartPolicy="Always"), both(restarted(2), waiting("CrashLoopBackOff"))),
    "crash-ok": (pod(container("exit 0"), restartPolicy="Always"), both(restarted(1), waiting("CrashLoopBackOff"))),
    "crash-on-failure": (pod(container("exit 1"), restartPolicy="OnFailure"), both(restarted(1), waiting("CrashLoopBackOff"))),
    "crash-init": (pod(initContainers=[container("exit 1", "one")], restartPolicy="Always"), both(restarted(1, "one"), waiting("CrashLoopBackOff", "one"))),
    "crash-sidecar": (pod(initContainers=[container("sleep 1; exit 1", "side", restartPolicy="Always")]), both(restarted(1, "side"), waiting("CrashLoopBackOff", "side"))),
    "image-absent": (pod({"name": "main", "image": "skiff.local/absent:1", "imagePullPolicy": "Never"}), waiting("ErrImageNeverPull")),
    "image-bad": (pod({"name": "main", "image": "skiff.local/A b:1"}), waiting("InvalidImageName")),
    "config-absent": (pod(container(env=[{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a"}}}])), waiting("CreateContainerConfigError")),
    "config-key-absent": (pod(container(env=[{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "none"}}}])), waiting("CreateContainerConfigError")),
    "config-from-absent": (pod(container(envFrom=[{"secretRef": {"name": "none"}}])), waiting("CreateContainerConfigError")),
    "secret-key-absent": (pod(container(env=[{"name": "X", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "none"}}}])), waiting("CreateContainerConfigError")),
    "user-zero": (pod(container(securityContext={"runAsUser": 0, "runAsNonRoot": True})), waiting("CreateContainerConfigError")),
    "user-namespace": (pod(sees(securityContext={"procMount": "Unmasked"}), hostUsers=False), lambda it: it["events"]),
    "user-name-non-root": (pod(container(securityContext={"runAsNonRoot": True})), waiting("CreateContainerConfigError")),
    "command-absent": (pod({"name": "main", "image": BUSYBOX, "command": ["/no/such"]}, restartPolicy="Always"), both(restarted(1), waiting("CrashLoopBackOff"))),
    "hook-start": (pod(container("sleep 1; cat /tmp/hook; sleep 3600", lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo hooked > /tmp/hook"]}}})), ready),
    "hook-start-fails": (pod(container(lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo no; exit 6"]}}}), restartPolicy="Always"), restarted(1)),
    "hook-start-fails-ends": (pod(container("trap 'exit 3' TERM; while true; do sleep 0.1; done",
                                            lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "exit 6"]}},
                                                       "preStop": {"exec": {"command": ["sh", "-c", "echo bye > /dev/termination-log"]}}}), restartPolicy="Always"), restarted(1)),
    "hook-start-http-fails": (pod({**WEB, "lifecycle": {"postStart": {"httpGet": {"path": "/none", "port": 99}}}}, restartPolicy="Always"), restarted(1)),
    "hook-start-sleep": (pod(container(lifecycle={"postStart": {"sleep": {"seconds": 1}}})), ready),
    "restart-all": (pod(container("sleep 1; exit 42", restartPolicy="Never", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}])), restarted(1)),
    "volume-absent": (pod(container(volumeMounts=[{"name": "c", "mountPath": "/c"}]), volumes=[{"name": "c", "configMap": {"name": "none"}}]), lambda it: it["events"]),
    "volume-key-absent": (pod(container(volumeMounts=[{"name": "c", "mountPath": "/c"}]), volumes=[{"name": "c", "configMap": {"name": "config", "items": [{"key": "none", "path": "x"}]}}]), lambda it: it["events"]),
    "volume-host-absent": (pod(container(volumeMounts=[{"name": "c", "mountPath": "/c"}]), volumes=[{"name": "c", "hostPath": {"path": "/none/there", "type": "Directory"}}]), lambda it: it["events"]),
    "volume-sub-path-bad": (pod(container(volumeMounts=[{"name": "e", "mountPath": "/x", "subPathExpr": "$(NONE)"}]), volumes=[{"name": "e", "emptyDir": {}}]), waiting("CreateContainerConfigError")),
    "two-names": (pod(container("sleep 3600", ports=[{"containerPort": 80, "hostPort": 18080, "hostIP": "127.0.0.1"}])), ready),
    "unsafe-sysctl": (pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]}), lambda it: it["status"]["phase"] == "Failed"),
    "too-big": (pod(container(resources={"requests": {"cpu": "1000"}})), lambda it: it["status"]["phase"] == "Failed"),
    "wrong-node": (pod(nodeSelector={"no": "where"}), lambda it: it["status"]["phase"] == "Failed"),
    "runtime-class-none": (pod(securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "none.json"}}), lambda it: it["events"]),
    "ends-grace": (pod(container("trap 'echo told; exit 0' TERM; while true; do sleep 0.1; done", lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "echo stopping > /proc/1/fd/1"]}}}),
                       restartPolicy="Always", terminationGracePeriodSeconds=20), ready),
}
