#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests: units, controllers and whole clusters in the
# simulation, conversations with the real API server, the demo on real containers, three machines and
# the lecture's setups in Docker. Ends with the test runner's own summary.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/compose.sh
. e2e/peers/kubectl.sh
install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${DNS_PACKAGES[@]}" \
  "${BROWSER_PACKAGES[@]}" "${SHELL_PACKAGES[@]}"
cmake --preset release >/dev/null
NINJA_STATUS='[%f of %t, %e s] ' cmake --build --preset release
# The stock clients that the tests use.
debian_kubectl build/peers
go_kubectl build/peers
go_compose build/peers
# What is built stays its user's; containers and network namespaces are root's.
as_root ctest --preset release
