#!/usr/bin/env bash
# Lets Kubernetes' own typed Go client talk to `skiff apiserver`, in protobuf. Ends with 77 where
# there is no Go or its modules cannot be had.
#
#   e2e/peers/protobuf.sh SKIFF
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
peers=../../build/peers
client=$peers/protobuf-client
if [ ! -x "$client" ] || [ -n "$(find protobuf -newer "$client" -print -quit)" ]; then
  command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
  mkdir -p "$peers"
  # One package at a time and with low priority: a build of skiff may run beside it.
  GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C protobuf -trimpath \
    -buildvcs=false -o "$(realpath "$peers")/protobuf-client" . ||
    { echo "skipped: not built"; exit 77; }
fi
work=$(mktemp -d)
server=
cleanup() { [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; rm -rf "$work"; }
trap cleanup EXIT
echo 'admin-token,admin,u-admin,"system:masters"' > "$work/tokens.csv"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$skiff" apiserver --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$port" \
  --token-auth-file="$work/tokens.csv" --authorization-mode=Node,RBAC >"$work/log" 2>&1 &
server=$!
curl -sk --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 60 \
  "https://127.0.0.1:$port/readyz" >/dev/null
"$client" -server "https://127.0.0.1:$port" -token admin-token || { tail "$work/log"; exit 1; }
