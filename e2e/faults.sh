#!/usr/bin/env bash
# Breaks what a node stands on, on a machine of its own (e2e/machine.sh) with real containers: images
# that are not there, commands that fail, a containerd that dies, a disk that fills up. Checks that
# status and Events say so in Kubernetes' words, that the rest goes on, that all is well again
# once the cause is gone, and that what clients read and wrote meanwhile is linearizable.
#
#   e2e/faults.sh [SKIFF]     build/release/skiff, or the one that is named
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
NODE=faults
# Room for a cluster, its images and little more.
own_machine $NODE 400m "$(realpath "${1:-build/release/skiff}")"

waiting() { # POD REASON MESSAGE-PATTERN
  says "^$2: .*$3" k get pod "$1" \
    -o jsonpath='{.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'
}
last_state() { # POD PATTERN
  says "$2" k get pod "$1" -o jsonpath='{.status.containerStatuses[0].lastState.terminated}'
}
condition() { # TYPE PATTERN
  says "$2" k get node $NODE -o \
    jsonpath="{range .status.conditions[?(@.type=='$1')]}{.status} {.reason} {.message}{end}"
}
taints() { says "$1" k get node $NODE -o jsonpath='{.spec.taints[*].key}'; }
untainted() { ! taints "$1" >/dev/null; }
pod() { # NAME COMMAND... of busybox, which is there.
  local name=$1
  shift
  k run "$name" --image=busybox:1.35 --image-pull-policy=IfNotPresent --restart="${RESTART:-Always}" \
    --command -- "$@" >/dev/null
}
ready() { k wait --for=condition=Ready "pod/$1" --timeout=1s; }
container_of() { # POD
  k get pod "$1" -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'
}
containerd_pid() { cut -d' ' -f1 "$DATA/containerd/containerd.pid"; }
same_container() { [ "$(container_of "$1")" = "$2" ]; }

say "A cluster on a small disk"
up=(up "--data-dir=$DATA" '--eviction-hard=nodefs.available<60Mi'
  --eviction-pressure-transition-period=10s "--load-image=${SKIFF%/*}/images/busybox.tar")
run "$SKIFF" "${up[@]}"
pod steady sleep 100000
check "a pod runs" ready steady
steady=$(container_of steady)

# Clients read and write registers through all that follows.
python3 -B e2e/registers.py --make "$KUBECONFIG"
python3 -B e2e/registers.py client "$KUBECONFIG" /run/history &
client=$!

say "Pods that cannot run"
run k apply -f e2e/testdata/faults/pods.yaml
check "an image that is nowhere" \
  waiting missing ErrImagePull 'failed to pull and unpack image "registry.invalid/none:1"'
check "  its Events: Pulling" event missing Pulling '^Pulling image "registry.invalid/none:1"$'
check "  Failed" event missing Failed '^Failed to pull image "registry.invalid/none:1": failed to pull and unpack image'
check "  Error: ErrImagePull" event missing Failed '^Error: ErrImagePull$'
check "an image that may not be pulled" waiting never ErrImageNeverPull \
  'Container image "registry.invalid/none:1" is not present with pull policy of Never'
check "  its Event" event never ErrImageNeverPull 'is not present with pull policy of Never$'
check "a name that is none" waiting bad-name InvalidImageName "couldn't parse image name \"Nope:1\""
check "  its Event" event bad-name InspectFailed '^Failed to apply default image tag "Nope:1"'
check "a config map that is not there" \
  waiting no-config CreateContainerConfigError 'configmap "nothing" not found'
check "  its Event" event no-config Failed '^Error: configmap "nothing" not found$'
check "a container that cannot be made" \
  waiting no-profile CreateContainerError 'cannot load seccomp profile'
check "  its Event" event no-profile Failed '^Error: failed to create containerd container: '
check "a directory that is not there" event no-directory FailedMount \
  '^MountVolume.SetUp failed for volume "v" : hostPath type check failed: /no/such is not a directory$'
check "a program that is not there" last_state no-program '"reason":"StartError"'
check "  its exit code" last_state no-program '"exitCode":128'
check "  its Event" event no-program Failed 'exec: "/no/such/program": stat /no/such/program: no such'
check "a command that fails is backed off from" waiting crash CrashLoopBackOff \
  'back-off [0-9]+s restarting failed container=c pod=crash_default\('
