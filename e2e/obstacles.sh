#!/usr/bin/env bash
# Puts one thing after the other in the way of `skiff up`, on a machine of its own (e2e/machine.sh),
# and checks that it says what is wrong and how to mend it, and leaves nothing behind.
#
#   e2e/obstacles.sh [SKIFF]     build/release/skiff, or the one that is named
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
own_machine obstacles 600m "$(realpath "${1:-build/release/skiff}")"

# obstructed FINDING REMEDY COMMAND...: it fails, and says both.
obstructed() {
  local finding=$1 remedy=$2 output code=0
  shift 2
  printf '\n$ %s\n' "$*"
  output=$("$@" 2>&1 </dev/null) || code=$?
  echo "$output" | sed 's/^/   | /'
  [ $code = 1 ] || fail "exit code $code"
  grep -qF -- "$finding" <<<"$output" || fail "does not say: $finding"
  grep -F -A 1 -- "$finding" <<<"$output" | grep -qF -- "$remedy" || fail "no remedy: $remedy"
  steps=$((steps + 1))
}
up() { "$SKIFF" up --data-dir="${1:-$DATA}" --cluster-dns=off "${@:2}"; }
# apart COMMAND...: in a mount namespace of its own; functions of this script work in it.
apart() {
  export SKIFF DATA
  unshare --mount --propagation private bash -euc "$(declare -f up hide); \"\$@\"" apart "$@"
}
# hide DIRECTORY GLOB COMMAND...: the command runs where these programs are not installed.
hide() {
  local directory=$1 glob=$2
  shift 2
  mkdir -p /run/hide
  mount -t tmpfs tmpfs /run/hide
  mkdir /run/hide/upper /run/hide/work
  mount -t overlay -o "lowerdir=$directory,upperdir=/run/hide/upper,workdir=/run/hide/work" \
    overlay "$directory"
  ( cd "$directory" && rm -f $glob )
  "$@"
}

say "Rights"
obstructed "containers need root" "start skiff as root or with sudo" \
  setpriv --reuid=65534 --clear-groups "$SKIFF" up --data-dir=/tmp/skiff-obstacles-nobody
obstructed "may not mount (no CAP_SYS_ADMIN)" "--privileged" \
  setpriv --bounding-set=-sys_admin "$SKIFF" up --data-dir="$DATA"

say "Programs"
obstructed "not installed: containerd" "apt-get install containerd" \
  apart hide /usr/bin containerd up
obstructed "not installed: runc" "apt-get install runc" apart hide /usr/sbin runc up
obstructed "iptables" "apt-get install iptables" apart hide /usr/sbin '*tables*' up
obstructed "CNI's plugins are not installed: ptp" \
  "apt-get install containernetworking-plugins" apart hide /usr/lib/cni ptp up
obstructed "unix:///run/none.sock" "leave --container-runtime-endpoint out" \
  up "$DATA" --container-runtime-endpoint=unix:///run/none.sock

say "Ports and addresses"
python3 -m http.server --bind 0.0.0.0 6443 >/dev/null 2>&1 &
holder=$!
check "something listens on the port" curl -fsS http://127.0.0.1:6443/ -o /dev/null
obstructed "port 6443: is taken by python3 (process $holder)" "--secure-port" up
obstructed "port 6443: is taken by python3 (process $holder)" "--kubelet-port" \
  up "$DATA" --secure-port=7443 --kubelet-port=6443
kill $holder
wait $holder 2>/dev/null || true
obstructed "198.51.100.7:6443 cannot be listened on" "--bind-address" \
  up "$DATA" --bind-address=198.51.100.7
obstructed "192.0.2.0/24 overlaps with this machine's network" "--cluster-cidr" \
  up "$DATA" --cluster-cidr=192.0.2.0/24
obstructed '"pods" is no CIDR' "skiff up --help" up "$DATA" --cluster-cidr=pods

say "Cgroups"
cgroup=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2 }' /proc/self/mounts | head -n 1)
[ -n "$cgroup" ] || cgroup=$(awk '$3 == "cgroup2" { print $2 }' /proc/self/mounts | head -n 1)
read_only_cgroups() { mount -o remount,ro,bind "$1"; shift; "$@"; }
no_cgroups() {
  local path
  awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts | while read -r path; do umount "$path"; done
  "$@"
}
apart_with() { # FUNCTION ARGUMENTS...
  export SKIFF DATA
  unshare --mount --propagation private bash -euc "$(declare -f up "$1"); \"\$@\"" apart "$@"
}
obstructed "no cgroup can be made: $cgroup: Read-only file system" "--cgroupns host" \
  apart_with read_only_cgroups "$cgroup" up
obstructed "no cgroups are mounted" "mount -t cgroup2" apart_with no_cgroups up

