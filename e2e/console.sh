#!/usr/bin/env bash
# The web console in headless Chromium, on a cluster of simulated nodes of its own: needs neither root nor
# containers. Ends with 77 where there is no chromium.
#
#   e2e/console.sh SKIFF [SCREENSHOTS]      e2e/browser/console.py says what is played
#
# Where npm is, the console is first built from its sources, which must make the very files of
# console/dist, and axe looks for what somebody could not use. Screenshots go into SCREENSHOTS
# (build/browser/console).
set -euo pipefail
cd "$(dirname "$0")/.."
skiff=$(realpath "$1")
screenshots=${2:-build/browser/console}
command -v chromium >/dev/null || { echo "skipped: no chromium"; exit 77; }
data=$(mktemp -d)
cleanup() {
  local code=$?
  [ $code = 0 ] || [ $code = 77 ] || tail -n 20 "$data/skiff.log" || true
  "$skiff" down --data-dir="$data" >/dev/null 2>&1 || true
  rm -rf "$data"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

axe=()
if command -v npm >/dev/null; then
  (cd console && npm ci --no-audit --no-fund --silent && npm run --silent check &&
    npx --no-install vite build --logLevel warn --outDir "$data/dist" --emptyOutDir)
  diff -r console/dist "$data/dist" || { echo "console/dist is not what console/ builds" >&2; exit 1; }
  axe=(console/node_modules/axe-core/axe.min.js)
else
  echo "no npm: console/dist is not built again, and axe does not look"
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$skiff" up --nodes=3 --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port" >/dev/null
export KUBECONFIG=$data/admin.kubeconfig
"$skiff" apply -f e2e/browser/console.yaml >/dev/null
"$skiff" create serviceaccount presenter -n shop >/dev/null
"$skiff" create clusterrolebinding presenter --clusterrole=cluster-admin \
  --serviceaccount=shop:presenter >/dev/null
token=$("$skiff" create token presenter -n shop)
python3 e2e/browser/console.py "https://127.0.0.1:$port/console/" "$token" "$screenshots" "${axe[@]}"
