#!/usr/bin/env bash
# Measures skiff's API server beside kube-apiserver v1.35 with Debian's etcd: the same load on each, in alternating
# rounds on the same disk, every write synced. Prints a table of rates, server CPU an operation, memory, and their
# ratios. A round of each takes about five minutes; nothing else should run meanwhile.
#
#   e2e/bench/compare.sh [ROUNDS]     2 unless told
#
# APIBENCH   the folder of the load generator, a Go program of one file, main.go (needed)
# PODS       how many pods each round makes (5000)
# SKIFF      the program (build/release/skiff, built unless given)
# PEERS      a folder with kube-apiserver and etcd (build/peers, built and installed unless there)
#
# Ends with 77 where there is no Go or no load generator.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
rounds=${1:-2}
generator=${APIBENCH:-}
peers=${PEERS:-build/peers}
command -v go >/dev/null || { echo "skipped: there is no Go"; exit 77; }
[ -f "$generator/main.go" ] || { echo "skipped: no load generator in APIBENCH=$generator"; exit 77; }
if [ -z "${SKIFF:-}" ]; then
  install_packages "${BUILD_PACKAGES[@]}"
  cmake --preset release >/dev/null
  cmake --build --preset release --target skiff 2>&1 | tail -n 1
  SKIFF=build/release/skiff
fi
mkdir -p "$peers"
if [ ! -x "$peers/etcd" ]; then
  install_packages "${TEST_PACKAGES[@]}"
  ln -sf "$(command -v etcd)" "$peers/etcd"
fi
export GOTOOLCHAIN=local CGO_ENABLED=0
if [ ! -x "$peers/kube-apiserver" ]; then
  version=k8s.io/component-base/version
  GOFLAGS=-mod=mod go build -C e2e/peers/kube_controllers -trimpath -buildvcs=false \
    -o "$(realpath "$peers")/kube-apiserver" \
    -ldflags "-s -w -X $version.gitVersion=v1.35.6 -X $version.gitMajor=1 -X $version.gitMinor=35" \
    k8s.io/kubernetes/cmd/kube-apiserver
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$generator/main.go" "$work/"
printf 'module apibench\ngo 1.21\n' >"$work/go.mod"
go build -C "$work" -o apibench .
python3 e2e/bench/compare.py --skiff "$SKIFF" --peers "$peers" --apibench "$work/apibench" --work "$work" \
  --rounds "$rounds" --pods "${PODS:-5000}"
