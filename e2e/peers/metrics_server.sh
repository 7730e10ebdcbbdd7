#!/usr/bin/env bash
# Puts the real metrics-server in the place of skiff's own metrics API, by manifests as its release has them, on real
# containers of a machine of its own (e2e/machine.sh): it has to become ready, its log to be clean, `kubectl top` to be
# answered by it, and what it says of a pod that works as much as it may to be what skiff's own says. Ends with 77 where
# there is no Go, its modules cannot be had, or no such machine. Root.
#
#   e2e/peers/metrics_server.sh [SKIFF]      CLUSTER_PROGRAMS=folder  uses the program that is there
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
SKIFF=$(realpath "${1:-$root/build/release/skiff}")
programs=${CLUSTER_PROGRAMS:-$root/build/peers/cluster-programs}
kit=$root/e2e/peers/metrics_server
mkdir -p "$programs"
programs=$(realpath "$programs")
if [ ! -x "$programs/metrics-server" ]; then
  command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
  GOTOOLCHAIN=local GOFLAGS="-p=1 -mod=mod" CGO_ENABLED=0 nice go build -C "$kit" -trimpath -buildvcs=false \
    -ldflags '-s -w' -o "$programs/metrics-server" sigs.k8s.io/metrics-server/cmd/metrics-server ||
    { echo "skipped: metrics-server was not built"; exit 77; }
fi
images=${SKIFF%/*}/images
[ -e "$images/busybox.tar" ] || images=$root/build/release/images
cd "$root"
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
export CLUSTER_PROGRAMS=$programs
own_machine metrics-server 1g "$SKIFF"

work=/run/skiff/peer
mkdir -p "$work/root" "$work/ours" "$work/theirs"
cp "$programs/metrics-server" "$work/root/"
tar -C "$work/root" --mtime=@0 --numeric-owner -cf "$work/layer.tar" metrics-server
python3 e2e/docker/oci_archive.py "$work/layer.tar" skiff.local/metrics-server:v0.8.0 "$kit/Dockerfile" "$work/image.tar"
rm -r "$work/root" "$work/layer.tar"

usage() { # FOLDER
  k get --raw /apis/metrics.k8s.io/v1beta1/nodes >"$1/nodes.json" &&
    k get --raw /apis/metrics.k8s.io/v1beta1/pods >"$1/pods.json"
}
top_is_right() { says '^busy +([789][0-9]|1[0-2][0-9])m +2[0-9]Mi' k top pods && says '^[^N].* [0-9]+m .*[0-9]+Mi' k top nodes; }
# Ours is served without one.
is_ours() { says NotFound k get apiservice v1beta1.metrics.k8s.io; }
say_ours() { is_ours && usage "$work/ours" && top_is_right; }
agree() { usage "$work/theirs" && "$kit/agree.py" "$work/ours" "$work/theirs"; }
is_theirs() { says '^metrics-server' k get apiservice v1beta1.metrics.k8s.io -o jsonpath='{.spec.service.name}'; }

say "A node, and a pod that works as much as it may and holds 20 MiB"
run "$SKIFF" up --data-dir="$DATA" --load-image="$images/busybox.tar" --load-image="$work/image.tar"
k apply -f - <<'POD'
apiVersion: v1
kind: Pod
metadata: {name: busy}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox:1.35
    command: [sh, -c, "head -c 20971520 /dev/zero >/held/bytes; while :; do :; done"]
    resources: {limits: {cpu: 100m, memory: 64Mi}}
    volumeMounts: [{name: held, mountPath: /held}]
  volumes: [{name: held, emptyDir: {medium: Memory}}]
POD
check "it runs" k wait --for=condition=Ready pod/busy --timeout=60s
CHECK_SECONDS=120 check "skiff says how much it uses" say_ours

say "metrics-server in the place of that"
run k apply -f "$kit/manifests.yaml"
CHECK_SECONDS=180 check "it becomes ready" k rollout status -n kube-system deployment/metrics-server --timeout=170s
check "and is who answers" is_theirs
CHECK_SECONDS=120 check "its APIService is available" k wait --for=condition=Available apiservice/v1beta1.metrics.k8s.io --timeout=10s
CHECK_SECONDS=120 check "top of nodes and pods is answered by it" top_is_right
CHECK_SECONDS=120 check "both say the same" agree
run "$kit/agree.py" "$work/ours" "$work/theirs"
k logs -n kube-system deployment/metrics-server >"$work/log"
check "its log is clean" not grep -E '^[EF][0-9]{4} |forbidden|panic' "$work/log"

say "Without it again"
run k delete -f "$kit/manifests.yaml"
CHECK_SECONDS=120 check "skiff says it as before" say_ours
