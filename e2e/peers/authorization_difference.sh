#!/usr/bin/env bash
# Asks a real kube-apiserver v1.35 with Debian's etcd and skiff's who may do what, where webhooks (--authorization-config,
# and --authorization-webhook-*) and ABAC decide beside RBAC. Compared are answers, the SubjectAccessReviews that a webhook
# gets, what is counted, and what they say of files and command lines that cannot be. Prints what differs; what
# authorization_difference.txt names does not fail. Ends with 77 where there is no Go or its modules cannot be had.
#
#   e2e/peers/authorization_difference.sh SKIFF
#
# KUBE_PROGRAMS   a folder with kube-apiserver (build/peers, built unless there)
# ONLY            a regular expression of names ("")
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-apiserver
. ./programs.sh
etcd=$(free_port) peers=$(free_port)
start etcd etcd --data-dir="$work/etcd" --listen-client-urls="http://127.0.0.1:$etcd" \
  --advertise-client-urls="http://127.0.0.1:$etcd" --listen-peer-urls="http://127.0.0.1:$peers" \
  --initial-advertise-peer-urls="http://127.0.0.1:$peers" --initial-cluster="default=http://127.0.0.1:$peers"
python3 authorization_difference.py --kube "$(realpath "$programs")/kube-apiserver" --ours "$skiff" --etcd "$etcd" \
  --work "$work" --only "${ONLY:-}" || fail "they differ"