say "The data directory"
mkdir -p /run/skiff/{read-only,full,foreign}
mount -t tmpfs -o ro tmpfs /run/skiff/read-only
obstructed "cannot be written: /run/skiff/read-only: Read-only file system" \
  "choose another with --data-dir" up /run/skiff/read-only/data
mount -t tmpfs -o size=8m tmpfs /run/skiff/full
obstructed "has too little room: only 8 MB are free on its disk, and 64 MB are wanted" "must be mended first" up /run/skiff/full
mkdir /run/skiff/nearly
mount -t tmpfs -o size=4g tmpfs /run/skiff/nearly
fallocate -l 4000M /run/skiff/nearly/others
check "a disk that is nearly full is told of" says "warn +disk: 2\.[0-9] % of the data directory's is free" \
  "$SKIFF" doctor --data-dir=/run/skiff/nearly/data
umount /run/skiff/nearly
touch /run/skiff/foreign/letter
obstructed "holds files that are no cluster's" "an empty directory" up /run/skiff/foreign
obstructed "/run/skiff/foreign/letter is no directory" "choose another with --data-dir" \
  up /run/skiff/foreign/letter/data
deep=/run/skiff/$(printf 'd%.0s' $(seq 90))
obstructed "characters too long for containerd's socket" "a shorter path" up "$deep"
obstructed "--load-image: $PWD/none.tar: No such file or directory" "none.tar" up "$DATA" --load-image=none.tar

say "A start under way, another user's cluster, an output that is full"
simulated=/run/skiff/simulated
simulate() { "$SKIFF" up --data-dir=$simulated --nodes=20; }
"$SKIFF" up --data-dir=$simulated --nodes=20 >/dev/null &
first=$!
timeout 60 bash -c "until [ -e $simulated/skiff.pid ]; do :; done"
kill -9 $first
wait $first 2>/dev/null || true
check "the next up waits for what the first one has begun" simulate
check "its kubeconfig is there" "$SKIFF" get nodes --kubeconfig=$simulated/admin.kubeconfig
# Which takes a moment: it may not be taken for one that runs.
ended=$(head -n 1 $simulated/skiff.pid)
kill -TERM "$ended"
check "right after a SIGTERM the next up waits for its end" simulate
check "  and starts anew" test "$(head -n 1 $simulated/skiff.pid)" != "$ended"
check "  and answers" "$SKIFF" get nodes --kubeconfig=$simulated/admin.kubeconfig
obstructed "another user's, is the cluster of $simulated" "choose another directory" \
  setpriv --reuid=65534 --clear-groups "$SKIFF" up --data-dir=$simulated --nodes=20
for words in "get nodes --kubeconfig=$simulated/admin.kubeconfig" "status --data-dir=$simulated" --help; do
  obstructed "error: write /dev/stdout: no" "" bash -c "'$SKIFF' $words >/dev/full"
done
check "a pipe that is closed is no error" \
  bash -c "set -o pipefail; '$SKIFF' api-resources --kubeconfig=$simulated/admin.kubeconfig | head -n 1"
run "$SKIFF" down --data-dir=$simulated
obstructed "KUBECONFIG=$simulated/admin.kubeconfig names a file that does not exist" "unset it" \
  env KUBECONFIG=$simulated/admin.kubeconfig "$SKIFF" get nodes

say "What is only worse is a note, and containers run"
runs_a_pod() { # DIRECTORY FLAGS...
  up "$@" "--load-image=${SKIFF%/*}/images/busybox.tar"
  export KUBECONFIG=$1/admin.kubeconfig
  run "$SKIFF" run works --image=busybox:1.35 --image-pull-policy=IfNotPresent --command -- sleep 1000
  check "a pod runs" "$SKIFF" wait --for=condition=Ready pod/works --timeout=20s
  obstructed "another skiff runs on it" "skiff down --keep-data --data-dir=$1" \
    up "$1" --secure-port=7443 --kubelet-port=7250 --foreground
  run "$SKIFF" down --keep-data --data-dir="$1"
  obstructed "belongs to a cluster with services in 10.96.0.0/16" \
    "--service-cluster-ip-range=10.96.0.0/16" up "$1" --service-cluster-ip-range=10.123.0.0/16
  run "$SKIFF" down --data-dir="$1"
  check "nothing is left" eval "[ -z \"\$(ls -A $1 2>/dev/null)\" ]"
}
mkdir -p /run/skiff/overlay /run/skiff/layers
mount -t tmpfs -o size=600m tmpfs /run/skiff/layers
mkdir /run/skiff/layers/{lower,upper,work}
mount -t overlay \
  -o lowerdir=/run/skiff/layers/lower,upperdir=/run/skiff/layers/upper,workdir=/run/skiff/layers/work \
  overlay /run/skiff/overlay
runs_a_pod /run/skiff/overlay
mount -o remount,noexec "$DATA"
runs_a_pod "$DATA"
