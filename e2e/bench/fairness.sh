#!/usr/bin/env bash
# Measures what a tenant who floods the API server does to another one: p50, p95 and p99 of a quiet user's get of a
# namespace and create of a ConfigMap, one at a time, beside 32 requests at a time of somebody else. Several programs
# are measured in turns, each with an empty store, filled anew. Prints a table of medians over the rounds; `times` is
# in relation to the first row of the same program.
#
#   e2e/bench/fairness.sh [PROGRAM...]     build/release/skiff unless told, which is built first; one that is called
#                                          kube-apiserver is started with the etcd of its folder
#
# ROUNDS     how many of each program (3)
# SECONDS_A_LOAD  how long the quiet user asks beside each load (8)
# BESIDE     the loads, the first of which is what the others are compared with:
#            idlers   processes that take all of the machine that nobody else wants, and talk to nobody
#            nobody   none: the processors sleep in between, and a machine that others use has to be got back from them
#            hogs     processes that take what they can get, and talk to nobody: what any busy neighbour does
#            lists, creates, patches     of 5,000 pods, of pods, of their annotations
#            labels, watches             lists of 50 of them by label; watches that are opened, each on a new connection
# APART      set: the server has the first processor, the load generator and the quiet user have the others, as on
#            machines of their own
# WORK       where the stores are put (TMPDIR or /tmp; on tmpfs the disk is left out of it)
#
# The load generator shares the processors with the server. It is of the policy SCHED_IDLE, so that it gives way to
# whoever else wants to run: of nice 19 it would keep a processor for up to a tick of the clock once it has it. The
# quiet user is of SCHED_FIFO where that is allowed, and so waits for no processor itself, as it would not on a
# machine of its own. What is left: system calls of the generator that are under way are not interrupted where the
# kernel is not preemptible, and the caches are shared. `idlers` has both but for the calls. All must be of one
# session, within which priorities count (autogroups); the script makes its own.
set -euo pipefail
if [ -z "${FAIRNESS_SESSION:-}" ]; then FAIRNESS_SESSION=1 exec setsid -w "$0" "$@"; fi
cd "$(dirname "$0")/../.."
. e2e/packages.sh
if [ $# = 0 ]; then
  install_packages "${BUILD_PACKAGES[@]}"
  cmake --preset release >/dev/null
  cmake --build --preset release --target skiff 2>&1 | tail -n 1
  set -- build/release/skiff
fi
work=$(mktemp -d -p "${WORK:-${TMPDIR:-/tmp}}")
trap 'rm -rf "$work"' EXIT
python3 e2e/bench/fairness.py "$@" --work "$work" --rounds "${ROUNDS:-3}" --seconds "${SECONDS_A_LOAD:-8}" \
  --beside "${BESIDE:-idlers,hogs,lists,creates,patches}"
