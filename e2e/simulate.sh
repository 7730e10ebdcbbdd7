#!/usr/bin/env bash
# Runs the simulation on many seeds: e2e/simulate.sh [FIRST [COUNT]]. Prints the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
first=${1:-1}
count=${2:-1000}
cmake --preset release >/dev/null
cmake --build --preset release --target e2e_test
SKIFF_SEEDS=$first:$count build/release/e2e_test --gtest_filter='SimulationTest.*'
