#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Ends with the test runner's own summary.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
cmake --preset dev >/dev/null
cmake --build --preset dev
# The simulation of whole clusters takes longer than all the rest: e2e/simulate.sh runs it.
ctest --preset dev --exclude-regex '^e2e$'
