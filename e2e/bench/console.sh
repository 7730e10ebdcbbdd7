#!/usr/bin/env bash
# How the console bears thousands of pods, in headless Chromium: how soon they are there, what a picture
# costs the page while they change, and what the page holds.
#
#   e2e/bench/console.sh [SKIFF [SCREENSHOTS]]    build/release/skiff; PODS=5000 NODES=50; NEEDED=0 only measures;
#                                              ROUNDS=5: also what a tab left open holds
#
# Fails where a picture, at rest or while a list is scrolled, costs more of the page's main thread than
# there is between two of sixty in a second, and where changes take more than half of its time. That is
# counted in processor time, so that other programs on the machine do not matter; how many pictures
# there were in fact is said beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
skiff=$(realpath "${1:-build/release/skiff}")
screenshots=${2:-build/browser/console}
. e2e/browser/playwright.sh
use_browser || exit 77
pods=${PODS:-5000}
nodes=${NODES:-50}
work=$(mktemp -d)
data=$work/cluster
cleanup() {
  local code=$?
  "$skiff" down --data-dir="$data" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM
port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
"$skiff" up --nodes="$nodes" --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port" \
  >/dev/null
export KUBECONFIG=$data/admin.kubeconfig
workloads=25
for i in $(seq "$workloads"); do
  "$skiff" create deployment "shop-$i" --image=registry.example/shop:1 \
    --replicas=$((pods / workloads)) >/dev/null
done
for i in $(seq "$workloads"); do
  "$skiff" rollout status "deployment/shop-$i" --timeout=30m >/dev/null
done
export skiff
python3 e2e/browser/console_scale.py "$("$skiff" console --print 2>/dev/null)" "$pods" "$workloads" \
  "$screenshots"
[ -z "${ROUNDS:-}" ] ||
  python3 e2e/browser/console_day.py "$("$skiff" console --print 2>/dev/null)" "$workloads" "$ROUNDS"
