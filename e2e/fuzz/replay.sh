#!/usr/bin/env bash
# Plays to each target what recorded clients sent and what once failed.
#
#   e2e/fuzz/replay.sh FUZZ_REPLAY
set -euo pipefail
replay=$(realpath "$1")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
./corpus.py "$work"
"$replay" "$work" found | tail -3
