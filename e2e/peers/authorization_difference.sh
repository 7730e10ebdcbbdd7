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
. "$(dirname "$0")/two_apiservers.sh"
compare_apiservers authorization_difference "$1"