check "  its exit code" last_state crash '"exitCode":3.*"reason":"Error"'
check "  its Event" event crash BackOff '^Back-off restarting failed container c in pod crash_default\('
check "more memory than allowed" last_state out-of-memory '"exitCode":137.*"reason":"OOMKilled"'
check "a probe that fails" event no-answer Unhealthy '^Liveness probe failed: '
check "  and its end" event no-answer Killing \
  '^Container c failed liveness probe, will be restarted$'
check "the image is backed off from" waiting missing ImagePullBackOff \
  'Back-off pulling image "registry.invalid/none:1"'
check "  its Event" event missing BackOff '^Back-off pulling image "registry.invalid/none:1"$'
check "the pod beside them never stopped" same_container steady "$steady"
run k delete -f e2e/testdata/faults/pods.yaml --wait=false --grace-period=1

say "containerd is killed"
pid=$(containerd_pid)
run kill -9 "$pid"
back() { [ "$(containerd_pid)" != "$pid" ] && "$SKIFF" image ls --data-dir="$DATA"; }
check "it runs again" back
check "its pods never stopped" same_container steady "$steady"
pod later sleep 100000
check "new pods start" ready later
check "commands run in old ones" k exec steady -- true

say "containerd is killed, and cannot be started"
# The process of the pod, to end while nobody looks.
victim=$(pgrep -f '^sleep 100000' | tail -n 1)
mount --bind /bin/false "$(command -v containerd)"
pid=$(containerd_pid)
run kill -9 "$pid"
run kill -9 "$victim"
check "the API goes on" k get pods
CHECK_SECONDS=120 check "the node is not ready" \
  condition Ready '^False KubeletNotReady container runtime is down$'
check "  its Event" event $NODE NodeNotReady "^Node $NODE status is now: NodeNotReady$"
check "  its taint" taints node.kubernetes.io/not-ready
check "pods that ran are as ready as their kubelet said, which lives" \
  says True k get pod steady -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'
run umount "$(command -v containerd)"
check "containerd runs again" back
check "the node is ready" condition Ready '^True KubeletReady kubelet is posting ready status$'
check "  its Event" event $NODE NodeReady "^Node $NODE status is now: NodeReady$"
check "  no taint" untainted node.kubernetes.io/not-ready
check "the pod goes on" same_container steady "$steady"
check "what ended meanwhile is started again" says ' 1$' container_of later
check "all are ready" k wait --for=condition=Ready pod/steady pod/later --timeout=1s

say "skiff is killed under a ready pod"
run k apply -f e2e/testdata/faults/probed.yaml
check "the pod is ready" ready probed
in_service() { says '^true$' k get endpointslices -l kubernetes.io/service-name=probed \
  -o 'jsonpath={.items[0].endpoints[0].conditions.ready}'; }
check "  and in its Service" in_service
# Since when it is ready, and which write of its slice was the last.
standing() {
  k get pod probed -o jsonpath='{.status.conditions[?(@.type=="Ready")].lastTransitionTime} {.status.containerStatuses[0].containerID}'
  k get endpointslices -l kubernetes.io/service-name=probed -o jsonpath=' {.items[0].metadata.resourceVersion}'
}
probed() { k exec probed -- sh -c "wc -l </tmp/$1"; }
standing=$(standing)
startups=$(probed startup)
skiff=$(cut -d' ' -f1 "$DATA/skiff.pid")
run kill -9 "$skiff"
check "its process is gone" eval '! kill -0 $skiff'
run "$SKIFF" "${up[@]}"
check "commands run in it again" probed readiness
before=$(probed readiness)
asked_again() { [ "$(probed readiness)" -gt $((before + 2)) ]; }
check "its readiness is asked for again" asked_again
[ "$(standing)" = "$standing" ] || fail "was $standing, is $(standing)"
check "it was ready all the time, and never left its Service" in_service
check "its startup probe was not run again" eval '[ "$(probed startup)" = "$startups" ]'

say "A stop is shortened"
pod stubborn sh -c 'trap "" TERM; while true; do sleep 1; done'
check "a pod that ignores the signal runs" ready stubborn
stubborn_runs() { pgrep -f 'trap "" TERM; while true'; }
run k delete pod stubborn --grace-period=300 --wait=false
check "it goes on" stubborn_runs
run k delete pod stubborn --grace-period=5 --wait=false
check "it ends with the shorter grace period" eval '! stubborn_runs'
check "  and so does its object" says NotFound k get pod stubborn
pod stubborn sh -c 'trap "" TERM; while true; do sleep 1; done'
check "another one runs" ready stubborn
run k delete pod stubborn --grace-period=300 --wait=false
run k delete pod stubborn --grace-period=0 --force --wait=false
check "deleted by force, it ends at once" eval '! stubborn_runs'

