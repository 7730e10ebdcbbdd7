#!/usr/bin/env bash
# The web console in headless Chromium, on a cluster of simulated nodes of its own: needs neither
# root nor containers. Ends with 77 where there is no Chromium, or no Playwright can be had.
#
#   e2e/console.sh SKIFF [SCREENSHOTS]      e2e/browser/console.py says what is played; PODS=5000: then over
#                                        so many (e2e/bench/console.sh); CONTAINERS=1: then over real containers
#                                        (e2e/console_containers.sh, which is a test of its own)
#
# Where npm is, the console's unit tests run, it is built from its sources, which must make the very
# files of console/dist, and axe looks for what somebody could not use. Screenshots go into SCREENSHOTS
# (build/browser/console).
set -euo pipefail
cd "$(dirname "$0")/.."
skiff=$(realpath "$1")
screenshots=${2:-build/browser/console}
. e2e/browser/playwright.sh
use_browser || exit 77
work=$(mktemp -d)
data=$work/cluster
cleanup() {
  local code=$?
  [ $code = 0 ] || [ $code = 77 ] || tail -n 20 "$data/skiff.log" || true
  "$skiff" down --data-dir="$data" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Built aside: nothing is left in the tree. npm refuses a Node that Vite cannot run on.
axe=()
mkdir "$work/console"
tar -C console --exclude=./node_modules -c . | tar -C "$work/console" -x
if command -v npm >/dev/null &&
  npm ci --engine-strict --prefix "$work/console" --no-audit --no-fund >"$work/npm.log" 2>&1; then
  (cd "$work/console" && npm run --silent check && npm test --silent >"$work/tests.log" 2>&1 || {
    grep -A 20 '^not ok' "$work/tests.log" || tail -n 20 "$work/tests.log"
    exit 1
  })
  (cd "$work/console" &&
    npx --no-install vite build --logLevel warn --outDir "$work/dist" --emptyOutDir)
  diff -r console/dist "$work/dist" || {
    echo "console/dist is not what console/ builds" >&2
    exit 1
  }
  axe=("$work/console/node_modules/axe-core/axe.min.js")
else
  [ ! -e "$work/npm.log" ] || tail -n 3 "$work/npm.log"
  echo "no npm, no registry or too old a Node: console/dist is not built again, and axe does not look"
fi

# play [AXE]: on a network of its own, where that can be had: while addresses come and go on a
# machine, browsers there drop their connections.
play() {
  local port token guest now
  if [ -n "${ALONE:-}" ]; then ip link set lo up; fi
  port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
  up "$port"
  export KUBECONFIG=$data/admin.kubeconfig
  "$skiff" apply -f manifests/shop/shop.yaml >/dev/null 2>&1
  # Events are of moments that are not long ago.
  now=$(date +%s)
  sed -e "s/CHAOS-BEGIN/$(moment $((now - 1500)))/; s/CHAOS-END/$(moment $((now - 1460)))/" \
    -e "s/CHAOS-LAST/$(moment $((now - 180)))/" e2e/browser/console.yaml |
    "$skiff" apply -f - >/dev/null 2>&1
  "$skiff" create serviceaccount presenter -n shop >/dev/null
  "$skiff" create clusterrolebinding presenter --clusterrole=cluster-admin \
    --serviceaccount=shop:presenter >/dev/null
  "$skiff" create serviceaccount guest -n shop >/dev/null
  "$skiff" create rolebinding guest -n shop --clusterrole=view --serviceaccount=shop:guest \
    >/dev/null
  # As people of other distributions type it.
  token=$("$skiff" kubectl create token presenter -n shop)
  guest=$("$skiff" create token guest -n shop)
  # What `skiff console` opens, where somebody has said by what.
  printf '#!/bin/sh\necho "$1" >%s/link\n' "$work" >"$work/browser"
  chmod +x "$work/browser"
  export CONSOLE_PORT=$port CONSOLE_LINK=$work/link
  python3 e2e/browser/console.py "https://127.0.0.1:$port/console/" "$token" "$guest" \
    "$screenshots" "$@"
  python3 e2e/browser/console_certificate.py "https://127.0.0.1:$port/console/" "$KUBECONFIG" "$screenshots"
  "$skiff" delete deployment certified >/dev/null
  python3 e2e/browser/console_changed.py "https://127.0.0.1:$port/console/" "$token" "$screenshots"
  "$skiff" delete deployment half-typed >/dev/null
  # A day of a tab, in small: of six rounds one that the browser holds more after does not make a rise.
  for i in 1 2; do
    "$skiff" create deployment "shop-$i" --image=registry.example/shop:1 --replicas=40 >/dev/null
    "$skiff" rollout status "deployment/shop-$i" --timeout=30m >/dev/null
  done
  python3 e2e/browser/console_day.py "$("$skiff" console --print 2>/dev/null)" 2 6
}
up() {
  "$skiff" up --nodes=3 --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$1" >/dev/null
}
moment() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
export -f play up moment
export work
export skiff data screenshots
own=(unshare --net)
[ "$(id -u)" = 0 ] || own=(unshare --user --map-root-user --net)
if "${own[@]}" ip link set lo up 2>/dev/null; then
  ALONE=1 "${own[@]}" bash -euo pipefail -c 'play "$@"' play "${axe[@]}"
else
  play "${axe[@]}"
fi
[ -z "${PODS:-}" ] || e2e/bench/console.sh "$skiff" "$screenshots"
[ -z "${CONTAINERS:-}" ] || e2e/console_containers.sh "$skiff" "$screenshots"
