#!/usr/bin/env bash
# Asks a real kube-apiserver v1.35 with Debian's etcd and skiff's whose tokens are: of issuers of our own over TLS (one
# file --authentication-config, and --oidc-*) and of a token webhook. Compared are the users that both take a token for,
# or that they refuse it; what they say of command lines and files that cannot be; and what they make of new keys. Prints
# what differs; what tokens_difference.txt names does not fail. Ends with 77 where there is no Go or its modules cannot be
# had.
#
#   e2e/peers/tokens_difference.sh SKIFF
#
# KUBE_PROGRAMS   a folder with kube-apiserver (build/peers, built unless there)
# ONLY            a regular expression of names ("")
set -euo pipefail
. "$(dirname "$0")/two_apiservers.sh"
compare_apiservers tokens_difference "$1"
