#!/usr/bin/env bash
# Measures the numbers that skiff promises, prints each beside its target, and fails when one is
# missed: how fast the API server and a node are there, a pod runs, a thousand replicas run, and what
# an idle node takes. Uses this machine as `skiff up` does and leaves it as it was.
#
#   e2e/bench/numbers.sh           builds and uses build/release/skiff
#   e2e/bench/numbers.sh readyz    only these: readyz fleet node
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
if [ -z "${SKIFF_BUILT:-}" ]; then
  install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}"
  cmake --preset release >/dev/null
  cmake --build --preset release --target skiff images 2>&1 | tail -n 1
fi
# What is built stays its user's; the node is root's.
if [ "$(id -u)" != 0 ]; then exec sudo -E SKIFF_BUILT=1 "$0" "$@"; fi
exec python3 e2e/bench/measure.py build/release/skiff "$@"
