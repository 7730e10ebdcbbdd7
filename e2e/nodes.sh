#!/usr/bin/env bash
# Three machines and a router, made of namespaces on this one: a server by `skiff up`, a machine on its
# link and one behind the router by `skiff join`, with a containerd in each. Shows that pods of all
# machines reach each other, that machines may fail and come back elsewhere, that claims stay where
# their data is, and what is answered to those who may not join.
#
#   10.77.1.0/24  server .10  near .11 ──┐
#                                     router .254
#   10.77.2.0/24  far .10 ──────────────┘
#
#   e2e/nodes.sh                   uses build/release/skiff
#   SKIFF=... IMAGES=... e2e/nodes.sh
#   KEEP_LOGS=DIR e2e/nodes.sh     copies the machines' logs there, also when it fails
#
# Nothing leaves this machine: the world that the machines are in has no link to it. Exits with 77
# where that cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then exec sudo -E "$0" "$@"; fi
. e2e/packages.sh
. e2e/show.sh
. e2e/nodes/machines.sh
[ -n "${SKIFF_OWN_WORLD:-}" ] || install_packages "${RUN_PACKAGES[@]}" "${NODES_PACKAGES[@]}"
enter_own_world "$@"

SKIFF=$(realpath "${SKIFF:-build/release/skiff}")
IMAGES=$(realpath "${IMAGES:-build/release/images}")
# Of the links, so that it is nobody's default; pods have 50 less: VXLAN's head.
MTU=1400
POD_MTU=1350
# How long a node may be silent, and how long its pods wait for it (Kubernetes: 50s and 300s).
GRACE=15
TOLERATION=5
# Of the certificates that nodes get (a year): each is renewed 50 to 150 s after it was signed.
SIGNING=200s

. e2e/nodes/end.sh

. e2e/nodes/checks.sh

make_link front 10.77.1.254/24
make_link back 10.77.2.254/24
echo 1 >/proc/sys/net/ipv4/ip_forward
start_machine server front 10.77.1.10/24 10.77.1.254
start_machine near front 10.77.1.11/24 10.77.1.254
start_machine far back 10.77.2.10/24 10.77.2.254

for part in e2e/nodes/[0-9]*.sh; do . "$part"; done
