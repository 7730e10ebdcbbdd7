#!/usr/bin/env bash
# Replays conversations recorded from kube-apiserver v1.35.6 against `skiff apiserver`, which runs alone. Every step
# must agree but those that differing.txt names, and those must differ: one gained and one lost do not even out.
#
#   e2e/compat/replay.sh SKIFF [SCENARIO-PREFIX...]     UPDATE=1 writes differing.txt anew, VERBOSE=1 says what differs
set -euo pipefail
skiff=$(realpath "$1"); shift
cd "$(dirname "$0")"
prefixes=("$@")
[ ${#prefixes[@]} -gt 0 ] || prefixes=("")
work=$(mktemp -d)
server=
cleanup() { [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; rm -rf "$work"; }
trap cleanup EXIT
cat > "$work/tokens.csv" <<'TOKENS'
admin-token,admin,u-admin,"system:masters"
alice-token,alice,u-alice,"dev"
bob-token,bob,u-bob
node1-token,system:node:node1,u-node1,"system:nodes"
TOKENS
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Nothing is compacted: how long a machine takes to come to a step does not decide what that is answered.
"$skiff" apiserver --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$port" --etcd-compaction-interval=0 \
  --token-auth-file="$work/tokens.csv" --service-cluster-ip-range=10.96.0.0/16 \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction >"$work/log" 2>&1 &
server=$!
curl -sk --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 60 \
  "https://127.0.0.1:$port/readyz" >/dev/null
files=()
for prefix in "${prefixes[@]}"; do files+=(transcripts/"$prefix"*.json); done
python3 replay.py --server "https://127.0.0.1:$port" --outcomes "$work/outcomes" ${VERBOSE:+--verbose} \
  "${files[@]}" >"$work/result" 2>&1 || true
cat "$work/result"
kill -0 "$server" 2>/dev/null || { echo "the server ended:"; tail "$work/log"; exit 1; }
python3 differing.py ${UPDATE:+--update} differing.txt "$work/outcomes"
