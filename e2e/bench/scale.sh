#!/usr/bin/env bash
# Measures what a control plane does with thousands of simulated nodes and pods, and prints each row
# beside its goal: how long it takes, and how many seconds of CPU the process takes for it (what
# counts on a machine that does other things too). Fails when a goal is missed. Needs no root.
#
#   e2e/bench/scale.sh                    builds and uses build/release/skiff
#   e2e/bench/scale.sh nodes deployment   only these: nodes deployment fill spread apart endpoints
#                                         collection rest
#   NODES=1000 PODS=1000 COLLECTED=10000 AT_REST=10000 e2e/bench/scale.sh   smaller, to see how it
#                                         grows; growth.py makes charts of that
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${SKIFF:-}" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release --target skiff 2>&1 | tail -n 1
fi
exec python3 e2e/bench/scale.py "${SKIFF:-build/release/skiff}" "$@"
