#!/usr/bin/env bash
# Runs the simulation on many seeds, on all cores: e2e/simulate.sh [FIRST [COUNT [E2E_TEST]]]. Builds
# the release preset's e2e_test unless it is given one. Prints what failed and with which seed; that
# seed alone shows it again:
#
#   SKIFF_SEEDS=17 SKIFF_SIMULATION_LOG=1 build/release/e2e_test --gtest_filter='SimulationTest.*'
set -euo pipefail
cd "$(dirname "$0")/.."
first=${1:-1}
count=${2:-1000}
test=${3:-}
if [ -z "$test" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release --target e2e_test
  test=build/release/e2e_test
fi
jobs=$(nproc)
output=$(mktemp -d)
pids=()
cleanup() {
  local code=$?
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  rm -rf "$output"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

share=$(((count + jobs - 1) / jobs))
for ((job = 0; job < jobs; ++job)); do
  from=$((first + job * share))
  ((from < first + count)) || break
  last=$((from + share < first + count ? from + share : first + count))
  SKIFF_SEEDS=$from:$((last - from)) "$test" \
    --gtest_filter='SimulationTest.ReplicasConvergeAndInvariantsHoldUnderFaults' \
    >"$output/$job" 2>&1 &
  pids+=($!)
done
failed=0
for job in "${!pids[@]}"; do
  wait "${pids[$job]}" || { failed=1; cat "$output/$job"; }
done
pids=()
[ $failed = 0 ] && echo "$count seeds from $first on: all invariants held, everything converged"
exit $failed
