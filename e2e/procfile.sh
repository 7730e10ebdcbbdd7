#!/usr/bin/env bash
# The parts of a cluster side by side, as manifests/Procfile has them and docs/lecture.md shows, on a machine of
# their own (e2e/machine.sh). Each line is run as goreman or foreman would; any of them may be killed and
# started again.
#
#   e2e/procfile.sh [SKIFF]     build/release/skiff, or the one that is named
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
SKIFF=$(realpath "${1:-build/release/skiff}")
if [ "${SKIFF_MACHINE:-}" != procfile ]; then
  install_packages "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}" || exit 77
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

say "All parts side by side"
run skiff certs all --cert-dir=pki --kubeconfig-dir=.
for name in $(cut -d: -f1 "$root/manifests/Procfile"); do start "$name"; done
check "the API answers" k get --raw /readyz
check "the node is Ready" k wait --for=condition=Ready node --all --timeout=1s
check "images come without a registry" skiff image load --data-dir=/run/skiff-procfile \
  --container-runtime-endpoint=unix:///run/skiff-procfile/containerd/run/containerd.sock "${SKIFF%/*}/images/busybox.tar"
run k apply -f "$root/e2e/testdata/chaos/pods.yaml"
for pod in a b c; do check "pod $pod runs" k wait --for=condition=Ready "pod/$pod" --timeout=1s; done
service=$(k get service b -o jsonpath='{.spec.clusterIP}')
check "a Service answers, by the proxy's rules" curl -fsS -m 2 "http://$service/"

say "One after the other is killed, and started again"
ready() { k get pod a -o jsonpath='{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[0].restartCount}'; }
for name in proxy scheduler controllers kubelet apiserver etcd; do
  run kill -KILL "${process[$name]}"
  wait "${process[$name]}" 2>/dev/null || true
  check "without $name the Service answers" curl -fsS -m 2 "http://$service/"
  start "$name"
done
check "the API answers" k get --raw /readyz
check "no pod was started again" [ "$(ready)" = "True 0" ]
k create deployment later --image=busybox:1.35 -- sleep 1000 >/dev/null
check "all parts do their work: a Deployment comes to be" k wait --for=condition=Available deployment/later --timeout=1s