say "What is not asked for by its name stays"
run k patch node $NODE --subresource=status --type=json \
  -p '[{"op":"add","path":"/status/capacity/example.com~1dongle","value":"5"}]'
allocatable() { says '^5$' k get node $NODE -o 'jsonpath={.status.allocatable.example\.com/dongle}'; }
check "a resource that others advertise can be allotted" allocatable
check "the node has its CSINode" says "^$NODE\$" k get csinode $NODE -o \
  'jsonpath={.metadata.ownerReferences[0].name}'

say "A pod gets more while it runs"
run k apply -f e2e/testdata/faults/sized.yaml
check "it runs" ready sized
sized=$(container_of sized)
run k patch pod sized --subresource=resize --type=merge -p \
  '{"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"200m","memory":"96Mi"},"limits":{"cpu":"300m","memory":"96Mi"}}}]}}'
quota() { # The file of cgroup v2, or that of v1.
  k exec sized -- sh -c 'cat /sys/fs/cgroup/cpu.max || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us' |
    grep -qE '^30000( 100000)?$'
}
check "the kernel knows" quota
check "its status says so" says '^300m 96Mi 200m$' k get pod sized -o \
  'jsonpath={.status.containerStatuses[0].resources.limits.cpu} {.status.containerStatuses[0].resources.limits.memory} {.status.containerStatuses[0].allocatedResources.cpu}'
check "nothing is said to be under way" says '^$' k get pod sized -o \
  'jsonpath={.status.conditions[?(@.type=="PodResizeInProgress")].status}'
check "it is the same container" same_container sized "$sized"
run k delete -f e2e/testdata/faults/sized.yaml -f e2e/testdata/faults/probed.yaml --grace-period=1

say "A pod fills the disk"
RESTART=Never pod hog sh -c 'dd if=/dev/zero of=/big bs=1M count=340; sleep 100000'
check "the node is under pressure" \
  condition DiskPressure '^True KubeletHasDiskPressure kubelet has disk pressure$'
check "  its taint" taints node.kubernetes.io/disk-pressure
# At once: the pressure goes soon after who filled the disk is gone.
pod too-early sleep 100000
check "new pods wait" event too-early FailedScheduling \
  '1 node\(s\) had untolerated taint'
check "its Event" event $NODE NodeHasDiskPressure "^Node $NODE status is now: NodeHasDiskPressure$"
check "  and what is done" event $NODE EvictionThresholdMet \
  '^Attempting to reclaim ephemeral-storage$'
check "who filled it is evicted" says '^Failed Evicted The node was low on resource: ephemeral-storage' \
  k get pod hog -o jsonpath='{.status.phase} {.status.reason} {.status.message}'
check "  its Event" event hog Evicted 'Container hog was using [0-9]+Ki, request is 0, has larger'
check "the pressure ends" condition DiskPressure '^False KubeletHasNoDiskPressure'
check "  no taint" untainted node.kubernetes.io/disk-pressure
check "who waited runs" ready too-early
check "the others never stopped" same_container steady "$steady"

say "Nothing is left for the store"
k delete pod hog too-early --grace-period=1 >/dev/null
head -c 700000 /dev/urandom | base64 -w 0 >/run/big
run dd if=/dev/zero of="$DATA/ballast" bs=1M status=none || true
refused() { # The log has some room that it was given before.
  says 'the store is read-only: etcdserver: mvcc: database space exceeded .*No space left on device' \
    k create configmap "big-$RANDOM$RANDOM" --from-file=big=/run/big
}
check "writes are refused, with the reason" refused
check "reads are not" k get configmaps -o name
# Whether it is ready depends on whether the log has room for one write more.
check "the API server lives" says '^ok$' k get --raw /livez
run rm "$DATA/ballast"
check "there is room: writes are taken" k create configmap after --from-literal=a=b
check "nothing that was acknowledged is lost" says '^b$' k get configmap after -o 'jsonpath={.data.a}'
check "the pressure ends" condition DiskPressure '^False KubeletHasNoDiskPressure'
check "the node is ready" condition Ready '^True KubeletReady'
pod at-last sleep 100000
check "a new pod runs" ready at-last

kill "$client"
wait "$client"
run python3 -B e2e/linearizable.py --at-least=1000 /run/history
check "what clients saw is linearizable" python3 -B e2e/linearizable.py /run/history

say "Down"
run "$SKIFF" down --data-dir="$DATA"
check "no process is left" eval '! pgrep -f containerd'
check "no file is left" eval "[ -z \"\$(ls -A $DATA)\" ]"
