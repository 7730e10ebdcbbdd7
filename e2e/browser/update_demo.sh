#!/usr/bin/env bash
# The update demo as its audience sees it: headless Chromium on the page that `skiff proxy` serves,
# while a rolling update turns nautilus into kitten.
#
#   KUBECONFIG=... e2e/browser/update_demo.sh KUBECTL SKIFF [SCREENSHOTS]
#
# Needs a running cluster with the images loaded, and Chromium (BROWSER_PACKAGES in packages.sh); ends with 77 where no
# browser can be had.
# Leaves the cluster as it was; screenshots go into the folder SCREENSHOTS (build/browser).
set -euo pipefail
cd "$(dirname "$0")/../.."
kubectl=$1
skiff=$2
screenshots=${3:-build/browser}
. e2e/browser/playwright.sh
use_browser || exit 77
replicas=4

cleanup() {
  local code=$?
  [ -z "${proxy_PID:-}" ] || kill "$proxy_PID" 2>/dev/null || true
  "$kubectl" delete rc update-demo-nautilus update-demo-kitten --ignore-not-found >/dev/null || true
  "$kubectl" wait --for=delete pod -l name=update-demo --timeout=60s >/dev/null 2>&1 || true
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Port 0: the proxy picks a free one and says which.
coproc proxy { exec "$skiff" proxy --www=manifests/update-demo/local/ --port=0; }
read -rt 30 line <&"${proxy[0]}" || { echo "skiff proxy does not start" >&2; exit 1; }
echo "$line"
"$kubectl" create -f manifests/update-demo/nautilus-rc.yaml
"$kubectl" scale rc update-demo-nautilus --replicas=$replicas
python3 e2e/browser/update_demo.py "http://127.0.0.1:${line##*:}/static/" $replicas "$screenshots" \
  -- "$skiff" rolling-update update-demo-nautilus --update-period=1s \
  -f manifests/update-demo/kitten-rc.yaml
