#!/usr/bin/env bash
# The parts of a cluster side by side, as manifests/Procfile has them and docs/lecture.md shows, on a machine of
# their own (e2e/machine.sh): first by goreman itself, then each line by hand; any of them may be killed
# and started again.
#
#   e2e/procfile.sh [SKIFF]     build/release/skiff, or the one that is named
#
# GOREMAN   a goreman; without it one is built from its Go module, and where that cannot be, its part is
#           left out, as is said
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
SKIFF=$(realpath "${1:-build/release/skiff}")
if [ "${SKIFF_MACHINE:-}" != procfile ]; then
  install_packages "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}" || exit 77
  export GOREMAN=${GOREMAN:-$PWD/build/peers/goreman}
  # Here, as that machine has no network. What it is made of is held by go.sum: nobody else is asked.
  if [ ! -x "$GOREMAN" ] && command -v go >/dev/null; then
    mkdir -p "${GOREMAN%/*}"
    GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 \
      nice go build -C e2e/peers/goreman -trimpath -buildvcs=false -o "$GOREMAN" github.com/mattn/goreman || true
  fi
  SKIFF_MACHINE=procfile exec e2e/machine.sh procfile "$0" "$SKIFF"
fi
root=$PWD
mkdir -p /run/procfile/bin
ln -s "$SKIFF" /run/procfile/bin/skiff
PATH=/run/procfile/bin:$PATH
cd /run/procfile
trap 'code=$?; [ $code = 0 ] || tail -n 5 /run/procfile/*.log; summary $code' EXIT

declare -A process=()
# One line of the Procfile. None of them has a shell in it.
start() { # NAME
  local -a words
  read -r -a words <<<"$(sed -n "s/^$1: //p" "$root/manifests/Procfile")"
  "${words[@]}" >>"$1.log" 2>&1 &
  process[$1]=$!
  echo "  $1 is process $!"
}
k() { skiff "$@"; }
export KUBECONFIG=/run/procfile/admin.conf
names=$(cut -d: -f1 "$root/manifests/Procfile")
# A cluster that does its work. What was there before it is taken as it is.
works() {
  check "the API answers" k get --raw /readyz
  check "the node is Ready" k wait --for=condition=Ready node --all --timeout=1s
  check "images come without a registry" skiff image load --data-dir=/run/skiff-procfile \
    --container-runtime-endpoint=unix:///run/skiff-procfile/containerd/run/containerd.sock "${SKIFF%/*}/images/busybox.tar"
  run k apply -f "$root/e2e/testdata/chaos/pods.yaml"
  for pod in a b c; do check "pod $pod runs" k wait --for=condition=Ready "pod/$pod" --timeout=1s; done
  service=$(k get service b -o jsonpath='{.spec.clusterIP}')
  check "a Service answers, by the proxy's rules" curl -fsS -m 10 "http://$service/"
}
ready() { k get pod a -o jsonpath='{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[0].restartCount}'; }

say "All parts side by side"
run skiff certs all --cert-dir=pki --kubeconfig-dir=.
if [ -x "$GOREMAN" ]; then
  # Who reaches the port on which it takes orders may stop everything: by itself it listens at all addresses.
  export GOREMAN_RPC_ADDR=127.0.0.1
  goreman() { "$GOREMAN" -f "$root/manifests/Procfile" "$@"; }
  is_running() { goreman run status | grep -qx "[*]$1"; }
  is_stopped() { goreman run status | grep -qx " $1"; }
  ended() { ! kill -0 "$supervisor" 2>/dev/null; }
  say "By goreman"
  run goreman check
  printf '\n$ goreman start\n'
  "$GOREMAN" -f "$root/manifests/Procfile" start >goreman.log 2>&1 &
  supervisor=$!
  works
  for name in $names; do check "$name is one of its processes" is_running "$name"; done
  run goreman run stop scheduler
  check "the scheduler has ended" is_stopped scheduler
  check "without it the Service answers" curl -fsS -m 10 "http://$service/"
  k create deployment waits --image=busybox:1.35 -- sleep 1000 >/dev/null
  check "  and a new pod has no node" eval '[ "$(k get pods -l app=waits -o jsonpath="{.items[*].spec.nodeName}{.items[*].status.phase}")" = Pending ]'
  run goreman run start scheduler
  check "with it, it has" k wait --for=condition=Available deployment/waits --timeout=1s
  for name in kubelet apiserver; do
    run goreman run restart "$name"
    check "$name was started again" is_running "$name"
    check "  and the Service answers" curl -fsS -m 10 "http://$service/"
  done
  check "the API answers" k get --raw /readyz
  check "no pod was started again" eval '[ "$(ready)" = "True 0" ]'
  run k delete deployment waits
  run kill -INT "$supervisor"
  check "goreman ends all of them, and itself" ended
  check "the Service answers all the same" curl -fsS -m 10 "http://$service/"
else
  printf '\nleft out: goreman (neither GOREMAN nor a Go that can build it)\n'
fi

say "Each line by hand"
for name in $names; do start "$name"; done
works

say "One after the other is killed, and started again"
for name in proxy scheduler controllers kubelet apiserver etcd; do
  run kill -KILL "${process[$name]}"
  wait "${process[$name]}" 2>/dev/null || true
  check "without $name the Service answers" curl -fsS -m 10 "http://$service/"
  start "$name"
done
check "the API answers" k get --raw /readyz
check "no pod was started again" eval '[ "$(ready)" = "True 0" ]'
k create deployment later --image=busybox:1.35 -- sleep 1000 >/dev/null
check "all parts do their work: a Deployment comes to be" k wait --for=condition=Available deployment/later --timeout=1s
