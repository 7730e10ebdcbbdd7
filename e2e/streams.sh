#!/usr/bin/env bash
# exec, attach, run, logs, port-forward, cp and proxy against real containers, by each stock kubectl
# that is there and by skiff's own verbs, on a machine of its own (e2e/machine.sh): all must print and
# return the same.
#
#   e2e/streams.sh [SKIFF]     build/release/skiff, or the one that is named
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/show.sh
. e2e/own_machine.sh
clients=("$(realpath "${1:-build/release/skiff}")" "$(realpath "$(debian_kubectl build/peers)")")
[ ! -x build/peers/kubectl-1.35 ] || clients+=("$PWD/build/peers/kubectl-1.35")
own_machine streams 600m "${clients[@]}"

images=${SKIFF%/*}/images
run "$SKIFF" up --data-dir="$DATA" --load-image="$images/busybox.tar,$images/nautilus.tar"
run "$SKIFF" apply -f e2e/testdata/streams/pods.yaml
check "pods run" "$SKIFF" wait --for=condition=Ready --timeout=1s \
  pod/sh pod/two pod/web pod/talker pod/echo
check "one has ended" "$SKIFF" wait --for=jsonpath='{.status.phase}=Succeeded' pod/count --timeout=1s
restarted() { [ "$("$SKIFF" get pod again -o 'jsonpath={.status.containerStatuses[0].restartCount}')" -ge 1 ]; }
check "one has begun again" restarted
not_pulled() { says "^(ErrImagePull|ImagePullBackOff)$" k get pod missing -o "jsonpath={.status.containerStatuses[0].state.waiting.reason}"; }
check "one has no image" not_pulled
run python3 -u e2e/streams.py "${clients[@]}" | tee /run/streams.out || fail "$(tail -n 1 /run/streams.out)"
steps=$((steps + 1))
run "$SKIFF" down --data-dir="$DATA"
