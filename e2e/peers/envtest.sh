#!/usr/bin/env bash
# Lets envtest of controller-runtime, on which operators' test suites stand, start `skiff` as its
# kube-apiserver and kubectl over an etcd, make objects and stop it. Ends with 77 where there is no
# Go, no etcd, or the modules cannot be had.
#
#   e2e/peers/envtest.sh SKIFF
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
etcd=$(command -v etcd) || { echo "skipped: no etcd"; exit 77; }
peers=../../build/peers
program=$peers/envtest
if [ ! -x "$program" ] || [ -n "$(find envtest -newer "$program" -print -quit)" ]; then
  command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
  mkdir -p "$peers"
  # One package at a time and with low priority: a build of skiff may run beside it.
  GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C envtest -trimpath \
    -buildvcs=false -o "$(realpath "$peers")/envtest" . ||
    { echo "skipped: not built"; exit 77; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$skiff" "$work/kube-apiserver"
ln -s "$skiff" "$work/kubectl"
ln -s "$etcd" "$work/etcd"
KUBEBUILDER_ASSETS=$work timeout 600 "$program"

# Alone: the certificate that is made in --cert-dir is all that a client needs to trust the server.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/kube-apiserver" --data-dir="$work/data" --cert-dir="$work/certs" --bind-address=127.0.0.1 \
  --secure-port="$port" >"$work/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT
curl -sk --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 60 \
  "https://127.0.0.1:$port/readyz" >/dev/null
for host in 127.0.0.1 localhost; do
  curl -sS --cacert "$work/certs/apiserver.crt" "https://$host:$port/readyz" | grep -qx ok ||
    { tail "$work/log"; exit 1; }
done
grep -q "BEGIN EC PRIVATE KEY" "$work/certs/apiserver.key"
echo "a certificate was made and is trusted by itself"
