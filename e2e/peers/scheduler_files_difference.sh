#!/usr/bin/env bash
# Starts a real kube-scheduler v1.35 and skiff's with files of configuration that cannot be, and compares what they say of
# them. Prints what differs; what scheduler_files_difference.txt names does not fail. Ends with 77 where there is no Go or
# its modules cannot be had.
#
#   e2e/peers/scheduler_files_difference.sh SKIFF
#
# KUBE_PROGRAMS   a folder with kube-scheduler (build/peers, built unless there)
# ONLY            a regular expression of files ("")
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-scheduler
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/kubeconfig" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: token}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
CONFIG
python3 scheduler_files_difference.py --kube "$(realpath "$programs")/kube-scheduler" --ours "$skiff" --work "$work" \
  --only "${ONLY:-}"
