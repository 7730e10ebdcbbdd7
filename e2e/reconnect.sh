#!/usr/bin/env bash
# Watches over kill -9, on a cluster of simulated nodes of its own: needs neither root nor containers.
#
#   e2e/reconnect.sh SKIFF [KUBECTL...]     reconnect.py says what is checked
#
# Without KUBECTL it takes those that e2e/peers has left in build/peers, if any.
set -euo pipefail
cd "$(dirname "$0")/.."
skiff=$(realpath "$1"); shift
clients=("$@")
[ ${#clients[@]} -gt 0 ] || for kubectl in build/peers/kubectl-1.*; do
  [ ! -x "$kubectl" ] || clients+=("$kubectl")
done
data=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cleanup() {
  local code=$?
  [ $code = 0 ] || tail -n 30 "$data/skiff.log" || true
  "$skiff" down --data-dir="$data" >/dev/null 2>&1 || true
  rm -rf "$data"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM
up=("$skiff" up --nodes=2 --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port")
"${up[@]}"
get=(--get "$skiff")
for client in "${clients[@]}"; do get+=(--get "$client"); done
python3 e2e/reconnect.py --data-dir "$data" --kills 5 "${get[@]}" -- "${up[@]}"
