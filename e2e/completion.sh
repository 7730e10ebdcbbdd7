#!/usr/bin/env bash
# Completion of verbs, flags, kinds, live names and files in real shells: bash, zsh and fish, on a cluster of a
# simulated node. Needs neither root nor containers; ends with 77 where zsh and fish cannot be had.
#
#   e2e/completion.sh SKIFF
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
skiff=$(realpath "$1")
for shell in zsh fish; do
  command -v $shell >/dev/null || install_packages "${SHELL_PACKAGES[@]}" ||
    { echo "skipped: no $shell can be had"; exit 77; }
done
work=$(mktemp -d)
end() {
  local code=$?
  "$skiff" down --data-dir="$work/data" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $code
}
trap end EXIT
trap 'exit 130' INT TERM
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$skiff" up --nodes=1 --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$port" >/dev/null
export KUBECONFIG=$work/data/admin.kubeconfig
"$skiff" apply -f - >/dev/null <<'EOF'
apiVersion: v1
kind: Pod
metadata: {name: shop-window}
spec: {containers: [{name: main, image: registry.example/main:1}, {name: side, image: registry.example/side:1}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: odd$(id)}
spec: {selector: {}}
EOF
touch "$work/manifest.yaml"
for shell in bash zsh fish zsh-file fish-file; do
  python3 -B e2e/completion.py $shell "$skiff" "$work"
done
