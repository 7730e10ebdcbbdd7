#!/usr/bin/env bash
# Asks a real kube-apiserver v1.35 with Debian's etcd and skiff's the same: every field of recorded objects left out,
# mistyped and extended, as new objects, as updates and as patches of every kind, also of subresources (nothing but a
# few objects is kept: dryRun); the same of definitions and their custom resources; queries, headers and options of
# deletions, right and wrong; bodies that are no objects; and random schemas, rules in CEL, policies of both families and
# webhooks that lie. Compared are codes, messages, causes, warnings and what
# would have been kept, with who manages which field. Prints each request whose answers differ; those that
# api_difference.txt knows do not fail. Ends with 77 where there is no Go or its modules cannot be had.
#
#   e2e/peers/api_difference.sh SKIFF [SEED...]      1 unless told
#
# KUBE_PROGRAMS   a folder with kube-apiserver (build/peers, built unless there)
# OBJECTS         how many objects of each kind (1)
# REQUESTS        how many of the requests that can be made of each (120)
# PARTS           which, with commas: objects,lives,posted,reviews,queries,bodies,custom,schemas,rules,policies,webhooks;
#                 and grown, if it is named: several changes at once, for a person to look at what comes of them
# ONLY            a regular expression of paths ("")
set -euo pipefail
skiff=$(realpath "$1")
shift
seeds=("$@")
[ $# -gt 0 ] || seeds=(1)
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-apiserver
. ./programs.sh
more_flags=(--feature-gates=MutatingAdmissionPolicy=true --runtime-config=admissionregistration.k8s.io/v1beta1=true)
. ./two_servers.sh

python3 api_difference.py --kube "$kube" --ours "$ours" --objects "${OBJECTS:-1}" --requests "${REQUESTS:-120}" \
  --only "${ONLY:-}" ${PARTS:+--parts "$PARTS"} "${seeds[@]}" || fail "they differ"
