#!/usr/bin/env bash
# Starts a real kube-apiserver v1.35 and skiff's with command lines that cannot be, and compares what they say of them.
# Nobody listens where the store is said to be. Prints what differs; what flags_difference.txt names does not fail. Ends
# with 77 where there is no Go or its modules cannot be had.
#
#   e2e/peers/flags_difference.sh SKIFF
#
# KUBE_PROGRAMS   a folder with kube-apiserver (build/peers, built unless there)
# ONLY            a regular expression of command lines ("")
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-apiserver
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl genrsa -out "$work/key" 2048 2>/dev/null
openssl req -x509 -new -key "$work/key" -subj /CN=authority -days 2 -out "$work/crt"
printf '{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}' >"$work/policy"
python3 flags_difference.py --kube "$(realpath "$programs")/kube-apiserver" --ours "$skiff" --work "$work" \
  --key "$work/key" --certificate "$work/crt" --policy "$work/policy" --only "${ONLY:-}"
