#!/usr/bin/env bash
# Measures how long `docker compose up` takes until all machines of compose.yaml are Ready, the image
# built: from the command's first moment to the answer that lists them, with each Compose that is there.
#
#   e2e/bench/compose_up.sh      RUNS=5; fails when the median is above NEEDED_MS=10000
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
. e2e/peers/compose.sh
. e2e/peers/kubectl.sh
. e2e/docker/engine.sh
. e2e/docker/env.sh
KUBECTL=$(debian_kubectl build/peers)
need_engine "$@"
choose_composes
export COMPOSE_PROJECT_NAME=skiff-bench
work=$(mktemp -d)
export KUBECONFIG=$work/kubeconfig

cleanup() {
  trap - EXIT
  for COMPOSE in "${composes[@]}"; do $COMPOSE down -v >/dev/null 2>&1 </dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ready() {
  $COMPOSE exec -T server cat /var/lib/skiff/admin.kubeconfig >"$KUBECONFIG" 2>/dev/null </dev/null &&
    [ "$("$KUBECTL" get nodes --no-headers 2>/dev/null | grep -c ' Ready ')" = "$SKIFF_NODES" ]
}

code=0
for COMPOSE in "${composes[@]}"; do
  times=()
  for _ in $(seq "${RUNS:-5}"); do
    began=$(date +%s%N)
    $COMPOSE up -d --no-build >/dev/null 2>&1 </dev/null
    until ready; do
      [ $((($(date +%s%N) - began) / 1000000000)) -lt 120 ] || { echo "not Ready after 120 s" >&2; exit 1; }
      read -rt 0.1 <> <(:) || true
    done
    times+=($((($(date +%s%N) - began) / 1000000)))
    $COMPOSE down -v >/dev/null 2>&1 </dev/null
  done
  median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n "$(((${#times[@]} + 1) / 2))p")
  echo "$($COMPOSE version | head -n 1): ms until $SKIFF_NODES nodes are Ready: ${times[*]}, median $median"
  [ "$median" -le "${NEEDED_MS:-10000}" ] || code=1
done
exit $code
